//! A run resolved against its clock: every optimizer number as a function of the update.

use super::TrainError;
use super::control::Control;
use super::optimizer::{self, Numbers, Part};
use crate::experiment::{OptimizerKind, Run};
use crate::model::Parameter;
use crate::schedule::{Clock, Curve, NumberCurve};

/// What one run does at every update.
#[derive(Clone, Debug)]
pub struct Plan {
    pub kind: OptimizerKind,
    pub lr: Curve,
    /// The optimizer's numbers and options, in the order of its row in the table.
    numbers: Vec<NumberCurve>,
    pub options: Vec<bool>,
    /// The buffers that its rule keeps beside the weights.
    pub buffers: usize,
    /// The run's controller before its first report.
    pub control: Option<Control>,
    pub layer_decay: Option<f64>,
    /// The samples an update is to average over; `None` is what the task says.
    pub batch: Option<Curve>,
}

impl Plan {
    /// # Errors
    /// When a schedule of the run cannot be resolved.
    pub fn new(run: &Run, clock: Clock) -> Result<Self, TrainError> {
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        let numbers = run.optimizer.values().map(|(_, number)| number.resolve(clock));
        Ok(Self {
            kind: run.optimizer.kind,
            lr: run.lr.resolve(clock).map_err(named)?,
            numbers: numbers.collect::<Result<_, _>>().map_err(named)?,
            options: run.optimizer.switches().map(|(_, on)| on).collect(),
            buffers: optimizer::buffers(&run.optimizer),
            control: Control::of(run).map_err(named)?,
            layer_decay: run.layer_decay,
            batch: run.batch.as_ref().map(|batch| batch.resolve(clock).map_err(named)).transpose()?,
        })
    }

    /// The numbers update `update` uses, the rate as the controller has it.
    pub fn numbers(&self, update: u64, controller: Option<&Control>) -> Numbers {
        let scheduled = self.lr.at(update);
        let lr = controller.map_or(scheduled, |controller| controller.rate(scheduled));
        let values = self.numbers.iter().map(|number| number.at(update, &self.lr));
        Numbers::new(self.kind, lr, update, values, self.options.iter().copied())
    }

    /// Each matrix and vector of a row with its rate and weight decay in an update that uses these numbers.
    pub fn parts<'a>(&self, parameters: &'a [Parameter], numbers: &Numbers) -> Vec<Part<'a>> {
        let factors = self.rate_factors(parameters);
        let part = |(parameter, factor): (&'a Parameter, f64)| Part {
            range: parameter.range(),
            parameter: Some(parameter),
            lr: numbers.lr * factor,
            weight_decay: numbers.weight_decay(),
        };
        parameters.iter().zip(factors).map(part).collect()
    }

    /// What the rate of each matrix and vector is multiplied by.
    pub fn rate_factors(&self, parameters: &[Parameter]) -> impl Iterator<Item = f64> {
        let head = parameters.iter().map(|parameter| parameter.layer).max().unwrap_or(0);
        let decay = self.layer_decay.unwrap_or(1.0);
        parameters.iter().map(move |parameter| decay.powi((head - parameter.layer) as i32))
    }
}
