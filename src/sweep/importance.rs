//! Which numbers of a sweep matter, by its best trials: what is lost where a number is wrong and all others are
//! tuned to it. Means over all trials say instead what matters to somebody who tunes nothing.

use std::collections::HashMap;

use super::isolation::{along, parts};
use super::ranks::ranks;
use super::trial::Trial;
use crate::experiment::Sweep;

/// How much one axis matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    pub path: String,
    /// How much worse than the best of all the best of each of its values is, in the objective's units, on average over its values.
    pub lost: f64,
    /// The share of the variance of all trials' ranks that lies between its values, 0 to 1; a trial without a value
    /// ranks last. It is what a functional analysis of variance calls the main effect (Hutter et al. 2014).
    pub explained: f64,
}

/// Every axis, the one that matters most first. Empty where no trial has a value.
pub fn importance(sweep: &Sweep, trials: &[Trial]) -> Vec<Importance> {
    let all: Vec<&Trial> = trials.iter().collect();
    let rank = ranks(trials, &sweep.objectives);
    let sign = if sweep.objectives.first().is_some_and(|first| first.is_maximised()) { -1.0 } else { 1.0 };
    let badness = |trial: &Trial| trial.badness(&sweep.objectives);
    let best = trials.iter().map(badness).fold(f64::INFINITY, f64::min);
    if !best.is_finite() {
        return Vec::new();
    }
    // Values without any trial that ended count as the worst value that did.
    let curve = |path: &str| -> Vec<Option<f64>> {
        let along = along(sweep, &all, path).unwrap_or_default();
        along.into_iter().map(|one| one.objective.map(|value| sign * value - best)).collect()
    };
    let curves: Vec<Vec<Option<f64>>> = sweep.over.iter().map(|axis| curve(&axis.path)).collect();
    let worst = curves.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let mut found: Vec<Importance> = sweep
        .over
        .iter()
        .zip(&curves)
        .map(|(axis, curve)| {
            let lost = curve.iter().map(|lost| lost.unwrap_or(worst)).sum::<f64>();
            Importance {
                path: axis.path.clone(),
                lost: lost / curve.len().max(1) as f64,
                explained: explained(sweep, trials, &rank, &axis.path),
            }
        })
        .collect();
    found.sort_by(|a, b| b.lost.total_cmp(&a.lost));
    found
}

fn explained(sweep: &Sweep, trials: &[Trial], rank: &[Option<f64>], path: &str) -> f64 {
    let all: Vec<&Trial> = trials.iter().collect();
    let of: HashMap<usize, f64> =
        trials.iter().zip(rank).map(|(trial, rank)| (trial.trial, rank.unwrap_or(1.0))).collect();
    let groups: Vec<Vec<f64>> = parts(sweep, &all, path)
        .unwrap_or_default()
        .iter()
        .map(|part| part.trials.iter().filter_map(|trial| of.get(&trial.trial).copied()).collect())
        .collect();
    let count = groups.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = groups.iter().flatten().sum::<f64>() / count;
    let total: f64 = groups.iter().flatten().map(|rank| (rank - mean).powi(2)).sum();
    let between = groups.iter().map(|group| {
        let own = group.iter().sum::<f64>() / group.len() as f64;
        group.len() as f64 * (own - mean).powi(2)
    });
    if total > 0.0 { between.sum::<f64>() / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::super::trial::Status;
    use super::*;
    use crate::experiment::sweep::{Axis, Objective, Prune, Search, Values};

    #[test]
    fn what_can_be_tuned_away_matters_less_than_what_cannot() {
        let axis = |path: &str| Axis {
            path: path.to_owned(),
            values: Values::Choices((0..4).map(Value::Integer).collect()),
        };
        let sweep = Sweep {
            run: "one".into(),
            search: Search::Grid,
            trials: None,
            seeds: 1,
            seed: None,
            objectives: vec![Objective::FinalValLoss],
            prune: Prune::None,
            over: vec![axis("idle"), axis("tied"), axis("matters")],
        };
        // A wrong `tied` is made good by the right `idle`; a wrong `matters` by nothing.
        let trials: Vec<Trial> = (0..64_i64)
            .map(|at| {
                let (idle, tied, matters) = (at % 4, at / 4 % 4, at / 16);
                let value = matters as f64 + (idle - tied).abs() as f64;
                Trial {
                    trial: at as usize,
                    values: [("idle", idle), ("tied", tied), ("matters", matters)]
                        .map(|(path, value)| (path.to_owned(), Value::Integer(value)))
                        .to_vec(),
                    status: Status::Complete,
                    updates: 1,
                    objectives: vec![Some(value)],
                    seeds: vec![vec![Some(value)]],
                    curve: Vec::new(),
                    losses: Vec::new(),
                    lineage: None,
                }
            })
            .collect();
        let found = importance(&sweep, &trials);
        assert_eq!((found[0].path.as_str(), found[0].lost), ("matters", 1.5));
        assert!(found[1..].iter().all(|one| one.lost == 0.0), "{found:?}");
        assert!(found[0].explained > 0.4 && found[0].explained <= 1.0, "{found:?}");
        assert!(importance(&sweep, &[]).is_empty());
    }
}
