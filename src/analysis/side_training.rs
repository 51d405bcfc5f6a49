//! Trainings beside the one that is watched.

use std::sync::Arc;

use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::schedule::Schedule;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::Task;

/// Updates every lane trains between two reports.
const CHUNK: u64 = 64;

/// A cohort of an experiment nobody edits, on the CPU.
pub fn cohort(
    experiment: Experiment,
    prepared: &Arc<Prepared>,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Cohort, TrainError> {
    let task = Task::new(&experiment, Arc::clone(prepared))?;
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    let revision = Arc::new(Revision { generation: 0, experiment, ids });
    Cohort::with_task(revision, task, TrainDevice::cpu(Arc::clone(pool)))
}

/// Trains every lane to its end. `report` hears of updates done and in all; `each` sees what was measured
/// since, which is then forgotten.
pub fn train(
    cohort: &mut Cohort,
    report: impl Fn(u64, u64) -> Result<(), TrainError>,
    mut each: impl FnMut(&Cohort),
) -> Result<(), TrainError> {
    let total = cohort.task().clock.updates;
    while cohort.update() < total && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update(), total)?;
        cohort.advance(cohort.update() + CHUNK, u64::MAX)?;
        each(cohort);
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    }
    Ok(())
}

/// The run under another schedule and no controller.
pub fn scheduled(run: &Run, lr: Schedule) -> Run {
    Run { lr, fork: None, controller: None, ..run.clone() }
}

/// The run of this name.
pub fn find<'a>(experiment: &'a Experiment, name: &str) -> Result<&'a Run, TrainError> {
    experiment.runs.iter().find(|run| run.name == name).ok_or_else(|| {
        let known = experiment.runs.iter().map(|run| run.name.clone()).collect();
        TrainError::NoRun { name: name.to_owned(), known }
    })
}
