//! The training losses of all trials along their way, those in training too.

use eframe::egui::Ui;

use crate::experiment::sweep::Search;
use crate::sweep::lineage::Lineage;
use crate::sweep::steps::STEPS;
use crate::ui::panels::sweep::found::Found;
use crate::ui::panels::sweep::view::{Options, View, shares};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Stroked, Touch};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::prose;

pub const VIEW: View = View {
    title: "Curves",
    sentence: "The training loss of each trial, or the validation loss of each member of a population, along its way, in the colour of its rank; those in training are thick.",
    show,
};

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    shares(ui, options);
    let tokens = theme::tokens(ui);
    let stroke = |id: usize, points: Vec<(f64, f64)>, color, width| Stroked {
        points,
        band: Vec::new(),
        color,
        width,
        id: Some(id),
    };
    let mut lines: Vec<Stroked> = found
        .worst_first(options.best)
        .into_iter()
        .map(|(trial, rank)| {
            let color = if rank.is_some() { found.color(ui, rank) } else { tokens.ghost(tokens.danger) };
            let is_held = options.brushes.hold(found, trial);
            let color = if is_held { tokens.ahead(color) } else { tokens.band(tokens.faint) };
            let points = match &trial.lineage {
                Some(lineage) => validated(lineage, trial.updates),
                None => points(&trial.losses),
            };
            stroke(trial.trial, points, color, metrics::HAIRLINE)
        })
        .collect();
    let running = found.running.iter();
    lines.extend(running.map(|one| stroke(one.trial, points(&one.losses), tokens.text, metrics::CURVE)));
    lines.retain(|line| !line.points.is_empty());
    if lines.is_empty() {
        prose(ui, "The trials of this folder were written down without their losses along the way.");
        return Touch::default();
    }
    let heights = lines.iter().flat_map(|line| line.points.iter().map(|(_, loss)| *loss));
    let up = Ruler::of_values(heights, false);
    let measured = match found.sweep.search {
        Search::Pbt => "validation loss",
        _ => "training loss",
    };
    let cloud = Cloud {
        name: VIEW.title,
        across: &Ruler::between(0.0, 100.0),
        up: &up,
        labels: ["% of the run", measured],
        height: metrics::SWEEP,
        worst_is_high: true,
        spots: Vec::new(),
        lines,
        marked: options.marked,
    };
    cloud.show(ui)
}

/// Losses in the middle of their stretches, by per cent of the run.
pub fn points(losses: &[(u64, f32)]) -> Vec<(f64, f64)> {
    let at = |step: u64| (step as f64 - 0.5) * 100.0 / STEPS as f64;
    losses.iter().map(|&(step, loss)| (at(step), f64::from(loss))).collect()
}

/// The validation losses of a member's weights by per cent of its run.
pub fn validated(lineage: &Lineage, updates: u64) -> Vec<(f64, f64)> {
    let share = |update: u64| update as f64 * 100.0 / updates.max(1) as f64;
    lineage.losses.iter().filter_map(|&(update, loss)| Some((share(update), loss?))).collect()
}
