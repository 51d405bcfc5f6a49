//! The Pareto front of two objectives, or of one against what it cost in updates.

use eframe::egui::Ui;

use crate::experiment::sweep::Objective;
use crate::sweep::front::front;
use crate::sweep::{Status, Trial};
use crate::ui::panels::sweep::found::Found;
use crate::ui::panels::sweep::view::{Options, View};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Stroked, Touch};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::prose;

pub const VIEW: View = View {
    title: "Pareto front",
    sentence: "Two objectives against each other: on the line are the trials that no other beats in both.",
    show,
};

/// What to write where there is one objective only.
const ONE: &str =
    "A front wants two objectives, such as objective = [\"final_val_accuracy\", \"cost\"] under [sweep].";

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    let [first, second] = found.sweep.objectives.as_slice() else {
        prose(ui, ONE);
        return Touch::default();
    };
    let tokens = theme::tokens(ui);
    let both = |trial: &Trial| {
        let at = |at: usize| trial.objectives.get(at).copied().flatten();
        Some((at(1)?, at(0)?)).filter(|_| trial.status == Status::Complete)
    };
    let front = front(&found.trials, &found.sweep.objectives);
    let values = |at: usize, objective: &Objective| {
        let value = move |trial: &Trial| both(trial).map(|(x, y)| if at == 0 { x } else { y });
        Ruler::of_values(found.trials.iter().filter_map(value), objective.is_maximised())
    };
    let (across, up) = (values(0, second), values(1, first));
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
    let names = [second, first].map(|it| it.name().replace('_', " "));
    let cloud = Cloud {
        name: VIEW.title,
        across: &across,
        up: &up,
        labels: [&names[0], &names[1]],
        height: metrics::SWEEP,
        worst_is_high: !first.is_maximised(),
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
