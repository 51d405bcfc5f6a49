//! The first updates of a run, and its curvature, of one run or of two side by side.

mod first;
mod sharpness;

use std::sync::Arc;

use eframe::egui::{Color32, Label, Response, ScrollArea, Ui};

use crate::engine::Examined;
use crate::experiment::Run;
use crate::schedule::{Ramp, Span, Warmup};
use crate::train::ids::{LaneId, RunId};
use crate::ui::document::Row;
use crate::ui::panel::{Panel, Question, Request};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, explained, run_chip};

/// The warmup of a run that is given one.
const WARMUP: Span = Span::Percent(20.0);

/// Which run the microscope shows beside the selected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Beside {
    /// The same run with, or without, a warmup, where there is one.
    #[default]
    Twin,
    Nobody,
    Run(RunId),
}

/// What is chosen in the panel.
#[derive(Default)]
struct State {
    beside: Beside,
    layer: Option<usize>,
}

/// A run under the microscope.
struct Seen {
    row: Row,
    name: String,
    color: Color32,
    examined: Arc<Examined>,
}

/// The lanes that the panel wants to see.
fn lanes(studio: &Studio) -> Vec<LaneId> {
    runs(studio).into_iter().map(|row| LaneId { run: row.id, replica: 0 }).collect()
}

fn is_waiting(studio: &Studio) -> bool {
    let seen = |lane| studio.frame.examined.iter().any(|seen| seen.lane == lane && seen.complete);
    !lanes(studio).into_iter().all(seen)
}

/// The layer that is chosen.
fn layer(studio: &Studio) -> Option<usize> {
    studio.panels.peek::<State>()?.layer
}

/// The selected run, and the one beside it.
fn runs(studio: &Studio) -> Vec<Row> {
    let row = |id: RunId| studio.document.runs().map(|(row, _)| row).find(|row| row.id == id);
    [Some(studio.view.selected), beside(studio)].into_iter().flatten().filter_map(row).collect()
}

/// The run beside the selected one.
fn beside(studio: &Studio) -> Option<RunId> {
    match studio.panels.peek::<State>().map_or(Beside::Twin, |state| state.beside) {
        Beside::Run(id) if studio.document.run(id).is_some() => {
            Some(id).filter(|id| *id != studio.view.selected)
        }
        Beside::Twin | Beside::Run(_) => twin(studio),
        Beside::Nobody => None,
    }
}

/// The run that differs from the selected one in having a warmup, or none.
fn twin(studio: &Studio) -> Option<RunId> {
    let run = studio.document.run(studio.view.selected)?;
    let differs = |other: &Run| other.lr.warmup.is_some() != run.lr.warmup.is_some();
    let same = |other: &Run| {
        let mut other = other.clone();
        other.lr.warmup.clone_from(&run.lr.warmup);
        other.trains_as(run) && other.fork == run.fork
    };
    studio.document.runs().find(|(_, other)| differs(other) && same(other)).map(|(row, _)| row.id)
}

pub const PANEL: Panel = Panel {
    request: |studio| Request { examine: lanes(studio), ..Request::default() },
    is_waiting,
    ..Panel::new(
        "microscope",
        "Microscope",
        Question::LookInside,
        "What the first updates do to each layer, and how near a run is to the edge of stability.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    compare(ui, studio);
    ui.add_space(metrics::XS);
    let tokens = theme::tokens(ui);
    let seen: Vec<Seen> = runs(studio)
        .into_iter()
        .filter_map(|row| {
            let examined = studio.frame.examined.iter().find(|examined| examined.lane.run == row.id)?;
            let name = studio.document.run(row.id)?.name.clone();
            Some(Seen { row, name, color: tokens.run(row.slot), examined: Arc::clone(examined) })
        })
        .collect();
    if seen.iter().all(|seen| seen.examined.readings.is_empty()) {
        empty(ui, studio, seen.is_empty());
        return;
    }
    ScrollArea::vertical().id_salt("microscope").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        first::ratios(ui, studio, &seen);
        sharpness::show(ui, studio, &seen);
        first::rest(ui, studio, &seen);
        ui.add_space(metrics::M);
    });
}

