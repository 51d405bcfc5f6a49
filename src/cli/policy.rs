//! `--policy`: nothing is trained that a policy does not allow.

use std::path::Path;

use anyhow::anyhow;

use super::history::bytes;
use super::{Failure, output};
use crate::experiment::Experiment;
use crate::govern::{Bounds, History, Policy, Refusal, Signatures, judge};
use crate::train::run_plan::RunPlan;
use crate::train::task::{self, Task};

/// The experiment in a file, where the policy lets it be trained; otherwise everything that is against it is said.
/// What is returned was read from the very bytes that were judged.
pub fn allowed(file: &Path, policy: &Path) -> Result<(Experiment, Policy), Failure> {
    let policy = Policy::read(policy).map_err(|error| Failure::BadFile(error.into()))?;
    let bytes = bytes(file)?;
    let bad = |error: anyhow::Error| Failure::BadFile(error);
    let history = History::read(file).map_err(|error| bad(error.into()))?;
    let signatures = Signatures::read(file).map_err(|error| bad(error.into()))?;
    let refusals = refusals(file, &bytes, &history, &signatures, &policy)?;
    if !refusals.is_empty() {
        refusals.iter().for_each(|refusal| output::say(format!("anneal: {refusal}")));
        return Err(bad(anyhow!("the policy does not allow {}: nothing was trained", file.display())));
    }
    Ok((experiment(file, &bytes)?, policy))
}

/// Everything that a policy has against a file.
pub fn refusals(
    file: &Path,
    bytes: &[u8],
    history: &History,
    signatures: &Signatures,
    policy: &Policy,
) -> Result<Vec<Refusal>, Failure> {
    let mut refusals = judge(bytes, history, signatures, policy);
    if let Some(bounds) = policy.rate {
        refusals.extend(rates(&experiment(file, bytes)?, bounds, policy.controllers)?);
    }
    Ok(refusals)
}

fn experiment(file: &Path, bytes: &[u8]) -> Result<Experiment, Failure> {
    let text = str::from_utf8(bytes)
        .map_err(|error| Failure::BadFile(anyhow!("{} is no text: {error}", file.display())))?;
    Experiment::parse_at(text, file).map_err(|error| Failure::BadFile(error.into()))
}

/// Which runs leave the bounds, each at its first update that does, with the rates of its layers and parameter groups.
fn rates(experiment: &Experiment, bounds: Bounds, controllers: bool) -> Result<Vec<Refusal>, Failure> {
    let task = Task::new(experiment, task::prepare(experiment)?)?;
    let plans = RunPlan::all(&experiment.runs, task.clock).map_err(|error| Failure::BadFile(error.into()))?;
    let mut refusals = Vec::new();
    for (run, plan) in experiment.runs.iter().zip(&plans) {
        if run.controller.is_some() && !controllers {
            refusals.push(Refusal::Controller { run: run.name.clone() });
        }
        let outside = (0..task.clock.updates).find_map(|update| {
            let plan = plan.plan(update);
            let numbers = plan.numbers(update, None);
            let parts = plan.parts(task.model.parameters(), update, None, &numbers);
            let outside = parts.iter().map(|(_, part)| part.lr).find(|rate| !bounds.hold(*rate))?;
            Some((update, outside))
        });
        refusals.extend(outside.map(|(update, rate)| Refusal::Rate {
            run: run.name.clone(),
            update,
            rate: format!("{rate:e}"),
            min: format!("{:e}", bounds.min),
            max: format!("{:e}", bounds.max),
        }));
    }
    Ok(refusals)
}
