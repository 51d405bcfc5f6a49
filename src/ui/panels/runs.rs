//! The list of runs.

use eframe::egui::{
    Align, Align2, Button, Color32, CursorIcon, Key, Layout, Popup, Rect, Response, Role, ScrollArea, Sense,
    Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::train::ids::RunId;
use crate::ui::action::Action;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, Sparkline, elided, icon_button, icon_toggle, paint_marker, run_chip};

use super::{diagnosis, recordings};
/// Forks of forks are set in no further than this.
const DEEPEST: usize = 4;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal(|ui| {
        ui.label(theme::title(ui, "Runs"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Plus, "Add run").clicked() {
                studio.ask(Action::AddRun);
            }
        });
    });
    let rows: Vec<Row> = studio.document.runs().map(|(row, _)| row).collect();
    let mut hot = None;
    ScrollArea::vertical().id_salt("runs").auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = metrics::XS / 2.0;
        let mut places = Vec::new();
        for row in rows {
            let Some(response) = run(ui, studio, row) else { continue };
            if response.contains_pointer() {
                hot = Some(row.id);
            }
            places.push((row.id, response));
        }
        reorder(ui, studio, &places);
        hot = recordings::rows(ui, studio).or(hot);
    });
    if studio.view.hot != hot {
        studio.view.hot = hot;
        ui.ctx().request_repaint();
    }
}

/// A run that is dragged takes another place in the list, its forks with it.
fn reorder(ui: &Ui, studio: &mut Studio, places: &[(RunId, Response)]) {
    let held = places.iter().find(|(_, response)| response.dragged() || response.drag_stopped());
    let Some((id, response)) = held.filter(|(id, _)| studio.document.depth(*id) == 0) else { return };
    let Some(pointer) = response.interact_pointer_pos() else { return };
    let roots = || places.iter().filter(|(id, _)| studio.document.depth(*id) == 0);
    let before = roots().find(|(_, place)| pointer.y < place.rect.center().y);
    if response.drag_stopped() {
        studio.document.settle();
        studio.document.move_run(*id, before.map(|(before, _)| *before));
        studio.document.settle();
        return;
    }
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    let last = places.last().map_or(pointer.y, |(_, place)| place.rect.bottom());
    let y = before.map_or(last, |(_, place)| place.rect.top()) - metrics::XS / 4.0;
    ui.painter().hline(response.rect.x_range(), y, (metrics::CURVE, theme::tokens(ui).text));
}

/// One run.
fn run(ui: &mut Ui, studio: &mut Studio, row: Row) -> Option<Response> {
    let name = studio.document.run(row.id).map(|run| run.name.clone())?;
    let size = vec2(ui.available_width(), metrics::RUN_ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let selected = studio.view.selected == row.id;
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, format!("Run {name}")));
    let tokens = theme::tokens(ui);
    let fill = if selected {
        tokens.raised
    } else if response.contains_pointer() {
        tokens.hover.gamma_multiply(0.6)
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, metrics::RADIUS, fill);
    if selected {
        ui.painter().rect_stroke(
            rect,
            metrics::RADIUS,
            (metrics::HAIRLINE, tokens.outline),
            StrokeKind::Inside,
        );
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, metrics::RADIUS, (metrics::HAIRLINE, tokens.text), StrokeKind::Inside);
    }
    if response.clicked() {
        studio.view.selected = row.id;
    }
    if response.double_clicked() {
        studio.view.renaming = Some((row.id, name.clone()));
    }
    let mut inner = rect.shrink2(vec2(metrics::S, metrics::XS / 2.0));
    let indent = metrics::L * studio.document.depth(row.id).min(DEEPEST) as f32;
    if indent > 0.0 {
        inner.min.x += indent;
        branch(ui, rect, inner);
    }
    let color = tokens.run(row.slot);
    let shown = studio.is_shown(row.id);
    let ink = if shown { color } else { tokens.faint };
    let chip = pos2(inner.left() + metrics::CHIP / 2.0, inner.top() + metrics::ICON_BUTTON / 2.0);
    paint_marker(ui.painter(), chip, metrics::CHIP / 2.0, row.slot, ink);
    controls(ui, studio, row, inner, &name);
    values(ui, studio, row, inner, ink);
    menu(&response, studio, row.id);
    Some(response)
}

/// The line from the run above to a fork of it.
fn branch(ui: &Ui, row: Rect, inner: Rect) {
    let chip = pos2(inner.left() - metrics::XS, inner.top() + metrics::ICON_BUTTON / 2.0);
    let trunk = inner.left() - metrics::L + metrics::CHIP / 2.0;
    let stroke = Stroke::new(metrics::HAIRLINE, theme::tokens(ui).muted);
    ui.painter().line_segment([pos2(trunk, row.top()), pos2(trunk, chip.y)], stroke);
    ui.painter().line_segment([pos2(trunk, chip.y), chip], stroke);
}

