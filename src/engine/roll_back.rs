//! What the policy does about a finding: pause, or go back to the last good state at half the rate.

use std::sync::Arc;

use super::guard::OwnEdit;
use super::protocol::State;
use super::worker::Worker;
use crate::analysis::detect::{Finding, Kind, Reaction, Remedy};
use crate::telemetry::{Event, EventKind};
use crate::train::TrainError;
use crate::train::checkpoint::Forget;
use crate::train::ids::{Mode, RunId};

impl Worker {
    /// After training for so many seconds: looks for what goes wrong, and does what the policy asks for.
    pub(super) fn watch_over(&mut self, seconds: f64) {
        let Some(cohort) = &self.cohort else { return };
        match self.guards.watch(cohort, seconds) {
            Ok(Some((run, finding, Reaction::RollBackAndHalve))) => self.roll_back(run, &finding),
            Ok(Some(_)) => self.pause(),
            Ok(None) => {}
            Err(error) => self.fail(&error),
        }
    }

    /// All lanes of a run back to their last good state, at half the rate.
    fn roll_back(&mut self, run: RunId, finding: &Finding) {
        let remedy = Remedy::ScaleRate(0.5);
        let mut revision = (*self.revision).clone();
        let at = revision.ids.iter().position(|id| *id == run);
        let may = self.guards.halve(run);
        if !may || !at.is_some_and(|at| remedy.apply(&mut revision.experiment, at)) {
            return self.pause();
        }
        // What was measured until here is told before it is forgotten.
        self.publish(true);
        self.instant.reveal_all(&mut self.shared.lock());
        let update = match self.return_run(run, finding.kind == Kind::StuckAtChance) {
            Ok(update) => update,
            Err(error) => return self.fail(&error),
        };
        let found = finding.kind.name().to_lowercase();
        let why = format!("{found} at update {}: back to update {update} at half the rate", finding.first);
        let (mode, generation) = (self.options.mode, self.revision.generation);
        self.revise(Arc::new(revision), Mode::Live);
        self.options.mode = mode;
        let mut shared = self.shared.lock();
        for (_, view) in shared.lanes.iter_mut().filter(|(id, _)| id.run == run) {
            let kind = EventKind::RollBack;
            view.store.event(Event { update, kind, message: why.clone(), generation });
        }
        shared.own_edits.push(OwnEdit { run, remedy, why });
    }

    /// Puts all lanes of a run where they were last in order, or at update 0; returns the least update.
    fn return_run(&mut self, run: RunId, to_the_beginning: bool) -> Result<u64, TrainError> {
        let Some(cohort) = &mut self.cohort else { return Ok(0) };
        match self.guards.good(run).filter(|_| !to_the_beginning) {
            Some(good) => {
                for saved in good {
                    cohort.load_lane(saved.id, saved, Forget::default())?;
                }
            }
            None => cohort.begin(run)?,
        }
        self.examination.follow(cohort);
        let mut shared = self.shared.lock();
        let mut least = u64::MAX;
        for lane in cohort.lanes().iter().filter(|lane| lane.id.run == run) {
            least = least.min(lane.update);
            self.timeline.forget_after(lane.id, lane.update);
            if let Some(view) = shared.lanes.get_mut(&lane.id) {
                view.go_back(lane.update);
                view.update = lane.update;
                view.diverged_at = None;
            }
            self.guards.went_back(lane.id, lane.update);
        }
        Ok(least)
    }

    /// A run back to update 0 with fresh weights.
    pub(super) fn begin(&mut self, run: RunId) {
        self.publish(true);
        if let Err(error) = self.return_run(run, true) {
            return self.fail(&error);
        }
        self.guards.forget(run);
        let generation = self.revision.generation;
        for (_, view) in self.shared.lock().lanes.iter_mut().filter(|(id, _)| id.run == run) {
            let message = "the run began from scratch".to_owned();
            view.store.event(Event { update: 0, kind: EventKind::Restart, message, generation });
        }
        if self.state == State::Finished {
            self.play();
        }
    }
}
