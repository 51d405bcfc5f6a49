//! The folder of a training's results: metrics and events as they come, the rest at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde::Serialize;

use super::data_report::DataSummary;
use super::{Failure, output, resumes};
use crate::analysis::detect::Finding;
use crate::analysis::events::write_event;
use crate::analysis::summary::RunSummary;
use crate::data::TableReport;
use crate::experiment::Experiment;
use crate::files::{self, Lines, Lock, Seal, Sealing};
use crate::telemetry::metrics::Writer;
use crate::telemetry::{Event, EventKind, GroupNames};
use crate::train::checkpoint::{Checkpoint, Continuity, Ledger, Past};
use crate::train::lane::Lane;
use crate::train::stream::column_names;

/// Bytes of the longest line of events that is read.
const LONGEST_EVENT: usize = 1 << 20;

/// A training's folder, which nobody else writes in as long as this is there.
pub struct Folder {
    path: PathBuf,
    _lock: Lock,
}

impl Folder {
    /// Makes the folder where there is none, and takes it. What killed processes left half written goes.
    pub fn take(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).with_context(|| format!("cannot write to the folder {}", path.display()))?;
        let lock = Lock::take(path, "anneal train")?;
        files::sweep(path);
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether it is the one of this name, however that is spelled.
    pub fn is(&self, path: &Path) -> bool {
        files::same(&self.path, path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// Makes sure that a new training takes nobody's file away: an `experiment.toml` that no training left there.
    /// `source` is the experiment's own file, which may be it.
    pub fn is_for(&self, source: Option<&Path>) -> Result<(), Failure> {
        let copy = self.path.join("experiment.toml");
        let is_ours = self.metrics().exists() || source.is_some_and(|source| files::same(source, &copy));
        if is_ours || !copy.exists() {
            return Ok(());
        }
        let what = copy.display();
        Err(Failure::Failed(anyhow!(
            "{what} is not a training's and would be replaced: choose another --out"
        )))
    }

    /// Puts a copy of the experiment there, unless `source`, its own file, is it: that stays as the person wrote it.
    fn keep(&self, experiment: &Experiment, source: Option<&Path>) -> Result<(), Failure> {
        let copy = self.path.join("experiment.toml");
        if !source.is_some_and(|source| files::same(source, &copy)) {
            experiment.contained().save(copy)?;
        }
        Ok(())
    }

    /// Removes what says that a training has ended: the folder is of one that has not.
    pub fn begin(&self) -> Result<(), Failure> {
        for name in ["summary.json", "report.html", "baseline.csv"] {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let what = format!("cannot remove the old {name} in {}", self.path.display());
                    return Err(anyhow!(error).context(what).into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The files that grow with the training.
pub struct Results {
    folder: Folder,
    metrics: Writer<Sealing<File>>,
    events: BufWriter<Sealing<File>>,
    /// The first update of the metrics.
    first: u64,
}

#[derive(Serialize)]
struct Summary<'a> {
    runs: &'a [RunSummary],
    /// Where it trained at the end, and why there.
    device: &'a str,
    /// Of the whole training, where the machine tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    joules: Option<f64>,
    /// Of a table of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataSummary<'a>>,
}

impl Results {
    /// An empty folder's worth of results from update `first` on; what an earlier training left there is replaced.
    pub fn create(
        folder: Folder,
        experiment: &Experiment,
        source: Option<&Path>,
        first: u64,
    ) -> Result<Self, Failure> {
        let there = || format!("cannot write to the folder {}", folder.path.display());
        // First of all: a folder with metrics is known for a training's, also when a kill comes now.
        let metrics = File::create(folder.metrics())
            .and_then(|file| Writer::new(Sealing::new(file), column_names(experiment)));
        let metrics = metrics.with_context(there)?;
        folder.keep(experiment, source)?;
        let events = File::create(folder.path.join("events.jsonl")).with_context(there)?;
        Ok(Self { metrics, events: BufWriter::new(Sealing::new(events)), folder, first })
    }

    /// The results as they were at a checkpoint, whose past was checked. What was measured later belongs to a future
    /// that is trained once more.
    pub fn go_on(folder: Folder, checkpoint: &Checkpoint, past: &Past) -> Result<Self, Failure> {
        let there = || format!("cannot go on with the results in {}", folder.path.display());
        tell_unknown(&past.file, &past.unknown);
        let metrics = match past.is_current {
            true => Writer::append(cut(&past.file, past.seal).with_context(there)?, Arc::clone(&past.groups)),
            false => rewritten(past)?,
        };
        let path = folder.path.join("events.jsonl");
        let seal = match checkpoint.ledger.events {
            Some(seal) => seal,
            None => keep_early(&path, checkpoint.update())?,
        };
        let events = cut(&path, seal).with_context(|| format!("cannot go on with {}", path.display()))?;
        Ok(Self { metrics, events: BufWriter::new(events), folder, first: checkpoint.ledger.first })
    }

    /// A new folder that begins with another one's past.
    pub fn copy(
        folder: Folder,
        experiment: &Experiment,
        source: Option<&Path>,
        (checkpoint, past): (&Checkpoint, &Past),
    ) -> Result<Self, Failure> {
        folder.keep(experiment, source)?;
        let from = |name: &str| past.file.with_file_name(name);
        let there = || format!("cannot write to the folder {}", folder.path.display());
        fs::copy(&past.file, folder.metrics()).with_context(there)?;
        let events = from("events.jsonl");
        if files::open(&events).is_ok() {
            fs::copy(&events, folder.path.join("events.jsonl")).with_context(there)?;
        }
        let file = folder.metrics();
        Self::go_on(folder, checkpoint, &Past { file, ..past.clone() })
    }

    /// Notes at which rates a resume wants to go on; `from` is the folder of its past, where that is another one.
    pub fn resumed(&self, from: Option<&Path>, lanes: &[Continuity]) -> Result<(), Failure> {
        let folder = self.folder.path();
        let noted = match (from, lanes) {
            (_, []) => resumes::forget(folder),
            (Some(from), _) => resumes::copy(from, folder).and_then(|()| resumes::note(folder, lanes)),
            (None, _) => resumes::note(folder, lanes),
        };
        Ok(noted.with_context(|| format!("cannot write to the folder {}", folder.display()))?)
    }

    /// What a checkpoint made now has to know of the folder; everything so far is handed to the system first.
    pub fn ledger(&mut self, seconds: f64) -> Result<Ledger, Failure> {
        self.flush()?;
        Ok(Ledger {
            seconds,
            first: self.first,
            metrics: Some(self.metrics.get_ref().seal()),
            events: Some(self.events.get_ref().seal()),
        })
    }

    /// Appends what a lane measured, and what was found in it.
    pub fn record(
        &mut self,
        run: &str,
        lane: &Lane,
        updates_per_epoch: u64,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        let (folder, replica) = (&self.folder.path, lane.id.replica);
        let full = || format!("cannot write the results to {}", folder.display());
        write_rows(&mut self.metrics, run, lane, updates_per_epoch).with_context(full)?;
        let changes = lane.log.rate_changes.iter().map(|(update, change)| {
            let message = format!("the controller changes the rate {:e} to {:e}", change.from, change.to);
            (*update, EventKind::RateChange, message)
        });
        let scales = lane.log.scale_changes.iter();
        let scales = scales.map(|(update, change)| (*update, EventKind::LossScale, change.message()));
        let diverged =
            lane.log.diverged.map(|update| (update, EventKind::Diverged, Event::DIVERGED.to_owned()));
        let stopped = lane.log.stopped.as_ref();
        let stopped = stopped.map(|stopped| (stopped.update, EventKind::Stopped, stopped.message()));
        let failed = lane.failed.clone().map(|why| (lane.update, EventKind::Failed, why));
        let found = findings.iter().map(|finding| (finding.first, EventKind::Finding, finding.message()));
        for (update, kind, message) in
            changes.chain(scales).chain(diverged).chain(stopped).chain(failed).chain(found)
        {
            let event = Event { update, kind, message, generation: 0 };
            write_event(&mut self.events, run, replica, &event).with_context(full)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let full = || format!("cannot write the results to {}", self.folder.path.display());
        self.metrics.flush().with_context(full)?;
        self.events.flush().with_context(full)?;
        Ok(())
    }

    /// Writes what is known at the end only.
    pub fn finish(
        mut self,
        runs: &[RunSummary],
        device: &str,
        joules: Option<f64>,
        table: Option<&TableReport>,
        report: &str,
    ) -> Result<(), Failure> {
        self.flush()?;
        let write = |name: &str, text: &str| {
            files::replace(&self.folder.path.join(name), |file| file.write_all(text.as_bytes()))
                .map_err(|error| anyhow!("cannot write {name} to {}: {error}", self.folder.path.display()))
        };
        let summary = Summary { runs, device, joules, data: table.map(DataSummary::of) };
        write("summary.json", &(serde_json::to_string_pretty(&summary)? + "\n"))?;
        write("report.html", report)?;
        Ok(())
    }
}

/// `baseline.csv`: what the constant rates measured that the baseline was chosen from, as in `metrics.csv`.
pub struct Trials {
    path: PathBuf,
    metrics: Writer<File>,
}

impl Trials {
    pub fn create(folder: &Path, groups: GroupNames) -> Result<Self, Failure> {
        let path = folder.join("baseline.csv");
        let there = || format!("cannot write {}", path.display());
        let metrics = File::create(&path).and_then(|file| Writer::new(file, groups)).with_context(there)?;
        Ok(Self { path, metrics })
    }

    /// Appends what a lane measured.
    pub fn record(&mut self, run: &str, lane: &Lane, updates_per_epoch: u64) -> Result<(), Failure> {
        let full = || format!("cannot write {}", self.path.display());
        Ok(write_rows(&mut self.metrics, run, lane, updates_per_epoch).with_context(full)?)
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        Ok(self.metrics.flush().with_context(|| format!("cannot write {}", self.path.display()))?)
    }
}

/// Says which columns of a file are not kept.
fn tell_unknown(path: &Path, columns: &[String]) {
    if !columns.is_empty() {
        let columns = columns.join(", ");
        let path = path.display();
        output::say(format!("anneal: {path}: this version does not know and does not keep: {columns}"));
    }
}

/// Cuts a file after what is sealed of it, to write on from there. What was cut off is said only where it is missing.
fn cut(path: &Path, seal: Seal) -> io::Result<Sealing<File>> {
    let there = files::open(path)?.metadata()?.len();
    if there < seal.bytes {
        let why = format!("it has {there} bytes, and had {} at the checkpoint: it was cut short", seal.bytes);
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.set_len(seal.bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok(Sealing::after(seal, file))
}

/// The past in the columns of this version, to write on from there.
fn rewritten(past: &Past) -> Result<Writer<Sealing<File>>, Failure> {
    let path = past.file.as_path();
    let there = || format!("cannot go on with {}", path.display());
    let mut seal = Seal::default();
    files::replace(path, |file| {
        let mut metrics = Writer::new(Sealing::new(file), Arc::clone(&past.groups))?;
        let mut written = Ok(());
        let read = past.replay(|measured| {
            if written.is_ok() {
                let lane = (&*measured.run, measured.replica);
                written = metrics.write(lane, measured.epoch, &measured.row, &measured.groups);
            }
        });
        read.map_err(io::Error::other)?;
        written?;
        metrics.flush()?;
        seal = metrics.get_ref().seal();
        Ok(())
    })
    .with_context(there)?;
    Ok(Writer::append(cut(path, seal).with_context(there)?, Arc::clone(&past.groups)))
}

/// Keeps the events up to an update, where no seal says which they are; returns what is left.
fn keep_early(path: &Path, updates: u64) -> Result<Seal, Failure> {
    let there = || format!("cannot go on with {}", path.display());
    let early = |line: &[u8]| {
        let event: Result<serde_json::Value, _> = serde_json::from_slice(line);
        event.is_ok_and(|event| event["update"].as_u64().is_some_and(|update| update <= updates))
    };
    let mut lines = Lines::new(files::open(path).with_context(there)?, LONGEST_EVENT);
    let mut seal = Seal::default();
    files::replace(path, |file| {
        let mut kept = Sealing::new(BufWriter::new(file));
        while let Some(line) = lines.next_line()? {
            if early(line) {
                kept.write_all(line.strip_suffix(b"\n").unwrap_or(line))?;
                kept.write_all(b"\n")?;
            }
        }
        kept.flush()?;
        seal = kept.seal();
        Ok(())
    })
    .with_context(there)?;
    Ok(seal)
}

/// What a lane measured, a line an update.
fn write_rows(
    metrics: &mut Writer<impl Write>,
    run: &str,
    lane: &Lane,
    updates_per_epoch: u64,
) -> io::Result<()> {
    for (rows, names) in lane.log.stretches() {
        for row in rows {
            metrics.write((run, lane.id.replica), row.update / updates_per_epoch, row, names)?;
        }
    }
    Ok(())
}
