//! The tuned constant rate that a training's report compares schedules with.

use std::path::Path;

use indicatif::ProgressBar;

use super::results::Trials;
use super::{Failure, output};
use crate::analysis::baseline::{Baseline, tune};
use crate::experiment::Experiment;
use crate::jobs::Progress;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::stream::column_names;

/// Tunes the baseline of a finished training and writes what its trials measured to `folder`. Without one the
/// report is still worth having, so what stands in the way is only told.
pub(super) fn tuned(
    experiment: &Experiment,
    cohort: &Cohort,
    folder: &Path,
) -> Result<Option<Baseline>, Failure> {
    let task = cohort.task();
    output::say(format!(
        "anneal: tuning the report's baseline: three constant rates or more, {} updates each under {} seed(s); \
         --no-baseline leaves it out",
        task.clock.updates, experiment.train.replicas
    ));
    let waiting = ProgressBar::new_spinner();
    waiting.enable_steady_tick(std::time::Duration::from_millis(100));
    let mut trials = Trials::create(folder, column_names(experiment))?;
    let mut unwritten = None;
    let found = tune(experiment, &task.prepared, cohort.pool(), &Progress::default(), |run, lane| {
        if unwritten.is_none() {
            unwritten = trials.record(&run.name, lane, task.clock.updates_per_epoch).err();
        }
    });
    waiting.finish_and_clear();
    if let Some(failure) = unwritten {
        return Err(failure);
    }
    trials.finish()?;
    match found {
        Ok(baseline) => Ok(Some(baseline)),
        Err(refused @ TrainError::Refused { .. }) => {
            output::say(format!("anneal: {refused}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
