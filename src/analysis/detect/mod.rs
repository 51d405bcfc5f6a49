//! Diagnosis: what is going wrong in a training, from its telemetry, with evidence and a remedy.
//!
//! A [`Watch`] takes in one lane's rows, validations and events as they come and keeps a fixed amount of
//! state. It says nothing during warmup (except that a loss is no number), groups everything of one
//! [`Kind`] into one [`Finding`], and counts again only after a cooldown: a failing run is a handful of
//! findings, never a storm.

mod kind;
mod losses;
mod members;
mod norms;
mod phases;
mod policy;
mod rates;
pub(super) mod remedy;
mod runbook;
mod scales;
mod trace;
mod validations;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use kind::{Kind, Severity};
pub use members::Together;
pub use policy::{Policy, Reaction};
pub use remedy::Remedy;

use crate::experiment::phase::begins;
use crate::experiment::{Experiment, Loss, Rounding, Run, WeightFormat, lineage};
use crate::schedule::{Curve, Piecewise};
use crate::telemetry::{Row, Validation};
use crate::train::TrainError;
use crate::train::lane::Log;
use crate::train::task::Task;
use trace::Trace;

/// A measured number that speaks for a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub update: u64,
    /// What was measured, such as "loss".
    pub what: Cow<'static, str>,
    pub value: f64,
    /// What it is compared with.
    pub against: f64,
    /// What that is, such as "chance".
    pub against_what: Cow<'static, str>,
}

/// Something that goes wrong, as often as it did so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    /// The updates between which it was seen.
    pub first: u64,
    pub last: u64,
    /// How often, at most once a cooldown.
    pub count: u64,
    /// Of the first time, with how the training began where that may be why, and of the last where that is
    /// another; each with what it is compared with.
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
                number(e.value),
                e.against_what,
                number(e.against),
                e.update
            )
        });
        format!("{}{told}", self.kind.name())
    }
}

/// A measured number in a sentence, which may be none.
fn number(value: f64) -> String {
    if value.is_finite() { super::chart::label(value) } else { value.to_string() }
}

/// What is known about a lane before it trains.
#[derive(Clone, Debug)]
pub struct Context {
    /// The rate as scheduled, before any controller: a fork follows its origin's schedule first.
    /// Nothing of a recording, whose schedule nobody knows.
    pub scheduled: Option<Piecewise<Curve>>,
    pub updates: u64,
    /// Until this update only a loss that is no number is an alarm.
    pub quiet_until: u64,
    /// The loss of knowing nothing about an input.
    pub chance: Option<f64>,
    /// What that is called.
    pub chance_name: &'static str,
    /// The norm of the initial weights.
    pub weight_norm: f64,
    pub parameters: usize,
    pub weights: WeightFormat,
    /// Whether what rounding takes away from weights is right on average.
    pub rounded_fairly: bool,
    pub clip_norm: Option<f64>,
    /// Whether a controller multiplies the rate.
    pub controlled: bool,
    /// Whether the rule divides by the gradient's own size (the Adam family and its like).
    pub adaptive: bool,
    /// The longest the whole training may take, in seconds.
    pub runtime_cap: Option<f64>,
    /// The phases of the data by name, each with its first update; empty where all of it is the same.
    pub phases: Vec<(Arc<str>, u64)>,
    /// The stretches of updates in which samples get harder (or easier) by design.
    pub curricula: Vec<Range<u64>>,
    /// Who trains the run together.
    pub together: Together,
}

