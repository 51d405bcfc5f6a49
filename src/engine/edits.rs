//! Edits that are told once they have settled: a drag is one event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::publisher::Publisher;
use crate::experiment::Run;
use crate::telemetry::{Event, EventKind};
use crate::train::cohort::{Change, Cohort};
use crate::train::diff::describe;
use crate::train::ids::{LaneId, Revision};

/// An edit is told when no other has followed it for so long.
const SETTLES: Duration = Duration::from_millis(300);

/// Edits of one lane that are not told yet.
struct Pending {
    event: Event,
    before: Run,
    last: Instant,
}

/// The edits that are not told yet.
#[derive(Default)]
pub(super) struct Edits {
    pending: BTreeMap<LaneId, Pending>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub fn clear(&mut self) {
        self.pending.clear();
    }

    pub fn forget(&mut self, lane: LaneId) {
        self.pending.remove(&lane);
    }

    /// Takes note of the lanes that follow another schedule from here on.
    pub fn note(&mut self, change: &Change, old: &Revision, cohort: &Cohort, generation: u64) {
        let last = Instant::now();
        for id in &change.replanned {
            let update = cohort.lanes().iter().find(|lane| lane.id == *id).map_or(0, |lane| lane.update);
            let at = old.ids.iter().position(|run| *run == id.run);
            let Some(before) = at.and_then(|at| old.experiment.runs.get(at)).cloned() else { continue };
            let event = Event { update, kind: EventKind::Edit, message: String::new(), generation };
            let pending = self.pending.entry(*id).or_insert(Pending { event, before, last });
            pending.event.generation = generation;
            pending.last = last;
        }
    }

    /// Tells the edits that have settled, as what they come to.
    pub fn tell(&mut self, revision: &Revision, shared: &Publisher) {
        let now = Instant::now();
        let settled = |pending: &Pending| now.duration_since(pending.last) >= SETTLES;
        if !self.pending.values().any(settled) {
            return;
        }
        let mut shared = shared.lock();
        self.pending.retain(|id, pending| {
            if !settled(pending) {
                return true;
            }
            let at = revision.ids.iter().position(|run| *run == id.run);
            let after = at.and_then(|at| revision.experiment.runs.get(at));
            if let (Some(after), Some(view)) = (after, shared.lanes.get_mut(id)) {
                let message = describe(&pending.before, after);
                view.store.event(Event { message, ..pending.event.clone() });
            }
            false
        });
    }
}
