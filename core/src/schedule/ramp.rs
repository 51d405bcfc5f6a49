//! The shapes of warmup and cooldown.

use std::f64::consts::PI;

use super::Ramp;

impl Ramp {
    /// The climb from `low` to 1 as `elapsed` goes from 0 to `over` ticks. A cooldown is the same climb backwards.
    ///
    /// Exponential climbs by equal factors, so its `low` has to be above 0.
    pub(super) fn climb(self, low: f64, elapsed: u64, over: u64) -> f64 {
        let share = elapsed as f64 / over as f64;
        match self {
            Self::Linear => low + (1.0 - low) * share,
            Self::Cosine => low + (1.0 - low) * (1.0 - (PI * share).cos()) / 2.0,
            Self::Exponential => low.powf(1.0 - share),
            Self::Quadratic => low + (1.0 - low) * share * share,
            Self::OneMinusSqrt => low + (1.0 - low) * (1.0 - (1.0 - share).sqrt()),
            Self::Logarithmic => low + (1.0 - low) * ((elapsed as f64).ln_1p() / (over as f64).ln_1p()),
        }
    }
}
