//! Whether a lesson's claims hold on this machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::LessonError;
use super::file::Lesson;
use super::measure::take;
use crate::analysis::statistics::mean;
use crate::schedule::formula::Variables;
use crate::train::TrainError;

/// A claim, and what training says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub say: String,
    pub holds: bool,
    /// In how many of the seeds it holds.
    pub seeds: usize,
    /// Its measures' means over the seeds, by name.
    pub measured: Vec<(String, f64)>,
}

/// A lesson that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Every measure's values, one a seed.
    pub measured: BTreeMap<String, Vec<f64>>,
    pub verdicts: Vec<Verdict>,
}

impl Checked {
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.holds)
    }
}

/// Trains a lesson under `seeds` seeds. A claim holds when it does for the means over the seeds and for more than
/// half of them, each with its own numbers. `report` hears of steps done and in all, and may end it.
///
/// # Errors
/// When the lesson cannot be trained.
pub fn check(
    lesson: &Lesson,
    seeds: usize,
    pool: &Arc<rayon::ThreadPool>,
    report: impl Fn(u64, u64) -> Result<(), TrainError>,
) -> Result<Checked, LessonError> {
    let measured = take(&lesson.experiment, &lesson.folder, &lesson.measure, seeds, pool, &report)?;
    let mut verdicts = Vec::new();
    for claim in &lesson.claim {
        let Ok(formula) = lesson.formula(claim) else { continue };
        let names = formula.constants();
        let holds = |value: &dyn Fn(&[f64]) -> f64| {
            let values: Vec<f64> = names.iter().map(|name| value(&measured[*name])).collect();
            // A NaN compares as false, which 0 stands for; by itself it is no success either.
            let truth = formula.value(Variables { t: 0.0, total: 1.0 }, &values);
            truth != 0.0 && !truth.is_nan()
        };
        let of_means = holds(&|values| mean(values).unwrap_or(f64::NAN));
        let in_seeds = (0..seeds).filter(|seed| holds(&|values| values[*seed])).count();
        verdicts.push(Verdict {
            say: claim.say.clone(),
            holds: of_means && 2 * in_seeds > seeds,
            seeds: in_seeds,
            measured: names
                .iter()
                .map(|name| ((*name).to_owned(), mean(&measured[*name]).unwrap_or(f64::NAN)))
                .collect(),
        });
    }
    Ok(Checked { measured, verdicts })
}
