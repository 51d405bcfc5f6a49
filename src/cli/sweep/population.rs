//! `anneal sweep` with `search = "pbt"`: a population, its winner's lineage as a schedule, and a verdict.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{SweepArgs, Where, elsewhere, told};
use crate::cli::{Failure, output, threads_of};
use crate::experiment::sweep::{Sweep, Values};
use crate::experiment::{Experiment, Run};
use crate::sweep::herd::{Herd, Here, There, listed};
use crate::sweep::population::{Population, Verdict, breed, judge};
use crate::sweep::summary::{Took, summarise};
use crate::sweep::{Journal, Outcome, Status, Trial};
use crate::train::TrainError;
use crate::train::device::TrainDevice;
use crate::train::task::{Task, prepare};

/// Members of a population that was told no number.
const MEMBERS: usize = 24;
/// Seeds of the verdict, unless the sweep has more than one of its own.
const SEEDS: usize = 5;
/// What the winner's schedule is called in the sweep's folder.
const SCHEDULE: &str = "schedule.toml";

pub fn run(args: &SweepArgs, experiment: &Experiment, sweep: &Sweep) -> Result<(), Failure> {
    if args.resume.is_some() {
        return Err(Failure::BadFile(anyhow!(
            "--resume: members of a population depend on each other, so it is trained in one go; use --out"
        )));
    }
    if args.device == Where::Gpu {
        return Err(Failure::BadFile(anyhow!(
            "--device: a population is bred on the CPU; leave --device out"
        )));
    }
    if args.isolate.is_some() {
        return Err(Failure::BadFile(anyhow!("--isolate: a population varies the rate alone")));
    }
    let peaks = peaks(sweep);
    let run = experiment.runs.iter().find(|run| run.name == sweep.run);
    let run = run.ok_or_else(|| Failure::BadFile(anyhow!("there is no run \"{}\" to vary", sweep.run)))?;
    let alone = Experiment { runs: vec![run.clone()], sweep: None, snapshots: None, ..experiment.clone() };
    let prepared = prepare(&alone)?;
    let clock = Task::new(&alone, Arc::clone(&prepared))?.clock;
    // Where members train elsewhere, this process only decides.
    let threads = if args.on.is_some() { 1 } else { threads_of(args.threads) };
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let mut workers = None;
    if let Some(on) = &args.on {
        let started = elsewhere::start(on, &args.file, args.threads)?;
        output::say(format!("anneal: {} workers on {on}", started.workers()));
        workers = Some(started);
    }
    let mut herd: Box<dyn Herd + '_> = match &mut workers {
        Some(workers) => Box::new(There::new(workers, &alone, clock.updates)),
        None => {
            let here = Here::new(&alone, (&prepared, &pool));
            Box::new(here.ok_or_else(|| anyhow!("an experiment without its run"))?)
        }
    };
    let header = Experiment { sweep: Some(sweep.clone()), ..alone.clone() };
    let journal = match &args.out {
        Some(folder) => Some(Journal::create(folder, &header, sweep).map_err(|error| told(error.into()))?),
        None => None,
    };
    let start = Instant::now();
    let style = ProgressStyle::with_template("{bar:32} {msg}, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.context("the progress bar's template")?);
    let mut report = |done: u64, total: u64| -> Result<(), TrainError> {
        bar.set_length(total);
        bar.set_position(done);
        Ok(())
    };
    bar.set_message(format!("breeding {}", peaks.len()));
    let seed = sweep.seed.unwrap_or(experiment.train.seed);
    let bred = breed(&alone, &peaks, (seed, clock), herd.as_mut(), &mut report).map_err(told)?;
    let all = trials(&bred);
    let best = bred.best();
    bar.set_message("cosines of as many peaks, to compare");
    let seeds = if sweep.seeds > 1 { sweep.seeds } else { SEEDS };
    let verdict = match best {
        Some(at) => {
            let lineage = &bred.members[at].lineage;
            judge(&alone, lineage, (&peaks, seeds, clock), herd.as_mut(), &mut report).map_err(told)?
        }
        None => None,
    };
    bar.finish_and_clear();
    if let (Some(mut journal), Some(folder)) = (journal, &args.out) {
        for trial in &all {
            journal.append(trial).map_err(|error| told(error.into()))?;
        }
        journal.finish(&all).map_err(|error| told(error.into()))?;
        let took = Some(Took { seconds: start.elapsed().as_secs_f64(), joules: None });
        let devices = [TrainDevice::cpu(Arc::clone(&pool)).name()];
        let outcome = Outcome { trials: all.clone(), audit: None };
        summarise(folder, &outcome, &devices, took).map_err(|error| told(error.into()))?;
        if let Some(at) = best {
            let name = format!("lineage of member {at}");
            let lr = listed(bred.members[at].lineage.clone());
            let run = Run { name, lr, ..run.clone() };
            Experiment { runs: vec![run], ..alone.clone() }.save(folder.join(SCHEDULE))?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let Some(at) = best else { return Err(Failure::Failed(anyhow!("every member diverged"))) };
    let text = if args.json {
        let best = all[at].as_json();
        let value = json!({
            "best": best,
            "trials": all.len(),
            "pruned": 0,
            "seconds": seconds,
            "lineage": { "rates": bred.members[at].lineage, "copied": bred.members[at].copied },
            "verdict": verdict.as_ref().map(as_json),
        });
        serde_json::to_string_pretty(&value)? + "\n"
    } else {
        table(&bred)
    };
    output::print(&text)?;
    output::say(format!("anneal: {} members in {seconds:.1} s", all.len()));
    match &verdict {
        None => output::say("anneal: every cosine diverged, so there is nothing to compare with"),
        Some(verdict) => output::say(format!("anneal: {}", verdict.sentence())),
    }
    if let Some(folder) = &args.out {
        let file = folder.join(SCHEDULE);
        output::say(format!("anneal: the winner's schedule is {}: open, train or export it", file.display()));
    }
    Ok(())
}

/// The peaks that members begin with: the range, evenly.
fn peaks(sweep: &Sweep) -> Vec<f64> {
    let Some(Values::Range(range)) = sweep.over.first().map(|axis| &axis.values) else { return Vec::new() };
    let count = sweep.trials.unwrap_or(MEMBERS);
    let at = |member: usize| {
        let share = if count > 1 { member as f64 / (count - 1) as f64 } else { 0.5 };
        if range.log {
            range.from * (range.to / range.from).powf(share)
        } else {
            range.from + (range.to - range.from) * share
        }
    };
    (0..count).map(at).collect()
}

/// The members as a sweep's trials.
fn trials(bred: &Population) -> Vec<Trial> {
    let one = |(trial, member): (usize, &crate::sweep::population::Member)| Trial {
        trial,
        values: vec![("lr.peak".to_owned(), toml::Value::Float(member.peak))],
        status: if member.loss.is_some() { Status::Complete } else { Status::Diverged },
        updates: member.lineage.len() as u64,
        objectives: vec![member.loss],
        seeds: vec![vec![member.loss]],
        curve: Vec::new(),
        losses: Vec::new(),
    };
    bred.members.iter().enumerate().map(one).collect()
}

fn as_json(verdict: &Verdict) -> serde_json::Value {
    let difference = verdict.difference();
    json!({
        "sentence": verdict.sentence(),
        "lineage": verdict.lineage,
        "cosine": verdict.cosine,
        "cosine_peak": verdict.peak,
        "difference": difference.map(|(mean, _)| mean),
        "standard_error": difference.map(|(_, error)| error),
    })
}

/// One line a member, the best first.
fn table(bred: &Population) -> String {
    let mut order: Vec<usize> = (0..bred.members.len()).collect();
    let loss = |at: usize| bred.members[at].loss.unwrap_or(f64::INFINITY);
    order.sort_by(|&a, &b| loss(a).total_cmp(&loss(b)));
    let mut text =
        format!("{:>6}  {:>9}  {:>10}  {:>10}  copied\n", "member", "val loss", "first peak", "last rate");
    for at in order {
        let member = &bred.members[at];
        let copies: Vec<String> =
            member.copied.iter().map(|(update, from)| format!("{from} at {update}")).collect();
        let loss = member.loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
        let last = member.lineage.last().copied().unwrap_or_default();
        text +=
            &format!("{at:>6}  {loss:>9}  {:>10.3e}  {last:>10.3e}  {}\n", member.peak, copies.join(", "));
    }
    text
}
