//! Training to the end without an interface, with what it measures streamed to files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Failure, output};
use crate::experiment::Experiment;
use crate::files;
use crate::telemetry::EventKind;
use crate::train::cohort::Cohort;
use crate::train::command::{Revision, RunId};
use crate::train::lane::Lane;
use crate::train::place::Choice;

/// Updates every lane trains between two looks at the progress. A fixed number, so that the files
/// are the same whatever the machine's speed.
const CHUNK: u64 = 256;

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// One run of one replica, in `summary.json` and in the table at the end.
#[derive(Clone, Debug, Serialize)]
struct RunSummary {
    name: String,
    replica: u32,
    seed: u64,
    updates: u64,
    final_train_loss: Option<f32>,
    final_val_loss: Option<f32>,
    best_val_loss: Option<f32>,
    final_val_accuracy: Option<f32>,
    diverged_at: Option<u64>,
    seconds: f64,
    updates_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

#[derive(Serialize)]
struct Summary {
    runs: Vec<RunSummary>,
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

/// Trains to the end, writes the results to `out` if it is given, and prints the table.
pub fn train(
    experiment: &Experiment,
    out: Option<&Path>,
    device: Choice,
    threads: Option<usize>,
) -> Result<(), Failure> {
    let mut files = out.map(|out| Files::create(out, experiment)).transpose()?;
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    let revision = Arc::new(Revision { generation: 0, experiment: experiment.clone(), ids });
    let pool = Arc::new(crate::train::pool(Some(threads.unwrap_or_else(cores)))?);
    let mut cohort = Cohort::choose(revision, device, pool)?;
    let clock = cohort.task().clock;
    let lanes = cohort.lanes().len() as u64;
    let progress = ProgressBar::new(clock.updates * lanes).with_style(
        ProgressStyle::with_template("{bar:32} {pos}/{len} updates, {per_sec}, {eta} left")
            .context("the progress bar's template")?,
    );
    let start = Instant::now();
    let mut summaries: Vec<RunSummary> = cohort.lanes().iter().map(|lane| blank(experiment, lane)).collect();
    while cohort.update() < clock.updates && cohort.lanes().iter().any(|lane| lane.failed.is_none()) {
        cohort.advance(u64::MAX, CHUNK)?;
        for (lane, summary) in cohort.lanes_mut().iter_mut().zip(&mut summaries) {
            if let Some(files) = &mut files {
                files.record(&summary.name, lane, clock.updates_per_epoch)?;
            }
            summary.take_in(lane);
        }
        progress.set_position(cohort.lanes().iter().map(|lane| lane.update).sum());
    }
    progress.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    for summary in &mut summaries {
        summary.seconds = seconds;
        summary.updates_per_second = summary.updates as f64 / seconds.max(1e-9);
    }
    output::print(&table(&summaries))?;
    let failed =
        summaries.iter().find_map(|summary| summary.failed.clone().map(|why| (summary.name.clone(), why)));
    if let Some(files) = files {
        files.finish(Summary { runs: summaries })?;
    }
    match failed {
        Some((run, why)) => Err(Failure::Failed(anyhow::anyhow!("run \"{run}\" failed: {why}"))),
        None => Ok(()),
    }
}

fn blank(experiment: &Experiment, lane: &Lane) -> RunSummary {
    RunSummary {
        // The ids were given out in the order of the runs.
        name: experiment.runs.get(lane.id.run.0 as usize).map_or_else(String::new, |run| run.name.clone()),
        replica: lane.id.replica,
        seed: experiment.train.seed.wrapping_add(u64::from(lane.id.replica)),
        updates: 0,
        final_train_loss: None,
        final_val_loss: None,
        best_val_loss: None,
        final_val_accuracy: None,
        diverged_at: None,
        seconds: 0.0,
        updates_per_second: 0.0,
        failed: None,
    }
}

impl RunSummary {
    /// Takes what the lane measured, and empties its log.
    fn take_in(&mut self, lane: &mut Lane) {
        self.updates = lane.update;
        self.diverged_at = lane.diverged_at;
        self.failed.clone_from(&lane.failed);
        if let Some(row) = lane.log.rows.last() {
            self.final_train_loss = Some(row.train_loss);
        }
        for validation in &lane.log.validations {
            self.final_val_loss = Some(validation.loss);
            self.final_val_accuracy = validation.accuracy;
            if validation.loss.is_finite() {
                self.best_val_loss =
                    Some(self.best_val_loss.map_or(validation.loss, |best| best.min(validation.loss)));
            }
        }
        lane.log.clear();
    }
}

/// The table at the end: one line a run and replica.
fn table(summaries: &[RunSummary]) -> String {
    let widest = summaries.iter().map(|summary| summary.name.chars().count()).max().unwrap_or(0).max(3);
    let number = |value: Option<f32>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut text = format!(
        "{:<widest$}  {:>7}  {:>7}  {:>10}  {:>8}  {:>8}  {:>12}\n",
        "run", "replica", "updates", "train loss", "val loss", "accuracy", "updates / s"
    );
    for summary in summaries {
        text += &format!(
            "{:<widest$}  {:>7}  {:>7}  {:>10}  {:>8}  {:>8}  {:>12.0}{}\n",
            summary.name,
            summary.replica,
            summary.updates,
            number(summary.final_train_loss),
            number(summary.final_val_loss),
            number(summary.final_val_accuracy),
            summary.updates_per_second,
            summary.diverged_at.map_or_else(String::new, |at| format!("  diverged at update {at}"))
        );
    }
    text
}

/// The folder of a training's results.
struct Files {
    folder: PathBuf,
    metrics: csv::Writer<File>,
    events: BufWriter<File>,
}

impl Files {
    fn create(folder: &Path, experiment: &Experiment) -> Result<Self, Failure> {
        let there = || format!("cannot write to the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(there)?;
        experiment.save(folder.join("experiment.toml"))?;
        let mut metrics = csv::Writer::from_path(folder.join("metrics.csv")).with_context(there)?;
        metrics
            .write_record([
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
            ])
            .with_context(there)?;
        let events = BufWriter::new(File::create(folder.join("events.jsonl")).with_context(there)?);
        Ok(Self { folder: folder.to_owned(), metrics, events })
    }

    /// Appends what a lane measured.
    fn record(&mut self, run: &str, lane: &Lane, updates_per_epoch: u64) -> Result<(), Failure> {
        let (folder, replica) = (&self.folder, lane.id.replica);
        let full = || format!("cannot write the results to {}", folder.display());
        let mut validations = lane.log.validations.iter().peekable();
        for row in &lane.log.rows {
            let validation = validations.next_if(|validation| validation.update == row.update);
            let value = |value: Option<f32>| value.map_or_else(String::new, |value| value.to_string());
            self.metrics
                .write_record([
                    run,
                    &replica.to_string(),
                    &row.update.to_string(),
                    &(row.update / updates_per_epoch).to_string(),
                    &row.lr.to_string(),
                    &row.momentum.to_string(),
                    &row.train_loss.to_string(),
                    &row.grad_norm.to_string(),
                    &row.update_norm.to_string(),
                    &value(validation.map(|validation| validation.loss)),
                    &value(validation.and_then(|validation| validation.accuracy)),
                ])
                .with_context(full)?;
        }
        let cuts = lane.log.cuts.iter().map(|(update, cut)| {
            (
                *update,
                EventKind::PlateauCut,
                format!("the controller changes the rate {:e} to {:e}", cut.from, cut.to),
            )
        });
        let diverged = lane
            .log
            .diverged
            .map(|update| (update, EventKind::Diverged, "the loss is no number any more".to_owned()));
        let failed = lane.failed.clone().map(|why| (lane.update, EventKind::Failed, why));
        for (update, kind, message) in cuts.chain(diverged).chain(failed) {
            let line = EventLine { update, run, replica, kind: kind.name(), message };
            serde_json::to_writer(&mut self.events, &line).with_context(full)?;
            self.events.write_all(b"\n").with_context(full)?;
        }
        Ok(())
    }

    fn finish(mut self, summary: Summary) -> Result<(), Failure> {
        let folder = self.folder;
        let full = || format!("cannot write the results to {}", folder.display());
        self.metrics.flush().with_context(full)?;
        self.events.flush().with_context(full)?;
        let json = serde_json::to_string_pretty(&summary)? + "\n";
        files::replace(&folder.join("summary.json"), |file| file.write_all(json.as_bytes()))
            .with_context(full)?;
        Ok(())
    }
}
