//! Forks: a new run that takes over what another has done so far.

use super::worker::Worker;
use crate::telemetry::{Event, EventKind};
use crate::train::TrainError;
use crate::train::checkpoint::Forget;
use crate::train::ids::{LaneId, RunId};

impl Worker {
    /// Gives those of the lanes that begin as forks the past of their origin, as far as there is a snapshot of it;
    /// without one they make the same updates themselves.
    pub(super) fn take_over_pasts(&mut self, lanes: &[LaneId]) {
        for lane in lanes {
            if let Err(error) = self.take_over(*lane) {
                return self.fail(&error);
            }
        }
    }

    fn take_over(&mut self, lane: LaneId) -> Result<(), TrainError> {
        let Some((origin, name, at)) = self.origin(lane) else { return Ok(()) };
        let Some(snapshot) =
            self.timeline.newest(origin, at).filter(|snapshot| snapshot.update() > 0).cloned()
        else {
            return Ok(());
        };
        let Some(cohort) = &mut self.cohort else { return Ok(()) };
        let Some(continuity) = cohort.load_lane(lane, &snapshot.saved, Forget::default())? else {
            return Ok(());
        };
        let update = snapshot.update();
        self.timeline.share(origin, lane, update);
        self.guards.share(cohort, origin, lane, update);
        self.examination.went(cohort, lane, snapshot.past, Forget::default());
        let mut shared = self.shared.lock();
        let past =
            self.instant.view(&mut shared, origin).map(|view| (view.store.clone(), view.track.clone()));
        if let (Some((store, track)), Some(view)) = (past, self.instant.view(&mut shared, lane)) {
            (view.store, view.track) = (store, track);
            view.go_back(update);
            let message = format!("forked from \u{201c}{name}\u{201d}: {}", continuity.verdict());
            let generation = self.revision.generation;
            view.store.event(Event { update, kind: EventKind::Fork, message, generation });
        }
        Ok(())
    }

    /// The lane that a fork's lane shares its past with, the name of its run, and for how many updates.
    fn origin(&self, lane: LaneId) -> Option<(LaneId, String, u64)> {
        let Self { revision, .. } = self;
        let runs = &revision.experiment.runs;
        let at = revision.ids.iter().position(|id| *id == lane.run)?;
        let fork = runs.get(at)?.fork.as_ref()?;
        let run: RunId = *revision.ids.get(runs.iter().position(|run| run.name == fork.of)?)?;
        let clock = self.cohort.as_ref()?.task().clock;
        Some((LaneId { run, ..lane }, fork.of.clone(), fork.at.whole_updates(clock)))
    }

    /// The updates at which runs part, where there is always a moment to take over from.
    pub(super) fn mark_forks(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let clock = cohort.task().clock;
        let forks = self.revision.experiment.runs.iter().filter_map(|run| run.fork.as_ref());
        self.timeline.set_forks(forks.map(|fork| fork.at.whole_updates(clock)).collect());
    }
}
