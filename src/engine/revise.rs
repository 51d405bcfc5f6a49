//! Revisions put in effect, and what is told of them.

use std::sync::Arc;

use super::Track;
use super::protocol::State;
use super::shared_view::LaneView;
use super::worker::Worker;
use crate::data::Prepared;
use crate::experiment::Loss;
use crate::telemetry::Store;
use crate::train::cohort::{Change, Cohort};
use crate::train::ids::{Mode, Revision};
use crate::train::pool;

impl Worker {
    /// Puts a revision in effect. One that cannot train is shown as failed; what was trained stays.
    pub(super) fn revise(&mut self, revision: Arc<Revision>, mode: Mode) {
        let old = std::mem::replace(&mut self.revision, Arc::clone(&revision));
        self.options.mode = mode;
        let result = match &mut self.cohort {
            Some(cohort) => cohort.revise(revision, mode),
            None => {
                let device = self.options.device;
                let cohort = pool(self.options.threads)
                    .and_then(|pool| Cohort::choose(revision, device, Arc::new(pool)));
                cohort.map(|cohort| {
                    let reset = cohort.lanes().iter().map(|lane| lane.id).collect();
                    self.cohort = Some(cohort);
                    Change { rebuilt: true, reset, ..Change::default() }
                })
            }
        };
        match result {
            Ok(change) => {
                let (generation, update) = (self.revision.generation, self.playhead());
                self.shared.lock().put_in_effect(generation, update);
                self.take_in(&change, &old, mode);
                let ended =
                    self.cohort.as_ref().is_some_and(|cohort| cohort.update() >= cohort.task().clock.updates);
                match self.state {
                    State::Paused if mode == Mode::Live && !change.rebuilt => {}
                    State::Finished if ended => {}
                    _ => self.play(),
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Makes what is shared follow a change of the cohort.
    fn take_in(&mut self, change: &Change, old: &Revision, mode: Mode) {
        if let Some(cohort) = &self.cohort {
            self.examination.follow(cohort);
        }
        self.keep_up(change);
        let Some(cohort) = &self.cohort else { return };
        self.guards.follow(cohort, change);
        let share = self.options.history_bytes / cohort.lanes().len().max(1);
        let total = cohort.task().clock.updates;
        let mut shared = self.shared.lock();
        for id in &change.dropped {
            shared.lanes.remove(id);
            self.instant.forget(*id);
            self.edits.forget(*id);
        }
        if change.rebuilt {
            shared.lanes.clear();
            self.instant.forget_all();
            shared.events.clear();
            shared.landscape = None;
            self.surveyor.forget();
            self.edits.clear();
        }
        let sweeps = mode == Mode::Instant && !change.reset.is_empty();
        let begins_gesture = sweeps && self.instant.begin();
        for id in &change.reset {
            let half_life = shared.lanes.get(id).and_then(|view| view.store.half_life());
            let mut store = Store::new(share);
            store.set_half_life(half_life.or_else(|| shared.half_life()));
            let view = LaneView {
                store,
                ghost: None,
                update: 0,
                diverged_at: None,
                failed: None,
                stopped: None,
                control: None,
                findings: Arc::default(),
                track: Track::default(),
            };
            let whole = if sweeps { total } else { u64::MAX };
            self.instant.renew(&mut shared, *id, view, begins_gesture, whole);
        }
        shared.status.parameters = cohort.task().model.width();
        shared.status.chance_loss = Some(chance(&cohort.task().prepared, cohort.task().loss));
        shared.prepared = Some(Arc::clone(&cohort.task().prepared));
        drop(shared);
        if mode == Mode::Live {
            self.edits.note(change, old, cohort, self.revision.generation);
        }
        self.take_over_pasts(&change.reset);
        self.field.expire();
    }

    /// Snapshots follow a change of the cohort, too: what trains from scratch has none but its beginning.
    fn keep_up(&mut self, change: &Change) {
        let Some(cohort) = &self.cohort else { return };
        if change.rebuilt {
            self.timeline.begin(cohort.task().clock.updates);
        }
        for lane in change.dropped.iter().chain(&change.reset) {
            self.timeline.forget(*lane);
        }
        self.timeline.make_room(cohort, self.options.snapshot_bytes);
        self.mark_forks();
        self.capture();
    }
}

/// The loss of a model that ignores its inputs, by the measure the experiment trains with.
fn chance(prepared: &Prepared, loss: Loss) -> f64 {
    let chance = prepared.chance();
    match loss {
        Loss::CrossEntropy => chance.loss,
        Loss::Mse => chance.squared_error,
    }
}
