//! The bar at the top: what this is, the transport, and how it trains.

use std::borrow::Cow;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align, Button, Color32, Id, Key, Layout, Popup, RichText, Role, Sense, TextBuffer, TextEdit, Ui, Vec2,
    WidgetInfo, vec2,
};

use crate::data::reading;
use crate::engine::protocol::{Speed, State};
use crate::train::device::Choice;
use crate::train::ids::Mode;
use crate::ui::action::{Action, Menu};
use crate::ui::examples::EXAMPLES;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::SPEEDS;
use crate::ui::widgets::{Icon, combo, elided, icon_button, mark, segmented};
use crate::ui::wish::Wish;

/// Seconds from which on it is said how many are left.
const WORTH_SAYING: f64 = 5.0;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = metrics::XS;
        let tokens = theme::tokens(ui);
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(metrics::L + metrics::XS), Sense::hover());
        mark(ui.painter(), rect, tokens.text, tokens.run(1));
        ui.add_space(metrics::XS);
        name(ui, studio);
        menus(ui, studio);
        ui.add_space(metrics::M);
        transport(ui, studio);
        ui.add_space(metrics::S);
        // Instant mode trains as fast as it can.
        ui.add_enabled_ui(studio.view.mode == Mode::Live, |ui| speed(ui, studio));
        ui.add_space(metrics::S);
        segmented(
            ui,
            &mut studio.view.mode,
            &[
                (Mode::Live, "Live", "Training runs on: an edit bends the future from the next update."),
                (Mode::Instant, "Instant", "An edited run trains from scratch, at once and to the end."),
            ],
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (icon, label) =
                if ui.visuals().dark_mode { (Icon::Sun, "Light theme") } else { (Icon::Moon, "Dark theme") };
            if icon_button(ui, icon, label).clicked() {
                studio.ask(Action::SwitchTheme);
            }
            readings(ui, studio);
        });
    });
}

/// The experiment's name, edited in place, and a dot where something is unsaved.
fn name(ui: &mut Ui, studio: &mut Studio) {
    let mut name = studio.document.experiment().name.clone();
    let galley = ui.painter().layout_no_wrap(name.clone(), theme::medium(), Color32::PLACEHOLDER);
    // What comes after it keeps its room.
    let longest = (ui.available_width() - metrics::TOP_BAR_REST).min(metrics::LEFT - 64.0);
    let width = (galley.size().x + 2.0 * metrics::S + metrics::XS).clamp(96.0, longest.max(96.0));
    let id = Id::unique("experiment name");
    let rests = !ui.memory(|memory| memory.has_focus(id));
    // While nobody writes in it, a name that is too long ends in an ellipsis.
    let room = if rests { width - 2.0 * metrics::XS } else { f32::INFINITY };
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| {
        let ink = ui.visuals().text_color();
        let mut job = LayoutJob::simple_singleline(text.as_str().to_owned(), theme::medium(), ink);
        job.wrap = TextWrapping::truncate_at_width(room);
        ui.painter().layout_job(job)
    };
    let field = TextEdit::singleline(&mut name)
        .id(id)
        .layouter(&mut layouter)
        .desired_width(width)
        .background_color(Color32::TRANSPARENT)
        .frame(eframe::egui::Frame::new().inner_margin(metrics::MARGIN_XS).corner_radius(metrics::RADIUS))
        .hint_text("Name");
    let response = ui.add(field).accessible_name("Experiment name");
    if response.hovered() || response.has_focus() {
        let stroke = (metrics::HAIRLINE, theme::tokens(ui).outline);
        ui.painter().rect_stroke(response.rect, metrics::RADIUS, stroke, eframe::egui::StrokeKind::Inside);
    }
    let response =
        response.on_hover_text(format!("{}\nClick to change the experiment's name.", galley.text()));
    if response.changed() {
        studio.document.edit(|experiment| experiment.name = name);
    }
    if response.has_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
        response.surrender_focus();
    }
    let (rect, dot) = ui.allocate_exact_size(vec2(metrics::S, metrics::CONTROL), Sense::hover());
    if studio.document.is_dirty() {
        ui.painter().circle_filled(rect.center(), metrics::XS / 2.0 + 0.5, theme::tokens(ui).text);
        dot.on_hover_text("There are unsaved changes.");
    }
}

