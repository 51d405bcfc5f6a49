//! The best trials: the best one, or those that no other beats in everything.

use super::trial::{Status, Trial};
use crate::experiment::sweep::Objective;

/// The best trial by the first objective; of equals the earliest.
pub fn best<'t>(trials: &'t [Trial], objectives: &[Objective]) -> Option<&'t Trial> {
    let known = trials.iter().filter(|trial| trial.badness(objectives).is_finite());
    known.min_by(|a, b| a.badness(objectives).total_cmp(&b.badness(objectives)).then(a.trial.cmp(&b.trial)))
}

/// The Pareto front, from the best by the first objective to the best by the last.
pub fn front<'t>(trials: &'t [Trial], objectives: &[Objective]) -> Vec<&'t Trial> {
    unbeaten(trials, |trial| {
        let signed = objectives.iter().zip(&trial.objectives).map(|(objective, value)| {
            value.map(|value| if objective.is_maximised() { -value } else { value })
        });
        if trial.status == Status::Complete { signed.collect() } else { None }
    })
}

/// The trials that no other is as good as in everything, from the best in the first on; lower is better, and what has
/// no numbers is left out.
pub fn unbeaten(trials: &[Trial], badness: impl Fn(&Trial) -> Option<Vec<f64>>) -> Vec<&Trial> {
    let mut known: Vec<(&Trial, Vec<f64>)> =
        trials.iter().filter_map(|trial| Some((trial, badness(trial)?))).collect();
    known.sort_by(|(a, left), (b, right)| {
        let order = left.iter().zip(right).map(|(left, right)| left.total_cmp(right));
        order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.trial.cmp(&b.trial))
    });
    let mut front: Vec<(&Trial, Vec<f64>)> = Vec::new();
    for (trial, badness) in known {
        let beats = |other: &Vec<f64>| other.iter().zip(&badness).all(|(other, own)| other <= own);
        if !front.iter().any(|(_, other)| beats(other)) {
            front.push((trial, badness));
        }
    }
    front.into_iter().map(|(trial, _)| trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(trial: usize, accuracy: f64, cost: f64) -> Trial {
        Trial {
            trial,
            values: Vec::new(),
            status: Status::Complete,
            updates: 1,
            objectives: vec![Some(accuracy), Some(cost)],
            seeds: Vec::new(),
            curve: Vec::new(),
            losses: Vec::new(),
            lineage: None,
        }
    }

    #[test]
    fn the_front_is_what_nobody_beats_in_everything() {
        let objectives = [Objective::FinalValAccuracy, Objective::Cost];
        let mut trials = vec![trial(0, 0.9, 5.0), trial(1, 0.8, 1.0), trial(2, 0.8, 2.0), trial(3, 0.9, 4.0)];
        trials.push(Trial { status: Status::Diverged, ..trial(4, 1.0, 0.1) });
        let front: Vec<usize> = front(&trials, &objectives).iter().map(|trial| trial.trial).collect();
        assert_eq!(front, [3, 1]);
        assert_eq!(best(&trials, &objectives).map(|best| best.trial), Some(0));
    }
}
