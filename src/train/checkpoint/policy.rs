//! When a checkpoint is made and which ones stay: pure functions, without files or threads.

use std::collections::BTreeSet;

use crate::schedule::{Clock, Span};

/// What a training keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Between two checkpoints; the ends of cycles and of the run have one of their own.
    pub every: Span,
    /// So many of the newest stay, at least one, and the one with the lowest validation loss.
    pub keep: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { every: Span::Percent(5.0), keep: 3 }
    }
}

/// Why a checkpoint is made, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Every,
    CycleEnd,
    Last,
}

/// The updates done at which a run's checkpoints are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stops {
    every: u64,
    cycle_ends: BTreeSet<u64>,
    last: u64,
}

impl Stops {
    /// `cycle_ends` are the last updates of cycles, as [`crate::schedule::Curve::cycle_ends`] gives them.
    pub fn new(policy: &Policy, clock: Clock, cycle_ends: impl IntoIterator<Item = u64>) -> Self {
        Self {
            every: policy.every.whole_updates(clock),
            cycle_ends: cycle_ends.into_iter().map(|last| last + 1).collect(),
            last: clock.updates,
        }
    }

    /// The next one after `done` updates, and why; nothing after the last.
    pub fn after(&self, done: u64) -> Option<(u64, Reason)> {
        let every = (done / self.every + 1) * self.every;
        let end = self.cycle_ends.range(done + 1..).next().copied();
        [(Some(self.last), Reason::Last), (end, Reason::CycleEnd), (Some(every), Reason::Every)]
            .into_iter()
            .filter_map(|(update, reason)| update.map(|update| (update, reason)))
            .filter(|(update, _)| (done + 1..=self.last).contains(update))
            .reduce(|first, second| if second.0 < first.0 { second } else { first })
    }
}

/// A checkpoint on the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub update: u64,
    pub val_loss: Option<f64>,
}

/// The ones to delete, by their updates.
pub fn stale(there: &[Entry], keep: usize) -> Vec<u64> {
    let mut newest: Vec<u64> = there.iter().map(|entry| entry.update).collect();
    newest.sort_unstable();
    let stays = newest.split_off(newest.len().saturating_sub(keep.max(1)));
    let best = there
        .iter()
        .filter_map(|entry| entry.val_loss.map(|loss| (entry.update, loss)))
        .reduce(|best, other| if other.1 < best.1 { other } else { best })
        .map(|(update, _)| update);
    newest.retain(|update| !stays.contains(update) && Some(*update) != best);
    newest
}

/// Which of the waiting ones is given up when there are too many: the oldest of the least important.
pub fn gives_way(waiting: &[Reason]) -> Option<usize> {
    let least = waiting.iter().min()?;
    waiting.iter().position(|reason| reason == least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(every: &str, cycle_ends: &[u64], updates: u64) -> Vec<(u64, Reason)> {
        let policy = Policy { every: every.parse().unwrap(), keep: 1 };
        let clock = Clock { updates, updates_per_epoch: 10 };
        let stops = Stops::new(&policy, clock, cycle_ends.iter().copied());
        let mut all = Vec::new();
        let mut done = 0;
        while let Some((update, reason)) = stops.after(done) {
            all.push((update, reason));
            done = update;
        }
        all
    }

    #[test]
    fn every_span_every_cycle_end_and_the_last_update_have_one() {
        use Reason::{CycleEnd, Every, Last};
        let expected = [(40, Every), (50, CycleEnd), (80, CycleEnd), (120, Every), (125, Last)];
        assert_eq!(stops("4ep", &[49, 79, 124], 125), expected);
        assert_eq!(stops("500", &[], 125), [(125, Last)]);
        assert_eq!(stops("20%", &[124], 125).len(), 5);
    }

    #[test]
    fn the_newest_and_the_best_stay() {
        let entry = |update, loss: f64| Entry { update, val_loss: (!loss.is_nan()).then_some(loss) };
        let there = [entry(10, 0.9), entry(20, 0.3), entry(30, 0.5), entry(40, f64::NAN), entry(50, 0.4)];
        assert_eq!(stale(&there, 2), [10, 30]);
        assert_eq!(stale(&there, 0), [10, 30, 40], "one always stays");
        assert!(stale(&there, 9).is_empty());
        assert!(stale(&[], 2).is_empty());
    }

    #[test]
    fn the_oldest_of_the_least_important_gives_way() {
        use Reason::{CycleEnd, Every, Last};
        assert_eq!(gives_way(&[CycleEnd, Every, Last, Every]), Some(1));
        assert_eq!(gives_way(&[CycleEnd, Last, CycleEnd]), Some(0));
        assert_eq!(gives_way(&[]), None);
    }
}
