//! Of weights in 16 bits: how an update of a lane is stored, and which rate would be too small for it.

use super::{Lane, Task};
use crate::experiment::{Rounding, WeightFormat};
use crate::train::optimizer::{Dice, MOST_BUFFERS, Numbers, Store, smallest_useful_rate};

/// Looks at the smallest useful rate in a run without held-out samples.
const LOOKS: u64 = 200;

impl Lane {
    /// How the weights are stored after the update that comes `ahead` updates after the next one.
    pub(in crate::train) fn store(&self, task: &Task, ahead: u64) -> Store {
        let dice = (task.rounding == Rounding::Stochastic).then(|| Dice::of(self.seed, self.update + ahead));
        Store { format: task.weights, dice }
    }

    /// Whether the smallest useful rate is measured at that update: where weights are rounded and the held-out samples are
    /// scored after it, or now and then where there are none.
    pub(in crate::train) fn looks_at_rounding(&self, task: &Task, ahead: u64) -> bool {
        let done = self.update + ahead + 1;
        task.weights != WeightFormat::F32
            && if task.validates() {
                self.validation_is_due(task, done)
            } else {
                done.is_multiple_of((task.clock.updates / LOOKS).max(1))
            }
    }

    /// The smallest useful rate at the update that is about to be made, where it is measured: by what the update would be
    /// if weights were not rounded.
    pub(super) fn smallest_rate(
        &mut self,
        task: &Task,
        numbers: &Numbers,
        frozen: &[bool],
        weights: &[f32],
        buffers: &[&mut [f32]; MOST_BUFFERS],
    ) -> Option<f64> {
        if !self.looks_at_rounding(task, 0) {
            return None;
        }
        let kept = (self.gradient.clone(), self.scalars.clone(), self.parts.clone());
        let mut after = weights.to_vec();
        let mut others = buffers.each_ref().map(|buffer| buffer.to_vec());
        let others = others.each_mut().map(|buffer| &mut **buffer);
        self.apply(task, (numbers, Store::EXACT), frozen, &mut after, others);
        (self.gradient, self.scalars, self.parts) = kept;
        smallest_useful_rate(task.weights, numbers.lr, weights.iter().copied().zip(after))
    }
}
