//! From which update on a change of a live run holds.
//!
//! A change that names an update holds from there. One that is to hold as soon as possible, and whose values do not
//! depend on where it begins, is begun by the training itself, which says at which update that was. Any other is
//! promised for an update that it reaches in time, as far as can be told from here.

use std::time::Instant;

use super::change::Change;
use super::live::{Live, LiveState};
use super::refused::Refused;

/// The longest update, in seconds, whose training is waited for: slower ones are promised an update from here, which
/// costs them nothing.
const QUICK: f64 = 0.5;
/// How long a change takes to arrive, in seconds: at least and at most.
const LEAST: f64 = 0.002;
const MOST: f64 = 0.5;

/// How fast changes took effect: medians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// From the change to the update that used it.
    pub seconds: f64,
    /// The same in updates, where their pace is known.
    pub updates: Option<f64>,
    /// Changes that were measured.
    pub changes: usize,
}

impl Live {
    /// Updates a second, while it trains.
    pub fn speed(&self) -> Option<f64> {
        self.pace.filter(|pace| *pace > 0.0).map(|pace| 1.0 / pace)
    }

    /// The median time from a change to the update that used it.
    pub fn latency(&self) -> Option<Latency> {
        let median = |mut all: Vec<f64>| {
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        let seconds = median(self.latencies.iter().map(|(seconds, _)| *seconds).collect())?;
        let updates = median(self.latencies.iter().filter_map(|(_, updates)| *updates).collect());
        Some(Latency { seconds, updates, changes: self.latencies.len() })
    }

    /// Changes that took effect later than promised.
    pub fn late(&self) -> usize {
        self.changes.iter().filter(|change| change.late).count()
    }

    /// The update that is made now, reckoned from what was said last.
    pub fn reached(&self, now: Instant) -> u64 {
        if self.state(now) != LiveState::Training {
            return self.update;
        }
        let since = now.saturating_duration_since(self.heard).as_secs_f64();
        let made = self.pace.filter(|pace| *pace > 0.0).map_or(0.0, |pace| (since / pace).min(1e6));
        self.update.saturating_add(made as u64)
    }

    /// The first update that a change made now can be promised for.
    fn soonest(&self, now: Instant) -> u64 {
        if self.state(now) != LiveState::Training {
            return self.update;
        }
        let travels = self.pace.filter(|pace| *pace > 0.0).map_or(0.0, |pace| self.delivery / pace);
        self.reached(now).saturating_add(1 + (travels.ceil() as u64).clamp(1, 100_000))
    }

    /// The first update of a change, and whether it is only the earliest that the training may begin it at.
    ///
    /// # Errors
    /// When that update is made already.
    pub(super) fn promise(&self, change: &Change, now: Instant) -> Result<(u64, bool), Refused> {
        match change.from {
            Some(from) if from >= self.update => Ok((from, false)),
            Some(from) => {
                let made = self.update;
                Err(Refused::Conflict(format!("update {from} is past: {made} updates are made")))
            }
            None => {
                let is_quick = self.pace.is_none_or(|pace| pace <= QUICK);
                let trains = self.state(now) == LiveState::Training && self.connections > 0;
                let begins_itself = self.about.soon && trains && is_quick && change.begins_anywhere();
                Ok(if begins_itself { (self.update, true) } else { (self.soonest(now), false) })
            }
        }
    }

    /// What is to be done about a change that took effect at an update, or not: one that came late gets more time
    /// the next time.
    pub(super) fn settle(&mut self, revision: u64, update: Option<u64>, late: bool, refused: Option<String>) {
        if self.made(revision).is_some_and(|made| made.applied.is_some()) {
            // A script that was begun again follows what the one before it began.
            return;
        }
        self.delivery =
            if late { (self.delivery * 2.0).min(MOST) } else { (self.delivery * 0.95).max(LEAST) };
        if refused.is_some() {
            self.take_back(revision);
        } else if let Some(at) = update {
            // Changes that a newer one overtook on the way begin with it.
            let open: Vec<u64> =
                self.changes.iter().filter(|made| made.is_open()).map(|made| made.revision).collect();
            for earlier in open.into_iter().filter(|open| *open <= revision) {
                self.begin(earlier, at);
            }
        }
        if let Some(made) = self.changes.iter_mut().find(|made| made.revision == revision) {
            (made.applied, made.late, made.refused) = (update.or(made.applied), late, refused);
            made.soon = false;
        }
        self.version += 1;
    }

    /// The training began a change at an update: until there, what was planned before it holds.
    fn begin(&mut self, revision: u64, at: u64) {
        if let Some(made) = self.changes.iter_mut().find(|made| made.revision == revision) {
            (made.from, made.applied, made.soon) = (made.from.max(at), Some(at), false);
        }
        let Some(place) = self.plans.iter().position(|(of, _)| *of == revision) else { return };
        let Some(before) = place.checked_sub(1).and_then(|before| self.plans.get(before)) else { return };
        let before = before.1.clone();
        self.plans.iter_mut().skip(place).for_each(|(_, plan)| plan.keep_until(&before, at));
        self.plan.keep_until(&before, at);
        if self.revision == revision {
            self.from = self.from.max(at);
        }
    }

    /// A change was refused by the script: where it is the newest, what was planned before it holds on.
    fn take_back(&mut self, revision: u64) {
        let mut newest = self.plans.iter_mut().rev();
        let (Some((of, plan)), Some((_, before))) = (newest.next(), newest.next()) else { return };
        if *of == revision {
            plan.keep_until(before, u64::MAX);
            self.plan.keep_until(before, u64::MAX);
        }
    }
}
