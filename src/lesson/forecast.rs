//! How far a forecast was from the run that came.

use std::sync::Arc;

use crate::experiment::Experiment;
use crate::forecast::{Trainings, fit, train};
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

/// The runs that a law is fitted to: a forecast needs one that is constant, one that decays and one that falls sharply.
const FITTED: [&str; 3] = ["constant", "cosine", "step"];

/// The loss that is foretold for the end of the run at a place, minus the one that came, a value a seed; NaN where no law
/// can be fitted.
///
/// # Errors
/// When the experiment cannot be trained.
pub(super) fn misses(
    experiment: &Experiment,
    place: usize,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Vec<f64>, TrainError> {
    let alone = Experiment { runs: vec![experiment.runs[place].clone()], ..experiment.clone() };
    let prepared = prepare(&alone)?;
    let clock = Task::new(&alone, Arc::clone(&prepared))?.clock;
    let absent = vec![f64::NAN; experiment.train.replicas];
    let Ok(chosen) = Trainings::choose(&alone, &FITTED.map(str::to_owned), clock) else { return Ok(absent) };
    let runs = [chosen.fitted, alone.runs.clone()].concat();
    let mut made = train(&alone, &runs, &prepared, pool, &mut |_, _| Ok(()))?;
    let Some((law, came)) = made.pop().and_then(|came| Some((fit(&made).ok()?, came))) else {
        return Ok(absent);
    };
    let (foretold, _) = law.end(&came.course);
    Ok(came.seeds.iter().map(|seed| foretold - seed.last().copied().unwrap_or(f64::NAN)).collect())
}
