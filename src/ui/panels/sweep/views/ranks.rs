//! Two numbers and the rank of each trial: nothing is made up between the points.

use eframe::egui::Ui;

use crate::ui::panels::sweep::found::{Found, place};
use crate::ui::panels::sweep::view::{Options, View, axis, shares};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Touch};
use crate::ui::theme::metrics;

pub const VIEW: View = View {
    title: "Ranks over two numbers",
    sentence: "Each trial in the colour of its rank, where it was trained; nothing is guessed between the points.",
    show,
};

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    shares(ui, options);
    // At first the two that matter most.
    let usual = |at: usize| {
        let path = found.importance.get(at).map(|one| &one.path);
        let there = found.sweep.over.iter().position(|axis| Some(&axis.path) == path);
        there.unwrap_or(at.min(found.sweep.over.len().saturating_sub(1)))
    };
    let usual = [usual(0), usual(1)];
    let [first, second] = &mut options.plane;
    let across = axis(ui, found, "Across", "A number of the sweep.", first, usual[0]);
    let up = axis(ui, found, "Upwards", "A number of the sweep.", second, usual[1]);
    let (Some(across), Some(up)) = (across, up) else { return Touch::default() };
    let (across, up) = (&found.sweep.over[across], &found.sweep.over[up]);
    let spot = |(trial, rank): (&crate::sweep::Trial, Option<f64>)| {
        let color = options.brushes.shade(ui, found, trial, rank);
        Some(Spot { id: trial.trial, x: place(across, trial)?, y: Some(place(up, trial)?), color })
    };
    let spots = found.worst_first(options.best).into_iter().filter_map(spot).collect();
    let cloud = Cloud {
        name: VIEW.title,
        across: &Ruler::of_axis(across),
        up: &Ruler::of_axis(up),
        labels: [&across.path, &up.path],
        height: metrics::SWEEP,
        worst_is_high: true,
        spots,
        lines: Vec::new(),
        marked: options.marked,
    };
    cloud.show(ui)
}
