//! Where each trial stands among the others: a measure that a few bad ones cannot stretch.

use super::trial::Trial;
use crate::experiment::sweep::Objective;

/// The share of the way from the best trial, 0, to the worst, 1, by rank; equals share the middle of their ranks.
/// `None` where a trial has no value.
pub fn ranks(trials: &[Trial], objectives: &[Objective]) -> Vec<Option<f64>> {
    let badness: Vec<f64> = trials.iter().map(|trial| trial.badness(objectives)).collect();
    let mut order: Vec<usize> = (0..trials.len()).filter(|at| badness[*at].is_finite()).collect();
    order.sort_by(|a, b| badness[*a].total_cmp(&badness[*b]));
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut ranks = vec![None; trials.len()];
    let mut from = 0;
    while from < order.len() {
        let equal = order[from..].iter().take_while(|at| badness[**at] == badness[order[from]]).count();
        let middle = from as f64 + (equal - 1) as f64 / 2.0;
        order[from..from + equal].iter().for_each(|at| ranks[*at] = Some(middle / last));
        from += equal;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::super::trial::Status;
    use super::*;

    #[test]
    fn ranks_go_from_the_best_to_the_worst_and_equals_share_one() {
        let trial = |(at, value): (usize, Option<f64>)| Trial {
            trial: at,
            values: Vec::new(),
            status: if value.is_some() { Status::Complete } else { Status::Diverged },
            updates: 1,
            objectives: vec![value],
            seeds: Vec::new(),
            curve: Vec::new(),
            losses: Vec::new(),
            lineage: None,
        };
        let of = |values: &[Option<f64>], objective| {
            let trials: Vec<Trial> = values.iter().copied().enumerate().map(trial).collect();
            ranks(&trials, &[objective])
        };
        let losses = [Some(2.0), None, Some(1.0), Some(2.0), Some(1e30)];
        let loss = of(&losses, Objective::FinalValLoss);
        assert_eq!(loss, [Some(0.5), None, Some(0.0), Some(0.5), Some(1.0)]);
        let accuracy = of(&[Some(0.2), Some(0.9)], Objective::FinalValAccuracy);
        assert_eq!(accuracy, [Some(1.0), Some(0.0)]);
        assert_eq!(of(&[Some(3.0)], Objective::Cost), [Some(0.0)]);
    }
}
