//! `anneal sweep`: one run under many other numbers.

mod block;
mod elsewhere;
mod population;

pub use block::{BlockArgs, run as block};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::energy::Energy;
use super::landing::Landing;
use super::{Failure, output, read, threads_of};
use crate::experiment::Experiment;
use crate::experiment::sweep::{Search, Sweep};
use crate::gpu::compute::Computer;
use crate::sweep::edges::at_the_edge;
use crate::sweep::front::{best, front};
use crate::sweep::isolation::{Isolated, isolate, plain};
use crate::sweep::summary::{Took, summarise};
use crate::sweep::{Audit, Journal, JournalError, Kept, Outcome, Status, SweepError, Sweeper, Trial, Watch};
use crate::train::TrainError;

/// Steps of the progress bar.
const STEPS: u64 = 10_000;
/// Trials in the table at the end.
const SHOWN: usize = 10;

#[derive(Args, Clone)]
pub struct SweepArgs {
    /// An experiment with a [sweep] section: what is varied, by which search, and by which rule trials are given up
    /// (median, successive_halving, hyperband or forecast).
    file: PathBuf,
    /// A new folder for the trials: trials.jsonl, and optuna.journal for Optuna and its dashboard.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on with the sweep in this folder; begin it where there is none yet.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Keep the sweep in this library, in a folder of its own; ANNEAL_LIBRARY when no folder is named.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"])]
    library: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Training threads; all cores when not given. With --on, workers.
    #[arg(long)]
    threads: Option<usize>,
    /// Train on Ray: ray for a cluster of this machine, ray://HOST:PORT for another; the results are the same bits.
    #[arg(long, value_name = "WHERE")]
    on: Option<String>,
    /// Train on the graphics adapter what it can, a thousand lanes at once: gpu; its bits are its own.
    #[arg(long, value_enum, default_value_t = Where::Cpu, conflicts_with = "on")]
    device: Where,
    /// Print, for each value of this path (such as lr.kind), the best over everything else.
    #[arg(long, value_name = "PATH")]
    isolate: Option<String>,
}

/// Where a sweep trains. Nothing is chosen for it: whoever resumes it elsewhere is to get the same bits.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Where {
    Cpu,
    Gpu,
}

pub fn run(args: &SweepArgs) -> Result<(), Failure> {
    let experiment = read(&args.file)?;
    let sweep = experiment.sweep.clone().ok_or_else(|| {
        let file = args.file.display();
        Failure::BadFile(anyhow!(
            "{file}: there is no [sweep] section; it says which run is varied, and over what"
        ))
    })?;
    if let Some(path) = args.isolate.as_ref().filter(|path| sweep.over.iter().all(|axis| axis.path != **path))
    {
        let paths: Vec<&str> = sweep.over.iter().map(|axis| axis.path.as_str()).collect();
        let there = paths.join(", ");
        return Err(Failure::BadFile(anyhow!(
            "--isolate {path}: the sweep does not vary it; it varies {there}"
        )));
    }
    let named = args.out.is_some() || args.resume.is_some();
    let landing = Landing::of(args.library.clone(), named, &experiment.name)?;
    let out = landing.as_ref().map(Landing::place).or_else(|| args.out.clone());
    let args = &SweepArgs { out, ..args.clone() };
    let done = match sweep.search {
        Search::Pbt => population::run(args, &experiment, &sweep),
        _ => searched(args, &experiment, &sweep),
    };
    if let Some(landing) = landing {
        landing.add();
    }
    done
}

