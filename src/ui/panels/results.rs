//! How the runs compare.

use eframe::egui::text::LayoutJob;
use eframe::egui::{Grid, Label, Response, ScrollArea, Sense, Ui, vec2};

use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::frame::LaneFrame;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{prose, right_cell, run_chip};

/// A column of the table: its title, what it means, and a lane's value in words, with the number it is ranked by.
struct Measure {
    title: &'static str,
    help: &'static str,
    value: fn(&LaneFrame) -> Option<f64>,
    text: fn(f64) -> String,
    /// A deviation in words.
    around: fn(f64) -> String,
    /// Whether more is better.
    more: bool,
}

const LOSSES: [Measure; 3] = [
    Measure {
        title: "Loss",
        help: "The training loss now, smoothed.",
        value: |lane| lane.now.loss,
        text: format::metric,
        around: |deviation| format::significant(deviation, 2),
        more: false,
    },
    Measure {
        title: "Val. loss",
        help: "The loss on held-out samples, at the last validation.",
        value: |lane| lane.now.val_loss,
        text: format::metric,
        around: |deviation| format::significant(deviation, 2),
        more: false,
    },
    Measure {
        title: "Best",
        help: "The least loss on held-out samples so far.",
        value: |lane| lane.best_loss,
        text: format::metric,
        around: |deviation| format::significant(deviation, 2),
        more: false,
    },
];

const ACCURACIES: [Measure; 2] = [
    Measure {
        title: "Accuracy",
        help: "The share of held-out samples told right, at the last validation.",
        value: |lane| lane.now.val_accuracy,
        text: format::percent,
        around: |deviation| format!("{:.1}", 100.0 * deviation),
        more: true,
    },
    Measure {
        title: "Best",
        help: "The greatest accuracy so far.",
        value: |lane| lane.best_accuracy,
        text: format::percent,
        around: |deviation| format!("{:.1}", 100.0 * deviation),
        more: true,
    },
];

pub const PANEL: Panel = Panel::new(
    "results",
    "Results",
    Question::Understand,
    "How training and validation of the runs compare so far.",
    show,
);

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let ours = studio
        .document
        .runs()
        .filter(|(row, _)| studio.is_shown(row.id))
        .map(|(row, run)| (row, run.name.clone()));
    let guests = studio.shelf.guests().iter().filter(|guest| studio.is_shown(guest.row.id));
    let guests = guests.map(|guest| (guest.row, guest.name.clone()));
    let rows: Vec<(Row, String)> = ours.chain(guests).collect();
    if studio.frame.lanes.iter().all(|lane| lane.update == 0) {
        ui.label("What every run reaches is compared here as soon as they train.");
        ui.label(theme::caption(ui, "The best value of each column is set in bold weight."));
        return;
    }
    ScrollArea::vertical().id_salt("results").auto_shrink([false, false]).show(ui, |ui| {
        table(ui, studio, &rows, "Loss per sample", &LOSSES);
        let classes = studio.frame.lanes.iter().any(|lane| lane.best_accuracy.is_some());
        if classes {
            ui.add_space(metrics::L);
            table(ui, studio, &rows, "Accuracy on held-out samples", &ACCURACIES);
        }
        ui.add_space(metrics::L);
        notes(ui, studio);
    });
}

