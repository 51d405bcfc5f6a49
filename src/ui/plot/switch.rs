//! Small switches in a plot's title line.

use eframe::egui::{Align2, Color32, Popup, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::telemetry::{self, Column};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, paint_icon};

use super::{Scale, counts};

pub fn scale_switch(ui: &mut Ui, scale: &mut Scale, name: &str) {
    let log = *scale == Scale::Log;
    let label = format!("{name}: logarithmic");
    if word_switch(ui, "Log", &label, log).on_hover_text("Powers of ten at equal distances.").clicked() {
        *scale = if log { Scale::Linear } else { Scale::Log };
    }
}

/// A word that is lit when what it says is on.
pub fn word_switch(ui: &mut Ui, word: &str, label: &str, on: bool) -> Response {
    let tokens = theme::tokens(ui);
    let galley = ui.painter().layout_no_wrap(word.to_owned(), theme::small(), Color32::PLACEHOLDER);
    let size = galley.size() + vec2(metrics::M, metrics::XS);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Switch, enabled, on, label));
    let fill = match (on, response.hovered()) {
        (_, true) => tokens.press,
        (true, false) => tokens.hover,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, metrics::RADIUS, fill);
    if response.has_focus() {
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.text);
        ui.painter().rect_stroke(rect, metrics::RADIUS, stroke, StrokeKind::Inside);
    }
    let color = if on { tokens.text } else { tokens.muted };
    let place = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    ui.painter().galley(place, galley, color);
    response
}

/// A plot's title from which another column of a role is chosen; `label` is what it chooses.
pub fn column_switch(
    ui: &mut Ui,
    label: &str,
    chosen: &mut Column,
    role: telemetry::Role,
    name_of: fn(Column) -> &'static str,
) {
    title_switch(ui, label, (name_of(*chosen), &about(*chosen)), |ui| {
        for column in Column::ALL.into_iter().filter(|column| column.role() == role) {
            ui.selectable_value(chosen, column, name_of(column));
        }
    });
}

/// The title of the lowest plot, from which a number of the optimizer is chosen, or how much updates count.
pub fn lowest_switch(ui: &mut Ui, number: &mut Column, is_counts: &mut bool) {
    let about = if *is_counts { counts::HELP.to_owned() } else { about(*number) };
    let name = if *is_counts { counts::TITLE } else { number.label() };
    title_switch(ui, "Number", (name, &about), |ui| {
        for column in Column::ALL.into_iter().filter(|column| column.role() == telemetry::Role::Setting) {
            if ui.selectable_label(!*is_counts && *number == column, column.label()).clicked() {
                (*number, *is_counts) = (column, false);
            }
        }
        if ui.selectable_label(*is_counts, counts::TITLE).on_hover_text(counts::HELP).clicked() {
            *is_counts = true;
        }
    });
}

/// What a column is, and in which unit.
fn about(column: Column) -> String {
    match column.unit() {
        "" => column.help().to_owned(),
        unit => format!("{}\nUnit: {unit}.", column.help()),
    }
}

/// A plot's title under which there are others to choose.
fn title_switch(ui: &mut Ui, label: &str, (name, help): (&str, &str), entries: impl FnOnce(&mut Ui)) {
    let galley = ui.painter().layout_no_wrap(name.to_owned(), theme::medium(), Color32::PLACEHOLDER);
    let size = galley.size() + vec2(metrics::M + metrics::XS, 0.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(name.to_owned()),
        ..WidgetInfo::labeled(Role::ComboBox, true, label)
    });
    let tokens = theme::tokens(ui);
    ui.painter().galley(rect.min, galley, tokens.text);
    let lit = response.hovered() || response.has_focus();
    let arrow = rect.right_center() - vec2(metrics::XS, 0.0);
    paint_icon(ui.painter(), Icon::Down, arrow, if lit { tokens.text } else { tokens.muted });
    let response = response.on_hover_text(help);
    Popup::menu(&response).show(entries);
}
