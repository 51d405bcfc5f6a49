//! What a training's folder says, run by run and seed by seed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LibraryError, Marks};
use crate::analysis::audit::{Measure, Tally, describe};
use crate::experiment::Experiment;
use crate::files;
use crate::telemetry::metrics::{MetricsError, Reader};
use crate::telemetry::{Row, Validation};

/// A gradient norm this many times the running average of those before is a peak, as a loss is a spike.
const PEAK: f64 = 3.0;
/// The running average's share of the past.
const BETA: f64 = 0.98;
/// Updates before peaks count: the average needs some.
const SETTLED: u64 = 20;
/// The share of the updates, at the end, over which the slope of the loss is taken.
const LAST: f64 = 0.2;
/// Points of the small picture of a rate.
const PICTURE: usize = 48;

/// One training.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub experiment: String,
    /// Whether its summary is there: it came to its end.
    pub finished: bool,
    pub marks: Marks,
    /// What could not be read of it, in a sentence.
    pub problem: Option<String>,
    pub lanes: Vec<LaneRecord>,
}

/// A look at the held-out samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// Updates made by then.
    pub updates: u64,
    /// Nothing where it is not a number.
    pub loss: Option<f64>,
    pub accuracy: Option<f64>,
}

/// One run under one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// The update whose loss was no number any more.
    pub diverged_at: Option<u64>,
    /// Why it could not go on.
    pub failed: Option<String>,
    /// Wall time of its training, where it came to its end. Lanes that were trained together share it.
    pub seconds: Option<f64>,
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
    /// What it was given, by dotted names, without its name and its seed.
    pub settings: BTreeMap<String, String>,
    pub validations: Vec<Validated>,
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

/// What one lane's lines come to.
struct Meter {
    tally: Tally,
    losses: Vec<f32>,
    average: f64,
    weight: f64,
    peaks: u64,
    /// The rate at the validation before.
    rate_then: Option<f64>,
    /// Whether the loss sank or rose the last time.
    turn: Option<bool>,
    before: Option<f64>,
    reversals: u64,
}

impl Meter {
    fn new(seed: u64, clip: Option<f64>) -> Self {
        Self {
            tally: Tally::new(seed, clip),
            losses: Vec::new(),
            average: 0.0,
            weight: 0.0,
            peaks: 0,
            rate_then: None,
            turn: None,
            before: None,
            reversals: 0,
        }
    }

    fn take(&mut self, row: &Row) {
        self.tally.update(row);
        self.losses.push(row.train_loss);
        let norm = f64::from(row.grad_norm);
        if norm.is_finite() {
            let settled = self.tally.updates > SETTLED && self.weight > 0.0;
            self.peaks += u64::from(settled && norm > PEAK * self.average / self.weight);
            self.average = BETA * self.average + (1.0 - BETA) * norm;
            self.weight = BETA * self.weight + (1.0 - BETA);
        }
        if let Some(validation) = row.validation() {
            self.validated(validation, row.lr);
        }
    }

    /// A reversal is a validation loss that goes the other way than the time before, where the rate changed since.
    fn validated(&mut self, validation: Validation, rate: f64) {
        let loss = f64::from(validation.loss);
        if !loss.is_finite() {
            return;
        }
        if let Some(before) = self.before
            && loss != before
        {
            let rises = loss > before;
            let turned = self.turn.is_some_and(|turn| turn != rises);
            self.reversals += u64::from(turned && self.rate_then.is_some_and(|then| then != rate));
            self.turn = Some(rises);
        }
        self.before = Some(loss);
        self.rate_then = Some(rate);
    }

    /// The least-squares slope of the last fifth of the losses, if they are numbers.
    fn slope(&self) -> Option<f64> {
        let count = ((self.losses.len() as f64 * LAST).round() as usize).max(2);
        let last = self.losses.get(self.losses.len().checked_sub(count)?..)?;
        if last.iter().any(|loss| !loss.is_finite()) {
            return None;
        }
        let middle = (count - 1) as f64 / 2.0;
        let mean = last.iter().map(|loss| f64::from(*loss)).sum::<f64>() / count as f64;
        let (mut above, mut below) = (0.0, 0.0);
        for (at, loss) in last.iter().enumerate() {
            let x = at as f64 - middle;
            above += x * (f64::from(*loss) - mean);
            below += x * x;
        }
        Some(above / below)
    }

