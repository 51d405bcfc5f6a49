//! A run resolved against its clock: every optimizer number as a function of the update.

use super::TrainError;
use super::control::Control;
use super::rule::Numbers;
use crate::experiment::{Number, OptimizerKind, Run};
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
    /// The run's controller before its first report.
    pub control: Option<Control>,
    pub layer_decay: Option<f64>,
    /// The samples an update is to average over; `None` is what the task says.
    pub batch: Option<Curve>,
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
        let Signal::Fixed(eps) = signal("eps")? else {
            let how = format!("run \"{}\": eps must be one number, not a schedule", run.name);
            return Err(TrainError::Task(how));
        };
        Ok(Self {
            kind,
            lr: run.lr.resolve(clock).map_err(named)?,
            momentum: kind.momentum_name().map_or(Ok(Signal::Fixed(0.0)), signal)?,
            second: signal(second)?,
            weight_decay: signal("weight_decay")?,
            eps,
            nesterov: run.optimizer.nesterov,
            control: Control::of(run).map_err(named)?,
            layer_decay: run.layer_decay,
            batch: run.batch.as_ref().map(|batch| batch.resolve(clock).map_err(named)).transpose()?,
        })
    }

    /// The numbers update `update` uses, the rate as the controller has it.
    pub fn numbers(&self, update: u64, controller: Option<&Control>) -> Numbers {
        let scheduled = self.lr.at(update);
        Numbers {
            lr: controller.map_or(scheduled, |controller| controller.rate(scheduled)),
            momentum: self.momentum.at(update, &self.lr),
            second: self.second.at(update, &self.lr),
            eps: self.eps,
            weight_decay: self.weight_decay.at(update, &self.lr),
            nesterov: self.nesterov,
            share: 0.0,
            update,
        }
    }
}
