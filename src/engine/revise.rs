//! Revisions put in effect, and what is told of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::protocol::State;
use super::shared_view::LaneView;
use super::{Track, Worker, lock};
use crate::data::Prepared;
use crate::experiment::{Loss, Run};
use crate::telemetry::{Event, EventKind, Store};
use crate::train::cohort::{Change, Cohort};
use crate::train::diff::describe;
use crate::train::ids::{Mode, Revision};
use crate::train::pool;

/// An edit is told when no other has followed it for so long: a drag is one event.
const EDIT_SETTLES: Duration = Duration::from_millis(300);

/// Edits of one lane that are not told yet.
pub(super) struct Pending {
    event: Event,
    before: Run,
    last: Instant,
}

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
        let mut shared = lock(&self.shared);
        for id in &change.dropped {
            shared.lanes.remove(id);
            self.instant.forget(*id);
            self.pending.remove(id);
        }
        if change.rebuilt {
            shared.lanes.clear();
            self.instant.forget_all();
            shared.events.clear();
            shared.landscape = None;
            self.surveyor.forget();
            self.pending.clear();
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
            let now = Instant::now();
            for id in &change.replanned {
                let update = cohort.lanes().iter().find(|lane| lane.id == *id).map_or(0, |lane| lane.update);
                let generation = self.revision.generation;
                let before =
                    old.ids.iter().position(|run| *run == id.run).map(|at| old.experiment.runs[at].clone());
                let Some(before) = before else { continue };
                let event = Event { update, kind: EventKind::Edit, message: String::new(), generation };
                let pending = self.pending.entry(*id).or_insert(Pending { event, before, last: now });
                pending.event.generation = generation;
                pending.last = now;
            }
        }
        self.take_over_pasts(&change.reset);
        self.pictured = None;
    }

    /// Snapshots follow a change of the cohort, too: what began anew has none but its beginning.
    fn keep_up(&mut self, change: &Change) {
        let Some(cohort) = &self.cohort else { return };
        if change.rebuilt {
            self.timeline.begin(cohort.task().clock.updates);
        }
        for lane in change.dropped.iter().chain(&change.reset) {
            self.timeline.forget(*lane);
        }
        self.make_room();
        self.mark_forks();
        self.capture();
    }

    /// Tells the edits that have settled.
    pub(super) fn tell_edits(&mut self) {
        let now = Instant::now();
        let settled = |pending: &Pending| now.duration_since(pending.last) >= EDIT_SETTLES;
        if !self.pending.values().any(settled) {
            return;
        }
        let mut shared = lock(&self.shared);
        let revision = &self.revision;
        self.pending.retain(|id, pending| {
            if !settled(pending) {
                return true;
            }
            let after =
                revision.ids.iter().position(|run| *run == id.run).map(|at| &revision.experiment.runs[at]);
            if let (Some(after), Some(view)) = (after, shared.lanes.get_mut(id)) {
                let message = describe(&pending.before, after);
                view.store.event(Event { message, ..pending.event.clone() });
            }
            false
        });
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
