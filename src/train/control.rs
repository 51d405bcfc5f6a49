//! What multiplies a run's schedule: a rule that watches a metric, or the rate's own gradient.

use serde::{Deserialize, Serialize};

use super::rule::Numbers;
use crate::experiment::{Metric, OptimizerKind, Plateau as PlateauNumbers, PlateauMode, Run, ThresholdMode};
use crate::schedule::ScheduleError;
use crate::schedule::controller::Change;
use crate::schedule::greedy::{Greedy, GreedyState};
use crate::schedule::hypergradient::{AdamDirection, Hypergradient, HypergradientState, adam_alignment, dot};
use crate::schedule::plateau::{self, Plateau, PlateauRule, PlateauState};

/// A controller and its state.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    Plateau(Metric, Plateau),
    Greedy(Metric, Greedy),
    Hypergradient(Hypergradient),
}

/// The state alone, for a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ControlState {
    Plateau(PlateauState),
    Greedy(GreedyState),
    Hypergradient(HypergradientState),
}

impl Control {
    /// The run's controller before its first report, if it has one.
    ///
    /// # Errors
    /// When a number is out of its range, the run has two controllers, or the optimizer has no gradient
    /// for the rate.
    pub fn of(run: &Run) -> Result<Option<Self>, ScheduleError> {
        let refuse = |field: &str, found: &str, allowed: &str| {
            Err(ScheduleError { field: field.into(), found: found.into(), allowed: allowed.into() })
        };
        let plateau = run.plateau.as_ref().map(|numbers| {
            let plateau = Plateau::new(rule(numbers)).and_then(|rule| rule.with_smoothing(numbers.smoothing));
            plateau.map(|plateau| Self::Plateau(numbers.metric, plateau))
        });
        let greedy = run
            .greedy
            .as_ref()
            .map(|numbers| Greedy::new(numbers.rule()).map(|greedy| Self::Greedy(numbers.metric, greedy)));
        let hypergradient = run
            .hypergradient
            .as_ref()
            .map(|numbers| Hypergradient::new(numbers.beta).map(Self::Hypergradient));
        let known = [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW];
        if hypergradient.is_some() && !known.contains(&run.optimizer.kind) {
            let found = run.optimizer.kind.name();
            return refuse("hypergradient", found, "an optimizer of kind sgd, adam or adamw");
        }
        let mut controls = [plateau, greedy, hypergradient].into_iter().flatten();
        let first = controls.next().transpose()?;
        if controls.next().is_some() {
            return refuse("controller", "two of them", "one of plateau, greedy and hypergradient");
        }
        Ok(first)
    }

    /// The rate used where the schedule alone would give `scheduled`.
    pub fn rate(&self, scheduled: f64) -> f64 {
        match self {
            Self::Plateau(_, plateau) => plateau.rate(scheduled),
            Self::Greedy(_, greedy) => greedy.rate(scheduled),
            Self::Hypergradient(hypergradient) => hypergradient.rate(scheduled),
        }
    }

    /// The metric it is told at the end of every epoch.
    pub fn metric(&self) -> Option<Metric> {
        match self {
            Self::Plateau(metric, _) | Self::Greedy(metric, _) => Some(*metric),
            Self::Hypergradient(_) => None,
        }
    }

    /// Tells the metric, and the schedule's own rate of the last update.
    pub fn report(&mut self, metric: f64, scheduled: f64) -> Option<Change> {
        match self {
            Self::Plateau(_, plateau) => {
                plateau.report(metric, scheduled).map(|cut| Change { from: cut.from, to: cut.to })
            }
            Self::Greedy(_, greedy) => greedy.report(metric, scheduled),
            Self::Hypergradient(_) => None,
        }
    }

    /// Before an update: lets the rate follow its own gradient, from this update's gradient and the
    /// buffers as the last update left them. SGD's direction is its momentum buffer.
    pub fn follow(
        &mut self,
        kind: OptimizerKind,
        numbers: Numbers,
        scheduled: f64,
        gradient: &[f32],
        buffers: (&[f32], &[f32]),
    ) {
        let Self::Hypergradient(hypergradient) = self else { return };
        let alignment = match kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                let (beta1, beta2, eps) = (numbers.momentum, numbers.second, numbers.eps);
                let adam = AdamDirection { beta1, beta2, eps, updates: numbers.update };
                adam_alignment(gradient, buffers.0, buffers.1, adam)
            }
            _ => dot(gradient, buffers.0),
        };
        hypergradient.step(alignment, scheduled);
    }

    pub fn state(&self) -> ControlState {
        match self {
            Self::Plateau(_, plateau) => ControlState::Plateau(*plateau.state()),
            Self::Greedy(_, greedy) => ControlState::Greedy(greedy.state().clone()),
            Self::Hypergradient(hypergradient) => ControlState::Hypergradient(*hypergradient.state()),
        }
    }

    /// The same rule as it was when `state` was taken; of a state of another rule, the rule as it is.
    ///
    /// # Errors
    /// When the state is none that a run leaves.
    pub fn resume(self, state: &ControlState) -> Result<Self, ScheduleError> {
        Ok(match (self, state) {
            (Self::Plateau(metric, rule), ControlState::Plateau(state)) => {
                let resumed = Plateau::resume(*rule.rule(), *state)?;
                Self::Plateau(metric, resumed.with_smoothing(rule.smoothing())?)
            }
            (Self::Greedy(metric, rule), ControlState::Greedy(state)) => {
                Self::Greedy(metric, Greedy::resume(*rule.rule(), state.clone())?)
            }
            (Self::Hypergradient(rule), ControlState::Hypergradient(state)) => {
                Self::Hypergradient(Hypergradient::resume(rule.beta(), *state)?)
            }
            (rule, _) => rule,
        })
    }

    /// The plateau rule, where it is one.
    pub fn plateau(&self) -> Option<&Plateau> {
        match self {
            Self::Plateau(_, plateau) => Some(plateau),
            _ => None,
        }
    }
}

fn rule(numbers: &PlateauNumbers) -> PlateauRule {
    PlateauRule {
        mode: match numbers.mode {
            PlateauMode::Min => plateau::Mode::Min,
            PlateauMode::Max => plateau::Mode::Max,
        },
        factor: numbers.factor,
        patience: numbers.patience,
        threshold: numbers.threshold,
        threshold_mode: match numbers.threshold_mode {
            ThresholdMode::Rel => plateau::ThresholdMode::Rel,
            ThresholdMode::Abs => plateau::ThresholdMode::Abs,
        },
        cooldown: numbers.cooldown,
        min_lr: numbers.min_lr,
        eps: numbers.eps,
    }
}
