//! A training's folder: what its metrics, its experiment and its summary say of each lane.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lane::Contents;
use super::{LaneRecord, LibraryError, Validated};
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
/// Bytes of a file of JSON lines that are read.
const MOST_LINES: u64 = 64 << 20;

/// What one lane's lines come to.
pub(super) struct Meter {
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
    /// Updates after a resume, with the rate that the checkpoint had for them.
    promised: Vec<(u64, f64)>,
    resumes: u64,
    broken: u64,
}

impl Meter {
    pub fn new(seed: u64, clip: Option<f64>) -> Self {
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
            promised: Vec::new(),
            resumes: 0,
            broken: 0,
        }
    }

    pub fn take(&mut self, row: &Row) {
        self.tally.update(row);
        self.losses.push(row.train_loss);
        for (_, rate) in self.promised.iter().filter(|(update, _)| *update == row.update) {
            self.resumes += 1;
            self.broken += u64::from(rate.to_bits() != row.lr.to_bits());
        }
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

/// Reads a training's folder. What is damaged in it is its `problem`, and the rest is there all the same.
///
/// # Errors
/// When its experiment cannot be read.
pub(super) fn read(folder: &Path) -> Result<Contents, LibraryError> {
    let file = folder.join("experiment.toml");
    let experiment = Experiment::open(&file)
        .map_err(|error| LibraryError::BadFile { path: file, why: error.to_string() })?;
    let summary = summary(folder);
    let mut lanes = lanes(&experiment);
    let mut meters: Vec<Meter> =
        lanes.iter().map(|lane| Meter::new(lane.seed, experiment.train.clip_norm)).collect();
    let resumes = resumes(folder);
    for resume in &resumes {
        let is = |lane: &LaneRecord| lane.run == resume.run && lane.replica == resume.replica;
        if let Some(meter) = lanes.iter().position(is).and_then(|at| meters.get_mut(at)) {
            meter.promised.push((resume.update, resume.rate));
        }
    }
    let problem = measure(folder, &lanes, &mut meters).err();
    for (lane, meter) in lanes.iter_mut().zip(&meters) {
        fill(lane, meter, &summary);
    }
    changes(folder, &mut lanes);
    Ok(Contents { experiment: experiment.name, finished: !summary.is_null(), problem, lanes })
}

/// What a training or a sweep wrote at its end.
pub(super) fn summary(folder: &Path) -> Value {
    let bytes = files::read(&folder.join("summary.json"), 64 << 20).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// The whole lines of a file of JSON lines; none where it is not there.
fn lines<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let bytes = files::read(file, MOST_LINES).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// A line of `resumes.jsonl`: the rate that the checkpoint had for the next update.
struct Resume {
    run: String,
    replica: u32,
    update: u64,
    rate: f64,
}

fn resumes(folder: &Path) -> Vec<Resume> {
    let resume = |line: Value| {
        Some(Resume {
            run: line["run"].as_str()?.to_owned(),
            replica: line["replica"].as_u64()?.try_into().ok()?,
            update: line["update"].as_u64()?,
            // In text, as a number of JSON may lose its last bit on the way.
            rate: line["rate"].as_str()?.parse().ok()?,
        })
    };
    lines::<Value>(&folder.join("resumes.jsonl")).into_iter().filter_map(resume).collect()
}

/// Changes that were made while a run trained behind the API, and how late they took effect.
fn changes(folder: &Path, lanes: &mut [LaneRecord]) {
    for line in lines::<Value>(&folder.join("changes.jsonl")) {
        let (Some(run), Some(from), Some(applied)) =
            (line["run"].as_str(), line["from"].as_u64(), line["applied"].as_u64())
        else {
            continue;
        };
        for lane in lanes.iter_mut().filter(|lane| lane.run == run) {
            lane.latencies.push(applied.saturating_sub(from));
        }
    }
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

pub(super) fn fill(lane: &mut LaneRecord, meter: &Meter, summary: &Value) {
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
    (lane.resumes, lane.broken_resumes) = (meter.resumes, meter.broken);
    lane.joules = summary["joules"].as_f64();
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
