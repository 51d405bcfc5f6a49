//! Training to the end without an interface.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::diagnosis::Diagnosis;
use super::results::Results;
use super::summary::{RunSummary, table};
use super::{Device, Failure, baseline, data_report, output, read};
use crate::analysis::audit::{Audit, RunRecord, Tally};
use crate::analysis::baseline::Baseline;
use crate::experiment::Experiment;
use crate::telemetry::metrics::Measured;
use crate::train::checkpoint::policy::Stops;
use crate::train::checkpoint::{Checkpoint, Forget, Policy, Writer, newest_good};
use crate::train::cohort::Cohort;
use crate::train::device::Choice;
use crate::train::ids::{Revision, RunId};
use crate::train::lane::Lane;

/// Updates every lane trains between two looks at the progress. A fixed number, so that the files
/// are the same whatever the machine's speed.
const CHUNK: u64 = 256;

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What `anneal train` is given.
#[derive(Args)]
pub struct Arguments {
    pub file: PathBuf,
    /// Where the experiment, the metrics, the events and the summary are written.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Go on from the newest good checkpoint of an earlier training's folder; results are added there.
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Training threads; all cores when not given.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Compare with the first constant rate in the report, and tune none.
    #[arg(long)]
    pub no_baseline: bool,
}

/// How to train.
#[derive(Default)]
pub struct Order {
    /// Where the results go.
    pub out: Option<PathBuf>,
    /// Go on from the newest checkpoint below this folder.
    pub resume: Option<PathBuf>,
    pub device: Choice,
    /// All cores when not given.
    pub threads: Option<usize>,
    /// Leave the report's tuned baseline out.
    pub no_baseline: bool,
}

/// Trains a file's experiment.
pub fn run(args: Arguments) -> Result<(), Failure> {
    let Arguments { file, out, resume, device, threads, no_baseline } = args;
    let order = Order { out, resume, device: device.into(), threads, no_baseline };
    train(&read(&file)?, &order)
}

/// Trains to the end, writes the results where they are wanted, and prints the table.
pub fn train(experiment: &Experiment, order: &Order) -> Result<(), Failure> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    let revision = Arc::new(Revision { generation: 0, experiment: experiment.clone(), ids });
    let pool = Arc::new(crate::train::pool(Some(order.threads.unwrap_or_else(cores)))?);
    let mut cohort = Cohort::choose(revision, order.device, pool)?;
    if let Some(table) = cohort.task().prepared.table() {
        data_report::tell(table, experiment.train.loss.is_none() && cohort.task().prepared.is_regression());
    }
    let clock = cohort.task().clock;
    let start = Instant::now();

    let resumed = match &order.resume {
        Some(folder) => Some(resume(&mut cohort, folder)?),
        None => None,
    };
    let out = order.out.as_ref().or(order.resume.as_ref());
    let mut tallies: Vec<Tally> = cohort.lanes().iter().map(|lane| tally(experiment, lane)).collect();
    let mut diagnosis = Diagnosis::new(&cohort)?;
    let mut results = match (out, &resumed) {
        (None, _) => None,
        (Some(out), Some(checkpoint)) if order.resume.as_ref() == Some(out) => {
            let names: Vec<(String, u32)> =
                cohort.lanes().iter().map(|lane| (name(experiment, lane), lane.id.replica)).collect();
            Some(Results::reopen(out, checkpoint.update(), |measured| {
                take_again(&mut tallies, &mut diagnosis, &names, &measured);
            })?)
        }
        (Some(out), _) => Some(Results::create(out, experiment)?),
    };
    let snapshots = experiment.snapshots.as_ref().map_or(0, |asked| asked.keep);
    let policy = Policy { snapshots, ..Policy::default() };
    let writer = match out {
        Some(out) => {
            let folder = out.join("checkpoints");
            let there = || format!("cannot write checkpoints to {}", folder.display());
            Some(Writer::start(&folder, policy, cohort.update()).with_context(there)?)
        }
        None => None,
    };
    let ends =
        cohort.lanes().iter().flat_map(|lane| lane.course.cycle_ends(clock.updates)).collect::<Vec<_>>();
    let asked = cohort.lanes().iter().filter_map(|lane| lane.keeper.as_ref());
    let stops =
        Stops::new(&policy, clock, ends).and_after(asked.flat_map(|keeper| keeper.all(clock.updates)));

    let progress = ProgressBar::new(clock.updates * cohort.lanes().len() as u64).with_style(
        ProgressStyle::with_template("{bar:32} {pos}/{len} updates, {per_sec}, {eta} left")
            .context("the progress bar's template")?,
    );
    while cohort.update() < clock.updates && cohort.lanes().iter().any(|lane| lane.failed.is_none()) {
        let done = cohort.update();
        let stop = stops.after(done);
        let to = stop.map_or(u64::MAX, |(update, _)| update).min(done + CHUNK);
        cohort.advance(to, u64::MAX)?;
        for (at, (lane, tally)) in cohort.lanes_mut().iter_mut().zip(&mut tallies).enumerate() {
            let findings = diagnosis.read(at, lane);
            if let Some(results) = &mut results {
                results.record(&name(experiment, lane), lane, clock.updates_per_epoch, findings)?;
            }
            lane.log.rows.iter().for_each(|row| tally.update(row));
            lane.log.clear();
        }
        if let (Some(writer), Some((update, reason))) = (&writer, stop)
            && cohort.update() == update
        {
            if let Some(results) = &mut results {
                // What a checkpoint claims to have measured is on the disk before it.
                results.flush()?;
            }
            writer.offer(cohort.checkpoint()?, reason);
        }
        progress.set_position(cohort.lanes().iter().map(|lane| lane.update).sum());
    }
    progress.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();

    let mut summaries = Vec::new();
    for (lane, tally) in cohort.lanes().iter().zip(&mut tallies) {
        tally.seconds = Some(seconds);
        summaries.push(RunSummary::new(name(experiment, lane), lane, tally, seconds));
    }
    output::print(&table(&summaries))?;
    tell(&diagnosis.lines(&cohort));
    if let Some(results) = results {
        let baseline = match out {
            Some(out) if !order.no_baseline => baseline::tuned(experiment, &cohort, out)?,
            _ => None,
        };
        let html = crate::analysis::report::html(&audit(experiment, &cohort, tallies, baseline));
        results.finish(&summaries, cohort.task().prepared.table(), &html)?;
    }
    if let Some(problem) = writer.and_then(|writer| writer.flush().problem) {
        return Err(Failure::Failed(anyhow!("the newest checkpoint could not be written: {problem}")));
    }
    match summaries.iter().find_map(|summary| summary.failed.as_ref().map(|why| (&summary.name, why))) {
        Some((run, why)) => Err(Failure::Failed(anyhow!("run \"{run}\" failed: {why}"))),
        None => Ok(()),
    }
}

