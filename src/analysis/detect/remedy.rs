//! Remedies: edits of an experiment that one click applies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::experiment::precision::Dynamic;
use crate::experiment::{
    Controller, Experiment, LossScale, Number, Phase, Plateau, Rounding, Run, Team, WeightFormat,
};
use crate::schedule::kind::{Kind, Part, Role, Sequence, Value};
use crate::schedule::{Clock, Cooldown, Ramp, Schedule, Span, Warmup};

/// What would help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Remedy {
    /// Every rate of the schedule times this.
    ScaleRate(f64),
    /// A linear warmup from zero of at least this length.
    Warmup(#[serde(with = "in_words")] Span),
    /// A linear cooldown to zero of this length.
    Cooldown(#[serde(with = "in_words")] Span),
    /// Clip the gradient's norm to this.
    Clip(f64),
    /// Stop after so many updates.
    Updates(u64),
    /// Store weights in f32.
    FullPrecision,
    /// Round weights up or down by chance, right on average.
    RoundStochastically,
    /// Scale the loss of gradients in 16 bits, dynamically.
    ScaleLoss,
    WeightDecay(f64),
    /// The controller's patience times this.
    Patience(u64),
    /// Without the controller.
    NoController,
    /// Without what one of the workers does wrong.
    NoFault,
    /// Average clients every so many updates.
    LocalUpdates(u64),
    /// The schedule once for each phase of the data, over the phase.
    FollowPhases,
    /// Follow the schedule from where the run stands; nothing in the experiment changes.
    ResumeSchedule,
}

/// A length as an experiment file writes it.
mod in_words {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Span;

    pub fn serialize<S: Serializer>(span: &Span, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(span)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Remedy {
    /// What the button says.
    pub fn label(&self) -> String {
        match self {
            Self::ScaleRate(by) if *by < 1.0 => format!("Lower the rate to {by}×"),
            Self::ScaleRate(by) => format!("Raise the rate to {by}×"),
            Self::Warmup(over) => format!("Warm up over {over}"),
            Self::Cooldown(over) => format!("Cool down over the last {over}"),
            Self::Clip(norm) => format!("Clip gradients at {norm}"),
            Self::Updates(updates) => format!("Stop after {updates} updates"),
            Self::FullPrecision => "Store weights in f32".to_owned(),
            Self::RoundStochastically => "Round weights stochastically".to_owned(),
            Self::ScaleLoss => "Scale the loss dynamically".to_owned(),
            Self::WeightDecay(decay) => format!("Weight decay {decay}"),
            Self::Patience(times) => format!("Patience {times}×"),
            Self::NoController => "Remove the plateau control".to_owned(),
            Self::NoFault => "Let all workers do the same".to_owned(),
            Self::LocalUpdates(1) => "Average at every update".to_owned(),
            Self::LocalUpdates(updates) => format!("Average every {updates} updates"),
            Self::FollowPhases => "Begin the schedule anew in every phase".to_owned(),
            Self::ResumeSchedule => "Follow the schedule again".to_owned(),
        }
    }

    /// Whether the run at this position has it already.
    pub fn is_in_place(&self, experiment: &Experiment, run: usize, clock: Clock) -> bool {
        let Some(target) = experiment.runs.get(run) else { return false };
        let reaches = |have: Option<Span>, wanted: &Span| {
            have.is_some_and(|have| have.whole_updates(clock) >= wanted.whole_updates(clock))
        };
        match self {
            Self::Warmup(over) => reaches(target.lr.warmup.as_ref().map(|warmup| warmup.over), over),
            Self::Cooldown(over) => reaches(target.lr.cooldown.as_ref().map(|cooldown| cooldown.over), over),
            Self::Clip(norm) => experiment.train.clip_norm.is_some_and(|clipped| clipped <= *norm),
            Self::ScaleRate(_) | Self::ResumeSchedule => false,
            _ => !self.apply(&mut experiment.clone(), run),
        }
    }

    /// Edits the experiment; `run` is the index of the run it is about. `false` when nothing changed.
    pub fn apply(&self, experiment: &mut Experiment, run: usize) -> bool {
        let before = experiment.clone();
        let Some(target) = experiment.runs.get_mut(run) else { return false };
        match self {
            Self::ScaleRate(by) => scale(&mut target.lr, *by),
            Self::Warmup(over) => {
                let from = target.lr.warmup.as_ref().map_or(0.0, |warmup| warmup.from);
                target.lr.warmup = Some(Warmup::new(*over, from, Ramp::Linear));
            }
            Self::Cooldown(over) => {
                target.lr.cooldown = Some(Cooldown { over: *over, to: 0.0, shape: Ramp::Linear });
            }
            Self::Clip(norm) => experiment.train.clip_norm = Some(*norm),
            Self::Updates(updates) => experiment.train.updates = Span::Updates(*updates as f64),
            Self::FullPrecision => {
                (experiment.train.weights, experiment.train.rounding) =
                    (WeightFormat::F32, Rounding::Nearest);
            }
            Self::RoundStochastically => {
                if experiment.train.weights != WeightFormat::F32 {
                    experiment.train.rounding = Rounding::Stochastic;
                }
            }
            Self::ScaleLoss => {
                let is_dynamic = matches!(experiment.train.loss_scale, Some(LossScale::Dynamic(_)));
                if experiment.train.gradients != WeightFormat::F32 && !is_dynamic {
                    experiment.train.loss_scale = Some(LossScale::Dynamic(Dynamic::default()));
                }
            }
            Self::WeightDecay(decay) => {
                target.optimizer.set("weight_decay", Number::Fixed(*decay));
            }
            Self::Patience(times) => patient(target, *times),
            Self::NoController => target.controller = None,
            Self::NoFault => {
                if let Some(Team::Parallel(it)) = &mut experiment.team {
                    it.fault = None;
                }
            }
            Self::LocalUpdates(updates) => {
                if let Some(Team::Federated(it)) = &mut experiment.team {
                    it.local = Span::Updates(*updates as f64);
                }
            }
            Self::FollowPhases => follow(&mut target.lr, &experiment.data.phases),
            Self::ResumeSchedule => {}
        }
        *experiment != before
    }
}

fn patient(run: &mut Run, times: u64) {
    if let Some(Controller::Plateau(Plateau { rule, .. })) = &mut run.controller {
        rule.patience = rule.patience.max(1).saturating_mul(times);
    }
}

/// Makes a sequence of a schedule, a part for each phase; one that follows phases stays.
fn follow(lr: &mut Schedule, phases: &[Phase]) {
    let follows = |part: &Part| part.phase.is_some();
    if phases.len() < 2 || matches!(&lr.kind, Kind::Sequence(sequence) if sequence.parts.iter().any(follows))
    {
        return;
    }
    let part = |phase: &Phase| {
        let named = phase.length.map(|_| Arc::clone(&phase.name));
        Part { phase: named, ..Part::new(phase.length, lr.clone()) }
    };
    let parts = phases.iter().map(part).collect();
    *lr = Kind::Sequence(Sequence { parts }).into();
}

/// Multiplies every rate a schedule names; of a product, those of its first factor.
pub(in crate::analysis) fn scale(schedule: &mut Schedule, by: f64) {
    if let Some(clamp) = &mut schedule.clamp {
        clamp.min *= by;
        clamp.max *= by;
    }
    let kind = &mut schedule.kind;
    for field in Kind::fields(kind.name()).unwrap_or_default() {
        let scaled = match (field.role, kind.get(field.name)) {
            (Role::Rate, Some(Value::Number(rate))) => Value::Number(rate * by),
            (_, Some(Value::Formula(definition))) => match definition.scaled(by) {
                Some(scaled) => Value::Formula(scaled),
                None => continue,
            },
            (_, Some(Value::Points(points))) => {
                Value::Points(points.into_iter().map(|(at, rate)| (at, rate * by)).collect())
            }
            (_, Some(Value::Values(mut table))) => {
                table.values.iter_mut().for_each(|rate| *rate *= by);
                table.file = None;
                Value::Values(table)
            }
            (_, Some(Value::Parts(mut parts))) => {
                parts.iter_mut().for_each(|part| scale(&mut part.schedule, by));
                Value::Parts(parts)
            }
            (_, Some(Value::Factors(mut factors))) => {
                factors.iter_mut().take(1).for_each(|factor| scale(factor, by));
                Value::Factors(factors)
            }
            _ => continue,
        };
        kind.set(field.name, scaled);
    }
}