fn menus(ui: &mut Ui, studio: &mut Studio) {
    let tokens = theme::tokens(ui);
    for menu in Menu::ALL {
        if menu == Menu::Help {
            examples(ui, studio);
        }
        let button = Button::new(RichText::new(menu.title()).color(tokens.muted)).frame_when_inactive(false);
        let response = ui.add(button);
        Popup::menu(&response).show(|ui| {
            ui.set_width(metrics::MENU);
            for action in Action::ALL.into_iter().filter(|action| action.about().menu == menu) {
                item(ui, studio, action);
                if action == Action::Open {
                    recent(ui, studio);
                }
            }
        });
    }
}

/// The experiments that come with the program.
fn examples(ui: &mut Ui, studio: &mut Studio) {
    let button = Button::new(RichText::new("Examples").color(theme::tokens(ui).muted));
    let response = ui.add(button.frame_when_inactive(false));
    Popup::menu(&response).show(|ui| {
        ui.set_width(metrics::SIDE_PANELS);
        item(ui, studio, Action::ShowGallery);
        ui.separator();
        for (at, example) in EXAMPLES.iter().enumerate() {
            if example.goes_wrong && at.checked_sub(1).is_some_and(|before| !EXAMPLES[before].goes_wrong) {
                ui.label(theme::caption(ui, "Goes wrong"));
            }
            let button = Button::new(example.title())
                .truncate()
                .min_size(vec2(ui.available_width(), metrics::CONTROL));
            if ui.add(button).on_hover_text(example.sentence()).clicked() {
                studio.wish(Wish::Example(at));
                ui.close();
            }
        }
    });
}

/// A menu entry: its name, its keys, and whether it can be had now.
fn item(ui: &mut Ui, studio: &mut Studio, action: Action) {
    let about = action.about();
    let enabled = match action {
        Action::Undo => studio.document.can_undo(),
        Action::Redo => studio.document.can_redo(),
        Action::DeleteRun => studio.document.runs().count() > 1,
        Action::RestoreWork | Action::DiscardWork => studio.unsaved.is_some(),
        _ => true,
    };
    let keys = about.keys(ui.ctx());
    let button = Button::new(about.label)
        .shortcut_text(RichText::new(keys).font(theme::small()))
        .min_size(vec2(ui.available_width(), metrics::CONTROL));
    if ui.add_enabled(enabled, button).on_hover_text(about.help).clicked() {
        studio.ask(action);
        ui.close();
    }
}

/// The files that were opened last.
fn recent(ui: &mut Ui, studio: &mut Studio) {
    if studio.recent.is_empty() {
        return;
    }
    ui.menu_button("Open recent", |ui| {
        ui.set_width(metrics::SIDE_PANELS);
        for path in studio.recent.clone() {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            let button =
                Button::new(name.as_str()).truncate().min_size(vec2(ui.available_width(), metrics::CONTROL));
            if ui.add(button).on_hover_text(format!("{name}\nin {folder}")).clicked() {
                studio.wish(Wish::Open(path));
                ui.close();
            }
        }
    });
}

fn transport(ui: &mut Ui, studio: &mut Studio) {
    if icon_button(ui, Icon::Restart, "Restart").clicked() {
        studio.ask(Action::Restart);
    }
    let playing = studio.frame.status.state == State::Playing;
    let (icon, label) = if playing { (Icon::Pause, "Pause") } else { (Icon::Play, "Play") };
    if icon_button(ui, icon, label).clicked() {
        studio.ask(Action::PlayPause);
    }
    if icon_button(ui, Icon::Step, "Single update").clicked() {
        studio.ask(Action::Step);
    }
    if icon_button(ui, Icon::Diamond, "Take snapshot").clicked() {
        studio.ask(Action::Capture);
    }
}

