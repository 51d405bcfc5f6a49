//! What is set for the selected run, and for all of them.

use eframe::egui::{ScrollArea, Ui};

use crate::ui::studio::Studio;
use crate::ui::theme::metrics;
use crate::ui::view::Tab;
use crate::ui::widgets::tabs;

use super::{experiment, map, optimizer, schedule};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let options =
        [(Tab::Schedule, "Schedule"), (Tab::Optimizer, "Optimizer"), (Tab::Experiment, "Experiment")];
    tabs(ui, &mut studio.view.tab, &options);
    ui.add_space(metrics::S);
    let tab = studio.view.tab;
    ScrollArea::vertical().id_salt(("inspector", tab as u8)).auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = metrics::XS;
        match tab {
            Tab::Schedule => schedule::show(ui, studio),
            Tab::Optimizer => optimizer::show(ui, studio),
            Tab::Experiment => experiment::show(ui, studio),
        }
        ui.add_space(metrics::M);
    });
    map::take(ui, studio);
}
