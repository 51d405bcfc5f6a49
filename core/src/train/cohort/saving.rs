//! A cohort into a checkpoint, and back out of one.

use std::sync::Arc;

use super::Cohort;
use crate::train::checkpoint::{Checkpoint, Continuity, Forget, Ledger, Refusal, SavedLane};
use crate::train::ids::LaneId;
use crate::train::lane::Lane;
use crate::train::snapshot::Keeper;
use crate::train::stopper::Stopper;
use crate::train::task::Task;
use crate::train::{Misfit, TrainError};

impl Cohort {
    /// The whole state, copied. Call it after reading the lanes' logs, which are not part of it.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        self.bring_rows()?;
        let rows: Vec<Vec<f32>> = self.rows.to_vec2()?;
        let lanes = (0..).zip(rows).filter_map(|(at, row)| self.saved(at, row)).collect();
        let revision = self.revision();
        Ok(Checkpoint {
            experiment: revision.experiment.contained(),
            generation: revision.generation,
            ids: revision.ids.clone(),
            data: self.task().fingerprint(),
            parameters: self.task().model.parameters().to_vec(),
            lanes,
            ledger: Ledger::default(),
        })
    }

    /// The state of one lane, copied; nothing when there is no such lane.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn save_lane(&self, id: LaneId) -> Result<Option<SavedLane>, TrainError> {
        self.save_lane_in(id, Vec::new())
    }

    /// As [`Cohort::save_lane`], with memory for the row.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn save_lane_in(&self, id: LaneId, mut row: Vec<f32>) -> Result<Option<SavedLane>, TrainError> {
        let Some(at) = self.lanes().iter().position(|lane| lane.id == id) else { return Ok(None) };
        self.copy_row(at, &mut row)?;
        Ok(self.saved(at, row))
    }

    fn saved(&self, at: usize, row: Vec<f32>) -> Option<SavedLane> {
        let lane = self.lanes().get(at)?;
        let revision = self.revision();
        let run = revision.ids.iter().position(|id| *id == lane.id.run)?;
        Some(SavedLane {
            id: lane.id,
            run: revision.experiment.runs.get(run)?.name.clone(),
            optimizer: lane.plan.kind,
            state: lane.state(),
            next_rate: lane.numbers_after(0).lr,
            row,
            kept: lane.keeper.as_ref().map(Keeper::kept).cloned(),
            best: lane.stopper.as_ref().and_then(Stopper::weights).cloned(),
            team: lane.team.as_ref().map(|team| team.numbers()),
            watch: None,
        })
    }

    /// Puts a lane where a saved one was: its own past, or that of the run it was forked from. Its own seed
    /// and run plan decide how it goes on; the buffers of another optimizer are empty. The rates of the next
    /// update, before and after, come back; nothing when there is no such lane.
    ///
    /// # Errors
    /// When the saved lane is of another model, or the tensor library fails.
    pub fn load_lane(
        &mut self,
        id: LaneId,
        saved: &SavedLane,
        forget: Forget,
    ) -> Result<Option<Continuity>, TrainError> {
        let Some(at) = self.lanes().iter().position(|lane| lane.id == id) else { return Ok(None) };
        let weights = self.task().model.width();
        let Some((saved_weights, saved_buffers)) = saved.row.split_at_checked(weights) else {
            return Err(Misfit::OtherModel.into());
        };
        let width = self.row_width();
        let revision = Arc::clone(self.revision());
        let run = revision.ids.iter().position(|run| *run == id.run);
        let run = run.and_then(|at| revision.experiment.runs.get(at)).map_or(&saved.run, |run| &run.name);
        let (task, lanes) = self.parts_mut();
        let lane = &mut lanes[at];
        lane.restore(&saved.state).map_err(|error| TrainError::Schedule { run: run.clone(), error })?;
        restore_kept(task, lane, saved);
        let mut row = saved_weights.to_vec();
        row.resize(width, 0.0);
        let (into_weights, into_buffers) = row.split_at_mut(weights);
        if saved.optimizer == lane.plan.kind && !forget.momentum {
            for (into, from) in into_buffers.iter_mut().zip(saved_buffers) {
                *into = *from;
            }
        } else {
            lane.begin(into_weights, into_buffers);
        }
        if forget.schedule {
            lane.forget_schedule();
        }
        let continuity = Continuity {
            run: run.clone(),
            replica: id.replica,
            update: saved.state.update,
            before: saved.next_rate,
            after: lane.numbers_after(0).lr,
        };
        self.set_row(at, row)?;
        Ok(Some(continuity))
    }

    /// Goes on from a checkpoint: what follows is, bit for bit, what would have followed there. The
    /// rates of the next update, before and after, come back for every lane.
    ///
    /// # Errors
    /// When the checkpoint is of another experiment, other data or another version of the model; the
    /// cohort is then at update 0.
    pub fn restore(&mut self, checkpoint: &Checkpoint, forget: Forget) -> Result<Vec<Continuity>, Refusal> {
        let result = self.try_restore(checkpoint, forget);
        if result.is_err() {
            self.restart()?;
        }
        result
    }

    fn try_restore(&mut self, checkpoint: &Checkpoint, forget: Forget) -> Result<Vec<Continuity>, Refusal> {
        let revision = Arc::clone(self.revision());
        if let Some(what) = checkpoint.differs_from(&revision.experiment) {
            return Err(Refusal::OtherExperiment { what });
        }
        if checkpoint.data != self.task().fingerprint() {
            return Err(Refusal::OtherData);
        }
        if checkpoint.parameters != self.task().model.parameters() {
            return Err(Refusal::OtherModel);
        }
        let weights = self.task().model.width();
        let width = self.row_width();
        let mut rows = Vec::with_capacity(self.lanes().len() * width);
        let mut continuity = Vec::new();
        let (task, lanes) = self.parts_mut();
        for lane in lanes {
            let at = revision.ids.iter().position(|id| *id == lane.id.run);
            let name = at.and_then(|at| revision.experiment.runs.get(at)).map(|run| run.name.as_str());
            let saved = checkpoint
                .lanes
                .iter()
                .find(|saved| Some(saved.run.as_str()) == name && saved.id.replica == lane.id.replica)
                .filter(|saved| saved.row.len() == width)
                .ok_or(Refusal::OtherModel)?;
            lane.restore(&saved.state)
                .map_err(|error| Refusal::Controller { run: saved.run.clone(), error })?;
            restore_kept(task, lane, saved);
            let mut row = saved.row.clone();
            if forget.schedule {
                lane.forget_schedule();
            }
            if forget.momentum {
                let (weights, buffers) = row.split_at_mut(weights);
                lane.begin(weights, buffers);
            }
            rows.append(&mut row);
            continuity.push(Continuity {
                run: saved.run.clone(),
                replica: saved.id.replica,
                update: saved.state.update,
                before: saved.next_rate,
                after: lane.numbers_after(0).lr,
            });
        }
        self.set_rows(rows)?;
        Ok(continuity)
    }
}

/// Puts back what was kept, where something is kept at all.
fn restore_kept(task: &Task, lane: &mut Lane, saved: &SavedLane) {
    if let (Some(team), Some(state), Some(numbers)) = (&mut lane.team, &saved.state.team, &saved.team) {
        team.restore(task, state, numbers);
    }
    lane.keeper = lane.keeper.take().map(|keeper| keeper.with(saved.kept.clone().unwrap_or_default()));
    if let Some(stopper) = &mut lane.stopper {
        stopper.keep(saved.best.clone());
    }
}
