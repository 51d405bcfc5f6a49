//! What is known of a training: run by run and seed by seed, whatever kind of folder it was read from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, Marks};

/// One training, sweep or recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub kind: Kind,
    pub experiment: String,
    /// Whether it came to its end.
    pub finished: bool,
    pub marks: Marks,
    /// What could not be read of it, in a sentence.
    pub problem: Option<String>,
    pub lanes: Vec<LaneRecord>,
}

/// What a folder says, before what people added to it.
pub(super) struct Contents {
    pub experiment: String,
    pub finished: bool,
    pub problem: Option<String>,
    pub lanes: Vec<LaneRecord>,
}

/// A look at the held-out samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// Updates made by then.
    pub updates: u64,
    /// Nothing where it is NaN or infinite.
    pub loss: Option<f64>,
    pub accuracy: Option<f64>,
}

/// One run under one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneRecord {
    pub run: String,
    pub replica: u32,
    pub seed: u64,
    /// The schedule and the optimizer in a few words.
    pub schedule: String,
    /// Updates made.
    pub updates: u64,
    pub final_train_loss: Option<f64>,
    pub final_val_loss: Option<f64>,
    pub best_val_loss: Option<f64>,
    pub final_val_accuracy: Option<f64>,
    pub best_val_accuracy: Option<f64>,
    /// The update whose loss became NaN or infinite.
    pub diverged_at: Option<u64>,
    /// Why it could not go on.
    pub failed: Option<String>,
    /// A sweep gave it up early.
    pub pruned: bool,
    /// Wall time of its training, where it came to its end. Lanes that were trained together share it.
    pub seconds: Option<f64>,
    /// Energy of its training, where the machine tells; shared as the time is.
    pub joules: Option<f64>,
    /// Updates whose rate was not the one before.
    pub rate_changes: u64,
    /// The standard deviation of the rate over all updates.
    pub rate_deviation: f64,
    /// Updates whose gradient norm was over three times the running average of those before.
    pub gradient_peaks: u64,
    /// Validations at which the loss turned round after the rate had changed.
    pub reversals: u64,
    /// The least-squares slope of the training loss over the last fifth of the updates, per update.
    pub loss_slope: Option<f64>,
    /// Times that it went on from a checkpoint, and those at which the rate was another than the checkpoint's.
    pub resumes: u64,
    pub broken_resumes: u64,
    /// Of every change that was made while it trained: updates from the one it was for to the one it took effect at.
    pub latencies: Vec<u64>,
    /// What it was given, by dotted names, without its name and its seed.
    pub settings: BTreeMap<String, String>,
    pub validations: Vec<Validated>,
    /// Of a sweep's trial: training losses along its way, the means over its seeds, by updates.
    pub losses: Vec<(u64, f64)>,
    /// The rate at evenly spaced updates.
    pub picture: Vec<f64>,
}

impl LaneRecord {
    /// Whether it diverged or could not go on.
    pub fn is_failed(&self) -> bool {
        self.diverged_at.is_some() || self.failed.is_some()
    }

    /// What it shares with its other seeds: everything that it was given.
    pub fn family(&self) -> String {
        let given: Vec<String> =
            self.settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        format!("{:08x}", crc32fast::hash(format!("{}\n{}", self.run, given.concat()).as_bytes()))
    }
}

/// A lane, with the training it is part of.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The training's folder, from the library's.
    pub folder: String,
    pub experiment: String,
    /// When its metrics were last written, in seconds since 1970.
    pub at: u64,
    pub lane: LaneRecord,
}
