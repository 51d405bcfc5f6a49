//! What merges of the ticked snapshots stand for: the decay that would have weighed their updates alike.

use eframe::egui::{Sense, Stroke, Ui, vec2};

use crate::analysis::ensemble::{Comparison, Decay, LineKind, stands_for};
use crate::engine::Snapshot;
use crate::ui::format;
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Stroked};
use crate::ui::theme::{self, metrics};

/// The lines of the table that are merges.
const MERGES: [(Decay, LineKind); 3] = [
    (Decay::Linear, LineKind::Soup),
    (Decay::Cosine, LineKind::MergedCosine),
    (Decay::OneMinusSqrt, LineKind::MergedOneMinusSqrt),
];

/// Draws the decays over the updates, each with the loss of its merge.
pub fn show(ui: &mut Ui, snapshots: &[Snapshot], comparison: &Comparison) {
    let updates: Vec<f64> = comparison
        .chosen
        .iter()
        .filter_map(|at| snapshots.get(*at))
        .map(|snapshot| snapshot.update() as f64)
        .collect();
    let Some((&first, &last)) = updates.first().zip(updates.last()) else { return };
    let tokens = theme::tokens(ui);
    ui.horizontal_wrapped(|ui| {
        for (slot, (decay, kind)) in MERGES.into_iter().enumerate() {
            let Some(line) = comparison.report.line(kind) else { continue };
            let (rect, _) = ui.allocate_exact_size(vec2(metrics::L, metrics::L), Sense::hover());
            ui.painter().hline(
                rect.x_range(),
                rect.center().y,
                Stroke::new(metrics::CURVE, tokens.class(slot)),
            );
            let name = Decay::ALL.iter().find(|(_, one)| *one == decay).map_or("", |(name, _)| *name);
            ui.label(theme::caption(ui, format!("{name}, loss {}", format::metric(line.measures.loss))));
        }
    });
    let lines = MERGES.iter().enumerate().map(|(slot, (decay, _))| {
        // Before the first snapshot every update counts whole.
        let mut points = vec![(first - (last - first) / updates.len() as f64, 1.0)];
        for (update, left) in updates.iter().zip(stands_for(&decay.weights(updates.len()))) {
            let before = points.last().map_or(first, |(at, _)| *at);
            points.extend([(before, left), (*update, left)]);
        }
        points.push((last, 0.0));
        Stroked { points, band: Vec::new(), color: tokens.class(slot), width: metrics::CURVE, id: None }
    });
    let start = first - (last - first) / updates.len() as f64;
    Cloud {
        name: "Merge weights",
        across: &Ruler::linear(start, last),
        up: &Ruler::linear(0.0, 1.0),
        labels: ["update", "how much an update counts"],
        height: metrics::COMPARISON,
        worst_is_high: true,
        spots: Vec::new(),
        lines: lines.collect(),
        marked: None,
    }
    .show(ui);
}
