//! The schedule, read: how much each update still counts at the end, and how fast weights are forgotten.

use eframe::egui::{Label, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use crate::experiment::OptimizerKind;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Stroked};
use crate::ui::plot::counts::{self, Counts, Found};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{prose, segmented};

pub const PANEL: Panel = Panel {
    wide: true,
    ..Panel::new(
        "update-weights",
        "Update weights",
        Question::LookInside,
        "How much each update still counts at the end of the run, by rate and weight decay; nothing is trained for it.",
        show,
    )
};

/// What runs across the plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Across {
    #[default]
    Updates,
    /// The sum of the rates so far: curves of different peaks line up over it until noise parts them.
    Rates,
}

/// How the panel is looked at.
#[derive(Default)]
pub struct State {
    across: Across,
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    counts::renew(studio);
    ScrollArea::vertical().id_salt("update weights").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        reading(ui, studio);
        ui.add_space(metrics::S);
        let options = [
            (Across::Updates, "Updates", "Over the updates of the run."),
            (Across::Rates, "Sum of rates", "Over the sum of the rates so far: how far training has gone."),
        ];
        segmented(ui, &mut studio.panels.of::<State>().across, &options);
        ui.add_space(metrics::S);
        plots(ui, studio);
    });
}

/// What there is to read of the selected run, in words, with the timescale as a bar.
fn reading(ui: &mut Ui, studio: &Studio) {
    let selected = studio.view.selected;
    let Some(run) = studio.document.run(selected) else { return };
    let Some(Found { memory, .. }) =
        studio.panels.peek::<Counts>().and_then(|counts| counts.of_run(selected))
    else {
        prose(ui, "The run has no schedule that can be read ahead.");
        return;
    };
    let last = |share: f64| format::count(memory.newest(share));
    let text = format!(
        "Half of what training did to “{}” is of its last {} updates, nine tenths of the last {}.",
        run.name,
        last(0.5),
        last(0.9)
    );
    ui.add(Label::new(text).wrap());
    ui.add_space(metrics::XS);
    match memory.shortest() {
        None => {
            prose(ui, "There is no weight decay: nothing is forgotten, and an update counts by its rate.");
        }
        Some(shortest) => {
            let share = shortest / memory.updates.max(1) as f64;
            bar(ui, share);
            let left = memory.first_weights.abs();
            let text = format!(
                "Timescale at the highest rate: {} updates, 1/(rate × decay). Of the first weights {} is left.",
                format::count(shortest.round().min(1e15) as u64),
                format::percent(left)
            );
            ui.add(Label::new(theme::caption(ui, text)).wrap());
            if share > 1.0 {
                let warning = "The timescale is longer than the run: the decay hardly acts. About an epoch to the whole run is usual (arXiv 2405.13698).";
                ui.colored_label(theme::tokens(ui).warning, warning);
            }
        }
    }
    if let Some(note) = note(run.optimizer.kind) {
        ui.add(Label::new(theme::caption(ui, note)).wrap());
    }
}

/// What of the closed form does not hold for an optimizer.
fn note(kind: OptimizerKind) -> Option<&'static str> {
    match kind {
        OptimizerKind::AdamW | OptimizerKind::Lion => None,
        OptimizerKind::Sgd => {
            Some("SGD's decay goes through its momentum m; it is counted as a decay of rate/(1 − m).")
        }
        _ => Some(
            "Exact where the decay is decoupled, as AdamW's; this optimizer scales or averages it, so take it as a picture.",
        ),
    }
}

/// The timescale as a part of the run.
fn bar(ui: &mut Ui, share: f64) {
    let tokens = theme::tokens(ui);
    let size = vec2(ui.available_width(), metrics::COLOR_BAR + metrics::XS);
    let (full, _) = ui.allocate_exact_size(size, Sense::hover());
    let run = Rect::from_min_size(full.min, vec2(full.width(), metrics::COLOR_BAR));
    ui.painter().rect_filled(run, metrics::RADIUS, tokens.press);
    let right = run.left() + run.width() * share.clamp(0.0, 1.0) as f32;
    let part = Rect::from_min_max(run.min, pos2(right.max(run.left() + metrics::CURVE), run.bottom()));
    let color = if share > 1.0 { tokens.warning } else { tokens.text };
    ui.painter().rect_filled(part, metrics::RADIUS, color);
}

/// What updates count, and the losses, of all shown runs.
fn plots(ui: &mut Ui, studio: &Studio) {
    let (Some(state), Some(all)) = (studio.panels.peek::<State>(), studio.panels.peek::<Counts>()) else {
        return;
    };
    let tokens = theme::tokens(ui);
    let rows: Vec<Row> = studio.shown();
    let (mut counts, mut losses) = (Vec::new(), Vec::new());
    let mut end: f64 = 0.0;
    for row in rows {
        let Some(found) = all.of_run(row.id) else { continue };
        let memory = &found.memory;
        let place = |updates: f64| match state.across {
            Across::Updates => updates,
            Across::Rates => memory.rates_of(updates),
        };
        end = end.max(place(memory.updates as f64));
        let color = studio.color(row, tokens);
        let selected = row.id == studio.view.selected;
        let width = if selected { metrics::CURVE } else { metrics::HAIRLINE };
        let points = found.points().map(|(update, count)| (place(update), count)).collect();
        counts.push(Stroked { points, band: Vec::new(), color, width, id: None });
        let lane = studio.frame.lane(row.id);
        let measured = lane.map(|lane| lane.curves.validation.as_slice()).unwrap_or_default();
        let loss = |bucket: &crate::telemetry::Bucket| (place(bucket.last_update as f64 + 1.0), bucket.last);
        let points: Vec<(f64, f64)> =
            measured.iter().map(loss).filter(|(_, loss)| loss.is_finite()).collect();
        if !points.is_empty() {
            losses.push(Stroked { points, band: Vec::new(), color, width, id: None });
        }
    }
    let label = match state.across {
        Across::Updates => "update",
        Across::Rates => "sum of rates",
    };
    let across = Ruler::linear(0.0, end);
    let most = counts.iter().flat_map(|line| line.points.iter().map(|(_, it)| *it)).fold(1.0, f64::max);
    let height = metrics::COMPARISON;
    let plot = |name: &str, above: &str, up: &Ruler, lines: Vec<Stroked>, ui: &mut Ui| {
        let (spots, worst_is_high, marked) = (Vec::new(), true, None);
        let labels = [label, above];
        Cloud { name, across: &across, up, labels, height, worst_is_high, spots, lines, marked }.show(ui);
    };
    plot("Update weights", "an update counts, × the mean update", &Ruler::linear(0.0, most), counts, ui);
    if losses.is_empty() {
        prose(ui, "Losses come here as the runs are trained; the middle plot has to show the loss.");
        return;
    }
    let heights = losses.iter().flat_map(|line| line.points.iter().map(|(_, loss)| *loss));
    plot("Losses", "validation loss", &Ruler::of_values(heights, false), losses.clone(), ui);
}
