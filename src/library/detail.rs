//! One run in detail, read from its folder when somebody looks at it: its curves, its gradient norms, what happened.

use std::path::Path;

use serde_json::Value;

use super::{Kind, LibraryError};
use crate::files;
use crate::recording::Recorder;
use crate::telemetry::metrics::Reader;
use crate::telemetry::{Bucket, Column, GroupColumn, Precision, Series};

/// Points of a curve at most.
const POINTS: usize = 400;
/// The memory of a curve while it is read.
const BYTES: usize = 1 << 20;
/// What happened, at most.
const MOST_EVENTS: usize = 200;
const MOST_BYTES: u64 = 64 << 20;
/// Gradient norms are counted by powers of ten to this part.
const PER_DECADE: f64 = 4.0;

/// A curve: updates and values. Of many updates that one point stands for it is the last value, of gradient norms the
/// greatest.
pub type Points = Vec<(f64, f64)>;

/// What a run's folder says of it beyond its record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    pub rates: Points,
    /// The rate of each parameter group, by its name.
    pub group_rates: Vec<(String, Points)>,
    pub train_losses: Points,
    pub val_losses: Points,
    pub norms: Points,
    /// How many gradient norms are within a quarter of a decade: its lower edge, and the count.
    pub histogram: Vec<(f64, u64)>,
    /// What happened, by updates, the newest last.
    pub events: Vec<(u64, String)>,
    /// Events that are left out.
    pub events_left_out: usize,
}

/// The newest checkpoint of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCheckpoint {
    /// Updates done by then.
    pub updates: u64,
    /// When it was written, in seconds since 1970.
    pub at: u64,
}

impl LastCheckpoint {
    /// The one with the most updates in a training's folder, told by the names of its files.
    pub fn of(folder: &Path) -> Option<Self> {
        let files = std::fs::read_dir(folder.join("checkpoints")).ok()?.flatten();
        let one = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let updates = name.strip_prefix("update-")?.strip_suffix(".safetensors")?.parse().ok()?;
            let at = entry.metadata().ok()?.modified().ok()?;
            let at = at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
            Some(Self { updates, at })
        };
        files.filter_map(one).max_by_key(|it| it.updates)
    }
}

/// A curve that is being read.
struct Reading(Series);

impl Reading {
    fn new() -> Self {
        Self(Series::new(Precision::Double, BYTES))
    }

    fn push(&mut self, update: u64, value: Option<f64>) {
        if let Some(value) = value {
            self.0.push(update, value);
        }
    }

    fn points(&self, value: fn(&Bucket) -> f64) -> Points {
        let mut buckets = Vec::new();
        self.0.view(0..=u64::MAX, POINTS, &mut buckets);
        buckets.iter().map(|bucket| (bucket.last_update as f64, value(bucket))).collect()
    }
}

fn last(bucket: &Bucket) -> f64 {
    if bucket.nonfinite > 0 { f64::NAN } else { bucket.last }
}

fn greatest(bucket: &Bucket) -> f64 {
    bucket.max
}

impl Detail {
    /// Reads one lane of a folder. Of a sweep's trial there are training losses only.
    ///
    /// # Errors
    /// When the folder's files cannot be read at all; what is damaged ends its curves.
    pub fn read(folder: &Path, run: &str, replica: u32) -> Result<Self, LibraryError> {
        match Kind::of(folder) {
            Some(Kind::Training) => Self::of_training(folder, run, replica),
            Some(Kind::Recording) => Self::of_recording(folder, run),
            Some(Kind::Sweep) => Self::of_sweep(folder, run),
            None => Ok(Self::default()),
        }
    }

    fn of_training(folder: &Path, run: &str, replica: u32) -> Result<Self, LibraryError> {
        let path = folder.join("metrics.csv");
        let bad = |why: String| LibraryError::BadFile { path: path.clone(), why };
        let reader = Reader::open(&path).map_err(|error| bad(error.to_string()))?;
        let [mut rates, mut losses, mut looks, mut norms] = std::array::from_fn(|_| Reading::new());
        let mut groups: Vec<(String, Reading)> = Vec::new();
        let mut counted: Vec<f64> = Vec::new();
        for line in reader.map_while(Result::ok) {
            if *line.run != *run || line.replica != replica {
                continue;
            }
            let row = &line.row;
            rates.push(row.update, Some(row.lr));
            losses.push(row.update, Some(row.train_loss.into()));
            looks.push(row.update, row.val_loss.map(f64::from));
            norms.push(row.update, Some(row.grad_norm.into()));
            counted.push(row.grad_norm.into());
            for (at, name) in line.groups.iter().enumerate() {
                let known = groups.iter().position(|(known, _)| **known == **name);
                let known = known.unwrap_or_else(|| {
                    groups.push((name.to_string(), Reading::new()));
                    groups.len() - 1
                });
                if let Some((_, reading)) = groups.get_mut(known) {
                    reading.push(row.update, row.groups.get(GroupColumn::Lr, at));
                }
            }
        }
        let (events, events_left_out) = events(folder, run, Some(replica));
        Ok(Self {
            rates: rates.points(last),
            group_rates: groups.iter().map(|(name, rates)| (name.clone(), rates.points(last))).collect(),
            train_losses: losses.points(last),
            val_losses: looks.points(last),
            norms: norms.points(greatest),
            histogram: histogram(&counted),
            events,
            events_left_out,
        })
    }

