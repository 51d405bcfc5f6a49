//! What a scenario is, in sentences, and what it measures beside the usual: the report's section on it.

use crate::data::SampleOrder;
use crate::experiment::attack::AttackKind;
use crate::experiment::names::name_of;
use crate::experiment::team::FaultKind;
use crate::experiment::{Experiment, LossScale, Metric, Phase, Rounding, Team, WeightFormat};
use crate::numbers::round_to;
use crate::telemetry::{Column, GroupColumn, Row, Store, phase_of};

/// What is told of every run: the newest value of each.
pub const COLUMNS: [Column; 12] = [
    Column::PrequentialLoss,
    Column::PrequentialAccuracy,
    Column::CleanAccuracy,
    Column::NoisyAccuracy,
    Column::RobustAccuracy,
    Column::LossSpread,
    Column::MemberDrift,
    Column::MemberCosine,
    Column::RoundedAway,
    Column::SmallestRate,
    Column::LossScale,
    Column::GradUnderflow,
];

/// What a lane measured of its scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// In the order of [`COLUMNS`].
    newest: [Option<f64>; COLUMNS.len()],
    /// Of each phase of the data, the best and the newest accuracy on its held-out samples.
    phases: Vec<(f64, f64)>,
}

impl Measured {
    /// Of a lane's telemetry.
    pub fn of_store(store: &Store) -> Self {
        let last = |column| store.series(column).finest().last().map(|bucket| bucket.last);
        let scored = |name: &str| {
            let series = store.group(name, GroupColumn::ValAccuracy)?;
            let best = series.finest().map(|bucket| bucket.max).fold(f64::NEG_INFINITY, f64::max);
            Some((best, series.finest().last()?.last))
        };
        let names = store.groups().filter(|name| phase_of(name).is_some());
        Self { newest: COLUMNS.map(last), phases: names.filter_map(|name| scored(name)).collect() }
    }

    /// Takes in one update.
    pub fn update(&mut self, row: &Row) {
        for (newest, column) in self.newest.iter_mut().zip(COLUMNS) {
            *newest = row.get(column).or(*newest);
        }
        let accuracy = |phase: usize| row.groups.get(GroupColumn::ValAccuracy, row.groups.len() + phase);
        for (phase, accuracy) in (0..).map_while(accuracy).enumerate() {
            match self.phases.get_mut(phase) {
                Some((best, newest)) => (*best, *newest) = (best.max(accuracy), accuracy),
                None => self.phases.push((accuracy, accuracy)),
            }
        }
    }

    /// The newest value of a quantity, by its place among [`COLUMNS`].
    pub fn newest(&self, at: usize) -> Option<f64> {
        self.newest.get(at).copied().flatten()
    }

    /// The best and the newest accuracy on a phase.
    pub fn phase(&self, at: usize) -> Option<(f64, f64)> {
        self.phases.get(at).copied()
    }
}

/// The scenario of an experiment; empty where it is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// What is unlike a plain training, a sentence each.
    pub sentences: Vec<String>,
    /// The names of the data's phases.
    pub phases: Vec<String>,
}

impl Scenario {
    pub fn of(experiment: &Experiment) -> Self {
        let (data, train) = (&experiment.data, &experiment.train);
        let mut sentences = Vec::new();
        if !data.phases.is_empty() {
            let told: Vec<String> = data.phases.iter().map(phase).collect();
            sentences.push(format!("The data have phases: {}.", told.join("; ")));
        }
        if data.label_noise > 0.0 {
            sentences.push(format!(
                "{} of the training labels are replaced at random.",
                percent(data.label_noise)
            ));
        }
        if let Some(stop) = &train.stop {
            let metric = name_of(&Metric::ALL, &stop.metric);
            let kept =
                if stop.restore_best { "its best weights are put back" } else { "its last weights are kept" };
            sentences.push(format!(
                "A run stops after {} epochs in a row without a better {metric}, and {kept}.",
                stop.patience
            ));
        }
        if let Some(start) = &experiment.start {
            let path = crate::plain::name(&start.path.to_string_lossy());
            sentences.push(format!("Training begins with the weights of {path}."));
        }
        sentences.extend(experiment.team.as_ref().map(team));
        sentences.extend(precision(experiment));
        if let Some(attack) = &train.attack {
            let kind = name_of(&AttackKind::ALL, &attack.kind);
            let trains = if attack.train { "; training sees such samples, too" } else { "" };
            sentences.push(format!(
                "Robust accuracy is that on held-out samples attacked by {kind} within {}{trains}.",
                attack.eps
            ));
        }
        Self { sentences, phases: data.phases.iter().map(|phase| phase.name.to_string()).collect() }
    }
}

