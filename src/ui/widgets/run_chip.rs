//! A run's marker in its colour, before its name.

use eframe::egui::{Sense, Ui, vec2};

use crate::ui::theme::{self, metrics};

use super::marker;

/// The marker of palette place `slot` in a line of this height. In a table it is a little smaller.
pub fn run_chip(ui: &mut Ui, slot: usize, height: f32, in_table: bool) {
    let (chip, _) = ui.allocate_exact_size(vec2(metrics::CHIP, height), Sense::hover());
    let radius = metrics::CHIP / 2.0 - f32::from(u8::from(in_table));
    marker::paint(ui.painter(), chip.center(), radius, slot, theme::tokens(ui).run(slot));
}
