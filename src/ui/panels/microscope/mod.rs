//! The first updates of a run, and its curvature, of one run or of two side by side.

mod first;
mod sharpness;

use std::sync::Arc;

use eframe::egui::{Color32, Label, Response, ScrollArea, Sense, Ui, vec2};

use crate::engine::Examined;
use crate::experiment::Run;
use crate::schedule::{Ramp, Span, Warmup};
use crate::train::command::{LaneId, RunId};
use crate::ui::document::Row;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, explained, paint_marker};

/// The warmup of a run that is given one.
const WARMUP: Span = Span::Percent(20.0);

/// A run under the microscope.
struct Seen {
    row: Row,
    name: String,
    color: Color32,
    examined: Arc<Examined>,
}

/// The lanes that the panel wants to see.
pub fn request(studio: &Studio) -> Vec<LaneId> {
    runs(studio).into_iter().map(|row| LaneId { run: row.id, replica: 0 }).collect()
}

/// The selected run, and the one beside it.
fn runs(studio: &Studio) -> Vec<Row> {
    let row = |id: RunId| studio.document.runs().map(|(row, _)| row).find(|row| row.id == id);
    let selected = studio.view.selected;
    let beside = studio.view.beside.filter(|beside| *beside != selected);
    [Some(selected), beside].into_iter().flatten().filter_map(row).collect()
}

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
    if seen.iter().all(|seen| seen.examined.looks.is_empty()) {
        empty(ui, studio, seen.is_empty());
        return;
    }
    ScrollArea::vertical().id_salt("microscope").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        first::show(ui, studio, &seen);
        sharpness::show(ui, studio, &seen);
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
    for row in runs(studio) {
        let name = studio.document.run(row.id).map(|run| run.name.clone()).unwrap_or_default();
        chip(ui, row, &name);
    }
    ui.horizontal_wrapped(|ui| {
        let warm = run.lr.warmup.is_some();
        let (text, help) = if warm {
            ("Compare without warmup", "Adds the same run without its warmup, and shows both side by side.")
        } else {
            (
                "Compare with warmup",
                "Adds the same run with a warmup over a fifth of it, and shows both side by side.",
            )
        };
        if ui.button(text).on_hover_text(help).clicked() {
            let id = studio.document.add(twin(&run));
            studio.document.settle();
            studio.view.beside = Some(id);
        }
        if others.is_empty() {
            return;
        }
        let beside = studio.view.beside.and_then(|beside| others.iter().find(|(id, _)| *id == beside));
        let shown = beside.map_or("Beside another run", |(_, name)| name.as_str());
        combo("beside").selected_text(shown).width(ui.available_width()).truncate().show_ui(ui, |ui| {
            ui.selectable_value(&mut studio.view.beside, None, "By itself");
            for (id, name) in &others {
                ui.selectable_value(&mut studio.view.beside, Some(*id), name);
            }
        });
    });
}

/// The same run with a warmup, or without the one it has.
fn twin(run: &Run) -> Run {
    let mut twin = run.clone();
    twin.lr.warmup = match &run.lr.warmup {
        Some(_) => None,
        None => Some(Warmup { over: WARMUP, from: 0.0, shape: Ramp::Linear }),
    };
    let how = if twin.lr.warmup.is_some() { "with warmup" } else { "without warmup" };
    twin.name = format!("{}, {how}", run.name);
    twin
}

/// A run's marker and name.
fn chip(ui: &mut Ui, row: Row, name: &str) {
    ui.horizontal(|ui| {
        let tokens = theme::tokens(ui);
        let size = vec2(metrics::CHIP, metrics::TEXT + metrics::XS);
        let (chip, _) = ui.allocate_exact_size(size, Sense::hover());
        paint_marker(ui.painter(), chip.center(), metrics::CHIP / 2.0 - 1.0, row.slot, tokens.run(row.slot));
        ui.add(Label::new(name).truncate());
    });
}

/// The title of a section, which says what its term means, and a sentence on how to read it.
fn heading(ui: &mut Ui, title: &str, term: &str, how: &str) -> Response {
    ui.add_space(metrics::M);
    let text = theme::title(ui, title);
    let response = explained(ui.label(text), term);
    ui.add(Label::new(theme::caption(ui, how)).wrap());
    response
}
