//! Gradients in 16 bits: what of them is kept, and the factor that the loss has before they are taken.
//!
//! The scale follows PyTorch's `torch.amp.GradScaler`: an update whose gradient overflows is left out and the scale falls;
//! after so many updates in a row without that it grows.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::experiment::{LossScale, WeightFormat};

/// The loss scale of a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    rule: LossScale,
    state: ScaleState,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScaleState {
    /// The scale's bits: it may be infinite.
    scale: u32,
    /// Updates in a row whose gradients did not overflow, since the scale changed or grew.
    sound: u64,
}

/// What an update made of the loss scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleChange {
    pub from: f32,
    pub to: f32,
    /// Whether the gradient overflowed, so that the update was left out.
    pub overflowed: bool,
}

impl ScaleChange {
    /// One line for people.
    pub fn message(&self) -> String {
        let Self { from, to, overflowed } = self;
        match (overflowed, from == to) {
            (true, true) => {
                format!("the gradient overflows at a loss scale of {from}: the update is left out")
            }
            (true, false) => {
                format!("the gradient overflows: the update is left out, the loss scale falls {from} → {to}")
            }
            (false, _) => {
                format!("no gradient has overflowed for a while: the loss scale grows {from} → {to}")
            }
        }
    }
}

impl Scaler {
    pub fn new(rule: LossScale) -> Self {
        let scale = match rule {
            LossScale::Fixed(scale) => scale,
            LossScale::Dynamic(rule) => rule.init,
        };
        Self { rule, state: ScaleState { scale: (scale as f32).to_bits(), sound: 0 } }
    }

    /// What the loss of the next update is multiplied by.
    pub fn scale(&self) -> f32 {
        f32::from_bits(self.state.scale)
    }

    pub fn state(&self) -> ScaleState {
        self.state
    }

    pub fn resume(&mut self, state: ScaleState) {
        self.state = state;
    }

    /// Takes note of an update; says so where it was left out or the scale grows.
    pub fn update(&mut self, overflowed: bool) -> Option<ScaleChange> {
        let from = self.scale();
        if let LossScale::Dynamic(rule) = self.rule {
            let times = |factor: f64| (f64::from(from) * factor) as f32;
            if overflowed {
                self.state = ScaleState { scale: times(rule.backoff).to_bits(), sound: 0 };
            } else if self.state.sound + 1 == rule.interval {
                let grown = times(rule.growth);
                let scale = if grown.is_finite() { grown } else { from };
                self.state = ScaleState { scale: scale.to_bits(), sound: 0 };
            } else {
                self.state.sound += 1;
            }
        }
        let to = self.scale();
        (overflowed || from != to).then_some(ScaleChange { from, to, overflowed })
    }
}

/// What storing a gradient took of it: numbers that were not 0 and are, and those that were not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Underflow {
    pub lost: u64,
    pub wanted: u64,
}

impl Underflow {
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { lost: self.lost + other.lost, wanted: self.wanted + other.wanted }
    }

    /// The share that became 0.
    pub fn share(self) -> f32 {
        self.lost as f32 / self.wanted.max(1) as f32
    }
}

/// Stores a gradient, times a factor, in a format.
pub fn store(format: WeightFormat, gradient: &mut [f32], factor: f32) -> Underflow {
    match format {
        WeightFormat::F32 => each(gradient, factor, |x| x),
        WeightFormat::Bf16 => each(gradient, factor, |x| half::bf16::from_f32(x).to_f32()),
        WeightFormat::F16 => each(gradient, factor, |x| half::f16::from_f32(x).to_f32()),
    }
}

fn each(gradient: &mut [f32], factor: f32, round: impl Fn(f32) -> f32) -> Underflow {
    Arch::new().dispatch(|| {
        let mut found = Underflow::default();
        for x in gradient {
            let stored = round(*x * factor);
            found.wanted += u64::from(*x != 0.0);
            found.lost += u64::from(*x != 0.0 && stored == 0.0);
            *x = stored;
        }
        found
    })
}
