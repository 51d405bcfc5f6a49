//! Training to the end without an interface.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::diagnosis::Diagnosis;
use super::energy::Energy;
use super::landing::Landing;
use super::placed::placed;
use super::results::{Folder, Results};
use super::sinks::{SinkArgs, Sinks, lanes};
use super::{Device, Failure, baseline, data_report, loading, output, read, threads_of};
use crate::analysis::audit::{Audit, RunRecord, Tally};
use crate::analysis::baseline::Baseline;
use crate::analysis::summary::{RunSummary, table};
use crate::experiment::Experiment;
use crate::govern::Bounds;
use crate::telemetry::Row;
use crate::telemetry::metrics::{Measured, MetricsError};
use crate::train::checkpoint::policy::Stops;
use crate::train::checkpoint::{
    Checkpoint, Continuity, Forget, Past, PastError, Policy, Writer, newest_good,
};
use crate::train::cohort::Cohort;
use crate::train::device::Choice;
use crate::train::ids::{Revision, RunId};
use crate::train::lane::Lane;
use crate::train::memory;

/// Updates every lane trains between two looks at the progress. A fixed number, so that the files
/// are the same whatever the machine's speed.
const CHUNK: u64 = 256;

/// Copies of all weights that checkpoints on their way to the disk make: one is taken, one waits, one is written
/// and is in the file's form twice.
const CHECKPOINT_COPIES: f64 = 5.0;

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
    /// Train only what this policy allows: its approvals, its bounds of the rate; exit 2 otherwise.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Keep the training in this library, in a folder of its own; ANNEAL_LIBRARY when neither this nor --out is given.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"])]
    pub library: Option<PathBuf>,
    #[command(flatten)]
    pub sinks: SinkArgs,
}

/// How to train.
pub struct Order {
    /// Where the results go.
    pub out: Option<PathBuf>,
    /// Go on from the newest checkpoint below this folder.
    pub resume: Option<PathBuf>,
    /// The file the experiment was read from.
    pub source: Option<PathBuf>,
    pub device: Choice,
    pub threads: usize,
    /// Leave the report's tuned baseline out.
    pub no_baseline: bool,
    /// Stop at the first update whose rate, as a controller has it, is outside.
    pub bounds: Option<Bounds>,
    /// Where telemetry goes beside the folder.
    pub sinks: SinkArgs,
}

/// Trains a file's experiment.
pub fn run(args: Arguments) -> Result<(), Failure> {
    let Arguments { file, out, resume, device, threads, no_baseline, policy, library, sinks } = args;
    if let Some(address) = resume.as_deref().and_then(Path::to_str).filter(|text| text.contains("://")) {
        return Err(Failure::BadFile(anyhow!(
            "{address} is not a folder of this machine; fetch it first: python -m anneal_studio.sync --fetch {address} DIR \
             && anneal train DIR/experiment.toml --resume DIR"
        )));
    }
    let (experiment, bounds) = match policy {
        None => (read(&file)?, None),
        Some(policy) => {
            let (experiment, policy) = super::policy::allowed(&file, &policy)?;
            (experiment, policy.rate)
        }
    };
    let (device, threads) = (device.into(), threads_of(threads));
    let landing = Landing::of(library, out.is_some() || resume.is_some(), &experiment.name)?;
    let out = landing.as_ref().map(Landing::place).or(out);
    let order = Order { out, resume, source: Some(file), device, threads, no_baseline, bounds, sinks };
    let done = train(&experiment, &order);
    if let Some(landing) = landing {
        landing.add();
    }
    done
}

