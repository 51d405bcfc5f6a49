//! `anneal schedule`: what every update uses, as CSV.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Failure, output, read};
use crate::experiment::Experiment;
use crate::plain;
use crate::telemetry::GroupColumn;
use crate::train::run_plan::RunPlan;
use crate::train::task::{self, Task};

pub fn run(file: &Path) -> Result<(), Failure> {
    let experiment = read(file)?;
    let task = Task::new(&experiment, task::prepare(&experiment)?)?;
    let run_plans =
        RunPlan::all(&experiment.runs, task.clock).map_err(|error| Failure::BadFile(error.into()))?;
    for (run, run_plan) in experiment.runs.iter().zip(&run_plans) {
        run_plan.plans().try_for_each(|plan| task.holds(run, plan))?;
    }
    let stdout = BufWriter::new(io::stdout().lock());
    match write(&experiment, &task, &run_plans, stdout) {
        // Nobody reads any more.
        Err(error) if matches!(error.kind(), csv::ErrorKind::Io(cause) if output::closed(cause)) => Ok(()),
        written => Ok(written?),
    }
}

fn write(
    experiment: &Experiment,
    task: &Task,
    run_plans: &[Arc<RunPlan>],
    to: impl Write,
) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    let columns = ["run", "update", "epoch", "lr", "momentum", "weight_decay", "batch"];
    // The last column is there where a run has a schedule of its batch.
    let has_batch = experiment.runs.iter().any(|run| run.batch.is_some());
    let shown = if has_batch { columns.len() } else { columns.len() - 1 };
    // And those of the parameter groups that a run has.
    let groups = experiment.group_names();
    let titles = groups.iter().map(|group| format!("lr:{}", plain::message(group)));
    csv.write_record(columns[..shown].iter().map(|name| (*name).to_owned()).chain(titles))?;
    for (run, run_plan) in experiment.runs.iter().zip(run_plans) {
        // What a terminal would obey in a name is spelled out.
        let name = plain::cell(&plain::message(&run.name)).into_owned();
        for update in 0..task.clock.updates {
            let plan = run_plan.plan(update);
            let numbers = plan.numbers(update, None);
            let cells = [
                &name,
                &update.to_string(),
                &(update / task.clock.updates_per_epoch).to_string(),
                &numbers.lr.to_string(),
                &numbers.momentum().to_string(),
                &numbers.weight_decay().to_string(),
                &task.samples_at(plan, update).to_string(),
            ];
            let rates = plan.group_rates(task.model.parameters(), update, None, numbers.lr);
            let rate = |group: &Arc<str>| {
                let at = plan.group_names().iter().position(|name| name == group);
                let rate = at.and_then(|at| rates.get(GroupColumn::Lr, at));
                rate.map_or_else(String::new, |rate| rate.to_string())
            };
            let cells = cells[..shown].iter().map(|cell| (*cell).to_owned());
            csv.write_record(cells.chain(groups.iter().map(rate)))?;
        }
    }
    Ok(csv.flush()?)
}
