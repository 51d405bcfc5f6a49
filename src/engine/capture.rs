//! Snapshots of the lanes while they train.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Worker;
use super::shared_view::SnapshotReason;
use crate::train::ids::LaneId;
use crate::train::lane::Lane;

impl Worker {
    /// How far training may go in one stretch: to `to`, or to the first update before it after which a
    /// snapshot is due. A snapshot of one lane is one of all, so that all can go back to it.
    pub(super) fn stop(&self, to: u64) -> u64 {
        let Some(cohort) = &self.cohort else { return to };
        let moving = cohort.lanes().iter().filter(|lane| lane.failed.is_none() && lane.update < to);
        let from: BTreeSet<u64> = moving.map(|lane| lane.update).collect();
        let asked =
            |from| cohort.lanes().iter().filter_map(move |lane| lane.keeper.as_ref()?.next_after(from));
        let next = from.into_iter().map(|from| asked(from).fold(self.timeline.next_after(from), u64::min));
        next.fold(to, u64::min)
    }

    /// Takes the snapshots that are due, each a copy of the lane's row and state.
    pub(super) fn capture(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let able = || cohort.lanes().iter().filter(|lane| lane.failed.is_none());
        let mut due: BTreeSet<u64> = able().map(|lane| lane.update).collect();
        due.retain(|&at| {
            at == cohort.task().clock.updates
                || self.timeline.is_due(at)
                || cohort.lanes().iter().any(|lane| asks(lane, at))
        });
        let new =
            able().filter(|lane| due.contains(&lane.update) && !self.timeline.has(lane.id, lane.update));
        let why =
            |lane| if asks(lane, lane.update) { SnapshotReason::Asked } else { SnapshotReason::OnTheWay };
        let new: Vec<_> = new.map(|lane| (lane.id, why(lane))).collect();
        if !new.is_empty() {
            self.take(&new);
        }
    }

    /// Takes a snapshot of every lane where it is now.
    pub(super) fn capture_all(&mut self, why: SnapshotReason) {
        let Some(cohort) = &self.cohort else { return };
        let able = cohort.lanes().iter().filter(|lane| lane.failed.is_none());
        let asked =
            |lane| if asks(lane, lane.update) { SnapshotReason::Asked } else { SnapshotReason::OnTheWay };
        let all: Vec<_> = able.map(|lane| (lane.id, why.max(asked(lane)))).collect();
        self.take(&all);
    }

    fn take(&mut self, lanes: &[(LaneId, SnapshotReason)]) {
        let Some(cohort) = &self.cohort else { return };
        let parameters = cohort.task().model.width();
        for (id, why) in lanes {
            match cohort.save_lane_in(*id, self.timeline.spare()) {
                Ok(Some(saved)) => {
                    let past = self.examination.past(*id);
                    self.timeline.put(*id, Arc::new(saved), past, parameters, *why);
                }
                Ok(None) => {}
                Err(error) => return self.fail(&error),
            }
        }
        let furthest = cohort.lanes().iter().map(|lane| lane.update).max().unwrap_or(0);
        let asked = self.revision.experiment.snapshots.as_ref();
        self.timeline.tidy(furthest, asked.map_or(0, |asked| asked.keep), cohort.task().clock.updates);
        self.timeline.prepare(cohort.lanes().len(), cohort.pool());
    }

    /// Room for the snapshots of the lanes there are now.
    pub(super) fn make_room(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let rows = cohort.lanes().len();
        let width = cohort.rows().elem_count() / rows.max(1);
        self.timeline.set_room(self.options.snapshot_bytes, rows, width);
    }
}

/// Whether the experiment asks for a snapshot of the lane after so many updates.
fn asks(lane: &Lane, update: u64) -> bool {
    lane.keeper.as_ref().is_some_and(|keeper| keeper.is_due(update))
}
