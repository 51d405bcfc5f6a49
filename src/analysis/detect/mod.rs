//! Diagnosis: what is going wrong in a training, from its telemetry, with evidence and a remedy.
//!
//! A [`Watch`] takes in one lane's rows, validations and events as they come and keeps a fixed amount of
//! state. It says nothing during warmup (except that a loss is no number), groups everything of one
//! [`Kind`] into one [`Finding`], and counts again only after a cooldown: a failing run is a handful of
//! findings, never a storm.

mod losses;
mod norms;
mod rates;
pub(super) mod remedy;
mod trace;
mod validations;

pub use remedy::Remedy;

use crate::experiment::{Experiment, Loss, OptimizerKind, Run, WeightFormat};
use crate::random::{Stream, rng};
use crate::schedule::Curve;
use crate::telemetry::{Row, Validation};
use crate::train::TrainError;
use crate::train::plan::Plan;
use crate::train::task::Task;
use trace::Trace;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    IgnoredUpdates,
    Oscillation,
    Divergence,
    SilentSlowdown,
    StuckAtChance,
    OverfittingGap,
    PlateauThrash,
    CheckpointMismatch,
    PrecisionUnderflow,
    GradientPeaks,
    RuntimeCap,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::IgnoredUpdates,
        Self::Oscillation,
        Self::Divergence,
        Self::SilentSlowdown,
        Self::StuckAtChance,
        Self::OverfittingGap,
        Self::PlateauThrash,
        Self::CheckpointMismatch,
        Self::PrecisionUnderflow,
        Self::GradientPeaks,
        Self::RuntimeCap,
    ];

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IgnoredUpdates => "Ignored schedule",
            Self::Oscillation => "Oscillation",
            Self::Divergence => "Divergence",
            Self::SilentSlowdown => "Silent slowdown",
            Self::StuckAtChance => "Stuck at chance",
            Self::OverfittingGap => "Overfitting gap",
            Self::PlateauThrash => "Plateau thrash",
            Self::CheckpointMismatch => "Checkpoint mismatch",
            Self::PrecisionUnderflow => "Precision underflow",
            Self::GradientPeaks => "Gradient peaks",
            Self::RuntimeCap => "Runtime cap",
        }
    }

    /// What most often causes it.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::IgnoredUpdates => {
                "The scheduler is not stepped, or something overwrites the rate that it sets."
            }
            Self::Oscillation => "The rate is higher than the loss allows: updates jump across the valley.",
            Self::Divergence => {
                "The rate is too high, or rises too early; without clipping one batch suffices."
            }
            Self::SilentSlowdown => "The rate is too low: the weights hardly move in the time there is.",
            Self::StuckAtChance => {
                "The first updates were too large and broke the network; it answers the same to every input."
            }
            Self::OverfittingGap => {
                "The model learns its training samples by heart; more updates make it worse."
            }
            Self::PlateauThrash => {
                "The controller takes noise in the metric for a plateau and cuts again and again."
            }
            Self::CheckpointMismatch => "The training went on without the state of its schedule.",
            Self::PrecisionUnderflow => {
                "Updates are smaller than half a step of the stored weights and are rounded away."
            }
            Self::GradientPeaks => {
                "Single batches pull far harder than the others: outliers, or a rate near its limit."
            }
            Self::RuntimeCap => "At this pace the schedule is longer than the time allowed.",
        }
    }

    pub const fn severity(self) -> Severity {
        match self {
            Self::Divergence | Self::StuckAtChance | Self::CheckpointMismatch => Severity::Error,
            Self::GradientPeaks | Self::RuntimeCap | Self::OverfittingGap => Severity::Notice,
            _ => Severity::Warning,
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Costs quality or time.
    Warning,
    /// This training will come to nothing.
    Error,
}

/// What is done when something goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    Warn,
    /// Pause at an error.
    Pause,
    /// At an error go back to the last good checkpoint and halve the rate.
    RollBack,
}

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Tell,
    Pause,
    RollBackAndHalve,
}

impl Policy {
    /// What to do about a finding. Going back does not help against an edit or a wrong resume.
    pub fn reaction(self, finding: &Finding) -> Reaction {
        match (self, finding.kind.severity(), finding.kind) {
            (Self::Warn, ..) | (_, Severity::Notice | Severity::Warning, _) => Reaction::Tell,
            (Self::RollBack, Severity::Error, Kind::Divergence | Kind::StuckAtChance) => {
                Reaction::RollBackAndHalve
            }
            _ => Reaction::Pause,
        }
    }
}

/// A measured number that speaks for a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub update: u64,
    /// What was measured, such as "loss".
    pub what: &'static str,
    pub value: f64,
    /// What it is compared with.
    pub against: f64,
    /// What that is, such as "chance".
    pub against_what: &'static str,
}

/// Something that goes wrong, as often as it did so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    /// The updates between which it was seen.
    pub first: u64,
    pub last: u64,
    /// How often, at most once a cooldown.
    pub count: u64,
    /// Of the first time, and of the last where that is another; both times with what it was compared with.
    pub evidence: Vec<Evidence>,
    /// What would help, the first choice first.
    pub remedies: Vec<Remedy>,
}

impl Finding {
    /// One line for people.
    pub fn message(&self) -> String {
        let told = self.evidence.first().map_or(String::new(), |e| {
            format!(
                ": {} {} against {} of {} at update {}",
                e.what,
                super::chart::label(e.value),
                e.against_what,
                super::chart::label(e.against),
                e.update
            )
        });
        format!("{}{told}", self.kind.name())
    }
}