/// Puts the cohort where the newest good checkpoint below `folder` is.
#[expect(clippy::print_stderr, reason = "whether the rate goes on where it stopped")]
fn resume(cohort: &mut Cohort, folder: &Path) -> Result<Checkpoint, Failure> {
    let checkpoint = newest(folder)?;
    let continuity = cohort.restore(&checkpoint, Forget::default())?;
    eprintln!("anneal: resumed from update {}", checkpoint.update());
    for jump in continuity.iter().filter(|lane| lane.jumps()) {
        eprintln!("anneal: {jump}");
    }
    Ok(checkpoint)
}

/// The newest good checkpoint of a training's folder.
#[expect(clippy::print_stderr, reason = "why newer ones are not good")]
pub fn newest(folder: &Path) -> Result<Checkpoint, Failure> {
    let checkpoints = folder.join("checkpoints");
    let found = newest_good(&checkpoints).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow!("no training is saved in {}; `anneal train FILE --out DIR` saves one", folder.display())
        }
        _ => anyhow!(error).context(format!("cannot read {}", checkpoints.display())),
    })?;
    for refusal in &found.refused {
        eprintln!("anneal: not taken: {refusal}");
    }
    let newest = found.newest.map(|(_, checkpoint)| checkpoint);
    newest.ok_or_else(|| Failure::Failed(anyhow!("there is no good checkpoint in {}", checkpoints.display())))
}

/// Says what was found to go wrong.
#[expect(clippy::print_stderr, reason = "findings are no data")]
fn tell(findings: &[String]) {
    for finding in findings {
        eprintln!("anneal: {finding}");
    }
}

/// Feeds what an earlier part of the training measured to its lane's tally and watch.
fn take_again(
    tallies: &mut [Tally],
    diagnosis: &mut Diagnosis,
    names: &[(String, u32)],
    measured: &Measured,
) {
    let lane = names.iter().position(|(run, replica)| **run == *measured.run && *replica == measured.replica);
    let Some(lane) = lane else { return };
    diagnosis.take_again(lane, measured);
    if let Some(tally) = tallies.get_mut(lane) {
        tally.update(&measured.row);
    }
}

fn name(experiment: &Experiment, lane: &Lane) -> String {
    // The ids were given out in the order of the runs.
    experiment.runs.get(lane.id.run.0 as usize).map_or_else(String::new, |run| run.name.clone())
}

fn tally(experiment: &Experiment, lane: &Lane) -> Tally {
    Tally::new(experiment.train.seed.wrapping_add(u64::from(lane.id.replica)), experiment.train.clip_norm)
}

/// The runs against the tuned baseline; without one, against the first that has a constant rate, or the first.
fn audit(experiment: &Experiment, cohort: &Cohort, tallies: Vec<Tally>, baseline: Option<Baseline>) -> Audit {
    let mut records: Vec<RunRecord> =
        experiment.runs.iter().map(|run| RunRecord::new(run, Vec::new())).collect();
    for (lane, tally) in cohort.lanes().iter().zip(tallies) {
        if let Some(record) = records.get_mut(lane.id.run.0 as usize) {
            record.lanes.push(tally);
        }
    }
    if let Some(baseline) = baseline {
        return baseline.audit(&experiment.name, records);
    }
    Audit::of_runs(experiment, records)
}
