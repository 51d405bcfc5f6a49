//! Time travel: all lanes back at a moment of the past, and forward again.

use super::protocol::State;
use super::shared_view::{LaneView, Snapshot, SnapshotReason};
use super::timeline::{Going, Turn};
use super::worker::Worker;
use crate::telemetry::{Event, EventKind};
use crate::train::TrainError;
use crate::train::checkpoint::{Continuity, Forget};
use crate::train::ids::SnapshotId;

impl Worker {
    /// Puts all lanes where they were at the moment of a snapshot, and pauses. What was measured after it stays as
    /// the ghost, and the way there can be gone again. A snapshot that is no more is passed over.
    pub(super) fn travel(&mut self, id: SnapshotId, forget: Forget) {
        let Some((to, forward)) = self.timeline.find(id) else { return };
        // What the lanes have measured belongs to the way that is left.
        self.publish(true);
        if self.timeline.departs() {
            self.capture_all(SnapshotReason::Departure);
        }
        let going = self.timeline.go(to, forward);
        if let Err(error) = self.put_back(&going, forget) {
            return self.fail(&error);
        }
        self.edits.clear();
        self.field.expire();
        self.state = State::Paused;
        self.pace.resume_at(self.playhead());
    }

    fn put_back(&mut self, going: &Going, forget: Forget) -> Result<(), TrainError> {
        let Some(cohort) = &mut self.cohort else { return Ok(()) };
        let mut shared = self.shared.lock();
        for (id, Snapshot { saved, past, .. }) in &going.lanes {
            let is_back = matches!(going.turn, Turn::Back | Turn::FurtherBack)
                && cohort.lanes().iter().any(|lane| lane.id == *id && lane.update <= going.to);
            if is_back && forget == Forget::default() {
                continue;
            }
            let Some(continuity) = cohort.load_lane(*id, saved, forget)? else { continue };
            self.examination.went(cohort, *id, past.clone(), forget);
            if let Some(view) = shared.lanes.get_mut(id) {
                turn(view, going.turn, saved.state.update);
                view.store.event(told(&continuity, forget, self.revision.generation));
            }
        }
        Ok(())
    }
}

/// Makes what was measured follow a turn.
fn turn(view: &mut LaneView, turn: Turn, update: u64) {
    match turn {
        Turn::Back => view.ghost = Some(view.store.clone()),
        Turn::FurtherBack => {
            view.ghost.get_or_insert_with(|| view.store.clone());
        }
        Turn::Forward => {
            if let Some(ghost) = &view.ghost {
                view.store = ghost.clone();
            }
        }
        Turn::Across => {
            if let Some(ghost) = &mut view.ghost {
                std::mem::swap(ghost, &mut view.store);
            }
        }
    }
    view.go_back(update);
}

/// The rate before and after, as an event.
pub(super) fn told(continuity: &Continuity, forget: Forget, generation: u64) -> Event {
    let lost = match (forget.schedule, forget.momentum) {
        (false, false) => "",
        (true, false) => ", without the scheduler's state",
        (false, true) => ", without the momentum",
        (true, true) => ", without the scheduler's state and the momentum",
    };
    let message = format!("went on from here{lost}: {}", continuity.verdict());
    Event { update: continuity.update, kind: EventKind::Resume, message, generation }
}
