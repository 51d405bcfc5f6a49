//! What a training keeps beside its weights, so that a resumed one ends as if it had never stopped.

use serde::{Deserialize, Serialize};

use crate::files::Seal;

/// How long a training had trained, and what its folder held, when a checkpoint was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Seconds of training so far, those before earlier stops included.
    pub seconds: f64,
    /// The first update that `metrics.csv` has: later than 0 where the lines of an earlier part were no longer there.
    #[serde(default)]
    pub first: u64,
    /// The beginning of `metrics.csv`; checkpoints of older versions have none.
    pub metrics: Option<Seal>,
    /// The beginning of `events.jsonl`.
    pub events: Option<Seal>,
}
