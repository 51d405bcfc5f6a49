//! The moments that training can go back to, and forward to again: the lanes as they were after one update.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::examine::Past;
use super::row_pool::RowPool;
use super::shared_view::{Snapshot, SnapshotReason};
use crate::train::checkpoint::SavedLane;
use crate::train::ids::{LaneId, SnapshotId};

/// The most moments kept only because they lie on the way.
const ON_THE_WAY: u64 = 24;
/// The most moments kept because a hand took them.
const BY_HAND: usize = 32;
/// Places from which one went back that stay once they are on the way again.
const DEPARTURES: usize = 2;
/// Parts of a run that are worth a moment each, at first.
const PARTS: u64 = 32;
/// The widest first span, in updates: a long run, too, soon has places to go back to.
const WIDEST: u64 = 256;

/// The lanes after the same update.
type Moment = BTreeMap<LaneId, Snapshot>;

/// The snapshots of all lanes by the updates done.
///
/// On the way there is one at every multiple of a span. The span doubles whenever there would be more than
/// there is room for, so what is kept is bounded however long the run is.
pub(super) struct Timeline {
    way: BTreeMap<u64, Moment>,
    left: Option<Left>,
    /// Updates at which runs part.
    forks: BTreeSet<u64>,
    span: u64,
    room: u64,
    /// Numbers in a row.
    width: usize,
    row_pool: RowPool,
    next_id: u64,
    changed: bool,
}

/// The way that was left by going back: it begins after `from` updates.
struct Left {
    from: u64,
    way: BTreeMap<u64, Moment>,
    /// Whether what is on the way now has parted from it: until something is trained, it lies ahead.
    apart: bool,
}

/// What a turn means for what was measured on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Back; what lies ahead is the way that was left, and an older one is forgotten.
    Back,
    /// Further back on the same way: what lies ahead has grown.
    FurtherBack,
    /// Forward on the way that was left, as far as nothing else was trained since.
    Forward,
    /// To the other way; the one that led here is now the one that was left.
    Across,
}

/// A turn, and the lanes to put back with it.
pub(super) struct Going {
    pub turn: Turn,
    /// Updates done there.
    pub to: u64,
    pub lanes: Vec<(LaneId, Snapshot)>,
}

impl Timeline {
    pub fn new() -> Self {
        Self {
            way: BTreeMap::new(),
            left: None,
            forks: BTreeSet::new(),
            span: 1,
            room: 0,
            width: 0,
            row_pool: RowPool::default(),
            next_id: 0,
            changed: false,
        }
    }

    /// Forgets everything, and begins the spans for a run of so many updates.
    pub fn begin(&mut self, updates: u64) {
        let left = self.left.take().map(|left| left.way).unwrap_or_default();
        self.let_go(left);
        let way = std::mem::take(&mut self.way);
        self.let_go(way);
        self.span = (updates / PARTS).clamp(1, WIDEST);
        self.changed = true;
    }

    /// Makes room for as many moments as fit in `bytes`, each of so many rows of `width` numbers.
    pub fn set_room(&mut self, bytes: usize, rows: usize, width: usize) {
        // The way that was left may hold as many again, and so may the spare memory.
        let moment = (rows * width * size_of::<f32>()).max(1);
        self.room = ((bytes / 3 / moment) as u64).min(ON_THE_WAY);
        if width != self.width {
            self.width = width;
            self.row_pool.clear();
        }
        self.row_pool.set_most(self.room as usize * rows);
    }

    /// Memory for the next row that is put in.
    pub fn spare(&mut self) -> Vec<f32> {
        self.row_pool.take()
    }

    /// Sees to it that there soon is memory for as many rows.
    pub fn prepare(&self, rows: usize, pool: &rayon::ThreadPool) {
        self.row_pool.prepare(rows, self.width, pool);
    }

    fn let_go(&mut self, way: BTreeMap<u64, Moment>) {
        for snapshot in way.into_values().flat_map(Moment::into_values) {
            self.row_pool.give(snapshot.saved);
        }
    }