impl Context {
    /// The run at a position of an experiment whose data, model and clock are `task`'s, from initial weights
    /// of [`initial_norm`].
    ///
    /// # Errors
    /// When there is no such run, or its schedule, or that of a run it was forked from, cannot be resolved.
    pub fn of(task: &Task, experiment: &Experiment, at: usize, weight_norm: f64) -> Result<Self, TrainError> {
        let none = || TrainError::RunGone { work: "detection" };
        let run = experiment.runs.get(at).ok_or_else(none)?;
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        let runs = lineage(&experiment.runs, at, task.clock).map_err(named)?;
        let runs = runs.try_map(|run| experiment.runs.get(*run).ok_or_else(none))?;
        let warmup = |run: &&Run| run.lr.warmup.as_ref().map(|warmup| warmup.over.whole_updates(task.clock));
        let warmup = runs.values().filter_map(warmup).max().unwrap_or(0);
        let chance = task.prepared.chance();
        let phases = &experiment.data.phases;
        Ok(Self {
            scheduled: Some(runs.try_map(|run| run.lr.resolve(task.clock)).map_err(named)?),
            updates: task.clock.updates,
            quiet_until: warmup.max(task.clock.updates / 20).max(20),
            chance: Some(match task.loss {
                Loss::CrossEntropy => chance.loss,
                Loss::Mse => chance.squared_error,
            }),
            chance_name: experiment.model.chance_name(),
            weight_norm,
            parameters: task.model.width(),
            weights: task.weights,
            rounded_fairly: task.rounding == Rounding::Stochastic,
            clip_norm: task.clip_norm,
            controlled: runs.values().any(|run| run.controller.is_some()),
            adaptive: !run.optimizer.kind.is_plain(),
            runtime_cap: None,
            curricula: phases::curricula(phases, task.clock),
            together: Together::of(experiment, task.clock),
            phases: phases
                .iter()
                .map(|phase| Arc::clone(&phase.name))
                .zip(begins(phases, task.clock))
                .collect(),
        })
    }

    /// The rate that the schedule says for an update.
    pub fn rate(&self, update: u64) -> f64 {
        self.scheduled.as_ref().map_or(f64::NAN, |scheduled| scheduled.at(update).at(update))
    }

    /// Updates between two counts of the same finding.
    fn cooldown(&self) -> u64 {
        (self.updates / 20).max(50)
    }
}

/// The norm of the weights that training begins with.
pub fn initial_norm(task: &Task) -> f64 {
    let mut row = vec![0.0; task.model.width()];
    task.initialise(task.seed, 0, &mut row);
    row.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt()
}

/// Watches over one lane.
#[derive(Clone, Debug)]
pub struct Watch {
    context: Context,
    /// [`Context::quiet_until`] as it was given: a phase of the data begins with a quiet of its own.
    quiet_until: u64,
    seen: Seen,
}