/// Trains to the end, writes the results where they are wanted, and prints the table.
pub fn train(experiment: &Experiment, order: &Order) -> Result<(), Failure> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    let revision = Arc::new(Revision { generation: 0, experiment: experiment.clone(), ids });
    let pool = Arc::new(crate::train::pool(Some(order.threads))?);
    let choose = || Cohort::choose(revision, order.device, pool);
    let mut cohort = loading::shown(choose).map_err(|error| match &order.source {
        Some(file) => placed(file, error),
        None => error.into(),
    })?;
    if let Some(table) = cohort.task().prepared.table() {
        data_report::tell(table, experiment.train.loss.is_none() && cohort.task().prepared.is_regression());
    }
    let mut device = cohort.device_name();
    // Why it is another one than was asked for, or which one was found.
    if order.device != Choice::Cpu && device != cohort.device() {
        output::say(format!("anneal: trains on the {}", cohort.device()));
    }
    let clock = cohort.task().clock;
    let start = Instant::now();
    let mut energy = Energy::begin();

    let out = order.out.as_ref().or(order.resume.as_ref());
    // A folder to go on in is there already.
    let folder = match out.filter(|out| order.out.is_some() || out.is_dir()) {
        Some(out) => Some(Folder::take(out)?),
        None => None,
    };
    let (resumed, continuity) = match &order.resume {
        Some(folder) => {
            let (checkpoint, continuity) = resume(&mut cohort, folder)?;
            (Some(checkpoint), continuity)
        }
        None => (None, Vec::new()),
    };
    let mut tallies: Vec<Tally> = cohort.lanes().iter().map(|lane| tally(experiment, lane)).collect();
    let mut diagnosis = Diagnosis::new(&cohort)?;
    let past = match (&order.resume, &resumed) {
        (Some(from), Some(checkpoint)) => {
            diagnosis.restore(&cohort, checkpoint);
            let names: Vec<(String, u32)> =
                cohort.lanes().iter().map(|lane| (name(experiment, lane), lane.id.replica)).collect();
            past(from, checkpoint, |measured| take_again(&mut tallies, &mut diagnosis, &names, &measured))?
        }
        _ => None,
    };
    let before = resumed.as_ref().map_or(0.0, |checkpoint| checkpoint.ledger.seconds);
    let snapshots = experiment.snapshots.as_ref().map_or(0, |asked| asked.keep);
    let policy = Policy { snapshots, ..Policy::default() };
    let (writer, mut results) = match folder {
        Some(folder) => {
            memory::is_free(CHECKPOINT_COPIES * cohort.row_bytes())?;
            let goes_on = order.resume.as_ref().is_some_and(|from| folder.is(from));
            let source = order.source.as_deref();
            if !goes_on {
                folder.is_for(source)?;
            }
            let first = match (&resumed, &past) {
                (Some(checkpoint), None) => without_past(goes_on, &folder, checkpoint)?,
                _ => 0,
            };
            // In an order in which the folder is a training's whenever this is cut short.
            folder.begin()?;
            let checkpoints = folder.checkpoints();
            let there = || format!("cannot write checkpoints to {}", checkpoints.display());
            let from = if goes_on { cohort.update() } else { 0 };
            let writer = Writer::start(&checkpoints, policy, from).with_context(there)?;
            let results = match (&resumed, &past) {
                (Some(checkpoint), Some(past)) if goes_on => Results::go_on(folder, checkpoint, past)?,
                (Some(checkpoint), Some(past)) => {
                    Results::copy(folder, experiment, source, (checkpoint, past))?
                }
                _ => Results::create(folder, experiment, source, first)?,
            };
            results.resumed(order.resume.as_deref().filter(|_| !goes_on), &continuity)?;
            (Some(writer), Some(results))
        }
        None => (None, None),
    };
    let ends =
        cohort.lanes().iter().flat_map(|lane| lane.run_plan.cycle_ends(clock.updates)).collect::<Vec<_>>();
    let asked = cohort.lanes().iter().filter_map(|lane| lane.keeper.as_ref());
    let stops =
        Stops::new(&policy, clock, ends).and_after(asked.flat_map(|keeper| keeper.all(clock.updates)));

    let mut sinks = Sinks::open(&order.sinks, || lanes(experiment, Some(clock)))?;
    let progress = ProgressBar::new(clock.updates * cohort.lanes().len() as u64).with_style(
        ProgressStyle::with_template("{bar:32} {pos}/{len} updates, {per_sec}, {eta} left")
            .context("the progress bar's template")?,
    );
    while cohort.update() < clock.updates && cohort.lanes().iter().any(Lane::can_train) {
        let done = cohort.update();
        let stop = stops.after(done);
        let to = stop.map_or(u64::MAX, |(update, _)| update).min(done + CHUNK);
        cohort.advance(to, u64::MAX)?;
        if device != cohort.device_name() {
            device = cohort.device_name();
            progress.suspend(|| output::say(format!("anneal: training goes on on the {}", cohort.device())));
        }
        for (at, (lane, tally)) in cohort.lanes_mut().iter_mut().zip(&mut tallies).enumerate() {
            let findings = diagnosis.read(at, lane);
            sinks.record(at, lane, findings.len());
            if let Some(results) = &mut results {
                results.record(&name(experiment, lane), lane, clock.updates_per_epoch, findings)?;
            }
            lane.log.rows.iter().for_each(|row| tally.update(row));
            let is_outside = |row: &&Row| order.bounds.is_some_and(|bounds| !bounds.hold(row.lr));
            let outside = lane.log.rows.iter().find(is_outside);
            let outside = outside.map(|row| (name(experiment, lane), row.update, row.lr));
            lane.log.clear();
            if let Some((run, update, rate)) = outside {
                return Err(anyhow!(
                    "run \"{run}\": its controller took the rate to {rate:e} at update {update}, which the policy \
                     does not allow: the training was stopped"
                )
                .into());
            }
        }
        if let (Some(writer), Some((update, reason))) = (&writer, stop)
            && cohort.update() == update
        {
            let mut checkpoint = cohort.checkpoint()?;
            diagnosis.keep(&mut checkpoint);
            if let Some(results) = &mut results {
                // What a checkpoint claims to have measured is on the disk before it.
                checkpoint.ledger = results.ledger(before + start.elapsed().as_secs_f64())?;
            }
            writer.offer(checkpoint, reason);
        }
        if let Some(writer) = &writer {
            sinks.checkpoints(writer);
        }
        energy.look();
        progress.set_position(cohort.lanes().iter().map(|lane| lane.update).sum());
    }
    progress.finish_and_clear();
    sinks.end();
    let seconds = before + start.elapsed().as_secs_f64();
    // What a part before a resume used is not known.
    let joules = energy.joules().filter(|_| resumed.is_none());

    let mut summaries = Vec::new();
    for (lane, tally) in cohort.lanes().iter().zip(&mut tallies) {
        tally.seconds = Some(seconds);
        tally.stopped = lane.stopped(cohort.task());
        let ended = (lane.update, lane.diverged_at, lane.failed.clone());
        let name = name(experiment, lane);
        summaries.push(RunSummary::of(name, lane.id.replica, ended, tally, Some(seconds)));
    }
    // Results first, words after: no reader of either stream decides what is on the disk.
    if let Some(results) = results {
        let baseline = match out {
            Some(out) if !order.no_baseline => baseline::tuned(experiment, &cohort, out)?,
            _ => None,
        };
        let html = crate::analysis::report::html(&audit(experiment, &cohort, tallies, baseline));
        let table = cohort.task().prepared.table();
        results.finish(&summaries, &cohort.device(), joules, table, &html)?;
    }
    diagnosis.lines(&cohort).iter().for_each(|finding| output::say(format!("anneal: {finding}")));
    output::print(&table(&summaries))?;
    sinks.linger();
    if let Some(problem) = writer.and_then(|writer| writer.flush().problem) {
        return Err(Failure::Failed(anyhow!("the newest checkpoint could not be written: {problem}")));
    }
    match summaries.iter().find_map(|summary| summary.failed.as_ref().map(|why| (&summary.name, why))) {
        Some((run, why)) => Err(Failure::Failed(anyhow!("run \"{run}\" failed: {why}"))),
        None => Ok(()),
    }
}

