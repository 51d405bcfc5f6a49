//! The greedy controller as the experiment file says it.

use super::Metric;
use crate::schedule::greedy::GreedyRule;

/// `GreedyLR` (arXiv 2512.14527) on a metric; the rule multiplies the run's schedule. It raises the rate
/// while the metric keeps improving and cuts it while it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Greedy {
    pub metric: Metric,
    pub rule: GreedyRule,
}

impl Default for Greedy {
    /// The defaults of transformers' `GreedyLR`, on the validation loss.
    fn default() -> Self {
        Self { metric: Metric::ValLoss, rule: GreedyRule::default() }
    }
}
