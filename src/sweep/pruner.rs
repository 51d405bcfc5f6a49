//! Which trials are given up early.

use optimizer::Direction;
use optimizer::TrialState;
use optimizer::pruner::{HyperbandPruner, MedianPruner, Pruner as _, SuccessiveHalvingPruner};
use optimizer::sampler::CompletedTrial;

use super::told::finished;
use crate::experiment::sweep::Prune;
use crate::schedule::Clock;

/// Trials are compared after each of so many equal parts of their run.
pub const STEPS: u64 = 20;

/// A rule of pruning and what it has seen.
pub struct Pruner {
    rule: Rule,
    seen: Vec<CompletedTrial>,
}

enum Rule {
    Median(MedianPruner),
    Halving(SuccessiveHalvingPruner),
    Hyperband(HyperbandPruner),
}

/// What a trial that is still trained has shown: its number and its badness after each step so far.
pub struct Racing<'a> {
    pub trial: usize,
    pub curve: &'a [(u64, f64)],
}

impl Pruner {
    /// The rule of a sweep; `None` where nothing is pruned.
    pub fn new(prune: Prune, clock: Clock) -> Option<Self> {
        let step = |span: crate::schedule::Span| {
            let share = span.updates(clock) / clock.updates.max(1) as f64;
            (share * STEPS as f64).ceil().clamp(1.0, STEPS as f64) as u64
        };
        let rule = match prune {
            Prune::None => return None,
            Prune::Median { startup, after } => Rule::Median(
                MedianPruner::new(Direction::Minimize)
                    .n_warmup_steps(step(after))
                    .n_min_trials(startup.max(1)),
            ),
            Prune::SuccessiveHalving { factor, from } => Rule::Halving(
                SuccessiveHalvingPruner::new()
                    .min_resource(step(from))
                    .max_resource(STEPS)
                    .reduction_factor(factor.max(2)),
            ),
            Prune::Hyperband { factor, from } => Rule::Hyperband(
                HyperbandPruner::new()
                    .min_resource(step(from))
                    .max_resource(STEPS)
                    .reduction_factor(factor.max(2)),
            ),
        };
        Some(Self { rule, seen: Vec::new() })
    }

    /// Which of the trials, all after the same step, are given up; they are in their order.
    pub fn judge(&self, step: u64, racing: &[Racing]) -> Vec<bool> {
        let rule: &dyn optimizer::pruner::Pruner = match &self.rule {
            // Halves are halves of everybody at the same place.
            Rule::Halving(rule) => rule,
            Rule::Hyperband(rule) => rule,
            Rule::Median(rule) => {
                let judge = |one: &Racing| rule.should_prune(one.trial as u64, step, one.curve, &self.seen);
                return racing.iter().map(judge).collect();
            }
        };
        // A bracket is given to a trial when it is first asked about.
        for one in racing {
            rule.should_prune(one.trial as u64, 0, &[], &[]);
        }
        let mut all = self.seen.clone();
        all.extend(racing.iter().map(|one| record(one.trial, TrialState::Complete, one.curve)));
        let others = self.seen.len();
        let judge = |(at, one): (usize, &Racing)| {
            let own = all.swap_remove(others + at);
            let pruned = rule.should_prune(one.trial as u64, step, one.curve, &all);
            all.push(own);
            let last = all.len() - 1;
            all.swap(others + at, last);
            pruned
        };
        racing.iter().enumerate().map(judge).collect()
    }

    /// Keeps what a trial showed. Trials are told in their order.
    pub fn tell(&mut self, trial: usize, was_pruned: bool, curve: &[(u64, f64)]) {
        let state = if was_pruned { TrialState::Pruned } else { TrialState::Complete };
        if let Rule::Hyperband(rule) = &self.rule {
            rule.should_prune(trial as u64, 0, &[], &[]);
        }
        self.seen.push(record(trial, state, curve));
    }
}

fn record(trial: usize, state: TrialState, curve: &[(u64, f64)]) -> CompletedTrial {
    let mut record = finished(trial, curve.last().map_or(f64::INFINITY, |(_, badness)| *badness));
    record.intermediate_values = curve.to_vec();
    record.state = state;
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Span;

    const CLOCK: Clock = Clock { updates: 100, updates_per_epoch: 10 };

    fn judged(pruner: &Pruner, step: u64, values: &[f64]) -> Vec<bool> {
        let curves: Vec<Vec<(u64, f64)>> = values.iter().map(|value| vec![(step, *value)]).collect();
        let racing: Vec<Racing> =
            curves.iter().enumerate().map(|(at, curve)| Racing { trial: 100 + at, curve }).collect();
        pruner.judge(step, &racing)
    }

    #[test]
    fn the_median_waits_for_its_first_trials_and_its_place_in_the_run() {
        let rule = Prune::Median { startup: 3, after: Span::Percent(20.0) };
        let mut pruner = Pruner::new(rule, CLOCK).unwrap();
        (0..2).for_each(|trial| pruner.tell(trial, false, &[(2, 1.0), (4, 1.0)]));
        assert_eq!(judged(&pruner, 4, &[5.0]), [false]);
        pruner.tell(2, false, &[(2, 1.0), (4, 1.0)]);
        assert_eq!(judged(&pruner, 2, &[5.0]), [false]);
        assert_eq!(judged(&pruner, 4, &[5.0, 0.5, 1.0]), [true, false, false]);
    }

    #[test]
    fn halving_keeps_the_best_of_three_at_a_rung_and_nobody_between() {
        let rule = Prune::SuccessiveHalving { factor: 3, from: Span::Percent(10.0) };
        let pruner = Pruner::new(rule, CLOCK).unwrap();
        let values = [6.0, 1.0, 5.0, 2.0, 4.0, 3.0];
        assert_eq!(judged(&pruner, 1, &values), [false; 6]);
        assert_eq!(judged(&pruner, 2, &values), [true, false, true, false, true, true]);
    }

    #[test]
    fn hyperband_lets_some_brackets_begin_later() {
        let rule = Prune::Hyperband { factor: 3, from: Span::Percent(10.0) };
        let pruner = Pruner::new(rule, CLOCK).unwrap();
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let early = judged(&pruner, 3, &values).iter().filter(|pruned| **pruned).count();
        assert!((5..=15).contains(&early), "{early} of 30");
    }
}
