//! The moments that training can go back to: the lanes as they were after the same update.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::shown::{Snapshot, Why};
use crate::train::checkpoint::SavedLane;
use crate::train::command::{LaneId, SnapshotId};

/// The most moments kept only because they lie on the way.
const ON_THE_WAY: u64 = 24;
/// The most moments kept because a hand took them.
const BY_HAND: usize = 32;
/// Parts of a run that are worth a moment each, at first.
const PARTS: u64 = 32;
/// The widest first span, in updates: a long run, too, soon has places to go back to.
const WIDEST: u64 = 256;

/// The snapshots of all lanes by the updates done.
///
/// On the way there is one at every multiple of a span. The span doubles whenever there would be more than
/// there is room for, so what is kept is bounded however long the run is.
pub(super) struct Moments {
    at: BTreeMap<u64, BTreeMap<LaneId, Snapshot>>,
    span: u64,
    room: u64,
    next_id: u64,
    changed: bool,
}

impl Moments {
    pub fn new() -> Self {
        Self { at: BTreeMap::new(), span: 1, room: 0, next_id: 0, changed: false }
    }

    /// Forgets everything, and begins the spans for a run of so many updates.
    pub fn begin(&mut self, updates: u64) {
        self.at.clear();
        self.span = (updates / PARTS).clamp(1, WIDEST);
        self.changed = true;
    }

    /// Makes room for as many moments as fit in `bytes`, at `moment` bytes each.
    pub fn set_room(&mut self, bytes: usize, moment: usize) {
        self.room = ((bytes / moment.max(1)) as u64).min(ON_THE_WAY);
    }

    /// Whether a moment on the way is due after `update` updates, or there is one already.
    pub fn is_due(&self, update: u64) -> bool {
        self.room > 0 && update.is_multiple_of(self.span) || update == 0 || self.at.contains_key(&update)
    }

    /// The first such count of updates after `update`.
    pub fn next_after(&self, update: u64) -> u64 {
        let multiple = (update / self.span).saturating_add(1).saturating_mul(self.span);
        let span = if self.room > 0 { multiple } else { u64::MAX };
        self.at.range(update + 1..).next().map_or(span, |(at, _)| span.min(*at))
    }

    pub fn has(&self, lane: LaneId, update: u64) -> bool {
        self.at.get(&update).is_some_and(|moment| moment.contains_key(&lane))
    }

    /// Takes a lane in, or the reason alone where it is there already.
    pub fn put(&mut self, saved: SavedLane, parameters: usize, why: Why) {
        let id = SnapshotId(self.next_id);
        self.next_id += 1;
        self.changed = true;
        let moment = self.at.entry(saved.state.update).or_default();
        let fresh = Snapshot::new(id, why, Arc::new(saved), parameters);
        let snapshot = moment.entry(fresh.lane()).or_insert(fresh);
        snapshot.why = snapshot.why.max(why);
    }

    /// Forgets all there is of a lane.
    pub fn forget(&mut self, lane: LaneId) {
        for moment in self.at.values_mut() {
            self.changed |= moment.remove(&lane).is_some();
        }
        self.at.retain(|_, moment| !moment.is_empty());
    }

    /// Forgets what a lane was like after more than `update` updates: it goes another way from there.
    pub fn forget_after(&mut self, lane: LaneId, update: u64) {
        for (_, moment) in self.at.range_mut(update + 1..) {
            self.changed |= moment.remove(&lane).is_some();
        }
        self.at.retain(|_, moment| !moment.is_empty());
    }

    /// Lets go of what need not stay: `furthest` is how far the furthest lane is, `keep` how many of the
    /// snapshots that the experiment asks for stay of a lane, and `updates` the length of the run.
    pub fn tidy(&mut self, furthest: u64, keep: usize, updates: u64) {
        while self.room > 0 && furthest / self.span > self.room {
            self.span = self.span.saturating_mul(2);
        }
        self.pass_on(Why::Asked, keep);
        self.pass_on(Why::ByHand, BY_HAND);
        let before = self.at.len();
        let (span, room) = (self.span, self.room);
        self.at.retain(|update, moment| {
            let on_the_way = room > 0 && update.is_multiple_of(span);
            on_the_way
                || [0, updates].contains(update)
                || moment.values().any(|snapshot| snapshot.why > Why::OnTheWay)
        });
        self.changed |= self.at.len() < before;
    }

    /// Takes a reason from all but a lane's newest `keep` that have it.
    fn pass_on(&mut self, why: Why, keep: usize) {
        let lanes: BTreeSet<LaneId> = self.at.values().flat_map(|moment| moment.keys().copied()).collect();
        for lane in lanes {
            let with = self.at.values_mut().rev().filter_map(|moment| moment.get_mut(&lane));
            for snapshot in with.filter(|snapshot| snapshot.why == why).skip(keep) {
                snapshot.why = Why::OnTheWay;
                self.changed = true;
            }
        }
    }

    /// All snapshots in order, when they are others than at the last call.
    pub fn news(&mut self) -> Option<Arc<[Snapshot]>> {
        std::mem::take(&mut self.changed)
            .then(|| self.at.values().flat_map(|moment| moment.values().cloned()).collect())
    }
}
