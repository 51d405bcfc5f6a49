//! The bar that offers unsaved work of an earlier start.

use eframe::egui::{Align, Layout, Margin, Panel, Ui};

use crate::ui::action::Action;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{primary, secondary};

use super::ground;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(text) = studio.unsaved.clone() else { return };
    let tokens = theme::tokens(ui);
    let frame = ground(ui, Margin::symmetric(metrics::MARGIN_M, metrics::MARGIN_XS)).fill(tokens.raised);
    Panel::top("unsaved work").exact_size(metrics::TOP_BAR).resizable(false).frame(frame).show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let restore = primary(ui, "Restore");
            for (action, button) in
                [(Action::RestoreWork, restore), (Action::DiscardWork, secondary("Discard"))]
            {
                if ui.add(button).on_hover_text(action.about().help).clicked() {
                    studio.ask(action);
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(eframe::egui::Label::new(text).truncate());
            });
        });
    });
}
