//! `anneal learn`: a controller evolved on one experiment and tried on another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, output, read, threads_of};
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::files;
use crate::sweep::learned::{Evolved, evolve, judge, schedule};
use crate::sweep::verdict::Verdict;
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

/// How far around a run's peak others are tried, as a factor, and how many.
const AROUND: f64 = 8.0;
const PEAKS: i32 = 9;

#[derive(Args)]
pub struct LearnArgs {
    /// The experiment to learn on.
    file: PathBuf,
    /// The experiment to try the controller on.
    #[arg(long = "try", value_name = "FILE")]
    other: PathBuf,
    /// The run that is controlled, in both; the first one when not given.
    #[arg(long)]
    run: Option<String>,
    /// Generations of the search.
    #[arg(long, default_value = "20")]
    generations: usize,
    /// Seeds that each rule is trained under, and as many to judge by.
    #[arg(long, default_value = "5")]
    seeds: usize,
    /// A new file for the other experiment's run with the rates that the controller made, as a table.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: &LearnArgs) -> Result<(), Failure> {
    if args.generations == 0 || args.generations > 1000 || args.seeds < 2 || args.seeds > 100 {
        let allowed = "--generations is 1 to 1000, --seeds 2 to 100: a verdict wants a deviation";
        return Err(Failure::BadFile(anyhow!(allowed)));
    }
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        return Err(Failure::BadFile(anyhow!("{} is there already: name a new file", out.display())));
    }
    let (task, other) = (alone(&args.file, args.run.as_deref())?, alone(&args.other, args.run.as_deref())?);
    let (known, unknown) = (prepare(&task)?, prepare(&other)?);
    let pool = Arc::new(crate::train::pool(Some(threads_of(args.threads)))?);
    let peaks = peaks(&other, &unknown)?;

    let style = ProgressStyle::with_template("{bar:32} {msg}, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.context("the progress bar's template")?);
    let mut report = |done: u64, total: u64| -> Result<(), TrainError> {
        bar.set_length(total);
        bar.set_position(done);
        Ok(())
    };
    bar.set_message("evolving");
    let evolved = evolve(&task, (args.generations, args.seeds), (&known, &pool), &mut report)?;
    bar.set_message("trying it, and cosines of as many peaks");
    let judged = judge(&other, evolved.rule, &peaks, args.seeds, (&unknown, &pool), &mut report)?;
    bar.finish_and_clear();
    let Some((verdict, rates)) = judged else {
        return Err(Failure::Failed(anyhow!("every training on {} diverged", args.other.display())));
    };

    if let Some(out) = &args.out {
        let name = format!("{}, as the controller had it", other.runs[0].name);
        let run = Run { name, lr: schedule(rates), ..other.runs[0].clone() };
        let text = Experiment { runs: vec![run], ..other.clone() }.to_toml();
        let there = || format!("cannot write {}", out.display());
        files::replace(out, |file| std::io::Write::write_all(file, text.as_bytes())).with_context(there)?;
    }
    let text = if args.json { as_json(&evolved, &verdict)? } else { table(&evolved, &verdict) };
    output::print(&text)?;
    output::say(format!("anneal: {}", sentence(&verdict)));
    Ok(())
}

/// The experiment with the one run that is controlled.
fn alone(file: &Path, name: Option<&str>) -> Result<Experiment, Failure> {
    let experiment = read(file)?;
    let found = match name {
        None => experiment.runs.first(),
        Some(name) => experiment.runs.iter().find(|run| run.name == name),
    };
    let missing = || anyhow!("{}: there is no run \"{}\"", file.display(), name.unwrap_or_default());
    let run = found.ok_or_else(|| Failure::BadFile(missing()))?.clone();
    if run.fork.is_some() || run.controller.is_some() {
        let why = "a controller is learned for a run that begins at update 0 and has none";
        return Err(Failure::BadFile(anyhow!("{}: {why}", file.display())));
    }
    let held_out = experiment.data.validation > 0.0;
    if !held_out {
        return Err(Failure::BadFile(anyhow!("{}: no data are held out to judge by", file.display())));
    }
    Ok(Experiment { runs: vec![run], sweep: None, snapshots: None, ..experiment })
}

fn peaks(experiment: &Experiment, prepared: &Arc<Prepared>) -> Result<Vec<f64>, Failure> {
    let clock = Task::new(experiment, Arc::clone(prepared))?.clock;
    let curve = experiment.runs[0].lr.resolve(clock).map_err(|error| Failure::BadFile(error.into()))?;
    let top = curve.range().1;
    let at = |step: i32| top * AROUND.powf(2.0 * f64::from(step) / f64::from(PEAKS - 1) - 1.0);
    Ok((0..PEAKS).map(at).collect())
}

/// Whether it is better than a tuned cosine, in words.
fn sentence(verdict: &Verdict) -> String {
    let Some((mean, error)) = verdict.difference() else {
        return "one of the trainings diverged, so the controller and the cosine cannot be compared"
            .to_owned();
    };
    let word = match mean {
        _ if mean.abs() <= 2.0 * error => "as good as",
        _ if mean < 0.0 => "better than",
        _ => "worse than",
    };
    format!(
        "on a task that it was not learned on, over {} seeds, the controller is {word} the best cosine of as many peaks \
         (peak {:.3e}): {mean:+.4} ± {error:.4} in validation loss",
        verdict.lineage.len(),
        verdict.peak
    )
}

fn as_json(evolved: &Evolved, verdict: &Verdict) -> Result<String, serde_json::Error> {
    let difference = verdict.difference();
    let [slope, gradient, phase, alone] = evolved.rule.0;
    let value = json!({
        "rule": { "slope": slope, "gradient_norm": gradient, "phase": phase, "alone": alone },
        "learned": { "loss": evolved.loss, "without": evolved.idle, "trainings": evolved.trainings },
        "tried": { "losses": verdict.lineage, "cosine": verdict.cosine, "cosine_peak": verdict.peak,
            "difference": difference.map(|(mean, _)| mean), "standard_error": difference.map(|(_, error)| error),
            "sentence": sentence(verdict) },
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn table(evolved: &Evolved, verdict: &Verdict) -> String {
    let [slope, gradient, phase, alone] = evolved.rule.0;
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    format!(
        "factor    2^tanh({slope:+.2}·slope {gradient:+.2}·gradient norm {phase:+.2}·phase {alone:+.2})\n\
         learned   {:.4}, {:.4} without it, {} trainings\n\
         tried     {:.4}, the best cosine {:.4}\n",
        evolved.loss,
        evolved.idle,
        evolved.trainings,
        mean(&verdict.lineage),
        mean(&verdict.cosine)
    )
}
