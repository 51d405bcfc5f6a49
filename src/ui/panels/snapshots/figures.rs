//! The figures of snapshots, alone and together.

use eframe::egui::{Checkbox, Grid, Ui, vec2};

use crate::analysis::ensemble::{Comparison, Line, LineKind, Measures};
use crate::engine::{Snapshot, SnapshotReason};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::right_cell;

use super::workbench::{tick, ticked};

/// A column: its title, what it means, and its value in words.
type Column = (&'static str, &'static str, fn(&Measures) -> Option<String>);

/// The figures that there are for the data: of numbers only the loss.
fn columns(comparison: &Comparison) -> Vec<Column> {
    let classes = comparison.report.lines.iter().any(|line| line.measures.accuracy.is_some());
    let loss: Column =
        ("Val. loss", "What training minimises, on held-out samples.", |of| Some(format::metric(of.loss)));
    if !classes {
        return vec![loss];
    }
    vec![
        loss,
        ("Accuracy", "The share of held-out samples told right.", |of| of.accuracy.map(format::percent)),
        ("NLL", "The mean negative logarithm of the probability given to the right answer, in nats.", |of| {
            of.nll.map(format::metric)
        }),
        (
            "Cal. error",
            "How far confidence and accuracy are apart: the expected calibration error over 15 bins.",
            |of| of.ece.map(|error| format::significant(error, 2)),
        ),
    ]
}

/// What the ticked snapshots are together, and what there is beside that.
pub fn together(ui: &mut Ui, comparison: &Comparison) {
    let lines: Vec<&Line> =
        comparison.report.lines.iter().filter(|line| line.kind != LineKind::Snapshot).collect();
    if lines.is_empty() {
        return;
    }
    super::section(
        ui,
        "Together",
        "From the same training each: no line has cost more updates than another.",
    );
    let columns = columns(comparison);
    let name_width = name_width(ui, &columns);
    Grid::new("together").num_columns(columns.len() + 1).spacing(vec2(metrics::S, metrics::XS)).show(
        ui,
        |ui| {
            titles(ui, &columns, name_width, "");
            for line in lines {
                let (name, help) = words(line);
                ui.horizontal(|ui| {
                    ui.set_width(name_width);
                    let strong = line.kind == LineKind::Ensemble;
                    let name = if strong { theme::title(ui, name) } else { name.into() };
                    ui.label(name).on_hover_text(help);
                });
                for (_, _, text) in &columns {
                    number(ui, text(&line.measures));
                }
                ui.end_row();
            }
        },
    );
}

fn words(line: &Line) -> (String, &'static str) {
    let of = line.members;
    match line.kind {
        LineKind::Ensemble => (
            format!("Ensemble of {of}"),
            "The mean of the ticked snapshots' probabilities, or of their values.",
        ),
        LineKind::SingleBest => (
            format!("Best single, {}", update(line)),
            "Of all snapshots, ticked or not, the one with the best accuracy, or the lowest loss where there is no accuracy.",
        ),
        LineKind::Soup => {
            (format!("Soup of {of}"), "One network: the mean of the ticked snapshots' weights.")
        }
        LineKind::GreedySoup => (
            format!("Greedy soup of {of}"),
            "One network: the mean of weights to which the ticked snapshots are added, best first, where that helps.",
        ),
        LineKind::MergedCosine => (
            format!("Merge of {of}, cosine"),
            "One network: the ticked snapshots' weights, weighed as a cosine decay over them would weigh their updates.",
        ),
        LineKind::MergedOneMinusSqrt => (
            format!("Merge of {of}, 1-sqrt"),
            "One network: the ticked snapshots' weights, weighed as a decay of shape 1-sqrt would weigh their updates.",
        ),
        LineKind::Swa => {
            (format!("SWA of {of}"), "One network: the running mean of all snapshots asked for.")
        }
        LineKind::Ema => ("EMA".to_owned(), "One network: the moving average of the weights over updates."),
        LineKind::Last => (format!("Last, {}", update(line)), "The weights of the newest snapshot."),
        LineKind::Snapshot => (update(line), ""),
    }
}

fn update(line: &Line) -> String {
    format!("update {}", line.update.map_or_else(|| "–".to_owned(), format::count))
}

/// Each snapshot's figures, with a box to tick.
pub fn snapshots(ui: &mut Ui, studio: &mut Studio, snapshots: &[Snapshot], comparison: &Comparison) {
    let columns = columns(comparison);
    let name_width = name_width(ui, &columns);
    let mut ticks = ticked(studio, snapshots);
    let before = ticks.clone();
    Grid::new("snapshots").num_columns(columns.len() + 1).spacing(vec2(metrics::S, metrics::XS)).show(
        ui,
        |ui| {
            titles(ui, &columns, name_width, "Update");
            for (snapshot, line) in snapshots.iter().zip(&comparison.report.lines) {
                ui.horizontal(|ui| {
                    ui.set_width(name_width);
                    let mut on = ticks.contains(&snapshot.id);
                    let label = format::count(snapshot.update());
                    let why = match snapshot.why {
                        SnapshotReason::OnTheWay => "Taken on the way.",
                        SnapshotReason::Asked => "The experiment asked for it.",
                        SnapshotReason::ByHand => "Taken by hand.",
                        SnapshotReason::Departure => "Training stood here when you went back.",
                        SnapshotReason::Saved => "A checkpoint of the training that you continued.",
                    };
                    if ui.add(Checkbox::new(&mut on, label)).on_hover_text(why).changed() {
                        if on {
                            ticks.insert(snapshot.id);
                        } else {
                            ticks.remove(&snapshot.id);
                        }
                    }
                });
                for (_, _, text) in &columns {
                    number(ui, text(&line.measures));
                }
                ui.end_row();
            }
        },
    );
    if ticks != before {
        tick(studio, ticks);
    }
}

fn name_width(ui: &Ui, columns: &[Column]) -> f32 {
    (ui.available_width() - columns.len() as f32 * (metrics::COLUMN + metrics::S)).max(metrics::FIELD_LABEL)
}

fn titles(ui: &mut Ui, columns: &[Column], name_width: f32, name: &str) {
    ui.horizontal(|ui| {
        ui.set_width(name_width);
        ui.label(theme::caption(ui, name));
    });
    for (title, help, _) in columns {
        right_cell(ui, metrics::COLUMN, |ui| {
            ui.label(theme::caption(ui, *title)).on_hover_text(*help);
        });
    }
    ui.end_row();
}

fn number(ui: &mut Ui, text: Option<String>) {
    let text = text.unwrap_or_else(|| "–".to_owned());
    right_cell(ui, metrics::COLUMN, |ui| {
        ui.label(theme::value(ui, text));
    });
}
