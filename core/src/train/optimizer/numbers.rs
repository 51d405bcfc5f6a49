//! An optimizer's settings in one update.

use crate::experiment::optimizer::Role;
use crate::experiment::{Number, Optimizer, OptimizerKind};

/// More numbers or options than any optimizer has.
const MOST_NUMBERS: usize = 8;
const MOST_OPTIONS: usize = 4;

/// An optimizer's numbers and options for one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    pub kind: OptimizerKind,
    /// The run's rate; a part of a row may have another.
    pub lr: f64,
    /// Updates since the optimizer's buffers were empty.
    pub update: u64,
    values: [f64; MOST_NUMBERS],
    options: [bool; MOST_OPTIONS],
}

impl Numbers {
    /// `values` in the order of [`OptimizerKind::numbers`], `options` in that of [`OptimizerKind::options`].
    pub fn new(
        kind: OptimizerKind,
        lr: f64,
        update: u64,
        values: impl Iterator<Item = f64>,
        options: impl Iterator<Item = bool>,
    ) -> Self {
        let mut numbers =
            Self { kind, lr, update, values: [0.0; MOST_NUMBERS], options: [false; MOST_OPTIONS] };
        numbers.values.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        numbers.options.iter_mut().zip(options).for_each(|(slot, on)| *slot = on);
        numbers
    }

    /// Of an optimizer whose numbers are all fixed; one that is not counts as 0.
    pub fn fixed(optimizer: &Optimizer, lr: f64, update: u64) -> Self {
        let value = |number: &Number| if let Number::Fixed(value) = number { *value } else { 0.0 };
        let values = optimizer.values().map(|(_, number)| value(number));
        let options = optimizer.switches().map(|(_, on)| on);
        Self::new(optimizer.kind, lr, update, values, options)
    }

    /// The numbers, in the order of the kind's row in the table.
    pub fn values<const N: usize>(&self) -> [f64; N] {
        debug_assert_eq!(N, self.kind.numbers().len(), "the rule of {:?} knows its numbers", self.kind);
        std::array::from_fn(|at| self.values[at])
    }

    /// The options, in the order of the kind's row in the table; those it does not have are off.
    pub fn options<const N: usize>(&self) -> [bool; N] {
        std::array::from_fn(|at| self.options[at])
    }

    /// The same for parameters that were frozen in so many updates.
    #[must_use]
    pub fn without(self, missed: u64) -> Self {
        Self { update: self.update.saturating_sub(missed), ..self }
    }

    /// The update's number, counted from 1.
    pub fn step(&self) -> f64 {
        (self.update + 1) as f64
    }

    /// Momentum or beta1; 0 of an optimizer that has neither.
    pub fn momentum(&self) -> f64 {
        self.of(Role::Momentum)
    }

    /// beta2 or alpha; 0 of an optimizer that has neither.
    pub fn second(&self) -> f64 {
        self.of(Role::SecondMoment)
    }

    pub fn weight_decay(&self) -> f64 {
        self.of(Role::WeightDecay)
    }

    fn of(&self, role: Role) -> f64 {
        let mut values = self.kind.numbers().iter().zip(self.values);
        values.find(|(info, _)| info.role == role).map_or(0.0, |(_, value)| value)
    }
}

/// Every row of the table fits into [`Numbers`].
const _: () = {
    let mut at = 0;
    while at < OptimizerKind::ALL.len() {
        let kind = OptimizerKind::ALL[at].1;
        assert!(kind.numbers().len() <= MOST_NUMBERS && kind.options().len() <= MOST_OPTIONS);
        at += 1;
    }
};