    fn of_sweep(folder: &Path, run: &str) -> Result<Self, LibraryError> {
        let trials = super::sweep::read(folder)?.lanes;
        let trial = trials.into_iter().find(|lane| lane.run == run).unwrap_or_default();
        let points = trial.losses.into_iter().map(|(updates, loss)| (updates as f64, loss));
        Ok(Self { train_losses: points.collect(), ..Self::default() })
    }

    fn of_recording(folder: &Path, run: &str) -> Result<Self, LibraryError> {
        let log = super::recording::log(folder)?;
        let bad = |why: String| LibraryError::BadFile { path: log.clone(), why };
        let recorder = Recorder::open(&log).map_err(|error| bad(error.to_string()))?;
        let all: Vec<_> = recorder.recordings().collect();
        let found =
            all.iter().find(|(name, _)| name == run).or_else(|| all.first().filter(|_| all.len() == 1));
        let Some((_, recording)) = found else { return Ok(Self::default()) };
        let points = |column, value: fn(&Bucket) -> f64| {
            let mut buckets = Vec::new();
            if let Some(named) = recording.column(column) {
                named.points.view(0..=u64::MAX, POINTS, &mut buckets);
            }
            buckets.iter().map(|bucket| (bucket.last_update as f64, value(bucket))).collect::<Points>()
        };
        let norms = recording.column(Column::GradNorm);
        let counted: Vec<f64> =
            norms.into_iter().flat_map(|named| named.points.finest().map(|bucket| bucket.max)).collect();
        let rewound = |&(to, from): &(u64, u64)| (to, format!("the log goes back here from {from}"));
        Ok(Self {
            rates: points(Column::Lr, last),
            train_losses: points(Column::TrainLoss, last),
            val_losses: points(Column::ValLoss, last),
            norms: points(Column::GradNorm, greatest),
            histogram: histogram(&counted),
            events: recording.rewinds.iter().map(rewound).collect(),
            ..Self::default()
        })
    }
}

/// What happened to a lane: events, changes that were made over the API, and resumes.
fn events(folder: &Path, run: &str, replica: Option<u32>) -> (Vec<(u64, String)>, usize) {
    let mut all: Vec<(u64, String)> = Vec::new();
    for name in ["events.jsonl", "changes.jsonl", "resumes.jsonl"] {
        let bytes = files::read(&folder.join(name), MOST_BYTES).unwrap_or_default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
            let is_of = line["run"] == *run
                && (line["replica"].is_null() || replica.is_none_or(|replica| line["replica"] == replica));
            if is_of && let Some(event) = event(name, &line) {
                all.push(event);
            }
        }
    }
    all.sort_by_key(|(update, _)| *update);
    let left_out = all.len().saturating_sub(MOST_EVENTS);
    // The first ones tell more of what went wrong than the last.
    all.truncate(MOST_EVENTS);
    (all, left_out)
}

fn event(file: &str, line: &Value) -> Option<(u64, String)> {
    let text = |name: &str| line[name].as_str();
    match file {
        "events.jsonl" => Some((line["update"].as_u64()?, text("message")?.to_owned())),
        "changes.jsonl" => {
            let at = line["applied"].as_u64().or_else(|| line["from"].as_u64())?;
            let why =
                text("why").filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(": {why}"));
            Some((at, format!("{} changed the schedule{why}", text("by").unwrap_or("somebody"))))
        }
        _ => Some((
            line["update"].as_u64()?,
            format!("went on from a checkpoint at the rate {}", text("rate")?),
        )),
    }
}

fn histogram(norms: &[f64]) -> Vec<(f64, u64)> {
    let bin = |norm: f64| (PER_DECADE * norm.log10()).floor() as i64;
    let bins: Vec<i64> =
        norms.iter().copied().filter(|norm| norm.is_finite() && *norm > 0.0).map(bin).collect();
    let (Some(&low), Some(&high)) = (bins.iter().min(), bins.iter().max()) else { return Vec::new() };
    // Single precision spans 84 decades: each has its four bins.
    let mut counts = vec![0; (high - low + 1) as usize];
    for bin in bins {
        if let Some(count) = counts.get_mut((bin - low) as usize) {
            *count += 1;
        }
    }
    let edge = |at: usize| 10_f64.powf((low + at as i64) as f64 / PER_DECADE);
    counts.into_iter().enumerate().map(|(at, count)| (edge(at), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_norms_are_counted_by_quarters_of_a_decade() {
        let counted = histogram(&[1.0, 1.2, 2.0, 10.5, f64::NAN, 0.0]);
        let counts: Vec<u64> = counted.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 1]);
        assert!((counted[0].0 - 1.0).abs() < 1e-12 && (counted[4].0 - 10.0).abs() < 1e-9);
        assert!(histogram(&[f64::INFINITY]).is_empty());
    }
}
