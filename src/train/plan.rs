//! A run resolved against its clock: every optimizer number as a function of the update.

use super::TrainError;
use super::rule::Numbers;
use crate::experiment::{Metric, Number, OptimizerKind, Plateau, PlateauMode, Run, ThresholdMode};
use crate::schedule::plateau::{self, PlateauRule};
use crate::schedule::{Clock, Curve};

/// What one run does at every update.
#[derive(Clone, Debug)]
pub struct Plan {
    pub kind: OptimizerKind,
    pub lr: Curve,
    momentum: Signal,
    second: Signal,
    weight_decay: Signal,
    eps: f64,
    nesterov: bool,
    /// What the run's controller watches, and the controller before its first report.
    pub plateau: Option<(Metric, plateau::Plateau)>,
    pub layer_decay: Option<f64>,
}

/// One optimizer number over time.
#[derive(Clone, Debug)]
enum Signal {
    Fixed(f64),
    Curve(Curve),
    Mirror { low: f64, high: f64 },
}

impl Signal {
    fn at(&self, update: u64, lr: &Curve) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Curve(curve) => curve.at(update),
            Self::Mirror { low, high } => lr.mirror(update, *low, *high),
        }
    }
}

impl Plan {
    /// # Errors
    /// When a schedule of the run cannot be resolved.
    pub fn new(run: &Run, clock: Clock) -> Result<Self, TrainError> {
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        let signal = |name: &str| -> Result<Signal, TrainError> {
            Ok(match run.optimizer.get(name) {
                None => Signal::Fixed(0.0),
                Some(Number::Fixed(value)) => Signal::Fixed(*value),
                Some(Number::Schedule(schedule)) => Signal::Curve(schedule.resolve(clock).map_err(named)?),
                Some(Number::Mirror { low, high }) => Signal::Mirror { low: *low, high: *high },
            })
        };
        let kind = run.optimizer.kind;
        let second = if kind == OptimizerKind::RmsProp { "alpha" } else { "beta2" };
        let eps = match signal("eps")? {
            Signal::Fixed(eps) => eps,
            _ => {
                return Err(TrainError::Task(format!(
                    "run \"{}\": eps must be one number, not a schedule",
                    run.name
                )));
            }
        };
        let plateau = match &run.plateau {
            Some(numbers) => Some((numbers.metric, plateau::Plateau::new(rule(numbers)).map_err(named)?)),
            None => None,
        };
        Ok(Self {
            kind,
            lr: run.lr.resolve(clock).map_err(named)?,
            momentum: kind.momentum_name().map_or(Ok(Signal::Fixed(0.0)), signal)?,
            second: signal(second)?,
            weight_decay: signal("weight_decay")?,
            eps,
            nesterov: run.optimizer.nesterov,
            plateau,
            layer_decay: run.layer_decay,
        })
    }

    /// The numbers update `update` uses, the rate as the controller has it.
    pub fn numbers(&self, update: u64, controller: Option<&plateau::Plateau>) -> Numbers {
        let scheduled = self.lr.at(update);
        Numbers {
            lr: controller.map_or(scheduled, |controller| controller.rate(scheduled)),
            momentum: self.momentum.at(update, &self.lr),
            second: self.second.at(update, &self.lr),
            eps: self.eps,
            weight_decay: self.weight_decay.at(update, &self.lr),
            nesterov: self.nesterov,
            update,
        }
    }
}

fn rule(numbers: &Plateau) -> PlateauRule {
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
