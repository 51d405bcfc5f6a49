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
    /// So many of the newest stay that were made where `[snapshots]` asks for one.
    pub snapshots: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { every: Span::Percent(5.0), keep: 3, snapshots: 0 }
    }
}

/// Why a checkpoint is made, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Every,
    /// A cycle ends, or `[snapshots]` asks for a snapshot.
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

    /// With one after each of these counts of updates, too.
    #[must_use]
    pub fn and_after(mut self, updates: impl IntoIterator<Item = u64>) -> Self {
        self.cycle_ends.extend(updates);
        self
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
    /// Whether `[snapshots]` asked for one there.
    pub asked: bool,
}

/// The ones to delete, by their updates.
pub fn stale(there: &[Entry], policy: &Policy) -> Vec<u64> {
    let newest = |asked: bool, most: usize| {
        let some = there.iter().filter(|entry| entry.asked || !asked);
        let mut some: Vec<u64> = some.map(|entry| entry.update).collect();
        some.sort_unstable();
        some.split_off(some.len().saturating_sub(most))
    };
    let stays = [newest(false, policy.keep.max(1)), newest(true, policy.snapshots)].concat();
    let best = there
        .iter()
        .filter_map(|entry| entry.val_loss.map(|loss| (entry.update, loss)))
        .reduce(|best, other| if other.1 < best.1 { other } else { best })
        .map(|(update, _)| update);
    let mut stale = newest(false, there.len());
    stale.retain(|update| !stays.contains(update) && Some(*update) != best);
    stale
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
        let policy = Policy { every: every.parse().unwrap(), ..Policy::default() };
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
        let clock = Clock { updates: 125, updates_per_epoch: 10 };
        let more = Stops::new(&Policy::default(), clock, []).and_after([5]);
        assert_eq!(more.after(3), Some((5, CycleEnd)));
    }

    #[test]
    fn the_newest_and_the_best_stay() {
        let entry = |update, loss: f64| {
            let asked = update % 20 == 0;
            Entry { update, val_loss: (!loss.is_nan()).then_some(loss), asked }
        };
        let stale = |there: &[Entry], keep| stale(there, &Policy { keep, ..Policy::default() });
        let there = [entry(10, 0.9), entry(20, 0.3), entry(30, 0.5), entry(40, f64::NAN), entry(50, 0.4)];
        assert_eq!(stale(&there, 2), [10, 30]);
        assert_eq!(stale(&there, 0), [10, 30, 40], "one always stays");
        assert!(stale(&there, 9).is_empty());
        assert!(stale(&[], 2).is_empty());
        let asked = Policy { keep: 1, snapshots: 1, ..Policy::default() };
        assert_eq!(super::stale(&there, &asked), [10, 30], "the newest that was asked for stays, too");
    }

    #[test]
    fn the_oldest_of_the_least_important_gives_way() {
        use Reason::{CycleEnd, Every, Last};
        assert_eq!(gives_way(&[CycleEnd, Every, Last, Every]), Some(1));
        assert_eq!(gives_way(&[CycleEnd, Last, CycleEnd]), Some(0));
        assert_eq!(gives_way(&[]), None);
    }
}