fn searched(args: &SweepArgs, experiment: &Experiment, sweep: &Sweep) -> Result<(), Failure> {
    // Where trials train elsewhere, this process only checks and decides.
    let threads = if args.on.is_some() { 1 } else { threads_of(args.threads) };
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let mut sweeper = Sweeper::new(experiment, sweep, &args.file, pool).map_err(told)?;
    if let Some(on) = &args.on {
        let pool = elsewhere::start(on, &args.file, args.threads)?;
        output::say(format!("anneal: {} workers on {on}", pool.workers()));
        sweeper = sweeper.on(pool);
    }
    if args.device == Where::Gpu {
        let computer = Computer::find().map_err(TrainError::from)?;
        output::say(format!("anneal: trains on {} what it can", computer.name()));
        sweeper = sweeper.on_adapter(Arc::new(computer));
    }
    let (mut journal, kept) = open(args, sweeper.experiment(), sweeper.sweep())?;
    for note in sweeper.notes() {
        output::say(format!("anneal: {note}"));
    }
    let resumed = kept.trials() > 0;
    if resumed {
        output::say(format!("anneal: resumed with {} finished trials", kept.trials()));
    }

    let start = Instant::now();
    let energy = Energy::begin();
    let mut progress = Progress::new(sweeper.trials())?;
    let outcome = sweeper.run(journal.as_mut(), kept, &mut progress).map_err(told)?;
    progress.bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    if let Some(journal) = journal {
        let folder = journal.folder().to_owned();
        journal.finish(&outcome.trials).map_err(|error| told(error.into()))?;
        // What the part before a resume took is not known.
        let took = (!resumed).then(|| Took { seconds, joules: energy.joules() });
        summarise(&folder, &outcome, &sweeper.devices(), took).map_err(|error| told(error.into()))?;
    }

    let isolated = args.isolate.as_ref().and_then(|path| isolate(sweep, &outcome.trials, path));
    let best = best(&outcome.trials, &sweep.objectives);
    let edges = best.map(|best| at_the_edge(sweep, best)).unwrap_or_default();
    let text = if args.json {
        let mut all = as_json(&outcome, best, seconds, &edges);
        if sweep.objectives.len() > 1 {
            all["front"] =
                front(&outcome.trials, &sweep.objectives).iter().map(|trial| trial.as_json()).collect();
        }
        if let Some(isolated) = &isolated {
            all["isolated"] = isolated.iter().map(isolated_json).collect();
        }
        serde_json::to_string_pretty(&all)? + "\n"
    } else if let Some(isolated) = &isolated {
        isolation_table(isolated)
    } else {
        let mut ranked = front(&outcome.trials, &sweep.objectives);
        if let [objective] = sweep.objectives.as_slice() {
            ranked = outcome.trials.iter().filter(|trial| trial.badness(&[*objective]).is_finite()).collect();
            ranked.sort_by(|a, b| a.badness(&[*objective]).total_cmp(&b.badness(&[*objective])));
            ranked.truncate(SHOWN);
        }
        let names: Vec<String> = sweep.objectives.iter().map(|objective| objective.name()).collect();
        table(&ranked, &names)
    };
    output::print(&text)?;
    output::say(format!("anneal: {}", counted(&outcome, seconds)));
    if args.device == Where::Gpu {
        sweeper.devices().iter().for_each(|device| output::say(format!("anneal: trained on the {device}")));
    }
    for line in edges.into_iter().chain(outcome.audit.iter().map(Audit::sentence)) {
        output::say(format!("anneal: {line}"));
    }
    if best.is_none() {
        return Err(Failure::Failed(anyhow!("no trial has a value of the objective")));
    }
    Ok(())
}

/// The sweep's folder, once everything else has been found in order.
fn open(
    args: &SweepArgs,
    experiment: &Experiment,
    sweep: &Sweep,
) -> Result<(Option<Journal>, Kept), Failure> {
    let opened = match (&args.resume, &args.out) {
        (Some(folder), _) => Journal::resume(folder, experiment, sweep),
        (None, Some(folder)) => {
            Journal::create(folder, experiment, sweep).map(|journal| (journal, Kept::default()))
        }
        (None, None) => return Ok((None, Kept::default())),
    };
    let (journal, kept) = opened.map_err(|error| told(error.into()))?;
    Ok((Some(journal), kept))
}

/// What a person can mend in the file or the command is exit code 2.
fn told(error: SweepError) -> Failure {
    match error {
        SweepError::NoRun(_)
        | SweepError::Impossible(_)
        | SweepError::Vary(_)
        | SweepError::Journal(JournalError::Occupied { .. } | JournalError::Other { .. }) => {
            Failure::BadFile(error.into())
        }
        _ => Failure::Failed(error.into()),
    }
}