fn percent(share: f64) -> String {
    format!("{} %", round_to(100.0 * share, 3))
}

/// A phase's name and length, and what is other in it.
fn phase(phase: &Phase) -> String {
    let length = phase.length.map_or_else(|| "the rest".to_owned(), |length| length.to_string());
    let mut told = vec![length];
    if let Some(source) = &phase.source {
        told.push(format!("data {source}"));
    }
    if let Some(classes) = &phase.classes {
        let classes: Vec<String> = classes.iter().map(u32::to_string).collect();
        told.push(format!("classes {}", classes.join(", ")));
    }
    if let Some(noise) = phase.label_noise {
        told.push(format!("label noise {}", percent(noise)));
    }
    let shift = phase.shift;
    let shifts = [(shift.rotate, 0.0, "turned by"), (shift.scale, 1.0, "times"), (shift.noise, 0.0, "noise")];
    told.extend(
        shifts.iter().filter(|(is, usual, _)| is != usual).map(|(is, _, what)| format!("{what} {is}")),
    );
    if phase.order != SampleOrder::Shuffled {
        let easy = phase.order == SampleOrder::EasyFirst;
        told.push(if easy { "easy samples first" } else { "hard samples first" }.to_owned());
    }
    if let Some(poison) = phase.poison {
        told.push(format!("{} labelled as class {}", percent(poison.share), poison.to));
    }
    format!("“{}” ({})", phase.name, told.join(", "))
}

fn team(team: &Team) -> String {
    match team {
        Team::Federated(it) => {
            let skew =
                it.skew.map_or_else(String::new, |skew| format!(", classes dealt out with skew {skew}"));
            let prox = if it.prox > 0.0 { format!(", pulled back by {}", it.prox) } else { String::new() };
            format!(
                "{} clients, {} of them in a round of {} local updates{skew}{prox}.",
                it.clients,
                team.members().1,
                it.local
            )
        }
        Team::Parallel(it) => {
            let shared = if it.every == 1 {
                "gradients of every update".to_owned()
            } else {
                format!("weights every {} updates", it.every)
            };
            let fault = it.fault.map_or_else(String::new, |fault| {
                let what = match fault.kind {
                    FaultKind::LrFactor(factor) => format!("has {factor} times the rate"),
                    FaultKind::Stale => "follows late".to_owned(),
                    FaultKind::Dropped => "is not heard".to_owned(),
                    FaultKind::OtherSeed => "begins with other weights".to_owned(),
                };
                format!("; worker {} {what}", fault.worker)
            });
            format!("{} workers average the {shared}{fault}.", it.workers)
        }
    }
}

fn precision(experiment: &Experiment) -> Vec<String> {
    let train = &experiment.train;
    let name = |format: &WeightFormat| name_of(&WeightFormat::ALL, format);
    let mut told = Vec::new();
    if train.weights != WeightFormat::F32 {
        let how = if train.rounding == Rounding::Stochastic {
            "by chance, right on average"
        } else {
            "to the nearest number"
        };
        told.push(format!("Weights are stored in {}, rounded {how}.", name(&train.weights)));
    }
    if train.gradients != WeightFormat::F32 {
        let scale = match train.loss_scale {
            None => "without a loss scale".to_owned(),
            Some(LossScale::Fixed(scale)) => format!("under a loss scale of {scale}"),
            Some(LossScale::Dynamic(rule)) => format!("under a dynamic loss scale from {}", rule.init),
        };
        told.push(format!("Gradients are stored in {}, {scale}.", name(&train.gradients)));
    }
    told
}
