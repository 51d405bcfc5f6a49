//! Small switches in a plot's title line.

use eframe::egui::{Align2, Color32, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::ui::theme::{self, metrics};

use super::Scale;

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
