//! The panel on the right: one thing at a time, beside the plots.

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Align, Button, Frame, Layout, Margin, Response, Role, Ui, WidgetInfo, vec2};

use crate::data::Shape;
use crate::experiment::Model;
use crate::ui::action::Action;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, combo, icon_button, prose};

use super::{PANELS, field, find, landscape, lesson, results};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let chosen = current(studio);
    ui.horizontal(|ui| {
        chooser(ui, studio, chosen);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Right, "Fold side panel").clicked() {
                studio.ask(Action::SwitchPanel);
            }
        });
    });
    let is_beside = chosen.name != lesson::PANEL.name && lesson::is_under_way(studio);
    if is_beside && ui.link("Back to the lesson").clicked() {
        studio.view.open(lesson::PANEL.name);
    }
    prose(ui, chosen.sentence);
    ui.add_space(metrics::S);
    (chosen.show)(ui, studio);
}

/// The panel's name, which opens the list of all panels.
fn chooser(ui: &mut Ui, studio: &mut Studio, chosen: &Panel) {
    let name = theme::title(ui, chosen.title);
    let response = combo("side panel")
        .selected_text(name)
        .height(ui.ctx().content_rect().height())
        .show_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            // The width that the sentences want; where there is less they are told under the pointer.
            let screen = ui.ctx().content_rect().width();
            let full = screen > 2.0 * metrics::SIDE_PANELS + 4.0 * metrics::L;
            let width = if full { metrics::SIDE_PANELS } else { metrics::SIDE_PANELS_SHORT };
            ui.horizontal_top(|ui| {
                for questions in Question::ALL.chunks(2) {
                    ui.allocate_ui(vec2(width, 0.0), |ui| {
                        ui.vertical(|ui| {
                            ui.set_width(width);
                            for question in questions {
                                of_question(ui, studio, *question, chosen, full);
                            }
                        });
                    });
                }
            });
        })
        .response;
    let name = chosen.title;
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Side panel: {name}")));
    response.on_hover_text("Choose what is shown here.");
}

/// The panels that answer a question.
fn of_question(ui: &mut Ui, studio: &mut Studio, question: Question, chosen: &Panel, full: bool) {
    ui.add_space(metrics::XS);
    // As far in as the names below.
    let margin = Margin { left: ui.spacing().button_padding.x as i8, ..Margin::ZERO };
    Frame::new().inner_margin(margin).show(ui, |ui| ui.label(theme::caption(ui, question.title())));
    for panel in PANELS.iter().filter(|panel| panel.question == question) {
        if entry(ui, panel, panel.name == chosen.name, full).clicked() {
            studio.view.panel = Some(panel.name);
        }
    }
}

/// A panel in the list: its name, and its sentence below it or under the pointer.
fn entry(ui: &mut Ui, panel: &Panel, chosen: bool, full: bool) -> Response {
    let (name, sentence) = (panel.title, panel.sentence);
    let tokens = theme::tokens(ui);
    let mut text = LayoutJob::default();
    let format = |font, color| TextFormat { font_id: font, color, ..TextFormat::default() };
    text.append(name, 0.0, format(theme::body(), tokens.text));
    if full {
        text.append(&format!("\n{sentence}"), 0.0, format(theme::small(), tokens.muted));
    }
    let height = if full { metrics::SIDE_PANEL } else { 0.0 };
    let mut response = ui.add(Button::selectable(chosen, text).min_size(vec2(ui.available_width(), height)));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, name));
    if !full {
        response = response.on_hover_text(sentence);
    }
    response
}

/// What remains of the panel when it is folded away.
pub fn folded(ui: &mut Ui, studio: &mut Studio) {
    if icon_button(ui, Icon::Left, "Unfold side panel").clicked() {
        studio.ask(Action::SwitchPanel);
    }
}

/// The panel on screen, unless it is folded away.
pub fn shown(studio: &Studio) -> Option<&'static Panel> {
    studio.view.panel_open.then(|| current(studio))
}

/// The chosen panel; before a choice, the one that shows most: the landscape of a surface, the decision field
/// where there is one to see.
pub fn current(studio: &Studio) -> &'static Panel {
    let flat = studio.frame.prepared.as_ref().is_some_and(|prepared| prepared.shape() == Shape::Flat(2));
    find(studio.view.panel.unwrap_or(match studio.document.experiment().model {
        Model::Surface { .. } => landscape::PANEL.name,
        _ if flat => field::PANEL.name,
        _ => results::PANEL.name,
    }))
}
