//! What can be measured of a run.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::{Table, Value};

use crate::schedule::{Clock, Span};

/// A number of one run, one a seed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub run: String,
    pub of: Quantity,
    #[serde(default)]
    pub when: When,
    /// The phase of the data whose held-out samples are meant, by name, of `val_accuracy` and `val_loss`; the whole data set
    /// when not given.
    pub phase: Option<String>,
    /// The stretch that is looked at; the whole run when not given.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Fields of the experiment (`train.weights`) or of the run (`lr.peak`) that are set for this measure.
    #[serde(default)]
    pub set: Table,
    /// Fields of the run, and values to try: the measure is of the best, by the mean over the seeds.
    #[serde(default)]
    pub best_of: BTreeMap<String, Vec<Value>>,
    /// What whoever wrote the lesson measured, in the mean over three seeds.
    pub measured: Option<f64>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    ValAccuracy,
    ValLoss,
    TrainLoss,
    GradNorm,
    /// How often the rate changed from one update to the next.
    RateChanges,
    /// The sharpness at the end, as a share of what the last rate and momentum allow.
    SharpnessOverLimit,
    /// The rate of each update in the stretch, as a share of the step along that update at which the loss begins to rise:
    /// critical sharpness over `2/rate`.
    CriticalOverLimit,
    /// Of the snapshots that were kept, as an ensemble.
    EnsembleAccuracy,
    EnsembleLoss,
    /// Of the average of the snapshots.
    SwaAccuracy,
    SwaLoss,
    /// Of the plain mean of the snapshots within the stretch, which stands for a decay over it.
    MergedAccuracy,
    MergedLoss,
    /// The loss at the end that a law foretells, fitted to a constant rate, a cosine and a step at the same peak, minus the
    /// one that came.
    ForecastMiss,
}

impl Quantity {
    /// Whether more is better.
    pub(super) fn climbs(self) -> bool {
        matches!(self, Self::ValAccuracy | Self::EnsembleAccuracy | Self::SwaAccuracy | Self::MergedAccuracy)
    }
}

impl Measure {
    /// The updates that are looked at.
    pub(super) fn window(&self, clock: Clock) -> Range<u64> {
        let position = |text: &Option<String>, otherwise: u64| {
            text.as_ref()
                .and_then(|text| Span::parse_position(text).ok())
                .map_or(otherwise, |span| span.updates(clock).round() as u64)
        };
        position(&self.from, 0)..position(&self.to, clock.updates)
    }
}

/// Which of a quantity's values.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum When {
    #[default]
    End,
    Best,
    Mean,
    Most,
}
