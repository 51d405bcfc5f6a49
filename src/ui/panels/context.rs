//! The panel on the right: one thing at a time, beside the plots.

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Align, Button, Layout, Response, Role, Ui, WidgetInfo, vec2};

use crate::data::Shape;
use crate::experiment::Model;
use crate::ui::action::Action;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::Context;
use crate::ui::widgets::{Icon, combo, icon_button, prose};

use super::{
    batch_size, diagnosis, export, field, glossary, landscape, microscope, range_test, report, results,
    snapshots,
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let chosen = current(studio);
    ui.horizontal(|ui| {
        chooser(ui, studio, chosen);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Right, "Fold side panel").clicked() {
                studio.ask(Action::SwitchContext);
            }
        });
    });
    prose(ui, chosen.about().1);
    ui.add_space(metrics::S);
    match chosen {
        Context::Results => results::show(ui, studio),
        Context::Diagnosis => diagnosis::show(ui, studio),
        Context::Microscope => microscope::show(ui, studio),
        Context::Landscape => landscape::show(ui, studio),
        Context::Snapshots => snapshots::show(ui, studio),
        Context::Field => field::show(ui, studio),
        Context::RangeTest => range_test::show(ui, studio),
        Context::BatchSize => batch_size::show(ui, studio),
        Context::Report => report::show(ui, studio),
        Context::Export => export::show(ui, studio),
        Context::Glossary => glossary::show(ui, studio),
    }
}

/// The panel's name, which opens the list of all panels.
fn chooser(ui: &mut Ui, studio: &mut Studio, chosen: Context) {
    let name = theme::title(ui, chosen.about().0);
    let response = combo("side panel")
        .selected_text(name)
        .height(ui.ctx().content_rect().height())
        .show_ui(ui, |ui| {
            ui.set_width(metrics::SIDE_PANELS);
            ui.spacing_mut().item_spacing.y = 0.0;
            for panel in Context::ALL {
                if entry(ui, panel, panel == chosen).clicked() {
                    studio.view.context = Some(panel);
                }
            }
        })
        .response;
    let name = chosen.about().0;
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Side panel: {name}")));
    response.on_hover_text("Choose what is shown here.");
}

/// A panel in the list: its name and its sentence.
fn entry(ui: &mut Ui, panel: Context, chosen: bool) -> Response {
    let (name, sentence) = panel.about();
    let tokens = theme::tokens(ui);
    let mut text = LayoutJob::default();
    let format = |font, color| TextFormat { font_id: font, color, ..TextFormat::default() };
    text.append(name, 0.0, format(theme::body(), tokens.text));
    text.append(&format!("\n{sentence}"), 0.0, format(theme::small(), tokens.muted));
    let response =
        ui.add(Button::selectable(chosen, text).min_size(vec2(ui.available_width(), metrics::SIDE_PANEL)));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, name));
    response
}

/// What remains of the panel when it is folded away.
pub fn folded(ui: &mut Ui, studio: &mut Studio) {
    if icon_button(ui, Icon::Left, "Unfold side panel").clicked() {
        studio.ask(Action::SwitchContext);
    }
}

/// The chosen panel; before a choice, the one that shows most: the landscape of a surface, the decision field
/// where there is one to see.
pub fn current(studio: &Studio) -> Context {
    let flat = studio.frame.prepared.as_ref().is_some_and(|prepared| prepared.shape() == Shape::Flat(2));
    studio.view.context.unwrap_or(match studio.document.experiment().model {
        Model::Surface { .. } => Context::Landscape,
        _ if flat => Context::Field,
        _ => Context::Results,
    })
}
