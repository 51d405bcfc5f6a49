//! The panel on the right: one thing at a time, beside the plots.

use eframe::egui::{Align, Layout, Ui};

use crate::data::Shape;
use crate::ui::action::Action;
use crate::ui::studio::Studio;
use crate::ui::theme::metrics;
use crate::ui::view::Context;
use crate::ui::widgets::{Icon, icon_button, tabs};

use super::{export, field, results};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let mut chosen = current(studio);
    ui.horizontal(|ui| {
        tabs(ui, &mut chosen, &Context::ALL.map(|(context, name)| (context, name)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Right, "Fold side panel").clicked() {
                studio.ask(Action::SwitchContext);
            }
        });
    });
    if chosen != current(studio) {
        studio.view.context = Some(chosen);
    }
    ui.add_space(metrics::S);
    match chosen {
        Context::Results => results::show(ui, studio),
        Context::Field => field::show(ui, studio),
        Context::Export => export::show(ui, studio),
    }
}

/// What remains of the panel when it is folded away.
pub fn folded(ui: &mut Ui, studio: &mut Studio) {
    if icon_button(ui, Icon::Left, "Unfold side panel").clicked() {
        studio.ask(Action::SwitchContext);
    }
}

/// The chosen panel; before a choice, the decision field where there is one to see.
pub fn current(studio: &Studio) -> Context {
    let flat = studio.frame.prepared.as_ref().is_some_and(|prepared| prepared.shape() == Shape::Flat(2));
    studio.view.context.unwrap_or(if flat { Context::Field } else { Context::Results })
}
