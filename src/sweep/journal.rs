//! The folder of a sweep: every finished trial at once, in lines that are only ever appended while it runs.
//!
//! `journal.jsonl` is what a sweep resumes from. `trials.jsonl` and `optuna.journal` say the same for other
//! programs; they are written anew from the journal when a sweep resumes, and sorted when it ends.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit::Audit;
use super::lineage::Lineage;
use super::optuna;
use super::space::Chosen;
use super::trial::{Status, Trial, values};
use crate::experiment::{Experiment, Sweep};
use crate::files::{self, Lock, LockError};

/// The file whose first line is the sweep, and each further one a trial.
pub const JOURNAL: &str = "journal.jsonl";
const TRIALS: &str = "trials.jsonl";
const OPTUNA: &str = "optuna.journal";
const VERSION: u64 = 1;
/// The largest journal that is read: millions of trials.
const MAX_BYTES: u64 = 1 << 30;

/// Why a sweep's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    InUse(#[from] LockError),
    #[error("{} holds a sweep already: go on with it by --resume, or choose another folder", folder.display())]
    Occupied { folder: PathBuf },
    #[error("{}, line {line}: {why}", path.display())]
    Line { path: PathBuf, line: usize, why: String },
    #[error("the sweep in {} is of another experiment, {what}: choose another folder", folder.display())]
    Other { folder: PathBuf, what: String },
    #[error(
        "trial {trial} in {} has other values than this sweep gives it: another version wrote it, or the space changed",
        folder.display()
    )]
    Values { folder: PathBuf, trial: usize },
    #[error(
        "trial {trial} came out differently than {} has it: another version or another kind of processor wrote it",
        folder.display()
    )]
    Result { folder: PathBuf, trial: usize },
}

/// The files of a sweep, open for appending.
pub struct Journal {
    folder: PathBuf,
    sweep: Sweep,
    name: String,
    journal: File,
    trials: File,
    optuna: File,
    /// Nobody else writes in the folder.
    _lock: Lock,
}

/// The first line: what the sweep is of.
#[derive(Serialize, Deserialize)]
struct Header {
    anneal_sweep: u64,
    experiment: String,
}

