//! A recording's folder: the log as the other program wrote it, and `recording.json`, which says what it is of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind::RECORDING;
use super::lane::Contents;
use super::training::{Meter, fill};
use super::{LaneRecord, LibraryError};
use crate::analysis::recorded::jumps;
use crate::files;
use crate::recording::{Recorder, Recording};
use crate::telemetry::{Column, Row};

/// Where its log lies.
pub(super) const LOG: &str = "log";
/// The version of the file that is read.
pub(super) const VERSION: u32 = 1;

/// `recording.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub anneal_recording: u32,
    /// What people call it.
    pub name: String,
    /// The log, from the folder.
    pub log: String,
    /// Where the log was, or what program sent it.
    pub source: String,
    /// What was given to it, by dotted names, as far as that is known.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Whether it came to its end.
    #[serde(default)]
    pub finished: bool,
    /// Updates from the one that each change was for to the one it took effect at.
    #[serde(default)]
    pub latencies: Vec<u64>,
    /// Wall time of what was recorded, where it is known.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// What a folder's `recording.json` says, and where its log lies.
///
/// # Errors
/// When it cannot be read, or leads out of the folder.
fn about(folder: &Path) -> Result<(About, PathBuf), LibraryError> {
    let path = folder.join(RECORDING);
    let bad = |path: &Path, why: String| LibraryError::BadFile { path: path.to_owned(), why };
    let bytes = files::read(&path, 1 << 20)
        .map_err(|error| LibraryError::Read { path: path.clone(), cause: error.into() })?;
    let about: About = serde_json::from_slice(&bytes).map_err(|error| bad(&path, error.to_string()))?;
    if about.anneal_recording != VERSION {
        let version = about.anneal_recording;
        return Err(bad(&path, format!("anneal_recording is {version}, and {VERSION} is read")));
    }
    // Nothing outside of the folder is read, whatever the file says.
    let inside = Path::new(&about.log).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || about.log.is_empty() {
        return Err(bad(&path, format!("log: \"{}\" is not below the folder", about.log)));
    }
    let log = folder.join(&about.log);
    Ok((about, log))
}

/// The log of a recording's folder.
///
/// # Errors
/// When `recording.json` cannot be read, or leads out of the folder.
pub fn log(folder: &Path) -> Result<PathBuf, LibraryError> {
    Ok(about(folder)?.1)
}

/// # Errors
/// When `recording.json` or the log cannot be read.
pub(super) fn read(folder: &Path) -> Result<Contents, LibraryError> {
    let (about, log) = about(folder)?;
    let bad = |path: &Path, why: String| LibraryError::BadFile { path: path.to_owned(), why };
    let recorder = Recorder::open(&log).map_err(|error| bad(&log, error.to_string()))?;
    let dialect = recorder.claim().map_or("", |claim| claim.dialect.name);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut lanes = Vec::new();
    let named: Vec<(String, &Recording)> = recorder.recordings().collect();
    let alone = named.len() == 1;
    for (name, recording) in named {
        let mut run = if alone { about.name.clone() } else { name };
        while !seen.insert(run.clone()) {
            run.push('\'');
        }
        lanes.push(lane(run, recording, &about, dialect));
    }
    Ok(Contents { experiment: about.name, finished: about.finished, problem: None, lanes })
}

fn lane(run: String, recording: &Recording, about: &About, dialect: &str) -> LaneRecord {
    let mut meter = Meter::new(0, None);
    rows(recording).iter().for_each(|row| meter.take(row));
    let mut settings = about.settings.clone();
    settings.insert("log.counts".to_owned(), recording.tick.plural().to_owned());
    settings.insert("log.kind".to_owned(), dialect.to_owned());
    settings.insert("log.source".to_owned(), about.source.clone());
    let mut lane = LaneRecord {
        run,
        schedule: format!("recorded, {dialect}"),
        settings,
        latencies: about.latencies.clone(),
        ..LaneRecord::default()
    };
    fill(&mut lane, &meter, &Value::Null);
    lane.updates = recording.length();
    lane.seconds = about.seconds;
    // A log that goes back was resumed there; a rate that jumps as no schedule does was not restored.
    lane.broken_resumes = jumps(recording).len() as u64;
    lane.resumes = (recording.rewinds.len() as u64).max(lane.broken_resumes);
    lane
}

/// What was logged, a row a tick; what a tick does not say is as it was before.
fn rows(recording: &Recording) -> Vec<Row> {
    let columns = [Column::Lr, Column::TrainLoss, Column::GradNorm, Column::ValLoss, Column::ValAccuracy];
    let mut ticks: BTreeMap<u64, [Option<f64>; 5]> = BTreeMap::new();
    for (at, column) in columns.into_iter().enumerate() {
        let Some(named) = recording.column(column) else { continue };
        for bucket in named.points.finest() {
            let value = if bucket.count > 1 && bucket.nonfinite > 0 { f64::NAN } else { bucket.last };
            if let Some(cell) = ticks.entry(bucket.last_update).or_default().get_mut(at) {
                *cell = Some(value);
            }
        }
    }
    let has_losses = recording.column(Column::TrainLoss).is_some();
    let mut before = Row::default();
    let mut rows = Vec::with_capacity(ticks.len());
    for (update, [lr, loss, norm, val_loss, val_accuracy]) in ticks {
        let row = Row {
            update,
            lr: lr.unwrap_or(before.lr),
            train_loss: loss.map_or(before.train_loss, |loss| loss as f32),
            grad_norm: norm.map_or(before.grad_norm, |norm| norm as f32),
            val_loss: val_loss.map(|loss| loss as f32),
            val_accuracy: val_accuracy.map(|accuracy| accuracy as f32),
            ..Row::default()
        };
        before = row;
        // Before the first loss there is nothing that could be compared.
        if !has_losses || loss.is_some() || row.train_loss != 0.0 || val_loss.is_some() {
            rows.push(row);
        }
    }
    rows
}
