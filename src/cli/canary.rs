//! `anneal canary`: may a new version of an experiment replace the old one?

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{Failure, output, read};
use crate::analysis::audit::Measure;
use crate::analysis::canary::{Canary, Outcome, canary};
use crate::experiment::{Experiment, Run};
use crate::plain;

#[derive(Args)]
pub struct CanaryArgs {
    /// The new version.
    new: PathBuf,
    /// The old version.
    #[arg(long, value_name = "FILE")]
    against: PathBuf,
    /// Only this run; every run that both have when not given, or the only one of each.
    #[arg(long)]
    run: Option<String>,
    /// Seeds that both are trained under, at least 2.
    #[arg(long, default_value_t = 5)]
    seeds: usize,
    /// The share of the whole length that is trained, in percent; all lengths of the schedules shrink with it.
    #[arg(long, default_value_t = 20.0, value_name = "PERCENT")]
    length: f64,
    /// The new one has to be shown to be no worse than by this much of loss or accuracy; without it, it must not be
    /// shown to be worse at all.
    #[arg(long)]
    margin: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CanaryArgs) -> Result<(), Failure> {
    let usage = |why: String| Failure::BadFile(anyhow!(why));
    if args.seeds < 2 {
        return Err(usage(format!(
            "--seeds {}: a difference can be told from luck with two or more",
            args.seeds
        )));
    }
    if !(args.length > 0.0 && args.length <= 100.0) {
        return Err(usage(format!("--length {}: more than 0 and at most 100 percent", args.length)));
    }
    if args.margin.is_some_and(|margin| !(margin >= 0.0 && margin.is_finite())) {
        return Err(usage("--margin: at least 0 is needed".to_owned()));
    }
    let (old, new) = (read(&args.against)?, read(&args.new)?);
    if old.data.source != new.data.source
        || old.data.validation != new.data.validation
        || old.train.loss != new.train.loss
    {
        return Err(usage(
            "the two are scored on other data or another loss: they cannot be compared".to_owned(),
        ));
    }
    let pairs = pairs(&old, &new, args.run.as_deref()).map_err(usage)?;
    let how = Canary { seeds: args.seeds, share: args.length / 100.0, margin: args.margin };
    let pool = Arc::new(crate::train::pool(Some(crate::machine::cores()))?);
    let mut outcomes = Vec::new();
    for (before, after) in pairs {
        outcomes.push((&after.name, canary((&old, before), (&new, after), how, &pool)?));
    }
    let passes = outcomes.iter().all(|(_, outcome)| outcome.decision.passes());
    let text = if args.json {
        let runs: Vec<_> = outcomes.iter().map(|(name, outcome)| as_json(name, outcome)).collect();
        serde_json::to_string_pretty(&json!({ "passes": passes, "runs": runs }))? + "\n"
    } else {
        outcomes.iter().map(|(name, outcome)| told(name, outcome)).collect()
    };
    output::print(&text)?;
    if passes { Ok(()) } else { Err(anyhow!("the canary does not pass").into()) }
}

type Pairs<'a> = Vec<(&'a Run, &'a Run)>;

/// Which runs are compared: those of one name, or the only one of each.
fn pairs<'a>(old: &'a Experiment, new: &'a Experiment, only: Option<&str>) -> Result<Pairs<'a>, String> {
    let find = |experiment: &'a Experiment, name: &str| experiment.runs.iter().find(|run| run.name == name);
    if let Some(name) = only {
        return match (find(old, name), find(new, name)) {
            (Some(old), Some(new)) => Ok(vec![(old, new)]),
            _ => Err(format!("there is no run \"{name}\" in both")),
        };
    }
    if let ([old], [new]) = (old.runs.as_slice(), new.runs.as_slice()) {
        return Ok(vec![(old, new)]);
    }
    let both: Pairs<'a> = new.runs.iter().filter_map(|run| Some((find(old, &run.name)?, run))).collect();
    if both.is_empty() { Err("no run has the same name in both".to_owned()) } else { Ok(both) }
}

fn as_json(name: &str, outcome: &Outcome) -> serde_json::Value {
    let pairs: Vec<_> = outcome
        .pairs
        .iter()
        .map(|(seed, old, new)| json!({ "seed": seed, "old": old, "new": new }))
        .collect();
    let test = outcome.test.map(|test| {
        json!({ "mean": test.mean, "error": test.error, "p": test.p, "low": test.interval.0, "high": test.interval.1 })
    });
    json!({
        "run": name,
        "decision": outcome.decision.name(),
        "passes": outcome.decision.passes(),
        "measure": outcome.measure.name(),
        "updates": outcome.updates,
        "pairs": pairs,
        "diverged": { "old": outcome.diverged.0, "new": outcome.diverged.1 },
        "difference": test,
        "verdict": outcome.verdict,
    })
}

fn told(name: &str, outcome: &Outcome) -> String {
    let mut text = format!(
        "run \"{}\", {} updates, {} seeds: {}\n",
        plain::name(name),
        outcome.updates,
        outcome.pairs.len(),
        outcome.decision.name().replace('_', " ")
    );
    if let Some(test) = outcome.test {
        let better = if outcome.measure == Measure::Loss { "less" } else { "more" };
        let _ = writeln!(
            text,
            "  {}: new - old = {:+.4} (95 % interval {:+.4} to {:+.4}, p = {:.3}; {better} is better)",
            outcome.measure.name(),
            test.mean,
            test.interval.0,
            test.interval.1,
            test.p
        );
    }
    let (old, new) = outcome.diverged;
    if old + new > 0 {
        let _ = writeln!(text, "  diverged: {old} of the old one's seeds, {new} of the new one's");
    }
    text
}