/// A finished trial, or one that was pruned and trained to its end afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    trial: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    audit: bool,
    values: Value,
    status: Status,
    updates: u64,
    objectives: Vec<Option<f64>>,
    seeds: Vec<Vec<Option<f64>>>,
    /// Infinite where there is no number.
    curve: Vec<(u64, Option<f64>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    losses: Vec<(u64, f32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lineage: Option<Box<Lineage>>,
}

impl Line {
    pub(super) fn trial(&self) -> usize {
        self.trial
    }
}

/// What a journal holds.
#[derive(Default)]
pub struct Kept {
    lines: Vec<Line>,
}

impl Kept {
    /// The trial of this number with these values, if it is there.
    pub(super) fn take(&mut self, trial: usize, audit: bool, chosen: &Chosen) -> Option<Result<Trial, ()>> {
        let at = self.lines.iter().position(|line| line.trial == trial && line.audit == audit)?;
        let line = self.lines.swap_remove(at);
        if line.values != values(chosen) {
            return Some(Err(()));
        }
        Some(Ok(as_told(line, chosen.clone())))
    }

    /// Finished trials in it.
    pub fn trials(&self) -> usize {
        self.lines.iter().filter(|line| !line.audit).count()
    }
}

impl Journal {
    /// Begins a sweep's folder.
    ///
    /// # Errors
    /// When it holds a sweep already, or cannot be written to.
    pub fn create(folder: &Path, experiment: &Experiment, sweep: &Sweep) -> Result<Self, JournalError> {
        if folder.join(JOURNAL).exists() {
            return Err(JournalError::Occupied { folder: folder.to_owned() });
        }
        Self::begin(folder, take(folder)?, experiment, sweep)
    }

    fn begin(
        folder: &Path,
        lock: Lock,
        experiment: &Experiment,
        sweep: &Sweep,
    ) -> Result<Self, JournalError> {
        let path = folder.join(JOURNAL);
        let header = Header { anneal_sweep: VERSION, experiment: experiment.to_toml() };
        files::replace(&path, |file| writeln!(file, "{}", json(&header))).map_err(at(&path))?;
        Self::open(folder, lock, experiment, sweep, &[])
    }

    /// Goes on with a sweep's folder; where there is none yet, begins it.
    ///
    /// # Errors
    /// When it is of another experiment, is damaged, or cannot be written to.
    pub fn resume(
        folder: &Path,
        experiment: &Experiment,
        sweep: &Sweep,
    ) -> Result<(Self, Kept), JournalError> {
        let path = folder.join(JOURNAL);
        let lock = take(folder)?;
        if path.symlink_metadata().is_err() {
            return Ok((Self::begin(folder, lock, experiment, sweep)?, Kept::default()));
        }
        let text = whole(&path)?;
        let (lines, whole) = read(&path, &text, folder, experiment)?;
        if whole < text.len() {
            // The last line was being written when the sweep was stopped.
            let file = OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
            file.set_len(whole as u64).map_err(at(&path))?;
        }
        let mut trials: Vec<Trial> = Vec::new();
        for line in lines.iter().filter(|line| !line.audit) {
            trials.push(as_written(line, sweep));
        }
        let journal = Self::open(folder, lock, experiment, sweep, &trials)?;
        Ok((journal, Kept { lines }))
    }

    fn open(
        folder: &Path,
        lock: Lock,
        experiment: &Experiment,
        sweep: &Sweep,
        trials: &[Trial],
    ) -> Result<Self, JournalError> {
        rewrite(folder, &experiment.name, sweep, trials)?;
        let append = |name: &str| {
            let path = folder.join(name);
            OpenOptions::new().append(true).open(&path).map_err(at(&path))
        };
        Ok(Self {
            folder: folder.to_owned(),
            sweep: sweep.clone(),
            name: experiment.name.clone(),
            journal: append(JOURNAL)?,
            trials: append(TRIALS)?,
            optuna: append(OPTUNA)?,
            _lock: lock,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a finished trial down.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn append(&mut self, trial: &Trial) -> Result<(), JournalError> {
        write(&mut self.journal, &json(&line(trial, false)), &self.folder.join(JOURNAL))?;
        write(&mut self.trials, &json(&trial.as_json()), &self.folder.join(TRIALS))?;
        write(&mut self.optuna, &json(&optuna::trial(trial, &self.sweep)), &self.folder.join(OPTUNA))
    }

    /// Writes down how a pruned trial ended after all.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn append_audit(&mut self, trial: &Trial) -> Result<(), JournalError> {
        write(&mut self.journal, &json(&line(trial, true)), &self.folder.join(JOURNAL))
    }

    /// Puts the finished trials in order.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub fn finish(self, trials: &[Trial]) -> Result<(), JournalError> {
        rewrite(&self.folder, &self.name, &self.sweep, trials)
    }
}

/// What a sweep's folder holds.
pub struct Opened {
    /// The varied run's experiment.
    pub experiment: Experiment,
    pub sweep: Sweep,
    /// In their order.
    pub trials: Vec<Trial>,
    /// What pruning cost, as far as it is known.
    pub audit: Option<Audit>,
}

/// Reads a sweep's folder.
///
/// # Errors
/// When there is no sweep in it, or it is damaged.
pub fn open(folder: &Path) -> Result<Opened, JournalError> {
    let path = folder.join(JOURNAL);
    let text = whole(&path)?;
    let wrong = |why: String| JournalError::Line { path: path.clone(), line: 1, why };
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header: Header = serde_json::from_slice(first).map_err(|error| wrong(error.to_string()))?;
    let experiment =
        Experiment::parse(&header.experiment, &path).map_err(|error| wrong(error.to_string()))?;
    let sweep = experiment.sweep.clone().ok_or_else(|| wrong("no [sweep] in its experiment".into()))?;
    let (lines, _) = read(&path, &text, folder, &experiment)?;
    let of = |audit: bool| -> Vec<Trial> {
        let lines = lines.iter().filter(|line| line.audit == audit);
        let mut trials: Vec<Trial> = lines.map(|line| as_written(line, &sweep)).collect();
        trials.sort_by_key(|trial| trial.trial);
        trials
    };
    let (trials, ends) = (of(false), of(true));
    let audit = (!ends.is_empty()).then(|| Audit::of(&trials, ends, &sweep));
    Ok(Opened { experiment, sweep, trials, audit })
}

/// A trial as it is written down.
pub(super) fn line(trial: &Trial, audit: bool) -> Line {
    let curve = trial.curve.iter().map(|&(step, badness)| (step, Some(badness).filter(|it| it.is_finite())));
    Line {
        trial: trial.trial,
        audit,
        values: values(&trial.values),
        status: trial.status,
        updates: trial.updates,
        objectives: trial.objectives.clone(),
        seeds: trial.seeds.clone(),
        curve: curve.collect(),
        losses: trial.losses.clone(),
        lineage: trial.lineage.clone(),
    }
}

/// A line's trial with these values, which are what the line says.
pub(super) fn as_told(line: Line, values: Chosen) -> Trial {
    let curve = line.curve.into_iter().map(|(step, badness)| (step, badness.unwrap_or(f64::INFINITY)));
    Trial {
        trial: line.trial,
        values,
        status: line.status,
        updates: line.updates,
        objectives: line.objectives,
        seeds: line.seeds,
        curve: curve.collect(),
        losses: line.losses,
        lineage: line.lineage,
    }
}

/// A line's trial with the values as the journal has them.
fn as_written(line: &Line, sweep: &Sweep) -> Trial {
    let value = |path: &str| toml::Value::try_from(line.values.get(path)?.clone()).ok();
    let chosen = sweep.over.iter().filter_map(|axis| Some((axis.path.clone(), value(&axis.path)?)));
    as_told(line.clone(), chosen.collect())
}

/// The whole lines of a journal after its header, and how many bytes they are.
fn read(
    path: &Path,
    text: &[u8],
    folder: &Path,
    of: &Experiment,
) -> Result<(Vec<Line>, usize), JournalError> {
    let (mut lines, mut seen) = (Vec::new(), HashSet::new());
    let mut whole = 0;
    for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let wrong = |why: String| JournalError::Line { path: path.to_owned(), line: at + 1, why };
        if line.last() != Some(&b'\n') {
            break;
        }
        if at == 0 {
            let header: Header = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            if header.anneal_sweep != VERSION {
                return Err(wrong(format!("version {}: this program reads {VERSION}", header.anneal_sweep)));
            }
            same(folder, &header.experiment, of)?;
        } else {
            let line: Line = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            if seen.insert((line.trial, line.audit)) {
                lines.push(line);
            }
        }
        whole += line.len();
    }
    Ok((lines, whole))
}

/// # Errors
/// When a sweep of one experiment cannot go on as one of another.
fn same(folder: &Path, was: &str, of: &Experiment) -> Result<(), JournalError> {
    let now = of.to_toml();
    // Its title, and how many trials there are to be, may change: line 1 is the title.
    let matters = |(at, line): &(usize, &str)| *at != 1 && !line.starts_with("trials = ");
    let lines = |text: &str| -> Vec<String> {
        text.lines().enumerate().filter(matters).map(|(_, line)| line.to_owned()).collect()
    };
    let (was, now) = (lines(was), lines(&now));
    let differs = was.iter().zip(&now).find(|(was, now)| was != now);
    let what = match differs {
        Some((was, now)) => format!("with `{was}` and not `{now}`"),
        None if was.len() != now.len() => "with other fields".to_owned(),
        None => return Ok(()),
    };
    Err(JournalError::Other { folder: folder.to_owned(), what })
}

/// Replaces the files for other programs by these trials, sorted.
fn rewrite(folder: &Path, name: &str, sweep: &Sweep, trials: &[Trial]) -> Result<(), JournalError> {
    let mut sorted: Vec<&Trial> = trials.iter().collect();
    sorted.sort_by_key(|trial| trial.trial);
    let path = folder.join(TRIALS);
    let write = |file: &mut File| -> io::Result<()> {
        let mut file = io::BufWriter::new(file);
        sorted.iter().try_for_each(|trial| writeln!(file, "{}", json(&trial.as_json())))?;
        file.flush()
    };
    files::replace(&path, write).map_err(at(&path))?;
    let path = folder.join(OPTUNA);
    let write = |file: &mut File| -> io::Result<()> {
        let mut file = io::BufWriter::new(file);
        optuna::study(name, sweep).iter().try_for_each(|line| writeln!(file, "{}", json(line)))?;
        sorted.iter().try_for_each(|trial| writeln!(file, "{}", json(&optuna::trial(trial, sweep))))?;
        file.flush()
    };
    files::replace(&path, write).map_err(at(&path))
}

/// One line at once: a line that is cut off can only be the last one.
fn write(file: &mut File, line: &str, path: &Path) -> Result<(), JournalError> {
    file.write_all(format!("{line}\n").as_bytes()).map_err(at(path))
}

fn json(value: &impl Serialize) -> String {
    // Nothing here has keys that are no texts, which is all that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// A folder to write in alone.
fn take(folder: &Path) -> Result<Lock, JournalError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    Ok(Lock::take(folder, "anneal sweep")?)
}

/// A whole journal.
fn whole(path: &Path) -> Result<Vec<u8>, JournalError> {
    files::read(path, MAX_BYTES).map_err(|error| at(path)(error.into()))
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |cause| JournalError::Io { path, cause }
}
