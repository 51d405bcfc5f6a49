//! Recordings in the list of runs: what another program wrote down, beside what we train.

use eframe::egui::{
    Align as Side, Align2, Button, Color32, Label, Layout, Popup, Rect, Response, Role, Sense, Stroke, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::api::live::LiveState;
use crate::import::RateAs;
use crate::recording::Role as SeriesRole;
use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::adopted::adopt;
use crate::ui::format;
use crate::ui::shelf::{Align, Guest};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, icon_button, icon_toggle, paint_marker, waiting};

use super::live;

/// Series that a hint lists.
const LISTED: usize = 12;

/// A row a recording; the one under the pointer.
pub fn rows(ui: &mut Ui, studio: &mut Studio) -> Option<RunId> {
    let ids: Vec<RunId> = studio.shelf.guests().iter().map(|guest| guest.row.id).collect();
    let mut hot = None;
    for id in ids {
        if row(ui, studio, id) {
            hot = Some(id);
        }
    }
    opening(ui, studio);
    hot
}

/// How far the recordings are that are being read.
pub fn opening(ui: &mut Ui, studio: &mut Studio) {
    let all: Vec<(std::path::PathBuf, f32)> =
        studio.shelf.opening().map(|(path, share)| (path.to_owned(), share)).collect();
    for (path, share) in all {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if waiting(ui, &format!("Reading {name}"), share) {
            studio.shelf.stop(&path);
        }
    }
}

/// One recording; `true` while the pointer is on it.
fn row(ui: &mut Ui, studio: &mut Studio, id: RunId) -> bool {
    let Some(guest) = studio.shelf.guest(id) else { return false };
    let size = vec2(ui.available_width(), metrics::RUN_ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let name = guest.name.clone();
    let kind = if guest.live.is_some() { "Live run" } else { "Recording" };
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{kind} {name}")));
    let tokens = theme::tokens(ui);
    let fill =
        if response.contains_pointer() { tokens.hover.gamma_multiply(0.6) } else { Color32::TRANSPARENT };
    ui.painter().rect_filled(rect, metrics::RADIUS, fill);
    let inner = rect.shrink2(vec2(metrics::S, metrics::XS / 2.0));
    let shown = studio.is_shown(id);
    let ink = if shown { tokens.run(guest.row.slot) } else { tokens.faint };
    let chip = pos2(inner.left() + metrics::CHIP / 2.0, inner.top() + metrics::ICON_BUTTON / 2.0);
    paint_marker(ui.painter(), chip, metrics::CHIP / 2.0, guest.row.slot, ink);
    values(ui, studio, id, inner);
    first_line(ui, studio, id, inner, shown);
    response.context_menu(|ui| entries(ui, studio, id));
    response.contains_pointer()
}

/// Name, mark of what goes wrong, eye, menu.
fn first_line(ui: &mut Ui, studio: &mut Studio, id: RunId, rect: Rect, shown: bool) {
    let line = Rect::from_min_max(
        pos2(rect.left() + metrics::CHIP + metrics::S, rect.top()),
        pos2(rect.right() + metrics::XS, rect.top() + metrics::ICON_BUTTON),
    );
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(line).layout(Layout::right_to_left(Side::Center)));
    ui.spacing_mut().item_spacing.x = 0.0;
    let Some(name) = studio.shelf.guest(id).map(|guest| guest.name.clone()) else { return };
    let more = icon_button(ui, Icon::More, &format!("More for {name}"));
    Popup::menu(&more).show(|ui| entries(ui, studio, id));
    let (icon, label) = if shown { (Icon::Eye, "Hide") } else { (Icon::EyeShut, "Show") };
    if icon_toggle(ui, icon, &format!("{label} {name}"), false).clicked() && !studio.view.hidden.remove(&id) {
        studio.view.hidden.insert(id);
    }
    let Some(guest) = studio.shelf.guest(id) else { return };
    finding(ui, guest);
    ui.with_layout(Layout::left_to_right(Side::Center), |ui| {
        let tokens = theme::tokens(ui);
        let color = if shown { tokens.text } else { tokens.muted };
        let text = eframe::egui::RichText::new(&guest.name).color(color);
        let label = ui.add(Label::new(text).truncate().selectable(false).sense(Sense::hover()));
        about(label, guest);
    });
}

/// A dot where something was found to go wrong.
fn finding(ui: &mut Ui, guest: &Guest) {
    let worst = guest.findings.iter().map(|found| found.kind.severity()).max();
    let (Some(severity), Some(first)) = (worst, guest.findings.first()) else { return };
    let (rect, response) = ui.allocate_exact_size(vec2(metrics::L, metrics::CONTROL), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, first.sentence.clone()));
    let color = super::diagnosis::color(severity, theme::tokens(ui));
    ui.painter().circle_filled(rect.center(), metrics::MARKER, color);
    response.on_hover_ui(|ui| {
        ui.set_max_width(metrics::READOUT_WIDTH);
        for found in guest.findings.iter() {
            ui.label(&found.sentence);
        }
    });
}

