//! Which trials are given up early.

use optimizer::Direction;
use optimizer::TrialState;
use optimizer::pruner::{HyperbandPruner, MedianPruner, Pruner as _, SuccessiveHalvingPruner};
use optimizer::sampler::CompletedTrial;

use super::cohorts::Setting;
use super::foresight::Foresight;
use super::space::Chosen;
use super::steps::{Racing, STEPS};
use super::told::finished;
use super::trial::{Status, Trial};
use crate::experiment::sweep::Prune;
use crate::schedule::Clock;

/// A rule of pruning and what it has seen.
pub struct Pruner {
    rule: Rule,
    seen: Vec<CompletedTrial>,
}

enum Rule {
    Median(MedianPruner),
    Halving(SuccessiveHalvingPruner),
    Hyperband(HyperbandPruner),
    Forecast(Foresight),
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
            Prune::Forecast { after } => Rule::Forecast(Foresight::new(step(after))),
        };
        Some(Self { rule, seen: Vec::new() })
    }

    /// Looks at trials before they are trained.
    pub fn meet(&mut self, trials: &[(usize, Chosen)], setting: &mut Setting) {
        if let Rule::Forecast(foresight) = &mut self.rule {
            foresight.meet(trials, setting);
        }
    }

    /// Which of the trials, all after the same step, are given up; they are in their order.
    pub fn judge(&mut self, step: u64, racing: &[Racing]) -> Vec<bool> {
        let rule: &dyn optimizer::pruner::Pruner = match &mut self.rule {
            Rule::Forecast(foresight) => return foresight.judge(step, racing),
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

    /// Keeps what a trial showed, and how bad it was in the end. Trials are told in their order.
    pub fn tell(&mut self, trial: &Trial, badness: f64) {
        let was_pruned = trial.status == Status::Pruned;
        let state = if was_pruned { TrialState::Pruned } else { TrialState::Complete };
        match &mut self.rule {
            Rule::Forecast(foresight) => return foresight.tell(trial, badness),
            Rule::Hyperband(rule) => drop(rule.should_prune(trial.trial as u64, 0, &[], &[])),
            Rule::Median(_) | Rule::Halving(_) => {}
        }
        self.seen.push(record(trial.trial, state, &trial.curve));
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

    fn tell(pruner: &mut Pruner, trial: usize) {
        let curve = vec![(2, 1.0), (4, 1.0)];
        let (values, status, updates) = (Vec::new(), Status::Complete, 100);
        let (objectives, seeds, losses) = (vec![Some(1.0)], vec![vec![Some(1.0)]], Vec::new());
        pruner.tell(
            &Trial { trial, values, status, updates, objectives, seeds, curve, losses, lineage: None },
            1.0,
        );
    }

    fn judged(pruner: &mut Pruner, step: u64, values: &[f64]) -> Vec<bool> {
        let curves: Vec<Vec<(u64, f64)>> = values.iter().map(|value| vec![(step, *value)]).collect();
        let racing: Vec<Racing> =
            curves.iter().enumerate().map(|(at, curve)| Racing { trial: 100 + at, curve }).collect();
        pruner.judge(step, &racing)
    }

    #[test]
    fn the_median_waits_for_its_first_trials_and_its_place_in_the_run() {
        let rule = Prune::Median { startup: 3, after: Span::Percent(20.0) };
        let mut pruner = Pruner::new(rule, CLOCK).unwrap();
        (0..2).for_each(|trial| tell(&mut pruner, trial));
        assert_eq!(judged(&mut pruner, 4, &[5.0]), [false]);
        tell(&mut pruner, 2);
        assert_eq!(judged(&mut pruner, 2, &[5.0]), [false]);
        assert_eq!(judged(&mut pruner, 4, &[5.0, 0.5, 1.0]), [true, false, false]);
    }

    #[test]
    fn halving_keeps_the_best_of_three_at_a_rung_and_nobody_between() {
        let rule = Prune::SuccessiveHalving { factor: 3, from: Span::Percent(10.0) };
        let mut pruner = Pruner::new(rule, CLOCK).unwrap();
        let values = [6.0, 1.0, 5.0, 2.0, 4.0, 3.0];
        assert_eq!(judged(&mut pruner, 1, &values), [false; 6]);
        assert_eq!(judged(&mut pruner, 2, &values), [true, false, true, false, true, true]);
    }

    #[test]
    fn hyperband_lets_some_brackets_begin_later() {
        let rule = Prune::Hyperband { factor: 3, from: Span::Percent(10.0) };
        let mut pruner = Pruner::new(rule, CLOCK).unwrap();
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let early = judged(&mut pruner, 3, &values).iter().filter(|pruned| **pruned).count();
        assert!((5..=15).contains(&early), "{early} of 30");
    }
}