    fn picture(&self) -> Vec<f64> {
        let rates = &self.tally.rates;
        let last = rates.len().saturating_sub(1);
        let at = |point: usize| rates.get(point * last / (PICTURE - 1)).map(|(_, rate)| *rate);
        if rates.len() <= PICTURE {
            rates.iter().map(|(_, rate)| *rate).collect()
        } else {
            (0..PICTURE).filter_map(at).collect()
        }
    }
}

impl Training {
    /// Reads a training's folder. What is damaged in it is its `problem`, and the rest is there all the same.
    ///
    /// # Errors
    /// When its experiment or the marks cannot be read.
    pub fn read(folder: &Path) -> Result<Self, LibraryError> {
        let file = folder.join("experiment.toml");
        let experiment = Experiment::open(&file)
            .map_err(|error| LibraryError::BadFile { path: file, why: error.to_string() })?;
        let marks = Marks::read(folder)?;
        let summary = summary(folder);
        let mut lanes = lanes(&experiment);
        let mut meters: Vec<Meter> =
            lanes.iter().map(|lane| Meter::new(lane.seed, experiment.train.clip_norm)).collect();
        let problem = measure(folder, &lanes, &mut meters).err();
        for (lane, meter) in lanes.iter_mut().zip(&meters) {
            fill(lane, meter, &summary);
        }
        Ok(Self { experiment: experiment.name, finished: !summary.is_null(), marks, problem, lanes })
    }
}

fn summary(folder: &Path) -> Value {
    let bytes = files::read(&folder.join("summary.json"), 64 << 20).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Takes in the metrics, as far as they can be read.
fn measure(folder: &Path, lanes: &[LaneRecord], meters: &mut [Meter]) -> Result<(), String> {
    let said = |error: MetricsError| format!("metrics.csv: {error}");
    let mut last = 0;
    for line in Reader::open(&folder.join("metrics.csv")).map_err(said)? {
        let line = line.map_err(said)?;
        let is = |lane: &LaneRecord| lane.run == *line.run && lane.replica == line.replica;
        // Lines of one lane follow each other.
        if !lanes.get(last).is_some_and(is) {
            last = lanes
                .iter()
                .position(is)
                .ok_or_else(|| format!("metrics.csv: an unknown run \"{}\"", line.run))?;
        }
        if let Some(meter) = meters.get_mut(last) {
            meter.take(&line.row);
        }
    }
    Ok(())
}

/// Every run under every seed, with what it was given.
fn lanes(experiment: &Experiment) -> Vec<LaneRecord> {
    let mut lanes = Vec::new();
    for run in &experiment.runs {
        let mut settings: BTreeMap<String, String> = experiment
            .settings_of(&run.name)
            .into_iter()
            .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        settings.remove("train.seed");
        settings.remove("train.replicas");
        for replica in 0..experiment.train.replicas as u32 {
            lanes.push(LaneRecord {
                run: run.name.clone(),
                replica,
                seed: experiment.train.seed.wrapping_add(u64::from(replica)),
                schedule: describe(run),
                settings: settings.clone(),
                ..LaneRecord::default()
            });
        }
    }
    lanes
}

fn fill(lane: &mut LaneRecord, meter: &Meter, summary: &Value) {
    let tally = &meter.tally;
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    lane.updates = tally.updates;
    lane.final_train_loss = finite(tally.final_train_loss);
    lane.final_val_loss = finite(tally.last(Measure::Loss));
    lane.best_val_loss = tally.best(Measure::Loss);
    lane.final_val_accuracy = finite(tally.last(Measure::Accuracy));
    lane.best_val_accuracy = tally.best(Measure::Accuracy);
    lane.diverged_at = tally.diverged_at;
    lane.rate_changes = tally.rate_changes;
    lane.rate_deviation = tally.rate_variance.max(0.0).sqrt();
    lane.gradient_peaks = meter.peaks;
    lane.reversals = meter.reversals;
    lane.loss_slope = meter.slope();
    lane.picture = meter.picture();
    lane.validations = tally
        .validations
        .iter()
        .map(|it| Validated {
            updates: it.update + 1,
            loss: finite(Some(it.loss.into())),
            accuracy: finite(it.accuracy.map(f64::from)),
        })
        .collect();
    let is = |run: &&Value| run["name"] == *lane.run && run["replica"] == lane.replica;
    if let Some(run) = summary["runs"].as_array().and_then(|runs| runs.iter().find(is)) {
        lane.seconds = run["seconds"].as_f64();
        lane.failed = run["failed"].as_str().map(str::to_owned);
    }
}