/// What is known about a lane before it trains.
#[derive(Clone, Debug)]
pub struct Context {
    /// The rate as scheduled, before any controller.
    pub scheduled: Curve,
    pub updates: u64,
    /// Until this update only a loss that is no number is an alarm.
    pub quiet_until: u64,
    /// The loss of knowing nothing about an input.
    pub chance: Option<f64>,
    /// The norm of the initial weights.
    pub weight_norm: f64,
    pub parameters: usize,
    pub weights: WeightFormat,
    pub clip_norm: Option<f64>,
    /// Whether a controller multiplies the rate.
    pub controlled: bool,
    /// Whether the rule divides by the gradient's own size (the Adam family and its like).
    pub adaptive: bool,
    /// The longest the whole training may take, in seconds.
    pub runtime_cap: Option<f64>,
}

impl Context {
    /// The run of an experiment whose data, model and clock are `task`'s.
    ///
    /// # Errors
    /// When the run's schedule cannot be resolved.
    pub fn of(task: &Task, experiment: &Experiment, run: &Run) -> Result<Self, TrainError> {
        let plan = Plan::new(run, task.clock)?;
        let warmup = run.lr.warmup.as_ref().map_or(0, |warmup| warmup.over.whole_updates(task.clock));
        let chance = task.prepared.chance();
        let mut row = vec![0.0; task.model.width()];
        task.model.initialise(&mut rng(task.seed, Stream::Init), &mut row);
        let square: f64 = row.iter().map(|w| f64::from(*w).powi(2)).sum();
        Ok(Self {
            scheduled: plan.lr,
            updates: task.clock.updates,
            quiet_until: warmup.max(task.clock.updates / 20).max(20),
            chance: Some(match experiment.train.loss {
                Loss::CrossEntropy => chance.loss,
                Loss::Mse => chance.squared_error,
            }),
            weight_norm: square.sqrt(),
            parameters: row.len(),
            weights: task.weights,
            clip_norm: task.clip_norm,
            controlled: run.plateau.is_some() || run.greedy.is_some() || run.hypergradient.is_some(),
            adaptive: run.optimizer.kind != OptimizerKind::Sgd,
            runtime_cap: None,
        })
    }

    /// Updates between two counts of the same finding.
    fn cooldown(&self) -> u64 {
        (self.updates / 20).max(50)
    }
}

/// Watches over one lane.
#[derive(Clone, Debug)]
pub struct Watch {
    context: Context,
    trace: Trace,
    rates: rates::Rates,
    losses: losses::Losses,
    norms: norms::Norms,
    validations: validations::Validations,
    findings: Vec<Finding>,
}

/// What a detector saw.
struct Alarm {
    kind: Kind,
    evidence: Evidence,
    remedies: Vec<Remedy>,
}

impl Watch {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            trace: Trace::default(),
            rates: rates::Rates::default(),
            losses: losses::Losses::default(),
            norms: norms::Norms::default(),
            validations: validations::Validations::default(),
            findings: Vec::new(),
        }
    }

    /// What was found so far, the first first; at most one of each kind.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Takes in an update.
    pub fn update(&mut self, row: &Row) {
        let mut alarms = Vec::new();
        self.rates.update(&self.context, &self.trace, row, &mut alarms);
        self.trace.update(row);
        self.losses.update(&self.context, &self.trace, row, &mut alarms);
        self.norms.update(&self.context, &self.trace, row, &mut alarms);
        for alarm in alarms {
            self.raise(row.update, alarm);
        }
    }

    /// Takes in a validation.
    pub fn validation(&mut self, validation: &Validation) {
        if let Some(alarm) = self.validations.validation(&self.context, &self.trace, validation) {
            self.raise(validation.update, alarm);
        }
    }

    /// A controller cut the rate before this update.
    pub fn cut(&mut self, update: u64, from: f64, to: f64) {
        self.rates.forgive();
        if let Some(alarm) = self.validations.cut(&self.context, update, from, to) {
            self.raise(update, alarm);
        }
    }

    /// Somebody edited the schedule: from this update on it is another.
    pub fn edited(&mut self, scheduled: Curve) {
        self.context.scheduled = scheduled;
        self.rates = rates::Rates::default();
    }

    /// Of the weights that were to change, this share did not in the given update, because the stored
    /// format rounded the change away.
    pub fn rounded_away(&mut self, update: u64, share: f64) {
        if let Some(alarm) = self.rates.rounded_away(&self.context, update, share) {
            self.raise(update, alarm);
        }
    }

    /// This many seconds have passed since the training began.
    pub fn elapsed(&mut self, seconds: f64) {
        let (done, all) = (self.trace.updates, self.context.updates);
        let Some(cap) = self.context.runtime_cap else { return };
        if done < 20 || done * 20 < all {
            return;
        }
        let expected = seconds * all as f64 / done as f64;
        if expected > cap {
            let update = done.saturating_sub(1);
            let fitting = ((all as f64 * cap / expected) as u64).max(1);
            let evidence = Evidence {
                update,
                what: "seconds expected",
                value: expected,
                against: cap,
                against_what: "a cap",
            };
            self.raise(
                update,
                Alarm { kind: Kind::RuntimeCap, evidence, remedies: vec![Remedy::Updates(fitting)] },
            );
        }
    }

    fn raise(&mut self, update: u64, alarm: Alarm) {
        let cooldown = self.context.cooldown();
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.kind == alarm.kind) {
            if update >= finding.last.saturating_add(cooldown) {
                finding.count += 1;
                finding.last = update;
                finding.evidence.truncate(1);
                finding.evidence.push(alarm.evidence);
            }
            return;
        }
        self.findings.push(Finding {
            kind: alarm.kind,
            first: update,
            last: update,
            count: 1,
            evidence: vec![alarm.evidence],
            remedies: alarm.remedies,
        });
    }
}