    /// Whether a moment on the way is due after `update` updates, or there is one already.
    pub fn is_due(&self, update: u64) -> bool {
        update == 0
            || self.forks.contains(&update)
            || self.room > 0 && update.is_multiple_of(self.span)
            || self.way.contains_key(&update)
    }

    /// The first such count of updates after `update`.
    pub fn next_after(&self, update: u64) -> u64 {
        let multiple = (update / self.span).saturating_add(1).saturating_mul(self.span);
        let span = if self.room > 0 { multiple } else { u64::MAX };
        let there = self.way.range(update + 1..).next().map(|(at, _)| *at);
        let fork = self.forks.range(update + 1..).next().copied();
        there.into_iter().chain(fork).fold(span, u64::min)
    }

    pub fn has(&self, lane: LaneId, update: u64) -> bool {
        self.way.get(&update).is_some_and(|moment| moment.contains_key(&lane))
    }

    /// Takes a lane in, or the reason alone where it is there already.
    pub fn put(
        &mut self,
        lane: LaneId,
        saved: Arc<SavedLane>,
        past: Past,
        parameters: usize,
        why: SnapshotReason,
    ) {
        let id = SnapshotId(self.next_id);
        self.next_id += 1;
        self.changed = true;
        let moment = self.way.entry(saved.state.update).or_default();
        let fresh = Snapshot { id, lane, why, left: false, parameters, past, saved };
        let snapshot = moment.entry(lane).or_insert(fresh);
        snapshot.why = snapshot.why.max(why);
    }

    /// Sets the updates at which runs part.
    pub fn set_forks(&mut self, forks: BTreeSet<u64>) {
        self.forks = forks;
    }

    /// Gives a lane the past of another, up to `update`.
    pub fn share(&mut self, from: LaneId, to: LaneId, update: u64) {
        let past: Vec<Snapshot> =
            self.way.range(..=update).filter_map(|(_, moment)| moment.get(&from).cloned()).collect();
        self.forget(to);
        for Snapshot { saved, parameters, past, why, .. } in past {
            self.put(to, saved, past, parameters, why);
        }
    }

    /// Notes that training went on.
    pub fn went_on(&mut self) {
        if let Some(left) = &mut self.left {
            left.apart = true;
        }
    }

    /// Forgets all there is of a lane.
    pub fn forget(&mut self, lane: LaneId) {
        for way in [Some(&mut self.way), self.left.as_mut().map(|left| &mut left.way)].into_iter().flatten() {
            for snapshot in way.values_mut().filter_map(|moment| moment.remove(&lane)) {
                self.changed = true;
                self.row_pool.give(snapshot.saved);
            }
            way.retain(|_, moment| !moment.is_empty());
        }
    }

    /// Forgets what a lane was like after more than `update` updates: it goes another way from there.
    pub fn forget_after(&mut self, lane: LaneId, update: u64) {
        for (_, moment) in self.way.range_mut(update + 1..) {
            let Some(snapshot) = moment.remove(&lane) else { continue };
            self.changed = true;
            self.row_pool.give(snapshot.saved);
        }
        self.way.retain(|_, moment| !moment.is_empty());
    }

    /// Lets go of what need not stay: `furthest` is how far the furthest lane is, `keep` how many of the
    /// snapshots that the experiment asks for stay of a lane, and `updates` the length of the run.
    pub fn tidy(&mut self, furthest: u64, keep: usize, updates: u64) {
        while self.room > 0 && furthest / self.span > self.room {
            self.span = self.span.saturating_mul(2);
        }
        let (span, room, forks) = (self.span, self.room, &self.forks);
        for way in [Some(&mut self.way), self.left.as_mut().map(|left| &mut left.way)].into_iter().flatten() {
            for (why, most) in [
                (SnapshotReason::Asked, keep),
                (SnapshotReason::ByHand, BY_HAND),
                (SnapshotReason::Departure, DEPARTURES),
            ] {
                self.changed |= demote(way, why, most);
            }
            let gone = way.extract_if(.., |update, moment| {
                let on_the_way = room > 0 && update.is_multiple_of(span);
                !on_the_way
                    && ![0, updates].contains(update)
                    && !forks.contains(update)
                    && moment.values().all(|snapshot| snapshot.why == SnapshotReason::OnTheWay)
            });
            for snapshot in gone.flat_map(|(_, moment)| moment.into_values()) {
                self.changed = true;
                self.row_pool.give(snapshot.saved);
            }
        }
    }

