//! What cannot be trained or measured, found before anything is trained.

use toml::Value;

use super::SweepError;
use super::cohorts::Setting;
use crate::experiment::Experiment;
use crate::experiment::sweep::{Axis, Objective, Values};
use crate::train::run_plan::RunPlan;
use crate::train::task::Task;

/// # Errors
/// When an objective is not measured with this data and model.
pub fn measured(objectives: &[Objective], task: &Task, experiment: &Experiment) -> Result<(), SweepError> {
    for objective in objectives {
        let why = if objective.needs_validation() && task.validation().next().is_none() {
            "no samples are held out"
        } else if objective.needs_accuracy() && !task.has_accuracy() {
            "a regression has no right answers to count"
        } else {
            continue;
        };
        let name = objective.name();
        return Err(SweepError::Impossible(format!(
            "objective = \"{name}\" is not measured in \"{}\": {why}; choose another objective",
            experiment.name
        )));
    }
    Ok(())
}

/// Tries both ends of each range and every choice of a list by itself.
///
/// # Errors
/// When the experiment cannot be trained with one of them.
pub fn trainable(setting: &mut Setting) -> Result<(), SweepError> {
    for axis in setting.space.axes().to_vec() {
        for value in tried(&axis) {
            let Some(experiment) = setting.space.alone(&axis.path, &value) else { continue };
            let task = setting.task(&experiment);
            if let Err(error) = task.and_then(|task| RunPlan::all(&experiment.runs, task.clock)) {
                let path = &axis.path;
                return Err(SweepError::Impossible(format!("{path} = {value} cannot be trained: {error}")));
            }
        }
    }
    Ok(())
}

fn tried(axis: &Axis) -> Vec<Value> {
    match &axis.values {
        Values::Range(range) => vec![range.value(range.from), range.value(range.to)],
        Values::Choices(choices) => choices.clone(),
    }
}
