//! Going on with a training that was saved to a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::examine::Past;
use super::protocol::State;
use super::shared_view::SnapshotReason;
use super::travel::told;
use super::worker::Worker;
use crate::telemetry::{GroupNames, Row};
use crate::train::checkpoint::{Continuation, Forget, SavedLane};
use crate::train::ids::LaneId;

/// Rows of a lane that are shown at once.
const ROWS: usize = 4096;

impl Worker {
    /// Puts all lanes where a saved training was, shows what it had measured, and pauses. The revision in
    /// effect is the saved training's own; a checkpoint that does not fit it is shown as a failure.
    pub(super) fn resume(&mut self, saved: &Continuation, forget: Forget) {
        let Some(cohort) = &mut self.cohort else { return };
        // Its beginning is a place to go back to, as in any training.
        if let Err(error) = cohort.restart() {
            return self.fail(&error);
        }
        self.timeline.begin(cohort.task().clock.updates);
        self.examination.follow(cohort);
        self.capture();
        let Some(cohort) = &mut self.cohort else { return };
        let continuity = match cohort.restore(&saved.checkpoint, forget) {
            Ok(continuity) => continuity,
            Err(refusal) => return self.state = State::Failed(refusal.to_string()),
        };
        self.examination.resumed(cohort, forget);
        let parameters = cohort.task().model.width();
        let revision = &self.revision;
        let runs = revision.ids.iter().zip(&revision.experiment.runs);
        let ids: BTreeMap<&str, _> = runs.map(|(id, run)| (run.name.as_str(), *id)).collect();
        let lane = |run: &str, replica| Some(LaneId { run: *ids.get(run)?, replica });
        let mut shared = self.shared.lock();
        for view in shared.lanes.values_mut() {
            view.store.clear();
            view.ghost = None;
        }
        drop(shared);
        // A long history is read on the way in, and shown bit by bit: the interface never waits for all of it.
        let mut waiting: BTreeMap<LaneId, (GroupNames, Vec<Row>)> = BTreeMap::new();
        let show = |id: &LaneId, (names, rows): &mut (GroupNames, Vec<Row>)| {
            if let Some(view) = self.shared.lock().lanes.get_mut(id) {
                view.store.append_grouped(rows, names);
            }
            rows.clear();
        };
        let read = saved.past.as_ref().map_or(Ok(()), |past| {
            past.replay(|measured| {
                let Some(id) = lane(&measured.run, measured.replica) else { return };
                let waiting = waiting.entry(id).or_default();
                if waiting.0 != measured.groups {
                    show(&id, waiting);
                    waiting.0 = measured.groups;
                }
                waiting.1.push(measured.row);
                if waiting.1.len() == ROWS {
                    show(&id, waiting);
                }
            })
        });
        waiting.iter_mut().for_each(|(id, rows)| show(id, rows));
        if let Err(error) = read {
            return self.state = State::Failed(error.to_string());
        }
        let mut shared = self.shared.lock();
        for rates in &continuity {
            let view = lane(&rates.run, rates.replica).and_then(|lane| shared.lanes.get_mut(&lane));
            if let Some(view) = view {
                view.store.event(told(rates, forget, revision.generation));
            }
        }
        drop(shared);
        for saved in saved.earlier.iter().flat_map(|earlier| &earlier.lanes) {
            let Some(id) = lane(&saved.run, saved.id.replica) else { continue };
            let Some(now) = cohort.lanes().iter().find(|lane| lane.id == id) else { continue };
            let asked = now.keeper.as_ref().is_some_and(|keeper| keeper.is_due(saved.state.update));
            let why = if asked { SnapshotReason::Asked } else { SnapshotReason::Saved };
            let past = Past::along(&now.run_plan);
            self.timeline.put(id, Arc::new(SavedLane { id, ..saved.clone() }), past, parameters, why);
        }
        self.capture_all(SnapshotReason::Departure);
        self.edits.clear();
        self.field.expire();
        self.state = State::Paused;
        self.pace.resume_at(self.playhead());
    }
}
