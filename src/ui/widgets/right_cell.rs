//! A cell of a table whose content ends at its right.

use eframe::egui::{Align, Layout, Ui, vec2};

use crate::ui::theme::metrics;

/// A cell as wide as its column.
pub fn right_cell<R>(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui) -> R) {
    ui.allocate_ui_with_layout(vec2(width, metrics::L), Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_width(width);
        content(ui);
    });
}
