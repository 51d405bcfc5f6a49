//! The course of the search: each trial's objective in their order, and the best so far.

use eframe::egui::Ui;

use crate::ui::panels::sweep::found::{Found, value};
use crate::ui::panels::sweep::view::{Options, View};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Stroked, Touch};
use crate::ui::theme::{self, metrics};

pub const VIEW: View = View {
    title: "History",
    sentence: "The objective of each trial in the order they were tried, and the best so far as a line.",
    show,
};

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    let tokens = theme::tokens(ui);
    let last = found.trials.last().map_or(1, |trial| trial.trial) as f64;
    let sign = if found.is_maximised() { -1.0 } else { 1.0 };
    let mut best = f64::INFINITY;
    let mut points = Vec::new();
    for trial in &found.trials {
        if let Some(badness) = value(trial).map(|value| sign * value).filter(|badness| *badness < best) {
            let at = trial.trial as f64;
            if best.is_finite() {
                points.push((at, sign * best));
            }
            best = badness;
            points.push((at, sign * best));
        }
    }
    points.extend(points.last().copied().map(|(_, value)| (last, value)));
    let ranked = found.worst_first(1.0);
    let spot = |(trial, rank): (&crate::sweep::Trial, Option<f64>)| Spot {
        id: trial.trial,
        x: trial.trial as f64,
        y: value(trial),
        color: options.brushes.shade(ui, found, trial, rank),
    };
    let cloud = Cloud {
        name: VIEW.title,
        across: &Ruler::between(0.0, last.max(1.0)),
        up: &found.ruler,
        labels: ["trial", &found.objective()],
        height: metrics::SWEEP,
        worst_is_high: !found.is_maximised(),
        spots: ranked.into_iter().map(spot).collect(),
        lines: vec![Stroked {
            points,
            band: Vec::new(),
            color: tokens.text,
            width: metrics::CURVE,
            id: None,
        }],
        marked: options.marked,
    };
    cloud.show(ui)
}
