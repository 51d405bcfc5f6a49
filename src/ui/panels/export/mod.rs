//! The selected run for another framework: its text, and the rates that text will really give.

mod code;
mod form;
mod own_run;
mod resume;
mod state;
mod truth;
mod which_form;

use eframe::egui::{Align, Button, Label, Layout, ScrollArea, Ui, UiBuilder, vec2};

use crate::export::{Badge, Checked, Deviation, Target};
use crate::ui::exports::Exported;
use crate::ui::format;
use crate::ui::panel::{Panel, Question, Request};
use crate::ui::plot::compare;
use crate::ui::sheet::Sheet;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{choice, combo, segmented};

use state::{Page, State};

pub const PANEL: Panel = Panel {
    request: |studio| {
        let selected = studio.view.selected;
        Request { used: studio.is_mixed(selected).then_some(selected), ..Request::default() }
    },
    ..Panel::new(
        "export",
        "Export",
        Question::TakeAway,
        "The schedule and optimizer in another framework, and what they really do there.",
        show,
    )
};

/// Shows the selected run's text for a target.
pub fn open(studio: &mut Studio, target: &'static Target) {
    let state = studio.panels.of::<State>();
    state.target = target;
    state.page = Page::Text;
    studio.view.open(PANEL.name);
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    segmented(
        ui,
        &mut studio.panels.of::<State>().page,
        &[
            (Page::Text, "One target", "The selected run as one framework's code or configuration."),
            (
                Page::Truth,
                "All targets",
                "What every framework would do with the selected run, side by side.",
            ),
            (
                Page::Resume,
                "Resuming",
                "What the framework really does when the run is resumed from a checkpoint.",
            ),
        ],
    );
    ui.add_space(metrics::XS);
    let page = studio.panels.of::<State>().page;
    ScrollArea::vertical().id_salt(("export", page as u8)).auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        match page {
            Page::Text => text(ui, studio),
            Page::Truth => truth::show(ui, studio),
            Page::Resume => resume::show(ui, studio),
        }
        ui.add_space(metrics::M);
    });
}

fn text(ui: &mut Ui, studio: &mut Studio) {
    choose(ui, studio);
    which_form::choose(ui, studio);
    own_run::show(ui, studio);
    let Some(answer) = state::text(studio, ui.ctx()) else {
        ui.label(theme::caption(ui, "Predicting every update of this long run…"));
        return;
    };
    let exported = match &*answer {
        Ok(exported) => exported,
        Err(error) => {
            empty(ui, &error.to_string());
            return;
        }
    };
    badge(ui, exported);
    ui.add_space(metrics::S);
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let color = theme::tokens(ui).run(slot);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::COMPARISON), eframe::egui::Sense::hover());
    compare(&mut ui.new_child(UiBuilder::new().max_rect(rect)), exported, color);
    ui.add_space(metrics::XS);
    readings(ui, exported);
    for note in &exported.export.notes {
        ui.add(Label::new(theme::caption(ui, format::sentence(note))).wrap());
    }
    ui.add_space(metrics::S);
    buttons(ui, studio, exported);
    ui.add_space(metrics::XS);
    code::show(ui, exported);
}

/// Why there is nothing to show.
pub(super) fn empty(ui: &mut Ui, why: &str) {
    ui.add(Label::new("There is no export of this run.").wrap());
    ui.add(Label::new(theme::caption(ui, format::sentence(why))).wrap());
}

fn choose(ui: &mut Ui, studio: &mut Studio) {
    let State { target: chosen, options, .. } = studio.panels.of();
    let response = combo("export target")
        .selected_text(chosen.title)
        .width(ui.available_width())
        .show_ui(ui, |ui| {
            for target in Target::ALL {
                ui.selectable_value(chosen, target, target.title);
            }
        })
        .response;
    let title = chosen.title;
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::Role::ComboBox, true, format!("Target: {title}"))
    });
    if chosen.has_versions() {
        let versions = [("Version 5", false), ("Version 4", true)];
        let help = "Arguments were renamed: version 4 of transformers has a warmup_ratio.";
        choice(ui, "Names of", help, &mut options.hugging_face_v4, &versions);
    }
}