/// The second line: where it comes from and how it is laid under our runs, rate and loss at its end.
fn values(ui: &Ui, studio: &Studio, id: RunId, rect: Rect) {
    let Some(guest) = studio.shelf.guest(id) else { return };
    let tokens = theme::tokens(ui);
    let middle = rect.top() + metrics::ICON_BUTTON - metrics::XS / 2.0 + metrics::S - 1.0;
    let painter = ui.painter();
    let lane = studio.frame.lane(id);
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format::significant(value, 3));
    let place = |right: f32, caption: &str, text: String| {
        let value =
            painter.text(pos2(right, middle), Align2::RIGHT_CENTER, text, theme::number(), tokens.text);
        let at = pos2(value.left() - metrics::XS, middle);
        painter.text(at, Align2::RIGHT_CENTER, caption, theme::small(), tokens.muted).left()
    };
    let left = place(rect.right(), "loss", number(lane.and_then(|lane| lane.now.loss)));
    let mut color = tokens.muted;
    let about = match (&guest.lost, &guest.live) {
        (_, Some(live)) => {
            if live.state == LiveState::Disconnected {
                color = tokens.danger;
            }
            let speed = live.speed.filter(|_| live.state == LiveState::Training);
            speed.map_or_else(
                || live::words(live),
                |speed| format!("live, {} updates/s", format::speed(speed)),
            )
        }
        (Some(_), None) => {
            color = tokens.danger;
            "no longer there".to_owned()
        }
        (None, None) => {
            let length = format!("recording, {} {}", format::count(guest.length), guest.tick.plural());
            if guest.align == Align::Update { length } else { format!("{length}, by {}", guest.align.name()) }
        }
    };
    let begin = pos2(rect.left() + metrics::CHIP + metrics::S, middle);
    let room = (left - metrics::S - begin.x).max(0.0);
    let mut job = eframe::egui::text::LayoutJob::simple_singleline(about, theme::small(), color);
    job.wrap.max_width = room;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let galley = painter.layout_job(job);
    painter.galley(pos2(begin.x, middle - galley.size().y / 2.0), galley, color);
}

/// What it is, in a hint.
fn about(response: Response, guest: &Guest) {
    response.on_hover_ui(|ui| {
        ui.set_max_width(metrics::READOUT_WIDTH);
        ui.label(theme::title(ui, guest.dialect));
        match &guest.live {
            Some(live) => ui.label(theme::caption(ui, format!("{}: {}", live.framework, live::words(live)))),
            None => ui.label(theme::caption(ui, guest.path.display().to_string())),
        };
        ui.label(format!(
            "{} {}, laid under our runs by {}",
            format::count(guest.length),
            guest.tick.plural(),
            guest.align.name()
        ));
        let series = guest.with(|recording| {
            let named = recording.series.iter().filter(|named| !named.points.is_empty());
            named
                .map(|named| {
                    let mark = if named.role == SeriesRole::Other { "" } else { " •" };
                    format!("{}{mark}", named.name)
                })
                .collect::<Vec<_>>()
        });
        let series = series.unwrap_or_default();
        let more = series.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown: Vec<&str> = series.iter().take(LISTED).map(String::as_str).collect();
        ui.label(theme::caption(ui, format!("Series (• drawn): {}{more}", shown.join(", "))));
        for note in &guest.notes {
            ui.label(theme::caption(ui, note));
        }
        if let Some(lost) = &guest.lost {
            ui.label(theme::caption(ui, lost).color(theme::tokens(ui).danger));
        }
    });
}

/// What can be done with a recording. It is another program's: only its rate can be trained here.
fn entries(ui: &mut Ui, studio: &mut Studio, id: RunId) {
    ui.set_width(metrics::MENU);
    let Some(guest) = studio.shelf.guest_mut(id) else { return };
    let has_epochs = guest.has_epochs();
    ui.label(theme::caption(ui, "Laid under our runs by"));
    for (align, name) in Align::ALL {
        let enabled = align != Align::Epoch || has_epochs;
        let button = Button::selectable(guest.align == align, sentence(name));
        if ui.add_enabled(enabled, button.min_size(vec2(ui.available_width(), metrics::CONTROL))).clicked() {
            guest.align = align;
            ui.close();
        }
    }
    line(ui);
    let has_rate = guest.with(|recording| recording.column(Column::Lr).is_some()).unwrap_or_default();
    let ways = [
        ("Take its rate as a schedule", RateAs::Fit, "A run of ours with the schedule nearest to its rate."),
        ("Take its rate as points", RateAs::Points, "A run of ours with its rate as control points."),
    ];
    for (label, way, help) in ways {
        let button = Button::new(label).min_size(vec2(ui.available_width(), metrics::CONTROL));
        let response = ui.add_enabled(has_rate, button);
        let response = response.on_disabled_hover_text("It has no series that is named after a rate.");
        if response.on_hover_text(help).clicked() {
            adopt(studio, id, way);
            ui.close();
        }
    }
    line(ui);
    let is_live = studio.shelf.guest(id).is_some_and(|guest| guest.live.is_some());
    if is_live {
        let bend = Button::new("Bend its rate").min_size(vec2(ui.available_width(), metrics::CONTROL));
        if ui.add(bend).clicked() {
            studio.panels.of::<live::State>().chosen = Some(id);
            studio.view.open(live::PANEL.name);
            ui.close();
        }
    }
    ui.add(
        Label::new(theme::caption(ui, "Another program's training: it cannot be forked or trained again."))
            .wrap(),
    );
    let close = Button::new("Close").min_size(vec2(ui.available_width(), metrics::CONTROL));
    let stays = if is_live {
        "Takes it off the list; it trains on."
    } else {
        "Takes it off the list; its file stays."
    };
    if ui.add(close).on_hover_text(stays).clicked() {
        studio.shelf.close(id);
        studio.view.hidden.remove(&id);
        ui.close();
    }
}

fn line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), metrics::S), Sense::hover());
    let stroke = Stroke::new(metrics::HAIRLINE, theme::tokens(ui).outline);
    ui.painter().hline(rect.x_range(), rect.center().y, stroke);
}

fn sentence(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
