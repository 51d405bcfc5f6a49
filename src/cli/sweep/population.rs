//! `anneal sweep` with `search = "pbt"`: a population, its winner's lineage as a schedule, and a verdict.

use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;
use serde_json::json;

use super::{Progress, SweepArgs, Where, elsewhere, open, told};
use crate::cli::{Failure, output, threads_of};
use crate::experiment::sweep::Sweep;
use crate::experiment::{Experiment, Run};
use crate::sweep::breeder::Breeder;
use crate::sweep::herd::{Herd, There, listed};
use crate::sweep::population::Population;
use crate::sweep::summary::{Took, summarise};
use crate::sweep::verdict::Verdict;
use crate::sweep::{Outcome, stage};
use crate::train::device::TrainDevice;

/// What the winner's schedule is called in the sweep's folder.
const SCHEDULE: &str = "schedule.toml";

pub fn run(args: &SweepArgs, experiment: &Experiment, sweep: &Sweep) -> Result<(), Failure> {
    if args.device == Where::Gpu {
        return Err(Failure::BadFile(anyhow!(
            "--device: a population is bred on the CPU; leave --device out"
        )));
    }
    if args.isolate.is_some() {
        return Err(Failure::BadFile(anyhow!("--isolate: a population varies the rate alone")));
    }
    // Where members train elsewhere, this process only decides.
    let threads = if args.on.is_some() { 1 } else { threads_of(args.threads) };
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let breeder = Breeder::new(experiment, sweep, Arc::clone(&pool)).map_err(told)?;
    let mut workers = None;
    if let Some(on) = &args.on {
        let started = elsewhere::start(on, &args.file, args.threads)?;
        output::say(format!("anneal: {} workers on {on}", started.workers()));
        workers = Some(started);
    }
    let mut herd: Box<dyn Herd + '_> = match &mut workers {
        Some(workers) => Box::new(There::new(workers, breeder.experiment(), breeder.clock().updates)),
        None => Box::new(breeder.here()),
    };
    let (mut journal, kept) = open(args, &breeder.header(), sweep)?;
    let folder = journal.as_ref().map(|journal| journal.folder().to_owned());
    let resumed = kept.trials() > 0 || folder.as_deref().is_some_and(stage::is_kept);
    if resumed {
        output::say("anneal: resumed where the population was");
    }
    let start = Instant::now();
    let mut progress = Progress::new(breeder.members())?;
    let bred = breeder.breed(herd.as_mut(), journal.as_mut(), kept, &mut progress).map_err(told)?;
    let (all, best) = (bred.trials(), bred.best());
    if let (Some(journal), Some(folder)) = (journal, &folder) {
        journal.finish(&all).map_err(|error| told(error.into()))?;
        if let Some(at) = best {
            let name = format!("lineage of member {at}");
            let run = Run { name, lr: listed(bred.rates(at)), ..breeder.run().clone() };
            let schedule = Experiment { runs: vec![run], ..breeder.experiment().clone() };
            schedule.save(folder.join(SCHEDULE))?;
        }
        stage::remove(folder).map_err(|error| told(error.into()))?;
    }
    let verdict = breeder.judge(&bred, herd.as_mut(), &mut progress).map_err(told)?;
    progress.bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    if let Some(folder) = &folder {
        // What the part before a resume took is not known.
        let took = (!resumed).then_some(Took { seconds, joules: None });
        let devices = [TrainDevice::cpu(pool).name()];
        let outcome = Outcome { trials: all.clone(), audit: None, verdict: None };
        summarise(folder, &outcome, &devices, took).map_err(|error| told(error.into()))?;
    }
    let Some(at) = best else { return Err(Failure::Failed(anyhow!("every member diverged"))) };
    let text = if args.json {
        let value = json!({
            "best": all[at].as_json(),
            "trials": all.len(),
            "pruned": 0,
            "seconds": seconds,
            "lineage": { "rates": bred.rates(at), "copied": bred.members[at].lineage.copied },
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
    if let Some(folder) = &folder {
        let file = folder.join(SCHEDULE);
        output::say(format!("anneal: the winner's schedule is {}: open, train or export it", file.display()));
    }
    Ok(())
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
        let copies = member.lineage.copied.iter().map(|(update, from)| format!("{from} at {update}"));
        let copies: Vec<String> = copies.collect();
        let loss = member.loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
        let last = bred.rates(at).last().copied().unwrap_or_default();
        text +=
            &format!("{at:>6}  {loss:>9}  {:>10.3e}  {last:>10.3e}  {}\n", member.peak, copies.join(", "));
    }
    text
}
