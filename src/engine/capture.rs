//! Snapshots of the lanes while they train.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::examine::Examination;
use super::shared_view::SnapshotReason;
use super::timeline::Timeline;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::ids::LaneId;
use crate::train::lane::Lane;

impl Timeline {
    /// How far training may go in one stretch: to `to`, or to the first update before it after which a
    /// snapshot is due. A snapshot of one lane is one of all, so that all can go back to it.
    pub(super) fn stop(&self, cohort: &Cohort, to: u64) -> u64 {
        let moving = cohort.lanes().iter().filter(|lane| lane.can_train() && lane.update < to);
        let from: BTreeSet<u64> = moving.map(|lane| lane.update).collect();
        let asked =
            |from| cohort.lanes().iter().filter_map(move |lane| lane.keeper.as_ref()?.next_after(from));
        let next = from.into_iter().map(|from| asked(from).fold(self.next_after(from), u64::min));
        next.fold(to, u64::min)
    }

    /// Takes the snapshots that are due, each a copy of the lane's row and state.
    pub(super) fn capture(&mut self, cohort: &Cohort, pasts: &Examination) -> Result<(), TrainError> {
        let able = || cohort.lanes().iter().filter(|lane| lane.failed.is_none());
        let mut due: BTreeSet<u64> = able().map(|lane| lane.update).collect();
        due.retain(|&at| {
            at == cohort.task().clock.updates
                || self.is_due(at)
                || cohort.lanes().iter().any(|lane| asks(lane, at))
        });
        let new = able().filter(|lane| due.contains(&lane.update) && !self.has(lane.id, lane.update));
        let new: Vec<_> = new.map(|lane| (lane.id, reason(lane))).collect();
        if new.is_empty() { Ok(()) } else { self.take(cohort, pasts, &new) }
    }

    /// Takes a snapshot of every lane where it is now.
    pub(super) fn capture_all(
        &mut self,
        cohort: &Cohort,
        pasts: &Examination,
        why: SnapshotReason,
    ) -> Result<(), TrainError> {
        let able = cohort.lanes().iter().filter(|lane| lane.failed.is_none());
        let all: Vec<_> = able.map(|lane| (lane.id, why.max(reason(lane)))).collect();
        self.take(cohort, pasts, &all)
    }

    fn take(
        &mut self,
        cohort: &Cohort,
        pasts: &Examination,
        lanes: &[(LaneId, SnapshotReason)],
    ) -> Result<(), TrainError> {
        let parameters = cohort.task().model.width();
        for (id, why) in lanes {
            if let Some(saved) = cohort.save_lane_in(*id, self.spare())? {
                self.put(*id, Arc::new(saved), pasts.past(*id), parameters, *why);
            }
        }
        let furthest = cohort.lanes().iter().map(|lane| lane.update).max().unwrap_or(0);
        let asked = cohort.revision().experiment.snapshots.as_ref();
        self.tidy(furthest, asked.map_or(0, |asked| asked.keep), cohort.task().clock.updates);
        self.prepare(cohort.lanes().len(), cohort.pool());
        Ok(())
    }

    /// Room for the snapshots of the lanes there are now, in so many bytes.
    pub(super) fn make_room(&mut self, cohort: &Cohort, bytes: usize) {
        self.set_room(bytes, cohort.lanes().len(), cohort.row_width());
    }
}

/// Why a snapshot of the lane is taken where it is now, if nobody takes it by hand.
fn reason(lane: &Lane) -> SnapshotReason {
    if asks(lane, lane.update) { SnapshotReason::Asked } else { SnapshotReason::OnTheWay }
}

/// Whether the experiment asks for a snapshot of the lane after so many updates.
fn asks(lane: &Lane, update: u64) -> bool {
    lane.keeper.as_ref().is_some_and(|keeper| keeper.is_due(update))
}
