//! Optimizers as the experiment file names them: a row of the [`table`] each, and a run's own numbers.

mod info;
mod table;

pub use info::{Conflict, NumberInfo, OptionInfo, Role, Settings, Slider, Steps};
pub use table::{OptimizerInfo, OptimizerKind};

use crate::schedule::{Clock, NumberCurve, Schedule, ScheduleError};

/// The update rule of a run and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    pub kind: OptimizerKind,
    /// One entry for each of [`OptimizerKind::numbers`], in that order.
    numbers: Vec<Number>,
    /// One entry for each of [`OptimizerKind::options`], in that order.
    options: Vec<bool>,
}

/// An optimizer number: fixed, on a schedule of its own, or mirroring the learning rate.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    Fixed(f64),
    Schedule(Box<Schedule>),
    /// High where the rate is low and low where it is high, as OneCycleLR and CyclicLR cycle momentum.
    Mirror {
        low: f64,
        high: f64,
    },
}

impl Number {
    /// The number over a run.
    ///
    /// # Errors
    /// When its schedule cannot be resolved.
    pub fn resolve(&self, clock: Clock) -> Result<NumberCurve, ScheduleError> {
        Ok(match self {
            Self::Fixed(value) => NumberCurve::Fixed(*value),
            Self::Schedule(schedule) => NumberCurve::Curve(schedule.resolve(clock)?),
            Self::Mirror { low, high } => NumberCurve::Mirror { low: *low, high: *high },
        })
    }
}

impl OptimizerKind {
    /// The kind's name in an experiment file.
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The kind's numbers with their defaults.
    pub const fn numbers(self) -> &'static [NumberInfo] {
        self.info().numbers
    }

    /// What can be switched on.
    pub const fn options(self) -> &'static [OptionInfo] {
        self.info().options
    }

    /// Whether the weights are an average of an iterate that runs ahead of them.
    pub const fn is_schedule_free(self) -> bool {
        self.info().averages.is_some()
    }

    /// The rule that is left without averaging.
    #[must_use]
    pub const fn base(self) -> Self {
        match self.info().averages {
            Some(base) => base,
            None => self,
        }
    }

    /// Whether each step is the rate times a mean of gradients, so that twice the inverse rate limits the sharpness.
    pub fn is_plain(self) -> bool {
        self.info().steps == Steps::Gradient && !self.is_schedule_free()
    }

    /// The number that mirrors the rate where one does: momentum, or beta1.
    pub fn momentum_name(self) -> Option<&'static str> {
        self.numbers().iter().find(|info| info.role == Role::Momentum).map(|info| info.name)
    }

    fn number_at(self, name: &str) -> Option<usize> {
        self.numbers().iter().position(|info| info.name == name)
    }

    fn option_at(self, name: &str) -> Option<usize> {
        self.options().iter().position(|info| info.name == name)
    }
}

impl Optimizer {
    /// The kind with its default numbers and options.
    pub fn new(kind: OptimizerKind) -> Self {
        let numbers = kind.numbers().iter().map(|info| Number::Fixed(info.default)).collect();
        Self { kind, numbers, options: kind.options().iter().map(|info| info.default).collect() }
    }

    /// The same optimizer with one number fixed. A name the kind does not have changes nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.set(name, Number::Fixed(value));
        self
    }

    /// The number of this name, if the kind has it.
    pub fn get(&self, name: &str) -> Option<&Number> {
        self.kind.number_at(name).map(|at| &self.numbers[at])
    }

    /// Sets a number; `false` when the kind has none of this name.
    pub fn set(&mut self, name: &str, value: Number) -> bool {
        let found = self.kind.number_at(name);
        if let Some(at) = found {
            self.numbers[at] = value;
        }
        found.is_some()
    }

    /// Every number, in the order of [`OptimizerKind::numbers`].
    pub fn values(&self) -> impl Iterator<Item = (&'static NumberInfo, &Number)> {
        self.kind.numbers().iter().zip(&self.numbers)
    }

    /// Whether an option is on; one the kind does not have is off.
    pub fn has(&self, option: &str) -> bool {
        self.kind.option_at(option).is_some_and(|at| self.options[at])
    }

    /// Switches an option; `false` when the kind has none of this name.
    pub fn switch(&mut self, option: &str, on: bool) -> bool {
        let found = self.kind.option_at(option);
        if let Some(at) = found {
            self.options[at] = on;
        }
        found.is_some()
    }

    /// Every option and whether it is on, in the order of [`OptimizerKind::options`].
    pub fn switches(&self) -> impl Iterator<Item = (&'static OptionInfo, bool)> {
        self.kind.options().iter().zip(self.options.iter().copied())
    }

    /// Whether the rule can say how the loss answers to the rate, as hypergradient descent asks.
    pub fn has_hypergradient(&self) -> bool {
        self.kind.info().has_hypergradient && !self.has("cautious")
    }

    /// What cannot go together in these settings, if anything.
    pub fn conflict(&self) -> Option<Conflict> {
        let fixed = |name: &str| match self.get(name) {
            Some(Number::Fixed(value)) => Some(*value),
            _ => None,
        };
        let on = |option: &str| self.has(option);
        (self.kind.info().conflict)(&Settings { fixed: &fixed, on: &on })
    }

    /// The same optimizer, with the options off that cannot go with its numbers.
    #[must_use]
    pub fn settled(mut self) -> Self {
        while let Some(conflict) = self.conflict() {
            if !self.has(conflict.field) {
                break;
            }
            self.switch(conflict.field, false);
        }
        self
    }

    /// The same numbers under another kind, where both have them; the rest take their defaults.
    #[must_use]
    pub fn converted(&self, kind: OptimizerKind) -> Self {
        let mut converted = Self::new(kind);
        for (info, number) in self.values() {
            if !matches!(info.role, Role::WeightDecay | Role::Constant) {
                converted.set(info.name, number.clone());
            }
        }
        for (info, on) in self.switches() {
            converted.switch(info.name, on);
        }
        converted.settled()
    }
}
