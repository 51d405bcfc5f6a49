//! Early stopping: when a run has trained for long enough.

use super::controller::Metric;

/// Stops a run once a metric has not improved for a while.
///
/// It looks at the end of every epoch. An epoch improves on the best so far when the metric is better by more than
/// `min_delta`; after `patience` epochs in a row that do not, the run stops. The counting is that of Keras'
/// `EarlyStopping`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    pub metric: Metric,
    /// Epochs in a row without improvement, at least 1.
    pub patience: u64,
    /// What an improvement has to exceed, in the metric's own unit; at least 0.
    pub min_delta: f64,
    /// Whether a run that stops goes back to its weights after the best epoch.
    pub restore_best: bool,
}

impl Default for Stop {
    /// The validation loss, ten epochs, any improvement counts, and the best weights are the result.
    fn default() -> Self {
        Self { metric: Metric::ValLoss, patience: 10, min_delta: 0.0, restore_best: true }
    }
}