    /// Where a snapshot is: the updates done, and whether on the way that was left.
    pub fn find(&self, id: SnapshotId) -> Option<(u64, bool)> {
        let holds = |moment: &Moment| moment.values().any(|snapshot| snapshot.id == id);
        let on =
            |way: &BTreeMap<u64, Moment>| way.iter().find(|(_, moment)| holds(moment)).map(|(at, _)| *at);
        on(&self.way).map(|at| (at, false)).or_else(|| on(&self.left.as_ref()?.way).map(|at| (at, true)))
    }

    /// Whether training stands where no moment is yet, as a rule: after a turn it stands at one.
    pub fn departs(&self) -> bool {
        self.left.as_ref().is_none_or(|left| left.apart)
    }

    /// Goes to the moment after `to` updates, on the way that was left when `forward`, and says what to put back.
    pub fn go(&mut self, to: u64, forward: bool) -> Going {
        self.changed = true;
        let (turn, left) = match (self.left.take(), forward) {
            (Some(left), true) if left.apart => {
                let ours = self.way.split_off(&(left.from + 1));
                self.way.extend(left.way.into_iter().filter(|(at, _)| *at <= to));
                (Turn::Across, Left { way: ours, ..left })
            }
            (Some(mut left), true) => {
                let ahead = left.way.split_off(&(to + 1));
                self.way.append(&mut left.way);
                (Turn::Forward, Left { from: to, way: ahead, apart: false })
            }
            (Some(left), false) if !left.apart => {
                let mut ahead = self.way.split_off(&(to + 1));
                ahead.extend(left.way);
                (Turn::FurtherBack, Left { from: to, way: ahead, apart: false })
            }
            (forgotten, _) => {
                self.let_go(forgotten.map(|left| left.way).unwrap_or_default());
                (Turn::Back, Left { from: to, way: self.way.split_off(&(to + 1)), apart: false })
            }
        };
        self.left = Some(left).filter(|left| !left.way.is_empty());
        let lanes: BTreeSet<LaneId> = self.way.values().flat_map(|moment| moment.keys().copied()).collect();
        let newest = |lane: LaneId| self.way.range(..=to).rev().find_map(|(_, moment)| moment.get(&lane));
        let lanes = lanes.into_iter().filter_map(|lane| Some((lane, newest(lane)?.clone())));
        Going { turn, to, lanes: lanes.collect() }
    }

    /// A lane's newest snapshot after at most `update` updates.
    pub fn newest(&self, lane: LaneId, update: u64) -> Option<&Snapshot> {
        self.way.range(..=update).rev().find_map(|(_, moment)| moment.get(&lane))
    }

    /// All snapshots in order, when they are others than at the last call.
    pub fn news(&mut self) -> Option<Arc<[Snapshot]>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let ours = self.way.values().flat_map(Moment::values).cloned();
        let left = self.left.iter().flat_map(|left| left.way.values()).flat_map(Moment::values);
        let left = left.map(|snapshot| Snapshot { left: true, ..snapshot.clone() });
        let mut all: Vec<Snapshot> = ours.chain(left).collect();
        all.sort_by_key(|snapshot| (snapshot.update(), snapshot.left, snapshot.lane));
        Some(all.into())
    }
}

/// Takes a reason from all but each lane's newest `most` that have it; whether any lost it.
fn demote(way: &mut BTreeMap<u64, Moment>, why: SnapshotReason, most: usize) -> bool {
    let lanes: BTreeSet<LaneId> = way.values().flat_map(|moment| moment.keys().copied()).collect();
    let mut any = false;
    for lane in lanes {
        let with = way.values_mut().rev().filter_map(|moment| moment.get_mut(&lane));
        for snapshot in with.filter(|snapshot| snapshot.why == why).skip(most) {
            snapshot.why = SnapshotReason::OnTheWay;
            any = true;
        }
    }
    any
}