/// Why there is nothing to see.
fn empty(ui: &mut Ui, studio: &Studio, none: bool) {
    let trained = studio.frame.lane(studio.view.selected).is_some_and(|lane| lane.update > 0);
    ui.label(match (trained, none) {
        (false, _) => "Every layer of the run is looked at as soon as it trains.",
        (true, true) => "Making the first updates once more",
        (true, false) => "Looking at the first updates",
    });
}

/// Which runs are seen, and one click for the same run with or without a warmup.
fn compare(ui: &mut Ui, studio: &mut Studio) {
    let selected = studio.view.selected;
    let Some(run) = studio.document.run(selected).cloned() else { return };
    let others: Vec<(RunId, String)> = studio
        .document
        .runs()
        .filter(|(row, _)| row.id != selected)
        .map(|(row, run)| (row.id, run.name.clone()))
        .collect();
    if let Some(row) = runs(studio).first() {
        chip(ui, *row, &run.name);
    }
    ui.horizontal_wrapped(|ui| {
        let (beside, twin) = (beside(studio), twin(studio));
        if twin.is_none() || beside != twin {
            compare_button(ui, studio, &run, twin.is_some());
        }
        if others.is_empty() {
            return;
        }
        let shown = others.iter().find(|(id, _)| Some(*id) == beside);
        let shown = shown.map_or_else(|| "By itself".to_owned(), |(_, name)| format!("Beside {name}"));
        let combo = combo("beside").selected_text(shown).width(ui.available_width()).truncate();
        let chosen = combo.show_ui(ui, |ui| {
            if ui.selectable_label(beside.is_none(), "By itself").clicked() {
                studio.panels.of::<State>().beside = Beside::Nobody;
            }
            for (id, name) in &others {
                if ui.selectable_label(beside == Some(*id), format!("Beside {name}")).clicked() {
                    studio.panels.of::<State>().beside = Beside::Run(*id);
                }
            }
        });
        chosen.response.accessible_name("The run beside it");
    });
}

/// One click shows the same run with and without a warmup; `exists` when that run is there already.
fn compare_button(ui: &mut Ui, studio: &mut Studio, run: &Run, exists: bool) {
    let (text, added) = match run.lr.warmup {
        Some(_) => ("Compare without warmup", "Adds the same run without its warmup"),
        None => ("Compare with warmup", "Adds the same run with a warmup over a fifth of it"),
    };
    let help = if exists {
        "Shows the same run with and without warmup side by side.".to_owned()
    } else {
        format!("{added}, and shows both side by side.")
    };
    if ui.button(text).on_hover_text(help).clicked() {
        if !exists {
            studio.document.add(other(run));
            studio.document.settle();
        }
        studio.panels.of::<State>().beside = Beside::Twin;
    }
}

/// The same run with a warmup, or without the one it has.
fn other(run: &Run) -> Run {
    let mut twin = run.clone();
    twin.lr.warmup = match &run.lr.warmup {
        Some(_) => None,
        None => Some(Warmup::new(WARMUP, 0.0, Ramp::Linear)),
    };
    let how = if twin.lr.warmup.is_some() { "with warmup" } else { "without warmup" };
    twin.name = format!("{}, {how}", run.name);
    twin
}

/// A run's marker and name.
fn chip(ui: &mut Ui, row: Row, name: &str) {
    ui.horizontal(|ui| {
        run_chip(ui, row.slot, metrics::TEXT + metrics::XS, true);
        ui.add(Label::new(name).truncate());
    });
}

/// The title of a section, which says what its term means, and a sentence on how to read it.
fn heading(ui: &mut Ui, title: &str, term: &str, how: &str) -> Response {
    ui.add_space(metrics::M);
    let text = theme::title(ui, title);
    let response = explained(ui, Label::new(text), term);
    ui.add(Label::new(theme::caption(ui, how)).wrap());
    response
}