/// The first line: name, eye, menu.
fn controls(ui: &mut Ui, studio: &mut Studio, row: Row, rect: Rect, name: &str) {
    let line = Rect::from_min_max(
        pos2(rect.left() + metrics::CHIP + metrics::S, rect.top()),
        pos2(rect.right() + metrics::XS, rect.top() + metrics::ICON_BUTTON),
    );
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(line).layout(Layout::right_to_left(Align::Center)));
    ui.spacing_mut().item_spacing.x = 0.0;
    let more = icon_button(ui, Icon::More, &format!("More for {name}"));
    Popup::menu(&more).show(|ui| entries(ui, studio, row.id));
    let shown = studio.is_shown(row.id);
    let (icon, label) = if shown { (Icon::Eye, "Hide") } else { (Icon::EyeShut, "Show") };
    if icon_toggle(ui, icon, &format!("{label} {name}"), false).clicked()
        && !studio.view.hidden.remove(&row.id)
    {
        studio.view.hidden.insert(row.id);
    }
    badge(ui, studio, row, name);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| match studio.view.renaming.take() {
        Some((id, mut text)) if id == row.id => {
            let field = TextEdit::singleline(&mut text).desired_width(ui.available_width());
            let response = ui.add(field).accessible_name("Run name");
            if response.lost_focus() {
                if !ui.input(|input| input.key_pressed(Key::Escape)) {
                    studio.document.rename(id, &text);
                }
            } else {
                if !response.has_focus() {
                    response.request_focus();
                }
                studio.view.renaming = Some((id, text));
            }
        }
        other => {
            studio.view.renaming = other;
            let tokens = theme::tokens(ui);
            let color = if shown { tokens.text } else { tokens.muted };
            let font = if studio.view.selected == row.id { theme::medium() } else { theme::body() };
            let short = elided(ui, name, &font, ui.available_width());
            let text = eframe::egui::RichText::new(short.as_str()).font(font).color(color);
            let label = ui.add(eframe::egui::Label::new(text).truncate().selectable(false));
            if short != name {
                label.on_hover_text(name);
            }
        }
    });
}

