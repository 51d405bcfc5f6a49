//! What the rules that watch a metric and multiply a schedule have in common.

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Min,
    Max,
}

/// Whether a threshold is a share of the best value or a difference from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMode {
    #[default]
    Rel,
    Abs,
}

impl ThresholdMode {
    /// Whether a metric is better than the best so far by more than the threshold. NaN is never better.
    pub(super) fn is_better(self, mode: Mode, threshold: f64, metric: f64, best: Option<f64>) -> bool {
        match (mode, self) {
            (Mode::Min, Self::Rel) => metric < best.unwrap_or(f64::INFINITY) * (1.0 - threshold),
            (Mode::Min, Self::Abs) => metric < best.unwrap_or(f64::INFINITY) - threshold,
            (Mode::Max, Self::Rel) => metric > best.unwrap_or(f64::NEG_INFINITY) * (1.0 + threshold),
            (Mode::Max, Self::Abs) => metric > best.unwrap_or(f64::NEG_INFINITY) + threshold,
        }
    }
}

/// What a report did to the effective rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub from: f64,
    pub to: f64,
}

/// The rate where the schedule gives `base_rate`, if a controller's last change made `rate` of `base`: the
/// ratio of the two multiplies the schedule, and a constant one has exactly the controller's rates.
pub(super) fn scaled(base_rate: f64, rate: f64, base: f64) -> f64 {
    if base_rate == base { rate } else { base_rate * (rate / base) }
}
