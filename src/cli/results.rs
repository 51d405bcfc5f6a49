//! The folder of a training's results: metrics and events as they come, the rest at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::Serialize;

use super::Failure;
use super::data_report::DataSummary;
use super::summary::RunSummary;
use crate::analysis::detect::Finding;
use crate::data::TableReport;
use crate::experiment::Experiment;
use crate::files;
use crate::telemetry::metrics::{Measured, Reader, Writer};
use crate::telemetry::{Event, EventKind};
use crate::train::lane::Lane;

/// The files that grow with the training.
pub struct Results {
    folder: PathBuf,
    metrics: Writer<File>,
    events: BufWriter<File>,
}

/// One line of `events.jsonl`.
#[derive(Serialize)]
struct EventLine<'a> {
    update: u64,
    run: &'a str,
    replica: u32,
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Summary<'a> {
    runs: &'a [RunSummary],
    /// Of a table of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataSummary<'a>>,
}

impl Results {
    /// An empty folder's worth of results; what an earlier training left there is replaced.
    pub fn create(folder: &Path, experiment: &Experiment) -> Result<Self, Failure> {
        let there = || format!("cannot write to the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(there)?;
        experiment.save(folder.join("experiment.toml"))?;
        let metrics = create_metrics(&folder.join("metrics.csv")).with_context(there)?;
        let events = BufWriter::new(File::create(folder.join("events.jsonl")).with_context(there)?);
        Ok(Self { folder: folder.to_owned(), metrics, events })
    }

    /// The results as they were after `updates` updates, each row handed to `again`; what was measured
    /// later belongs to a future that is trained once more.
    pub fn reopen(folder: &Path, updates: u64, mut again: impl FnMut(Measured)) -> Result<Self, Failure> {
        let there = || format!("cannot go on with the results in {}", folder.display());
        let path = folder.join("metrics.csv");
        let lines = Reader::open(&path).with_context(there)?;
        tell_unknown(&path, lines.unknown());
        files::replace(&path, |file| {
            let mut metrics = Writer::new(file)?;
            for line in lines {
                let measured = line.map_err(io::Error::other)?;
                if measured.row.update < updates {
                    metrics.write(&measured.run, measured.replica, measured.epoch, &measured.row)?;
                    again(measured);
                }
            }
            metrics.flush()
        })
        .with_context(there)?;
        let events = folder.join("events.jsonl");
        let lines = File::open(&events).map(|file| BufReader::new(file).lines()).with_context(there)?;
        let early = |line: &String| {
            let event: Result<serde_json::Value, _> = serde_json::from_str(line);
            event.is_ok_and(|event| event["update"].as_u64().is_some_and(|update| update <= updates))
        };
        let lines: Vec<String> = lines.map_while(Result::ok).filter(early).collect();
        files::replace(&events, |file| lines.iter().try_for_each(|line| writeln!(file, "{line}")))
            .with_context(there)?;
        let append = |path: &Path| OpenOptions::new().append(true).open(path).with_context(there);
        let metrics = Writer::append(append(&path)?);
        let events = BufWriter::new(append(&events)?);
        Ok(Self { folder: folder.to_owned(), metrics, events })
    }

    /// Appends what a lane measured, and what was found in it.
    pub fn record(
        &mut self,
        run: &str,
        lane: &Lane,
        updates_per_epoch: u64,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        let (folder, replica) = (&self.folder, lane.id.replica);
        let full = || format!("cannot write the results to {}", folder.display());
        write_rows(&mut self.metrics, run, lane, updates_per_epoch).with_context(full)?;
        let changes = lane.log.rate_changes.iter().map(|(update, change)| {
            let message = format!("the controller changes the rate {:e} to {:e}", change.from, change.to);
            (*update, EventKind::RateChange, message)
        });
        let diverged =
            lane.log.diverged.map(|update| (update, EventKind::Diverged, Event::DIVERGED.to_owned()));
        let failed = lane.failed.clone().map(|why| (lane.update, EventKind::Failed, why));
        let found = findings.iter().map(|finding| (finding.first, EventKind::Finding, finding.message()));
        for (update, kind, message) in changes.chain(diverged).chain(failed).chain(found) {
            let line = EventLine { update, run, replica, kind: kind.name(), message };
            serde_json::to_writer(&mut self.events, &line).with_context(full)?;
            self.events.write_all(b"\n").with_context(full)?;
        }
        Ok(())
    }

    /// Hands everything so far to the system.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let full = || format!("cannot write the results to {}", self.folder.display());
        self.metrics.flush().with_context(full)?;
        self.events.flush().with_context(full)?;
        Ok(())
    }

    /// Writes what is known at the end only.
    pub fn finish(
        mut self,
        runs: &[RunSummary],
        table: Option<&TableReport>,
        report: &str,
    ) -> Result<(), Failure> {
        self.flush()?;
        let write = |name: &str, text: &str| {
            files::replace(&self.folder.join(name), |file| file.write_all(text.as_bytes()))
                .map_err(|error| anyhow!("cannot write {name} to {}: {error}", self.folder.display()))
        };
        let summary = Summary { runs, data: table.map(DataSummary::of) };
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
    pub fn create(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("baseline.csv");
        let there = || format!("cannot write {}", path.display());
        let metrics = create_metrics(&path).with_context(there)?;
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

/// An empty file of metrics.
fn create_metrics(path: &Path) -> io::Result<Writer<File>> {
    Writer::new(File::create(path)?)
}

/// Says which columns of a file are not kept.
#[expect(clippy::print_stderr, reason = "what is dropped is no data")]
fn tell_unknown(path: &Path, columns: &[String]) {
    if !columns.is_empty() {
        let columns = columns.join(", ");
        eprintln!("anneal: {}: this version does not know and does not keep: {columns}", path.display());
    }
}

/// What a lane measured, a line an update.
fn write_rows(metrics: &mut Writer<File>, run: &str, lane: &Lane, updates_per_epoch: u64) -> io::Result<()> {
    let mut rows = lane.log.rows.iter();
    rows.try_for_each(|row| metrics.write(run, lane.id.replica, row.update / updates_per_epoch, row))
}
