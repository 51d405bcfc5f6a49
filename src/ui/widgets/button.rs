//! Buttons that are more than a frame.

use eframe::egui::{Button, RichText, Ui, vec2};

use crate::ui::theme::{self, metrics};

/// The one thing to press.
pub fn primary(ui: &Ui, label: &str) -> Button<'static> {
    let tokens = theme::tokens(ui);
    let text = RichText::new(label).font(theme::medium()).color(tokens.on_solid);
    Button::new(text).fill(tokens.solid).min_size(vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON))
}

/// Something else to press, of the same height.
pub fn secondary(label: &str) -> Button<'_> {
    Button::new(label).min_size(vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON))
}
