//! What was measured, moved to where the interface sees it.

use super::protocol::State;
use super::worker::Worker;
use crate::telemetry::{Event, EventKind};
use crate::train::control::Control;

/// Rows a lane may hold back while the interface is reading.
const BACKLOG: usize = 1 << 16;

impl Worker {
    /// Moves what was measured to where the interface sees it. While the interface is reading, the
    /// lanes keep their rows and training goes on, unless `wait`.
    pub(super) fn publish(&mut self, wait: bool) {
        let backlog = self
            .cohort
            .as_ref()
            .and_then(|cohort| cohort.lanes().iter().map(|lane| lane.log.rows.len()).max());
        let mut shared = match self.shared.try_lock() {
            Some(shared) => shared,
            None if wait || backlog > Some(BACKLOG) => self.shared.lock(),
            None => return,
        };
        let generation = self.revision.generation;
        if let Some(cohort) = &mut self.cohort {
            let (task, lanes) = cohort.parts_mut();
            for lane in lanes {
                let Some(view) = self.instant.view(&mut shared, lane.id) else { continue };
                for (rows, names) in lane.log.stretches() {
                    view.store.append_grouped(rows, names);
                }
                let event = |update, kind, message| Event { update, kind, message, generation };
                for (update, change) in lane.log.rate_changes.drain(..) {
                    let message =
                        format!("the controller changes the rate {:.3e} → {:.3e}", change.from, change.to);
                    view.store.event(event(update, EventKind::RateChange, message));
                }
                for (update, change) in lane.log.scale_changes.drain(..) {
                    view.store.event(event(update, EventKind::LossScale, change.message()));
                }
                if let Some(update) = lane.log.diverged.take() {
                    view.store.event(event(update, EventKind::Diverged, Event::DIVERGED.to_owned()));
                }
                if let Some(stopped) = lane.log.stopped.take() {
                    view.store.event(event(stopped.update, EventKind::Stopped, stopped.message()));
                }
                if let (Some(failed), None) = (&lane.failed, &view.failed) {
                    view.store.event(event(lane.update, EventKind::Failed, failed.clone()));
                }
                if let Some((findings, new)) = self.guards.news(lane.id) {
                    view.findings = findings;
                    for finding in new {
                        view.store.event(event(finding.first, EventKind::Finding, finding.message()));
                    }
                }
                for (updates, place) in lane.log.places.drain(..) {
                    view.track.push(updates, place);
                }
                lane.log.clear();
                view.update = lane.update;
                view.diverged_at = lane.diverged_at;
                view.failed.clone_from(&lane.failed);
                view.stopped = lane.stopped(task);
                view.control = lane.controller().map(Control::standing);
            }
            self.instant.reveal(&mut shared, self.state != State::Playing);
            if !self.instant.is_hidden() {
                shared.status.update = cohort.update();
            }
            shared.status.updates = cohort.task().clock.updates;
            shared.status.updates_per_epoch = cohort.task().clock.updates_per_epoch;
            shared.status.samples = cohort.task().samples;
            shared.status.batch = cohort.task().batch;
            let (name, device) = (cohort.device_name(), cohort.device());
            let before = std::mem::replace(&mut shared.status.device_name, name);
            if !before.is_empty() && before != shared.status.device_name {
                let message = format!("training goes on on the {device}");
                let update = cohort.update();
                shared.events.push(Event { update, kind: EventKind::Edit, message, generation });
            }
            shared.status.device = device;
            shared.status.choice = self.options.device;
        }
        if let Some(snapshots) = self.timeline.news() {
            shared.snapshots = snapshots;
        }
        shared.status.state = self.state.clone();
        shared.status.generation = generation;
        shared.status.lane_updates_per_second =
            if self.state == State::Playing { self.pace.rate() } else { 0.0 };
        shared.status.seconds_per_update = self.pace.seconds_per_update();
        drop(shared);
        self.shared.wake(wait);
    }
}