/// How the target says the schedule, why, and how well that is known.
fn badge(ui: &mut Ui, exported: &Exported) {
    let export = &exported.export;
    ui.horizontal(|ui| {
        let tokens = theme::tokens(ui);
        let (word, why, color) = match &export.badge {
            Badge::Native => ("Native", "", tokens.text),
            Badge::Approximated { why } => ("Approximated", why.as_str(), tokens.warning),
            Badge::Table { why } => ("Table", why.as_str(), tokens.text),
        };
        ui.label(theme::title(ui, word).color(color)).on_hover_text(meaning(&export.badge));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (text, help) = match export.checked {
                Checked::Run => (
                    "checked by running it",
                    "Exports for this target were executed there and agreed update by update.",
                ),
                Checked::PredictedNotRun => (
                    "predicted, not run",
                    "Simulated by the target's own rules; the target was not executed.",
                ),
            };
            ui.label(theme::caption(ui, text)).on_hover_text(help);
        });
        why
    });
    if let Badge::Approximated { why } | Badge::Table { why } = &export.badge {
        ui.add(Label::new(format::sentence(why)).wrap());
    }
    ui.add(Label::new(theme::caption(ui, format!("For {}", export.target.framework))).wrap());
}

/// A badge in a sentence.
pub(super) fn meaning(badge: &Badge) -> &'static str {
    match badge {
        Badge::Native => "In the target's own terms, and the rates are the drawn ones.",
        Badge::Approximated { .. } => "In the target's own terms, which do not reach the drawn curve.",
        Badge::Table { .. } => "As a formula or a list of values beside the target's own schedules.",
    }
}

fn readings(ui: &mut Ui, exported: &Exported) {
    let export = &exported.export;
    let predicted = |rate: Option<&f64>| rate.copied().unwrap_or(0.0);
    let first = (exported.ends.0, predicted(export.predicted.first()));
    let last = (exported.ends.1, predicted(export.predicted.last()));
    let worst = &export.deviation;
    if worst.of_peak > ROUNDING {
        let label = format!("Largest deviation, at update {}", format::count(worst.at_update));
        reading(ui, &label, &format!("{} of the peak", share(worst)));
    } else {
        reading(ui, "Largest deviation", "none");
    }
    reading(ui, "First update", &pair(first));
    reading(ui, "Last update", &pair(last));
}

fn reading(ui: &mut Ui, label: &str, value: &str) {
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, label));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(theme::value(ui, value));
        });
    });
}

/// A drawn rate, and the predicted one where they can be told apart.
fn pair((drawn, predicted): (f64, f64)) -> String {
    let (drawn, predicted) = (format::metric(drawn), format::metric(predicted));
    if drawn == predicted { drawn } else { format!("{drawn} → {predicted}") }
}

/// Below this share of the peak a deviation is the last digits' rounding.
const ROUNDING: f64 = 1e-9;

/// A deviation as percent of the peak.
pub(super) fn share(deviation: &Deviation) -> String {
    if deviation.of_peak <= ROUNDING {
        return "0".to_owned();
    }
    format!("{}%", format::significant(100.0 * deviation.of_peak, 2))
}

fn buttons(ui: &mut Ui, studio: &mut Studio, exported: &Exported) {
    ui.horizontal(|ui| {
        let button = |label| Button::new(label).min_size(vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON));
        if ui.add(button("Copy")).on_hover_text("Put the whole text on the clipboard.").clicked() {
            ui.ctx().copy_text(exported.export.text.clone());
            studio.toasts.done(format!("Copied for {}.", exported.export.target.title));
        }
        if ui.add(button("Save…")).on_hover_text("Write the whole text to a file.").clicked() {
            let name = studio.document.run(studio.view.selected).map(|run| run.name.clone());
            let text = exported.export.text.clone();
            studio.sheet =
                Some(Sheet::export(&name.unwrap_or_default(), exported.export.target.extension, text));
        }
        let lines = format!("{} lines", format::count(exported.lines as u64));
        ui.label(theme::caption(ui, lines));
    });
}