fn speed(ui: &mut Ui, studio: &mut Studio) {
    let selected = match studio.view.speed {
        Speed::Unlimited => "Full speed".to_owned(),
        Speed::Limited(speed) => format!("{} updates/s", format::speed(speed).trim_end_matches(".0")),
    };
    combo("speed")
        .selected_text(selected)
        .width(metrics::FIELD_LABEL + metrics::XL)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut studio.view.speed, Speed::Unlimited, "Full speed");
            for (speed, name) in SPEEDS {
                ui.selectable_value(&mut studio.view.speed, Speed::Limited(speed), name);
            }
        })
        .response
        .accessible_name("Speed")
        .on_hover_text("How fast the playhead moves.")
        .on_disabled_hover_text("Instant mode trains at full speed.");
}

/// Device and speed, from the right.
fn readings(ui: &mut Ui, studio: &mut Studio) {
    let status = &studio.frame.status;
    if !status.device.is_empty() && ui.available_width() > metrics::LEFT {
        let (name, device) = (status.device_name.clone(), status.device.clone());
        let choice = status.choice;
        if let Some(chosen) = device_chip(ui, &name, &device, choice) {
            studio.view.device = chosen;
        }
    }
    let reading = match &status.state {
        _ if studio.view.still => String::new(),
        State::Playing => format::speed(status.lane_updates_per_second),
        _ => String::new(),
    };
    if let Some(left) = time_left(studio).filter(|_| ui.available_width() > 3.0 * metrics::FIELD_LABEL) {
        ui.label(theme::caption(ui, format!("{left} left")))
            .on_hover_text("Until the last update, at the pace of the last moments.");
        ui.add_space(metrics::S);
    }
    let status = &studio.frame.status;
    if !reading.is_empty() && ui.available_width() > 2.0 * metrics::FIELD_LABEL {
        ui.label(theme::caption(ui, "lane-updates/s"))
            .on_hover_text("Updates a second, of all runs and replicas together.");
        ui.label(theme::value(ui, reading));
    } else if let Some(text) =
        state_text(&status.state).filter(|_| ui.available_width() > metrics::FIELD_LABEL)
    {
        ui.label(theme::caption(ui, text));
    }
}

/// How long training still takes, where that is more than a moment.
fn time_left(studio: &Studio) -> Option<String> {
    let status = &studio.frame.status;
    if studio.view.still || status.state != State::Playing {
        return None;
    }
    let lanes = studio.frame.lanes.iter().filter(|lane| studio.document.run(lane.id.run).is_some());
    let missing: u64 = lanes.clone().map(|lane| status.updates.saturating_sub(lane.update)).sum();
    let at_pace = missing as f64 / status.lane_updates_per_second.max(1e-9);
    let seconds = match studio.view.speed {
        Speed::Limited(speed) if studio.view.mode == Mode::Live => {
            status.updates.saturating_sub(status.update) as f64 / speed.max(1e-9)
        }
        _ if status.lane_updates_per_second > 0.0 => at_pace,
        _ => return None,
    };
    (seconds > WORTH_SAYING).then(|| format::duration(seconds))
}

/// Where it trains, and the choice of another place.
fn device_chip(ui: &mut Ui, name: &str, device: &str, choice: Choice) -> Option<Choice> {
    let name = elided(ui, name, &theme::small(), metrics::LEFT);
    let text = RichText::new(name).font(theme::small()).color(theme::tokens(ui).muted);
    let button = Button::new(text).fill(theme::tokens(ui).raised).corner_radius(metrics::RADIUS_LARGE);
    let response = ui.add(button).on_hover_text(format!("Where it trains: {device}. Click to choose."));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Device: {device}")));
    let mut chosen = None;
    Popup::menu(&response).show(|ui| {
        ui.set_width(metrics::MENU);
        for option in Choice::ALL {
            let (name, help) = option.about();
            let item = ui.add_enabled(option.lacking().is_none(), Button::selectable(option == choice, name));
            let item = item.on_hover_text(help).on_disabled_hover_text(option.lacking().unwrap_or(help));
            if item.clicked() {
                chosen = Some(option);
            }
        }
    });
    chosen
}

fn state_text(state: &State) -> Option<Cow<'static, str>> {
    Some(match state {
        State::Preparing => match reading::share() {
            Some(share) => format!("Reading the data, {:.0}%", share * 100.0).into(),
            None => "Reading the data".into(),
        },
        State::Playing => return None,
        State::Paused => "Paused".into(),
        State::Finished => "Finished".into(),
        State::Failed(_) => "Stopped".into(),
    })
}