struct Progress {
    bar: ProgressBar,
    total: usize,
    done: usize,
}

impl Progress {
    fn new(total: usize) -> Result<Self, Failure> {
        let style = ProgressStyle::with_template("{bar:32} {msg} trials, {eta} left");
        let bar = ProgressBar::new(STEPS).with_style(style.context("the progress bar's template")?);
        bar.set_message(format!("0/{total}"));
        Ok(Self { bar, total, done: 0 })
    }
}

impl Watch for Progress {
    fn trial(&mut self, trial: &Trial, why: Option<&str>) -> Result<(), TrainError> {
        self.done += 1;
        self.bar.set_message(format!("{}/{}", self.done, self.total));
        if let Some(why) = why {
            self.bar.suspend(|| complain(trial, why));
        }
        Ok(())
    }

    fn progress(&mut self, share: f64) -> Result<(), TrainError> {
        self.bar.set_position((share * STEPS as f64) as u64);
        Ok(())
    }

    fn audits(&mut self, trials: usize) {
        self.bar.set_message(format!("auditing {trials} pruned"));
        self.bar.reset();
    }
}

fn complain(trial: &Trial, why: &str) {
    output::say(format!("anneal: trial {} cannot be trained: {why}", trial.trial));
}

fn count(outcome: &Outcome, status: Status) -> usize {
    outcome.trials.iter().filter(|trial| trial.status == status).count()
}

fn as_json(outcome: &Outcome, best: Option<&Trial>, seconds: f64, edges: &[String]) -> Value {
    let mut all = json!({
        "best": best.map(Trial::as_json),
        "trials": outcome.trials.len(),
        "pruned": count(outcome, Status::Pruned),
        "diverged": count(outcome, Status::Diverged),
        "failed": count(outcome, Status::Failed),
        "seconds": seconds,
        "edges": edges,
    });
    if let Some(audit) = &outcome.audit {
        all["audit"] = audit.as_json();
    }
    all
}

fn isolated_json(one: &Isolated) -> Value {
    json!({
        "value": one.label, "best": one.best, "objective": one.objective, "deviation": one.deviation(),
        "seeds": one.seeds, "trials": one.trials,
    })
}

/// How many trials ended in which way.
fn counted(outcome: &Outcome, seconds: f64) -> String {
    let others = [(Status::Pruned, "pruned"), (Status::Diverged, "diverged"), (Status::Failed, "failed")];
    let others = others.map(|(status, name)| (count(outcome, status), name));
    let others =
        others.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!(", {count} {name}"));
    format!("{} trials in {seconds:.1} s{}", outcome.trials.len(), others.collect::<String>())
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

/// One line a trial.
fn table(trials: &[&Trial], objectives: &[String]) -> String {
    let mut text = format!("{:>7}  {:>9}  {}\n", "trial", "updates", objectives.join("  "));
    for trial in trials {
        let objectives: Vec<String> = trial.objectives.iter().map(|value| number(*value)).collect();
        let values: Vec<String> =
            trial.values.iter().map(|(path, value)| format!("{path} = {}", plain(value))).collect();
        let (objectives, values) = (objectives.join("  "), values.join(", "));
        text += &format!("{:>7}  {:>9}  {objectives}  {values}\n", trial.trial, trial.updates);
    }
    text
}

/// One line a value, the best first.
fn isolation_table(isolated: &[Isolated]) -> String {
    let widest = isolated.iter().map(|one| one.label.chars().count()).max().unwrap_or(0).max(5);
    let mut text =
        format!("{:<widest$}  {:>9}  {:>9}  {:>7}  {:>7}\n", "value", "best", "± seeds", "trial", "of");
    for one in isolated {
        let best = one.best.map_or_else(|| "-".to_owned(), |best| best.to_string());
        let (objective, deviation) = (number(one.objective), number(one.deviation()));
        text += &format!(
            "{:<widest$}  {objective:>9}  {deviation:>9}  {best:>7}  {:>7}\n",
            one.label, one.trials
        );
    }
    text
}
