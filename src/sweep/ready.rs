//! Sweeps that answer a common question about a run, ready to be trained.

use toml::Value;

use crate::experiment::sweep::{Axis, Objective, Prune, Range, Search, Unit, Values};
use crate::experiment::{Experiment, Run, Source, Sweep};
use crate::schedule::kind::Constant;
use crate::schedule::{Clock, Cooldown, Kind, Ramp, Span};

/// A question, and the sweep that answers it.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub title: &'static str,
    pub sentence: &'static str,
    /// The axis whose values answer it, each at its own best.
    pub isolate: &'static str,
    /// The experiment with the run to vary, and the sweep over it. `None` where the run cannot be asked.
    pub make: fn(&Experiment, &Run, Clock) -> Option<(Experiment, Sweep)>,
}

/// Every question.
pub const READY: [Ready; 2] = [
    Ready {
        title: "Which shape?",
        sentence: "Constant, cosine, WSD and linear, each under peaks around the run's own, three seeds.",
        isolate: "lr.kind",
        make: shapes,
    },
    Ready {
        title: "Which cooldown?",
        sentence: "One stable rate, cooled over the last 5 to 60 % of the run by four shapes, each trained from update 0 under three seeds. “Cooldowns” under Snapshots trains what follows one moment only, under one seed.",
        isolate: "lr.cooldown.over",
        make: cooldowns,
    },
];

/// How far around the run's peak others are tried, as a factor, and how many.
const AROUND: f64 = 8.0;
const PEAKS: usize = 7;
const SEEDS: usize = 3;

fn shapes(experiment: &Experiment, run: &Run, clock: Clock) -> Option<(Experiment, Sweep)> {
    let peak = peak(run, clock)?;
    let range =
        Range { from: peak / AROUND, to: peak * AROUND, unit: Unit::Number, log: true, points: Some(PEAKS) };
    let kinds = ["constant", "cosine", "wsd", "linear"];
    let over = vec![
        axis("lr.kind", kinds.map(|kind| Value::String(kind.into())).to_vec()),
        Axis { path: "lr.peak".into(), values: Values::Range(range) },
    ];
    // A cooldown would make all kinds alike.
    let lr = crate::schedule::Schedule { cooldown: None, ..run.lr.clone() };
    Some(with(experiment, Run { lr, ..run.clone() }, over))
}

fn cooldowns(experiment: &Experiment, run: &Run, clock: Clock) -> Option<(Experiment, Sweep)> {
    let peak = peak(run, clock)?;
    let mut lr: crate::schedule::Schedule = Kind::Constant(Constant { peak }).into();
    lr.warmup.clone_from(&run.lr.warmup);
    lr.cooldown = Some(Cooldown { over: Span::Percent(20.0), to: 0.0, shape: Ramp::Linear });
    let range = Range { from: 5.0, to: 60.0, unit: Unit::Percent, log: false, points: Some(12) };
    let shapes = ["linear", "cosine", "1-sqrt", "quadratic"];
    let over = vec![
        Axis { path: "lr.cooldown.over".into(), values: Values::Range(range) },
        axis("lr.cooldown.shape", shapes.map(|shape| Value::String(shape.into())).to_vec()),
    ];
    Some(with(experiment, Run { lr, ..run.clone() }, over))
}

/// The highest rate of a run that begins at update 0.
fn peak(run: &Run, clock: Clock) -> Option<f64> {
    let curve = run.lr.resolve(clock).ok()?;
    Some(curve.range().1).filter(|peak| run.fork.is_none() && *peak > 0.0 && peak.is_finite())
}

fn axis(path: &str, choices: Vec<Value>) -> Axis {
    Axis { path: path.into(), values: Values::Choices(choices) }
}

fn with(experiment: &Experiment, run: Run, over: Vec<Axis>) -> (Experiment, Sweep) {
    // A controller would answer to what the schedule does.
    let run = Run { controller: None, ..run };
    let objective = match experiment.data.source {
        Source::None => Objective::FinalTrainLoss,
        _ if experiment.data.validation == 0.0 => Objective::FinalTrainLoss,
        _ => Objective::FinalValLoss,
    };
    let sweep = Sweep {
        run: run.name.clone(),
        search: Search::Grid,
        trials: None,
        seeds: SEEDS,
        seed: None,
        objectives: vec![objective],
        prune: Prune::None,
        over,
    };
    let experiment =
        Experiment { runs: vec![run], sweep: Some(sweep.clone()), snapshots: None, ..experiment.clone() };
    (experiment, sweep)
}