fn table(ui: &mut Ui, studio: &mut Studio, rows: &[(Row, String)], title: &str, measures: &[Measure]) {
    ui.label(theme::title(ui, title));
    ui.add_space(metrics::XS);
    let column = metrics::COLUMN;
    let name_width = ui.available_width() - measures.len() as f32 * (column + metrics::S);
    let replicated = studio.document.experiment().train.replicas > 1;
    let best: Vec<Option<f64>> = measures.iter().map(|measure| best(studio, rows, measure)).collect();
    Grid::new(title).num_columns(measures.len() + 1).spacing(vec2(metrics::S, metrics::XS)).show(ui, |ui| {
        ui.label(theme::caption(ui, "Run"));
        for measure in measures {
            right_cell(ui, column, |ui| {
                ui.label(theme::caption(ui, measure.title)).on_hover_text(measure.help);
            });
        }
        ui.end_row();
        for (row, name) in rows {
            let stale = if studio.is_mixed(row.id) { "*" } else { "" };
            // A recording has nothing to edit.
            let is_ours = studio.document.run(row.id).is_some();
            if name_cell(ui, *row, name, name_width).clicked() && is_ours {
                studio.view.selected = row.id;
            }
            for (measure, best) in measures.iter().zip(&best) {
                let spread = studio.frame.spread(row.id, measure.value);
                let value = spread.map(|spread| spread.mean);
                let is_best = value.is_some() && value == *best && rows.len() > 1;
                let tokens = theme::tokens(ui);
                let text =
                    value.map_or_else(|| "–".to_owned(), |value| format!("{}{stale}", (measure.text)(value)));
                let color = if is_best { tokens.text } else { tokens.muted };
                right_cell(ui, column, |ui| {
                    let response = ui.label(theme::value(ui, text).color(color));
                    if is_best {
                        let line = response.rect;
                        ui.painter().hline(line.x_range(), line.bottom(), (metrics::HAIRLINE, tokens.muted));
                    }
                });
            }
            ui.end_row();
            if replicated {
                ui.label("");
                for measure in measures {
                    let around =
                        studio.frame.spread(row.id, measure.value).and_then(|spread| spread.deviation);
                    right_cell(ui, column, |ui| {
                        let text = around.map(|around| format!("± {}", (measure.around)(around)));
                        ui.label(theme::caption(ui, text.unwrap_or_default()));
                    });
                }
                ui.end_row();
            }
        }
    });
}

fn best(studio: &Studio, rows: &[(Row, String)], measure: &Measure) -> Option<f64> {
    let values = rows.iter().filter_map(|(row, _)| studio.frame.spread(row.id, measure.value));
    let values = values.map(|spread| spread.mean);
    let values = values.filter(|value| value.is_finite());
    if measure.more { values.max_by(f64::total_cmp) } else { values.min_by(f64::total_cmp) }
}

fn name_cell(ui: &mut Ui, row: Row, name: &str, width: f32) -> Response {
    ui.horizontal(|ui| {
        ui.set_width(width);
        let tokens = theme::tokens(ui);
        run_chip(ui, row.slot, metrics::CONTROL - metrics::XS, true);
        let mut text = LayoutJob::simple(name.to_owned(), theme::body(), tokens.text, f32::INFINITY);
        text.wrap.max_rows = 2;
        ui.add(Label::new(text).wrap().sense(Sense::click())).on_hover_text(name)
    })
    .inner
}

/// What the numbers stand on.
fn notes(ui: &mut Ui, studio: &Studio) {
    let replicas = studio.document.experiment().train.replicas;
    let text = if replicas > 1 {
        format!(
            "The mean over {replicas} replicas of each run; ± is one standard deviation over their seeds."
        )
    } else {
        "One seed each. More replicas, under Experiment, show how much is chance.".to_owned()
    };
    prose(ui, &text);
    let shown = studio.document.runs().filter(|(row, _)| studio.is_shown(row.id));
    for name in shown.filter(|(row, _)| studio.is_mixed(row.id)).map(|(_, run)| &run.name) {
        let text = format!(
            "* “{name}” was edited while it trained: its numbers are of both forms. Restart, or Instant, trains it whole."
        );
        ui.colored_label(theme::tokens(ui).warning, text);
    }
    for lane in studio.frame.lanes.iter().filter(|lane| studio.is_shown(lane.id.run)) {
        let tokens = theme::tokens(ui);
        let name = studio.lane_name(lane.id).unwrap_or_default();
        if let Some(update) = lane.diverged_at {
            let update = format::count(update);
            ui.colored_label(
                tokens.danger,
                format!("{name} diverged at update {update}. Lower its peak, or give it a warmup."),
            );
        } else if let Some(stopped) = &lane.stopped {
            prose(ui, &format!("{name} {}.", stopped.message()));
        } else if let Some(message) = &lane.failed {
            ui.colored_label(tokens.danger, format!("{name}: {message}"));
        }
    }
}