/// What a watch remembers of the updates it took in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Seen {
    trace: Trace,
    rates: rates::Rates,
    losses: losses::Losses,
    norms: norms::Norms,
    validations: validations::Validations,
    #[serde(default)]
    phases: phases::Phases,
    #[serde(default)]
    members: members::Members,
    #[serde(default)]
    scales: scales::Scales,
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
        Self { quiet_until: context.quiet_until, context, seen: Seen::default() }
    }

    /// All that it remembers, in words that only [`Watch::restore`] reads.
    ///
    /// # Errors
    /// None that a watch can come to.
    pub fn state(&self) -> Result<String, toml::ser::Error> {
        // TOML writes infinity and NaN, too, which a run that diverged has measured.
        toml::to_string(&self.seen)
    }

    /// Goes on from what another watch over the same run remembered.
    ///
    /// # Errors
    /// When the words are another version's; the watch is then as it was.
    pub fn restore(&mut self, state: &str) -> Result<(), toml::de::Error> {
        self.seen = toml::from_str(state)?;
        Ok(())
    }

    /// What was found so far, the first first; at most one of each kind.
    pub fn findings(&self) -> &[Finding] {
        &self.seen.findings
    }

    /// Takes in an update, with its validation where it has one.
    pub fn update(&mut self, row: &Row) {
        let mut alarms = Vec::new();
        if !self.context.phases.is_empty() {
            self.phase(row, &mut alarms);
        }
        self.seen.rates.update(&self.context, &self.seen.trace, row, &mut alarms);
        self.seen.trace.update(row);
        self.seen.losses.update(&self.context, &self.seen.trace, row, &mut alarms);
        self.seen.norms.update(&self.context, &self.seen.trace, row, &mut alarms);
        self.seen.members.update(&self.context, row, &mut alarms);
        self.seen.scales.update(&self.context, &self.seen.trace, row, &mut alarms);
        for alarm in alarms {
            self.raise(row.update, alarm);
        }
        if let Some(share) = row.rounded_away.filter(|_| !self.context.rounded_fairly) {
            self.rounded_away(row.update, f64::from(share));
        }
        // A model that learns one phase by heart is told by the samples of that phase.
        let own = self.seen.phases.own_validation(row);
        if let Some(validation) = if self.context.phases.is_empty() { row.validation() } else { own } {
            self.validation(&validation);
        }
    }

    /// Looks at what phases of the data make of a run. Where one begins, losses, norms and validations are another
    /// data's: they are watched anew, after a while.
    fn phase(&mut self, row: &Row, alarms: &mut Vec<Alarm>) {
        let (context, seen) = (&mut self.context, &mut self.seen);
        seen.phases.update(context, &seen.trace, row, alarms);
        if phases::Phases::begins(context, row) {
            seen.trace.restart();
            (seen.losses, seen.norms) = (losses::Losses::default(), norms::Norms::default());
            seen.validations = validations::Validations::default();
        }
        let newest = context.phases.iter().rev().find(|(_, begin)| *begin <= row.update);
        let begin = newest.map_or(0, |(_, begin)| *begin);
        let quiet = if begin > 0 { begin + context.cooldown() } else { 0 };
        context.quiet_until = self.quiet_until.max(quiet);
    }

    fn validation(&mut self, validation: &Validation) {
        if let Some(alarm) = self.seen.validations.validation(&self.context, &self.seen.trace, validation) {
            self.raise(validation.update, alarm);
        }
    }

    /// A controller changed the rate before this update.
    pub fn rate_change(&mut self, update: u64, from: f64, to: f64) {
        self.seen.rates.forgive();
        if let Some(alarm) = self.seen.validations.cut(&self.context, update, from, to) {
            self.raise(update, alarm);
        }
    }

    /// Updates taken in so far.
    pub fn updates(&self) -> u64 {
        self.seen.trace.updates
    }

    /// The smoothed loss over its least value so far, once there is one: how far above its best the run is.
    pub fn above_best(&self) -> Option<f64> {
        Some(self.seen.trace.light.value()? / self.seen.trace.best?)
    }

    /// The smoothed training loss, once there is one.
    pub fn loss(&self) -> Option<f64> {
        self.seen.trace.loss.value()
    }

    /// The loss of knowing nothing about an input, where it is known.
    pub fn chance(&self) -> Option<f64> {
        self.context.chance
    }

    /// Takes in what a lane measured from update `from` on, in the order in which it happened.
    pub fn read(&mut self, log: &Log, from: u64) {
        let mut changes = log.rate_changes.iter().filter(|(update, _)| *update >= from).peekable();
        let start = log.rows.partition_point(|row| row.update < from);
        for row in log.rows.iter().skip(start) {
            while let Some((update, change)) = changes.next_if(|(update, _)| *update <= row.update) {
                self.rate_change(*update, change.from, change.to);
            }
            self.update(row);
        }
    }

    /// Somebody edited the run: from this update on it is another.
    pub fn edited(&mut self, context: Context) {
        self.quiet_until = context.quiet_until;
        self.context = context;
        self.seen.rates = rates::Rates::default();
    }

    /// The longest the whole training may take, in seconds, from now on.
    pub fn limit_runtime(&mut self, seconds: Option<f64>) {
        self.context.runtime_cap = seconds;
    }

    /// Of the weights that were to change, this share did not in the given update, because the stored
    /// format rounded the change away.
    fn rounded_away(&mut self, update: u64, share: f64) {
        if let Some(alarm) = self.seen.rates.rounded_away(&self.context, &self.seen.trace, update, share) {
            self.raise(update, alarm);
        }
    }

    /// This many seconds have passed since the training began.
    pub fn elapsed(&mut self, seconds: f64) {
        let (done, all) = (self.seen.trace.updates, self.context.updates);
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
                what: "seconds expected".into(),
                value: expected,
                against: cap,
                against_what: "a cap".into(),
            };
            self.raise(
                update,
                Alarm { kind: Kind::RuntimeCap, evidence, remedies: vec![Remedy::Updates(fitting)] },
            );
        }
    }

    fn raise(&mut self, update: u64, alarm: Alarm) {
        let cooldown = self.context.cooldown();
        if let Some(finding) = self.seen.findings.iter_mut().find(|finding| finding.kind == alarm.kind) {
            if update >= finding.last.saturating_add(cooldown) {
                finding.count += 1;
                finding.last = update;
                let first = finding.first;
                finding.evidence.retain(|evidence| evidence.update <= first);
                finding.evidence.push(alarm.evidence);
            }
            return;
        }
        let mut evidence = vec![alarm.evidence];
        if matches!(alarm.kind, Kind::StuckAtChance | Kind::Divergence) {
            evidence.extend(self.seen.trace.blow_up(self.context.weight_norm));
        }
        self.seen.findings.push(Finding {
            kind: alarm.kind,
            first: update,
            last: update,
            count: 1,
            evidence,
            remedies: alarm.remedies,
        });
    }
}
