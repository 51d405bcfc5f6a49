//! The isolation plot: for each value of one axis, the best over everything else.
//!
//! Comparing two schedules at one peak is wrong where each has its own best peak.

use std::collections::BTreeMap;

use super::trial::Trial;
use crate::experiment::Sweep;
use crate::experiment::sweep::{Objective, Values};

/// Parts into which the values of a range are put together where there are more of them.
const PARTS: usize = 8;

/// One value, or part, of the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Isolated {
    pub label: String,
    /// Where it is on a range.
    pub number: Option<f64>,
    /// The best trial with it; nothing where none has a value.
    pub best: Option<usize>,
    /// Its objective, the mean over its seeds.
    pub objective: Option<f64>,
    /// The objective of each of its seeds.
    pub seeds: Vec<f64>,
    /// Trials with it.
    pub trials: usize,
}

impl Isolated {
    /// The sample standard deviation over the seeds; nothing with fewer than two.
    pub fn deviation(&self) -> Option<f64> {
        let count = self.seeds.len() as f64;
        let mean = self.seeds.iter().sum::<f64>() / count;
        let squares: f64 = self.seeds.iter().map(|seed| (seed - mean) * (seed - mean)).sum();
        (self.seeds.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
    }
}

/// A value or part of an axis and the trials with it.
pub struct Part<'t> {
    pub label: String,
    /// Where it is on a range.
    pub number: Option<f64>,
    pub trials: Vec<&'t Trial>,
}

/// The values of the axis at `path`, in its order, each with its trials; many values of a range in parts. `None` where
/// there is no such axis.
pub fn parts<'t>(sweep: &Sweep, trials: &[&'t Trial], path: &str) -> Option<Vec<Part<'t>>> {
    let axis = sweep.over.iter().find(|axis| axis.path == path)?;
    let mut groups: BTreeMap<usize, Part> = BTreeMap::new();
    let with: Vec<(&Trial, &toml::Value)> = trials
        .iter()
        .filter_map(|trial| {
            Some((*trial, trial.values.iter().find(|(at, _)| at == path).map(|(_, value)| value)?))
        })
        .collect();
    let mut distinct: Vec<String> = with.iter().map(|(_, value)| value.to_string()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    for (trial, value) in with {
        let (at, label, number) = match &axis.values {
            Values::Choices(choices) => {
                let at = choices.iter().position(|choice| choice == value).unwrap_or(choices.len());
                (at, plain(value), None)
            }
            Values::Range(range) => {
                let number = range.number_of(value).unwrap_or(range.from);
                let share = range.share(number);
                if distinct.len() <= 2 * PARTS {
                    ((share * 1e6) as usize, plain(value), Some(number))
                } else {
                    let part = ((share * PARTS as f64) as usize).min(PARTS - 1);
                    let at = |steps: f64| range.number((part as f64 + steps) / PARTS as f64);
                    let label = format!("{:.3e} to {:.3e}{}", at(0.0), at(1.0), range.unit.suffix());
                    (part, label, Some(at(0.5)))
                }
            }
        };
        let part = groups.entry(at).or_insert_with(|| Part { label, number, trials: Vec::new() });
        part.trials.push(trial);
    }
    Some(groups.into_values().collect())
}

/// Each value of the axis at `path` with its best trial, the best value first; `None` where there is no such axis.
pub fn isolate(sweep: &Sweep, trials: &[Trial], path: &str) -> Option<Vec<Isolated>> {
    let trials: Vec<&Trial> = trials.iter().collect();
    let mut isolated = along(sweep, &trials, path)?;
    let sign = if sweep.objectives.first().is_some_and(|first| first.is_maximised()) { -1.0 } else { 1.0 };
    let badness = |one: &Isolated| one.objective.map_or(f64::INFINITY, |value| sign * value);
    isolated.sort_by(|a, b| badness(a).total_cmp(&badness(b)));
    Some(isolated)
}

/// The same of some of the trials, in the axis' order.
pub fn along(sweep: &Sweep, trials: &[&Trial], path: &str) -> Option<Vec<Isolated>> {
    let parts = parts(sweep, trials, path)?;
    Some(parts.into_iter().map(|part| one(part, &sweep.objectives)).collect())
}

fn one(part: Part, objectives: &[Objective]) -> Isolated {
    let known = part.trials.iter().filter(|trial| trial.badness(objectives).is_finite());
    let best = known.min_by(|a, b| a.badness(objectives).total_cmp(&b.badness(objectives)));
    Isolated {
        label: part.label,
        number: part.number,
        best: best.map(|best| best.trial),
        objective: best.and_then(|best| best.objectives.first().copied().flatten()),
        seeds: best.map_or_else(Vec::new, |best| {
            best.seeds.iter().filter_map(|seed| seed.first().copied().flatten()).collect()
        }),
        trials: part.trials.len(),
    }
}

/// A value without the quotation marks of a text.
pub fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
