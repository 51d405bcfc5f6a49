//! One descent from peak to floor: polynomial, cosine, tanh, k-decay, REX and the decay of WSD are shapes of it.

use std::f64::consts::PI;

/// Flat at `peak` until `start`, then down to `floor` over `over` ticks, where it stays.
#[derive(Clone, Debug)]
pub(super) struct Descent {
    pub peak: f64,
    pub floor: f64,
    /// The tick the descent starts at; before tick 0 when the descent is longer than the run.
    pub start: f64,
    pub over: f64,
    /// The share `p` of the descent counts as `p^k` (k-decay, arXiv 2004.05909); usually 1.
    pub k: f64,
    pub shape: Shape,
}

/// What is left of the height after a share `p` of the descent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// `(1-p)^power`
    Power(f64),
    /// `(1 + cos πp) / 2`
    Cosine,
    /// `((1 + cos πp) / 2)^power` (optax's `exponent`)
    CosinePower(f64),
    /// `1 - √p` (arXiv 2405.18392)
    OneMinusSqrt,
    /// `2·0.5^p - 1` (Megatron-LM's exponential decay)
    Exponential,
    /// `(1-p) / (1/2 + (1-p)/2)` (arXiv 2107.04197)
    Rex,
    /// `(1 - tanh(lower·(1-p) + upper·p)) / 2` before the end (timm's TanhLRScheduler, arXiv 1806.01593)
    Tanh { lower: f64, upper: f64 },
}

impl Shape {
    fn left(self, p: f64) -> f64 {
        match self {
            Self::Power(power) => (1.0 - p).powf(power),
            Self::Cosine => f64::midpoint(1.0, (PI * p).cos()),
            Self::CosinePower(power) => f64::midpoint(1.0, (PI * p).cos()).powf(power),
            Self::OneMinusSqrt => 1.0 - p.sqrt(),
            Self::Exponential => 2.0 * 0.5_f64.powf(p) - 1.0,
            Self::Rex => (1.0 - p) / (0.5 + 0.5 * (1.0 - p)),
            // The curve stops short of the floor; past the end nothing is left, as in timm.
            Self::Tanh { .. } if p >= 1.0 => 0.0,
            Self::Tanh { lower, upper } => 0.5 * (1.0 - (lower * (1.0 - p) + upper * p).tanh()),
        }
    }
}

impl Descent {
    /// What a warmup before it climbs to.
    pub fn top(&self) -> f64 {
        if matches!(self.shape, Shape::Tanh { .. }) { self.peak } else { self.at(0) }
    }

    pub fn at(&self, tick: u64) -> f64 {
        let share = (tick as f64 - self.start) / self.over;
        // All but tanh begin at the peak.
        if share < 0.0 || share == 0.0 && !matches!(self.shape, Shape::Tanh { .. }) {
            return self.peak;
        }
        let share = share.min(1.0);
        let eased = if self.k == 1.0 { share } else { share.powf(self.k) };
        self.floor + (self.peak - self.floor) * self.shape.left(eased)
    }
}
