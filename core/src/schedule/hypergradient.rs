//! Hypergradient descent: the rate follows the gradient of the loss with respect to itself (arXiv 1703.04782).
//!
//! Update `t` moved the weights by `-rate·direction`, so the loss at the next weights changes with the rate
//! by `-gradient·direction`, and the rate descends: `rate += beta·(gradient · last direction)`. The direction
//! is what the optimizer multiplies by the rate: the gradient for SGD (SGD-HD), the momentum buffer for SGD
//! with momentum, the corrected ratio of moments for Adam (Adam-HD).

use serde::{Deserialize, Serialize};

use super::ScheduleError;
use super::check::{self, MAX_RATE};
use super::controller;

/// The rule and its state: the rate it has come to, and the schedule's own rate there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypergradient {
    beta: f64,
    state: HypergradientState,
}

/// What the rule remembers, for a checkpoint. The ratio of the two rates multiplies the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HypergradientState {
    pub rate: f64,
    pub base: f64,
}

impl Default for HypergradientState {
    fn default() -> Self {
        Self { rate: 1.0, base: 1.0 }
    }
}

impl Hypergradient {
    /// # Errors
    /// When `beta`, the rate's own learning rate, is not above 0.
    pub fn new(beta: f64) -> Result<Self, ScheduleError> {
        Self::resume(beta, HypergradientState::default())
    }

    /// The rule as it was when `state` was taken.
    ///
    /// # Errors
    /// When `beta` is not above 0, or the state is none that a run leaves.
    pub fn resume(beta: f64, state: HypergradientState) -> Result<Self, ScheduleError> {
        check::within("hypergradient.beta", beta, (f64::MIN_POSITIVE, MAX_RATE))?;
        check::within("hypergradient.rate", state.rate, (0.0, f64::MAX))?;
        check::within("hypergradient.base", state.base, (f64::MIN_POSITIVE, f64::MAX))?;
        Ok(Self { beta, state })
    }

    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    #[must_use]
    pub fn state(&self) -> &HypergradientState {
        &self.state
    }

    /// The rate used where the schedule alone would give `base_rate`.
    #[must_use]
    pub fn rate(&self, base_rate: f64) -> f64 {
        controller::scaled(base_rate, self.state.rate, self.state.base).min(f64::MAX)
    }

    /// Steps the rate, before the update that uses it: `alignment` is the dot product of this update's
    /// gradient with the last update's direction (for Adam [`adam_alignment`]; 0 at the first update), and
    /// `base_rate` the schedule's own rate of this update. The rate does not fall below 0; an alignment
    /// that is no number, and a schedule at 0, change nothing.
    pub fn step(&mut self, alignment: f64, base_rate: f64) {
        let rate = (self.rate(base_rate) + self.beta * alignment).max(0.0);
        if alignment.is_finite() && rate.is_finite() && base_rate >= f64::MIN_POSITIVE {
            self.state = HypergradientState { rate, base: base_rate };
        }
    }
}

/// Adam's numbers for [`adam_alignment`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamDirection {
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    /// Updates done, the last one included.
    pub updates: u64,
}

/// The dot product of a gradient with Adam's last direction, `m̂ / (√v̂ + eps)`, from the moments as the last
/// update left them, so that no direction has to be kept. 0 before the first update.
#[must_use]
pub fn adam_alignment(gradient: &[f32], first: &[f32], second: &[f32], adam: AdamDirection) -> f64 {
    if adam.updates == 0 {
        return 0.0;
    }
    let updates = adam.updates as f64;
    let correction1 = 1.0 - adam.beta1.powf(updates);
    let correction2 = (1.0 - adam.beta2.powf(updates)).sqrt();
    let moments = first.iter().zip(second);
    gradient
        .iter()
        .zip(moments)
        .map(|(g, (m, v))| {
            let size = f64::from(*v).sqrt() / correction2 + adam.eps;
            f64::from(*g) * (f64::from(*m) / correction1) / size
        })
        .sum()
}
