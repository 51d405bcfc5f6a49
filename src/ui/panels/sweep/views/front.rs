//! The Pareto front of two objectives, or of one against what it cost in updates.

use eframe::egui::Ui;

use crate::sweep::front::unbeaten;
use crate::sweep::{Status, Trial};
use crate::ui::panels::sweep::found::Found;
use crate::ui::panels::sweep::view::{Options, View};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Stroked, Touch};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, prose, row};

pub const VIEW: View = View {
    title: "Pareto front",
    sentence: "Two objectives, or one and the updates it took: on the line are the trials that no other beats in both.",
    show,
};

/// What to write where there is nothing to weigh.
const SAME: &str = "All trials made equally many updates, so the best is the whole front. Vary train.updates, or name several objectives under [sweep], such as objective = [\"final_val_accuracy\", \"cost\"].";

/// What a trial can be measured by.
struct Measure {
    name: String,
    is_maximised: bool,
    /// The objective's place; updates where there is none.
    objective: Option<usize>,
}

impl Measure {
    /// The sweep's objectives, and the updates.
    fn all(found: &Found) -> Vec<Self> {
        let objective = |(at, objective): (usize, &crate::experiment::sweep::Objective)| Self {
            name: objective.name().replace('_', " "),
            is_maximised: objective.is_maximised(),
            objective: Some(at),
        };
        let updates = Self { name: "updates".to_owned(), is_maximised: false, objective: None };
        found.sweep.objectives.iter().enumerate().map(objective).chain([updates]).collect()
    }

    /// Of a trial that came to its end.
    fn of(&self, trial: &Trial) -> Option<f64> {
        let value = match self.objective {
            Some(at) => trial.objectives.get(at).copied().flatten(),
            None => Some(trial.updates as f64),
        };
        value.filter(|_| trial.status == Status::Complete)
    }

    fn badness(&self, trial: &Trial) -> Option<f64> {
        self.of(trial).map(|value| if self.is_maximised { -value } else { value })
    }
}

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    let measures = Measure::all(found);
    if measures.len() > 2 {
        let [across, up] = &mut options.front;
        choose(ui, "Across", &measures, across, *up);
        choose(ui, "Up", &measures, up, *across);
        ui.add_space(metrics::XS);
    }
    let [across, up] = options.front.map(|at| &measures[at.min(measures.len() - 1)]);
    let both = |trial: &Trial| Some((across.of(trial)?, up.of(trial)?));
    let front = unbeaten(&found.trials, |trial| Some(vec![up.badness(trial)?, across.badness(trial)?]));
    let mut updates = found.trials.iter().filter_map(both).map(|(x, _)| x);
    let first = updates.next();
    if across.objective.is_none() && measures.len() == 2 && updates.all(|other| Some(other) == first) {
        prose(ui, SAME);
        return Touch::default();
    }
    let tokens = theme::tokens(ui);
    let ruler = |measure: &Measure| {
        Ruler::of_values(found.trials.iter().filter_map(|trial| measure.of(trial)), measure.is_maximised)
    };
    let on = |trial: &Trial| front.iter().any(|other| other.trial == trial.trial);
    let spot = |trial: &Trial| {
        let (x, y) = both(trial)?;
        let color = if on(trial) { tokens.text } else { tokens.faint };
        let color = if options.brushes.hold(found, trial) { color } else { tokens.band(color) };
        Some(Spot { id: trial.trial, x, y: Some(y), color })
    };
    let mut spots: Vec<Spot> = found.trials.iter().filter_map(spot).collect();
    spots.sort_by_key(|spot| front.iter().any(|other| other.trial == spot.id));
    let points: Vec<(f64, f64)> = front.iter().filter_map(|trial| both(trial)).collect();
    let cloud = Cloud {
        name: VIEW.title,
        across: &ruler(across),
        up: &ruler(up),
        labels: [&across.name, &up.name],
        height: metrics::SWEEP,
        worst_is_high: !up.is_maximised,
        spots,
        lines: vec![Stroked {
            points,
            band: Vec::new(),
            color: tokens.text,
            width: metrics::HAIRLINE,
            id: None,
        }],
        marked: options.marked,
    };
    cloud.show(ui)
}

/// One of the measures, other than that of the other axis.
fn choose(ui: &mut Ui, label: &str, measures: &[Measure], chosen: &mut usize, other: usize) {
    row(ui, label, "What this axis measures: an objective, or the updates that a trial made.", |ui, id| {
        let name = measures.get(*chosen).map_or("", |measure| &measure.name);
        let combo = combo(label).selected_text(name).width(ui.available_width());
        let shown = combo.show_ui(ui, |ui| {
            for (at, measure) in measures.iter().enumerate().filter(|(at, _)| *at != other) {
                ui.selectable_value(chosen, at, &measure.name);
            }
        });
        shown.response.labelled_by(id);
    });
}
