//! What multiplies a run's schedule: a rule that watches a metric, or the rate's own gradient.

use serde::{Deserialize, Serialize};

use crate::experiment::{Controller, Metric, OptimizerKind, Run};
use crate::schedule::ScheduleError;
use crate::schedule::controller::Change;
use crate::schedule::greedy::{Greedy, GreedyState};
use crate::schedule::hypergradient::{Hypergradient, HypergradientState};
use crate::schedule::plateau::{Plateau, PlateauState};

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
    /// When a number is out of its range, or the optimizer has no gradient for the rate.
    pub fn of(run: &Run) -> Result<Option<Self>, ScheduleError> {
        let control = match &run.controller {
            None => return Ok(None),
            Some(Controller::Plateau(it)) => Self::Plateau(it.metric, Plateau::new(it.rule)?),
            Some(Controller::Greedy(it)) => Self::Greedy(it.metric, Greedy::new(it.rule)?),
            Some(Controller::Hypergradient(it)) => {
                if !run.optimizer.has_hypergradient() {
                    let known =
                        OptimizerKind::ALL.into_iter().filter(|(_, kind)| kind.info().has_hypergradient);
                    let names: Vec<&str> = known.map(|(name, _)| name).collect();
                    return Err(ScheduleError {
                        field: "hypergradient".into(),
                        found: run.optimizer.kind.name().into(),
                        allowed: format!("one of these optimizers, not cautious: {}", names.join(", ")),
                    });
                }
                Self::Hypergradient(Hypergradient::new(it.beta)?)
            }
        };
        Ok(Some(control))
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
            Self::Plateau(_, plateau) => plateau.report(metric, scheduled),
            Self::Greedy(_, greedy) => greedy.report(metric, scheduled),
            Self::Hypergradient(_) => None,
        }
    }

    /// Before an update: lets the rate follow its own gradient, from `alignment`, this update's gradient along
    /// the direction of the last update.
    pub fn follow(&mut self, scheduled: f64, alignment: impl FnOnce() -> f64) {
        if let Self::Hypergradient(hypergradient) = self {
            hypergradient.step(alignment(), scheduled);
        }
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
                Self::Plateau(metric, Plateau::resume(*rule.rule(), *state)?)
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

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let (metric, multiplier) = (self.metric(), self.rate(1.0));
        let idle =
            Standing { metric, multiplier, best: None, smoothed: None, bad: 0, patience: 0, resting: 0 };
        match self {
            Self::Plateau(_, plateau) => {
                let state = plateau.state();
                Standing {
                    best: state.best,
                    smoothed: state.smoothed,
                    bad: state.bad,
                    patience: plateau.rule().patience,
                    resting: state.cooldown_left,
                    ..idle
                }
            }
            Self::Greedy(_, greedy) => {
                let state = greedy.state();
                let count = state.window.len();
                Standing {
                    best: state.best,
                    smoothed: (count > 0).then(|| state.sum / count as f64),
                    bad: state.bad,
                    patience: greedy.rule().patience,
                    resting: state.cooldown_left.max(state.warmup_left),
                    ..idle
                }
            }
            Self::Hypergradient(_) => idle,
        }
    }
}

/// Where a controller stands, for people to see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// What it watches.
    pub metric: Option<Metric>,
    /// What it multiplies the schedule by.
    pub multiplier: f64,
    /// The best of the metric so far.
    pub best: Option<f64>,
    /// The metric as the rule sees it, where it is smoothed.
    pub smoothed: Option<f64>,
    /// Reports in a row without improvement, and how many of them are tolerated.
    pub bad: u64,
    pub patience: u64,
    /// Reports after a change that will not be looked at.
    pub resting: u64,
}
