//! The greedy controller's numbers, as the experiment file names them.

use super::{Metric, PlateauMode, ThresholdMode};
use crate::schedule::greedy::GreedyRule;
use crate::schedule::plateau;

/// `GreedyLR`'s numbers (arXiv 2512.14527); the rule multiplies the run's schedule. It raises the rate
/// while the metric keeps improving and cuts it while it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Greedy {
    pub metric: Metric,
    pub mode: PlateauMode,
    /// What a cut multiplies the rate by and a raise divides it by, above 0 and below 1.
    pub factor: f64,
    /// Reports of one sort in a row that change nothing.
    pub patience: u64,
    pub threshold: f64,
    pub threshold_mode: ThresholdMode,
    /// Reports after a cut that are not looked at.
    pub cooldown: u64,
    /// Reports after a raise that are not looked at.
    pub warmup: u64,
    /// A rate below this is never cut.
    pub min_lr: f64,
    /// A rate above this is never raised.
    pub max_lr: f64,
    /// A change smaller than this is not made.
    pub eps: f64,
    /// The rule sees the mean of so many last metrics.
    pub window: Option<usize>,
    /// After so many cuts in vain at the lowest rate everything starts anew.
    pub reset_start: u64,
}

impl Default for Greedy {
    /// The defaults of transformers' `GreedyLR`, on the validation loss.
    fn default() -> Self {
        let rule = GreedyRule::default();
        Self {
            metric: Metric::ValLoss,
            mode: PlateauMode::Min,
            factor: rule.factor,
            patience: rule.patience,
            threshold: rule.threshold,
            threshold_mode: ThresholdMode::Abs,
            cooldown: rule.cooldown,
            warmup: rule.warmup,
            min_lr: rule.min_lr,
            max_lr: rule.max_lr,
            eps: rule.eps,
            window: rule.window,
            reset_start: rule.reset_start,
        }
    }
}

impl Greedy {
    /// The rule for the controller.
    #[must_use]
    pub fn rule(&self) -> GreedyRule {
        GreedyRule {
            mode: match self.mode {
                PlateauMode::Min => plateau::Mode::Min,
                PlateauMode::Max => plateau::Mode::Max,
            },
            factor: self.factor,
            patience: self.patience,
            threshold: self.threshold,
            threshold_mode: match self.threshold_mode {
                ThresholdMode::Rel => plateau::ThresholdMode::Rel,
                ThresholdMode::Abs => plateau::ThresholdMode::Abs,
            },
            cooldown: self.cooldown,
            warmup: self.warmup,
            min_lr: self.min_lr,
            max_lr: self.max_lr,
            eps: self.eps,
            window: self.window,
            reset_start: self.reset_start,
        }
    }
}