/// Puts the cohort where the newest good checkpoint below `folder` is.
fn resume(cohort: &mut Cohort, folder: &Path) -> Result<(Checkpoint, Vec<Continuity>), Failure> {
    let checkpoint = newest(folder)?;
    let continuity = cohort.restore(&checkpoint, Forget::default())?;
    output::say(format!("anneal: resumed from update {}", checkpoint.update()));
    for jump in continuity.iter().filter(|lane| lane.jumps()) {
        output::say(format!("anneal: {jump}"));
    }
    Ok((checkpoint, continuity))
}

/// What a training had measured by its checkpoint, checked and handed over; nothing where its folder has no metrics
/// and it goes on in another one.
fn past(from: &Path, checkpoint: &Checkpoint, each: impl FnMut(Measured)) -> Result<Option<Past>, Failure> {
    let file = from.join("metrics.csv");
    let advice = "mend it, or move it away and go on in another folder with --out";
    match Past::read(&file, checkpoint, each) {
        Ok(past) => Ok(Some(past)),
        Err(PastError::Metrics { cause: MetricsError::Io(error), .. }) if is_gone(&error) => Ok(None),
        Err(error) => Err(anyhow!("{error}; {advice}").into()),
    }
}

/// Where the metrics begin when those of the past are no longer there.
fn without_past(goes_on: bool, folder: &Folder, checkpoint: &Checkpoint) -> Result<u64, Failure> {
    let (folder, update) = (folder.path().display(), checkpoint.update());
    if goes_on {
        let advice = "put it back, or go on in another folder with --out";
        return Err(anyhow!("there is no metrics.csv in {folder}: {advice}").into());
    }
    output::say(format!(
        "anneal: there are no metrics of the first {update} updates: those in {folder} begin there, and the best \
         losses are the best since"
    ));
    Ok(update)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The newest good checkpoint of a training's folder.
pub fn newest(folder: &Path) -> Result<Checkpoint, Failure> {
    let checkpoints = folder.join("checkpoints");
    let found = newest_good(&checkpoints).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow!("no training is saved in {}; `anneal train FILE --out DIR` saves one", folder.display())
        }
        _ => anyhow!(error).context(format!("cannot read {}", checkpoints.display())),
    })?;
    for refusal in &found.refused {
        output::say(format!("anneal: not taken: {refusal}"));
    }
    let newest = found.newest.map(|(_, checkpoint)| checkpoint);
    newest.ok_or_else(|| Failure::Failed(anyhow!("there is no good checkpoint in {}", checkpoints.display())))
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
        return baseline.audit(&experiment.name, records).in_scenario(experiment);
    }
    Audit::of_runs(experiment, records)
}
