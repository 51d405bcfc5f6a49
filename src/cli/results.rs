//! The folder of a training's results: metrics and events as they come, the rest at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::Serialize;

use super::Failure;
use super::headless::RunSummary;
use crate::analysis::detect::Finding;
use crate::experiment::Experiment;
use crate::files;
use crate::telemetry::{EventKind, Row, Validation};
use crate::train::lane::Lane;

const COLUMNS: [&str; 11] = [
    "run",
    "replica",
    "update",
    "epoch",
    "lr",
    "momentum",
    "train_loss",
    "grad_norm",
    "update_norm",
    "val_loss",
    "val_accuracy",
];

/// The column that is added where a run has a schedule of its batch.
const BATCH: &str = "batch";

/// The files that grow with the training.
pub struct Results {
    folder: PathBuf,
    metrics: csv::Writer<File>,
    /// Whether the metrics have the column of batches.
    batches: bool,
    events: BufWriter<File>,
}

/// One row of `metrics.csv` read back.
pub struct Measured {
    pub run: String,
    pub replica: u32,
    pub row: Row,
    pub validation: Option<Validation>,
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
}

impl Results {
    /// An empty folder's worth of results; what an earlier training left there is replaced.
    pub fn create(folder: &Path, experiment: &Experiment) -> Result<Self, Failure> {
        let there = || format!("cannot write to the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(there)?;
        experiment.save(folder.join("experiment.toml"))?;
        let mut metrics = csv::Writer::from_path(folder.join("metrics.csv")).with_context(there)?;
        let batches = experiment.runs.iter().any(|run| run.batch.is_some());
        metrics.write_record(columns(batches)).with_context(there)?;
        let events = BufWriter::new(File::create(folder.join("events.jsonl")).with_context(there)?);
        Ok(Self { folder: folder.to_owned(), metrics, batches, events })
    }

    /// The results as they were after `updates` updates, each row handed to `again`; what was measured
    /// later belongs to a future that is trained once more.
    pub fn reopen(folder: &Path, updates: u64, mut again: impl FnMut(Measured)) -> Result<Self, Failure> {
        let there = || format!("cannot go on with the results in {}", folder.display());
        let path = folder.join("metrics.csv");
        let mut kept = Vec::new();
        let mut old = csv::ReaderBuilder::new().flexible(true).from_path(&path).with_context(there)?;
        let batches = old.headers().with_context(there)?.iter().any(|name| name == BATCH);
        for record in old.records() {
            // A killed training may have left half a row at the end.
            let Ok(record) = record else { break };
            let Some(measured) = measured(&record, batches) else { break };
            if measured.row.update < updates {
                again(measured);
                kept.push(record);
            }
        }
        files::replace(&path, |file| {
            let mut metrics = csv::Writer::from_writer(file);
            metrics.write_record(columns(batches))?;
            kept.iter().try_for_each(|record| metrics.write_record(record))?;
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
        let metrics = csv::WriterBuilder::new().has_headers(false).from_writer(append(&path)?);
        let events = BufWriter::new(append(&events)?);
        Ok(Self { folder: folder.to_owned(), metrics, batches, events })
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
        write_rows(&mut self.metrics, run, lane, updates_per_epoch, self.batches).with_context(full)?;
        let changes = lane.log.cuts.iter().map(|(update, change)| {
            let message = format!("the controller changes the rate {:e} to {:e}", change.from, change.to);
            (*update, EventKind::PlateauCut, message)
        });
        let diverged = lane.log.diverged.map(|update| {
            (update, EventKind::Diverged, "the loss is no number any more: the run has diverged".to_owned())
        });
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
    pub fn finish(mut self, runs: &[RunSummary], report: &str) -> Result<(), Failure> {
        self.flush()?;
        let write = |name: &str, text: &str| {
            files::replace(&self.folder.join(name), |file| file.write_all(text.as_bytes()))
                .map_err(|error| anyhow!("cannot write {name} to {}: {error}", self.folder.display()))
        };
        write("summary.json", &(serde_json::to_string_pretty(&Summary { runs })? + "\n"))?;
        write("report.html", report)?;
        Ok(())
    }
}

/// `baseline.csv`: what the constant rates measured that the baseline was chosen from, as in `metrics.csv`.
pub struct Trials {
    path: PathBuf,
    metrics: csv::Writer<File>,
}

impl Trials {
    pub fn create(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("baseline.csv");
        let there = || format!("cannot write {}", path.display());
        let mut metrics = csv::Writer::from_path(&path).with_context(there)?;
        metrics.write_record(COLUMNS).with_context(there)?;
        Ok(Self { path, metrics })
    }

    /// Appends what a lane measured.
    pub fn record(&mut self, run: &str, lane: &Lane, updates_per_epoch: u64) -> Result<(), Failure> {
        let full = || format!("cannot write {}", self.path.display());
        Ok(write_rows(&mut self.metrics, run, lane, updates_per_epoch, false).with_context(full)?)
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        Ok(self.metrics.flush().with_context(|| format!("cannot write {}", self.path.display()))?)
    }
}

/// What a lane measured, a row an update; with the column of batches, or without.
fn write_rows(
    metrics: &mut csv::Writer<File>,
    run: &str,
    lane: &Lane,
    updates_per_epoch: u64,
    batches: bool,
) -> csv::Result<()> {
    let replica = lane.id.replica.to_string();
    let value = |value: Option<f32>| value.map_or_else(String::new, |value| value.to_string());
    let mut validations = lane.log.validations.iter().peekable();
    for row in &lane.log.rows {
        let validation = validations.next_if(|validation| validation.update == row.update);
        let cells = [
            run,
            replica.as_str(),
            &row.update.to_string(),
            &(row.update / updates_per_epoch).to_string(),
            &row.lr.to_string(),
            &row.momentum.to_string(),
            &row.train_loss.to_string(),
            &row.grad_norm.to_string(),
            &row.update_norm.to_string(),
            &value(validation.map(|validation| validation.loss)),
            &value(validation.and_then(|validation| validation.accuracy)),
            &row.batch.to_string(),
        ];
        metrics.write_record(if batches { &cells[..] } else { &cells[..COLUMNS.len()] })?;
    }
    Ok(())
}

fn columns(batches: bool) -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().chain(batches.then_some(BATCH))
}

/// A row of `metrics.csv`; nothing when it is no whole one.
fn measured(record: &csv::StringRecord, batches: bool) -> Option<Measured> {
    if record.len() != columns(batches).count() {
        return None;
    }
    let update = record[2].parse().ok()?;
    let optional =
        |at: usize| if record[at].is_empty() { Some(None) } else { record[at].parse().ok().map(Some) };
    let (loss, accuracy) = (optional(9)?, optional(10)?);
    Some(Measured {
        run: record[0].to_owned(),
        replica: record[1].parse().ok()?,
        row: Row {
            update,
            lr: record[4].parse().ok()?,
            momentum: record[5].parse().ok()?,
            // Neither is of use to what reads the rows back.
            weight_decay: 0.0,
            batch: 0,
            train_loss: record[6].parse().ok()?,
            grad_norm: record[7].parse().ok()?,
            update_norm: record[8].parse().ok()?,
        },
        validation: loss.map(|loss| Validation { update, loss, accuracy }),
    })
}