/// A dot where something was found to go wrong; it leads to the diagnosis.
fn badge(ui: &mut Ui, studio: &mut Studio, row: Row, name: &str) {
    let Some(severity) = diagnosis::worst(studio, row.id) else { return };
    let (rect, response) = ui.allocate_exact_size(vec2(metrics::L, metrics::CONTROL), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Diagnosis of {name}")));
    let tokens = theme::tokens(ui);
    let lit = response.hovered() || response.has_focus();
    let radius = if lit { metrics::MARKER + 1.0 } else { metrics::MARKER };
    ui.painter().circle_filled(rect.center(), radius, diagnosis::color(severity, tokens));
    if response.on_hover_text("Something goes wrong here. Click to see what.").clicked() {
        studio.view.selected = row.id;
        studio.view.open(diagnosis::PANEL.name);
    }
}

/// The second line: the schedule's picture, and the rate and the loss now.
fn values(ui: &Ui, studio: &Studio, row: Row, rect: Rect, color: Color32) {
    let tokens = theme::tokens(ui);
    let top = rect.top() + metrics::ICON_BUTTON - metrics::XS / 2.0;
    let lane = studio.frame.lane(row.id);
    let middle = top + metrics::S - 1.0;
    // Returns where the caption begins.
    let place = |right: f32, caption: &str, text: String, color: Color32| {
        let value =
            ui.painter().text(pos2(right, middle), Align2::RIGHT_CENTER, text, theme::number(), color);
        let label = pos2(value.left() - metrics::XS, middle);
        let label = ui.painter().text(label, Align2::RIGHT_CENTER, caption, theme::small(), tokens.muted);
        label.left()
    };
    let number = |value: Option<f64>, digits| {
        value.map_or_else(|| "–".to_owned(), |value| format::significant(value, digits))
    };
    let diverged = lane.is_some_and(|lane| lane.diverged_at.is_some());
    let (loss, ink) = if diverged {
        ("diverged".to_owned(), tokens.danger)
    } else {
        let loss = studio.frame.mean_values(row.id, |lane| lane.now).and_then(|mean| mean.loss);
        // An edited run's loss is of two forms, which Results explains.
        let stale = if loss.is_some() && studio.is_mixed(row.id) { "*" } else { "" };
        (number(loss, 3) + stale, tokens.text)
    };
    place(rect.right(), if diverged { "" } else { "loss" }, loss, ink);
    let rate = match lane.filter(|lane| lane.update > 0) {
        Some(_) => studio.frame.mean_values(row.id, |lane| lane.now).and_then(|mean| mean.lr),
        None => studio.rate(row.id, 0),
    };
    let rate = place(rect.right() - metrics::RUN_LOSS, "rate", number(rate, 3), tokens.text);
    let left = rect.left() + metrics::CHIP + metrics::S;
    // A fork of a fork has less room.
    let width = metrics::SPARKLINE.min(rate - metrics::S - left);
    let picture = Rect::from_min_size(pos2(left, top + 1.0), vec2(width, metrics::L - metrics::XS));
    if width < metrics::S {
        return;
    }
    let clock = studio.clock();
    let done = lane.map_or(0.0, |lane| lane.update as f32 / clock.updates.max(1) as f32);
    match studio.curve(row.id) {
        Some(curve) => {
            Sparkline { curve, updates: clock.updates, done, color, ahead: tokens.ghost(color) }
                .paint(ui.painter(), picture);
        }
        None => {
            let stroke = Stroke::new(metrics::HAIRLINE, tokens.danger);
            ui.painter().line_segment([picture.left_bottom(), picture.right_top()], stroke);
        }
    }
}

fn menu(response: &Response, studio: &mut Studio, id: RunId) {
    response.context_menu(|ui| entries(ui, studio, id));
}

/// What can be done with a run.
fn entries(ui: &mut Ui, studio: &mut Studio, id: RunId) {
    ui.set_width(metrics::MENU);
    let last = studio.document.runs().count() < 2;
    let actions = [
        Action::DuplicateRun,
        Action::ForkRun,
        Action::RenameRun,
        Action::HideRun,
        Action::MoveUp,
        Action::MoveDown,
        Action::DeleteRun,
    ];
    for action in actions {
        let about = action.about();
        let keys = about.keys(ui.ctx());
        let button = Button::new(about.label)
            .shortcut_text(eframe::egui::RichText::new(keys).font(theme::small()))
            .min_size(vec2(ui.available_width(), metrics::CONTROL));
        if ui.add_enabled(action != Action::DeleteRun || !last, button).clicked() {
            studio.view.selected = id;
            studio.ask(action);
            ui.close();
        }
    }
    colors(ui, studio, id);
}

/// The colours and markers there are. One that another run has is changed for this run's.
fn colors(ui: &mut Ui, studio: &mut Studio, id: RunId) {
    ui.separator();
    ui.label(theme::caption(ui, "Colour and marker"));
    let now = studio.slot(id);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let tokens = theme::tokens(ui);
        for slot in 0..tokens.runs.len() {
            let size = vec2((metrics::MENU / tokens.runs.len() as f32).floor(), metrics::CONTROL);
            let (rect, response) = ui.allocate_exact_size(size, Sense::click());
            let chosen = now % tokens.runs.len() == slot;
            let label = format!("Colour {}", slot + 1);
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &label));
            if chosen || response.hovered() || response.has_focus() {
                let edge = if chosen { tokens.text } else { tokens.outline };
                let (shown, radius) = (rect.shrink(1.0), metrics::RADIUS);
                ui.painter().rect_stroke(shown, radius, (metrics::HAIRLINE, edge), StrokeKind::Inside);
            }
            paint_marker(ui.painter(), rect.center(), metrics::CHIP / 2.0, slot, tokens.run(slot));
            if response.clicked() {
                studio.document.settle();
                studio.document.recolor(id, slot);
                studio.document.settle();
                ui.close();
            }
        }
    });
}

/// The runs in one line: which colour and marker is whose, and how far each has come.
pub fn legend(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal_centered(|ui| {
        let tokens = theme::tokens(ui);
        ui.label(theme::title(ui, studio.document.experiment().name.as_str()));
        for row in studio.document.runs().map(|(row, _)| row).collect::<Vec<_>>() {
            let Some(name) = studio.document.run(row.id).map(|run| run.name.clone()) else { continue };
            if !studio.is_shown(row.id) {
                continue;
            }
            ui.add_space(metrics::M);
            run_chip(ui, row.slot, metrics::CONTROL, true);
            let ink = if studio.view.selected == row.id { tokens.text } else { tokens.muted };
            let text = eframe::egui::RichText::new(name).color(ink);
            let help = "Show this run's handles.";
            if ui.add(Button::new(text).frame_when_inactive(false)).on_hover_text(help).clicked() {
                studio.view.selected = row.id;
            }
            let mean = studio.frame.mean_values(row.id, |lane| lane.now);
            if let Some(accuracy) = mean.and_then(|mean| mean.val_accuracy) {
                ui.label(theme::value(ui, format::percent(accuracy)));
            } else if let Some(loss) = mean.and_then(|mean| mean.loss) {
                ui.label(theme::value(ui, format::significant(loss, 3)));
            }
        }
    });
}
