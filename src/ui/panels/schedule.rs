//! The selected run's schedule: its kind, its numbers, what is put around it, and what multiplies it.

mod fields;
mod formula;
mod lists;
mod modifiers;
mod spans;

use eframe::egui::Ui;

use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::{controller, gallery, lint, rule};
pub use fields::{Quantity, fields, sentence};
pub use spans::{Units, span_row};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let id = studio.view.selected;
    let clock = studio.clock();
    let Some(run) = studio.document.run(id).cloned() else { return };
    gallery::show(ui, studio, &run);
    let mut next = run.clone();
    ui.add_space(metrics::XS);
    ui.label(theme::caption(ui, format::about_kind(next.lr.kind.name())));
    ui.add_space(metrics::XS);
    fields::of_run(ui, &mut next.lr, clock);
    if let Some(error) = studio.curve_error(id) {
        ui.colored_label(theme::tokens(ui).danger, error.to_string());
    }
    lint::of_run(ui, studio);
    rule(ui);
    modifiers::show(ui, &mut next.lr, clock);
    rule(ui);
    controller::show(ui, studio, &mut next);
    if next != run {
        studio.document.edit_run(id, |run| *run = next);
    }
}
