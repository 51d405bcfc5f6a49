//! Lanes in lockstep: one candle tensor, a row a lane, trained many updates at a time by one in-place operation.

mod advance;
mod cores;
mod race;
mod room;
mod rows;
mod saving;

pub use race::{Race, Racer};

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Tensor};
use cores::Cores;
use rayon::prelude::*;

use super::adapter::{self, Adapted};
use super::device::{Choice, TrainDevice};
use super::diff;
use super::ids::{LaneId, Mode, Revision};
use super::lane::Lane;
use super::optimizer;
use super::run_plan::RunPlan;
use super::snapshot::Keeper;
use super::task::{self, Task};
use super::{Misfit, TrainError};
use crate::experiment::{Controller, Experiment, Run};
use crate::model::resident::Resident;

/// All runs of an experiment, every replica a lane, and their weights `[lanes, width]`.
///
/// A row holds a lane's parameters, then its optimizer's buffers.
pub struct Cohort {
    revision: Arc<Revision>,
    task: Task,
    lanes: Vec<Lane>,
    rows: Tensor,
    device: TrainDevice,
    /// The data, where lanes train in candle's operations.
    resident: Option<Resident>,
    /// The task on a graphics adapter, where that is where lanes train.
    adapted: Option<Mutex<Adapted>>,
    /// How many cores share a lane's batch on the CPU.
    cores: Cores,
}

/// What an edit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Everything began anew: the data, the model or the length of the run is another.
    pub rebuilt: bool,
    /// Lanes whose schedule or numbers changed and which go on from where they are.
    pub replanned: Vec<LaneId>,
    /// Lanes that began anew from update 0.
    pub reset: Vec<LaneId>,
    /// Lanes that are no more.
    pub dropped: Vec<LaneId>,
}

impl Cohort {
    /// Reads the data and puts every lane at update 0, on the CPU.
    ///
    /// # Errors
    /// When the experiment cannot be trained.
    pub fn new(revision: Arc<Revision>, pool: Arc<rayon::ThreadPool>) -> Result<Self, TrainError> {
        Self::at(revision, TrainDevice::cpu(pool))
    }

    /// As [`Cohort::new`], anywhere.
    ///
    /// # Errors
    /// When the experiment cannot be trained there.
    pub fn at(revision: Arc<Revision>, device: TrainDevice) -> Result<Self, TrainError> {
        let task = Task::new(&revision.experiment, task::prepare(&revision.experiment)?)?;
        Self::with_task(revision, task, device)
    }

    /// As [`Cohort::new`], where `choice` says.
    ///
    /// # Errors
    /// When the experiment cannot be trained, or the chosen device is not there.
    pub fn choose(
        revision: Arc<Revision>,
        choice: Choice,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, TrainError> {
        Race::real(|race| Self::choose_by(revision, choice, pool, race))
    }

    /// As [`Cohort::choose`], by this race where there is to be one.
    ///
    /// # Errors
    /// As [`Cohort::choose`].
    pub fn choose_by(
        revision: Arc<Revision>,
        choice: Choice,
        pool: Arc<rayon::ThreadPool>,
        race: &mut Race<'_>,
    ) -> Result<Self, TrainError> {
        let experiment = &revision.experiment;
        let task = Task::new(experiment, task::prepare(experiment)?)?;
        let lanes = experiment.runs.len() * experiment.train.replicas;
        let flops = task.model.flops(task.batch) * (task.accumulate * lanes) as f64;
        let device = TrainDevice::choose(choice, pool, flops)?;
        let mut cohort = Self::with_task(revision, task, device)?;
        if choice == Choice::Auto {
            cohort.race(race)?;
        }
        Ok(cohort)
    }

    /// A cohort on data and a model that are ready, every lane at update 0.
    ///
    /// # Errors
    /// When a run of the revision cannot be resolved, or the tensor library fails.
    pub fn with_task(
        revision: Arc<Revision>,
        task: Task,
        mut device: TrainDevice,
    ) -> Result<Self, TrainError> {
        let rows = Tensor::zeros((0, 0), DType::F32, &device.device)?;
        let experiment = Experiment { runs: Vec::new(), ..revision.experiment.clone() };
        let nothing = Arc::new(Revision { generation: 0, experiment, ids: Vec::new() });
        let resident = resident(&task, &device)?;
        let adapted = adapted(&task, &mut device);
        let (lanes, cores) = (Vec::new(), Cores::default());
        let mut cohort = Self { revision: nothing, task, lanes, rows, device, resident, adapted, cores };
        cohort.cast(revision, Mode::Live)?;
        Ok(cohort)
    }

    pub fn task(&self) -> &Task {
        &self.task
    }

    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The threads it trains on.
    pub fn pool(&self) -> &Arc<rayon::ThreadPool> {
        &self.device.pool
    }

    pub fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// What lanes share, and the lanes.
    pub fn parts_mut(&mut self) -> (&Task, &mut [Lane]) {
        (&self.task, &mut self.lanes)
    }

    pub fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// Updates that every lane still able to train has done; where early stopping ended all others, those of the last.
    pub fn update(&self) -> u64 {
        let able = self.lanes.iter().filter(|lane| lane.can_train());
        let stopped = || self.lanes.iter().filter(|lane| lane.has_stopped()).map(|lane| lane.update).max();
        able.map(|lane| lane.update).min().or_else(stopped).unwrap_or(0)
    }

    /// Whether a lane has updates left to make.
    pub fn can_train(&self) -> bool {
        let is_done = |lane: &Lane| !lane.can_train() || lane.update >= self.task.clock.updates;
        !self.lanes.iter().all(is_done)
    }

    /// Puts another revision in effect.
    ///
    /// Live, an edited run goes on with its weights from where it is; in Instant mode it begins anew.
    /// Either way runs that did not change are left alone, and new ones begin at update 0. When data,
    /// model, seed or length changed, all begin anew. On an error the cohort stays as it was.
    ///
    /// # Errors
    /// When the revision cannot be trained.
    pub fn revise(&mut self, revision: Arc<Revision>, mode: Mode) -> Result<Change, TrainError> {
        let (old, new) = (&self.revision.experiment, &revision.experiment);
        let replicas = new.train.replicas;
        let mut same_train = old.train.clone();
        same_train.replicas = replicas;
        if old.data == new.data
            && old.model == new.model
            && old.start == new.start
            && old.team == new.team
            && same_train == new.train
        {
            return self.cast(revision, mode);
        }
        let same_data = old.data == new.data && old.train.seed == new.train.seed;
        let prepared = if same_data { Arc::clone(&self.task.prepared) } else { task::prepare(new)? };
        let task = Task::new(new, prepared)?;
        let races = self.device.is_automatic && self.device.fused;
        let device =
            if races { TrainDevice::cpu(Arc::clone(&self.device.pool)) } else { self.device.clone() };
        let mut fresh = Self::with_task(Arc::clone(&revision), task, device)?;
        if races {
            Race::real(|race| fresh.race(race))?;
        }
        let kept: BTreeSet<LaneId> = fresh.lanes.iter().map(|lane| lane.id).collect();
        let change = Change {
            rebuilt: true,
            replanned: Vec::new(),
            reset: kept.iter().copied().collect(),
            dropped: self.lanes.iter().map(|lane| lane.id).filter(|id| !kept.contains(id)).collect(),
        };
        *self = fresh;
        Ok(change)
    }

    /// Gives every run of the revision its lanes, on the data and model there are.
    fn cast(&mut self, revision: Arc<Revision>, mode: Mode) -> Result<Change, TrainError> {
        let experiment = &revision.experiment;
        let clock = self.task.clock;
        let run_plans = RunPlan::all(&experiment.runs, clock)?;
        for (run, run_plan) in experiment.runs.iter().zip(&run_plans) {
            run_plan.plans().try_for_each(|plan| self.task.holds(run, plan))?;
        }
        self.suits(&self.device, experiment)?;
        self.fits(experiment)?;
        self.bring_rows()?;
        let buffers = experiment.runs.iter().map(|run| optimizer::buffers(&run.optimizer)).max().unwrap_or(0);
        let width = self.task.model.width() * (1 + buffers);
        let mut begun = self.begun(&revision, &run_plans, width).into_iter().peekable();
        let before: Vec<Vec<f32>> = if self.lanes.is_empty() { Vec::new() } else { self.rows.to_vec2()? };
        let mut old: Vec<Option<(Lane, Vec<f32>)>> =
            std::mem::take(&mut self.lanes).into_iter().zip(before).map(Some).collect();
        let mut change = Change::default();
        let mut flat = Vec::with_capacity(experiment.runs.len() * experiment.train.replicas * width);
        for ((run, &run_id), run_plan) in revision.ids.iter().enumerate().zip(&run_plans) {
            let was = self.revision.ids.iter().position(|id| *id == run_id);
            // From which update on it is another run than it was.
            let differs = |was, from| {
                !diff::makes_same_updates(
                    (&self.revision.experiment.runs, was),
                    (&experiment.runs, run),
                    clock,
                    from,
                )
            };
            for replica in 0..experiment.train.replicas as u32 {
                let id = LaneId { run: run_id, replica };
                let found = old.iter_mut().find(|slot| slot.as_ref().is_some_and(|(lane, _)| lane.id == id));
                let (mut lane, row) = match (found.and_then(Option::take), was) {
                    (Some((mut lane, kept)), Some(was)) => {
                        let mut row = vec![0.0; width];
                        let edited = differs(was, if mode == Mode::Instant { 0 } else { lane.update });
                        // A run_plan stays what it is while it says the same: who follows along sees no turn.
                        let run_plan = if differs(was, 0) { run_plan } else { &Arc::clone(&lane.run_plan) };
                        let other_optimizer = lane.follow(Arc::clone(run_plan));
                        let shared = kept.len().min(width);
                        row[..shared].copy_from_slice(&kept[..shared]);
                        if edited && mode == Mode::Instant {
                            lane.initialise(&self.task, &mut row);
                            change.reset.push(id);
                        } else if edited {
                            change.replanned.push(id);
                        }
                        if other_optimizer && lane.update > 0 {
                            let (weights, buffers) = row.split_at_mut(self.task.model.width());
                            lane.begin(weights, buffers);
                        }
                        (lane, row)
                    }
                    _ => {
                        change.reset.push(id);
                        begun
                            .next_if(|(lane, _)| lane.id == id)
                            .unwrap_or_else(|| begin(&self.task, id, run_plan, width))
                    }
                };
                // What was kept stays; when it is kept may be another now.
                let kept = lane.keeper.take().map(Keeper::into_kept).unwrap_or_default();
                lane.keeper =
                    experiment.snapshots.as_ref().map(|asked| Keeper::new(asked, run_plan, clock).with(kept));
                flat.extend(row);
                self.lanes.push(lane);
            }
        }
        change.dropped = old.into_iter().flatten().map(|(lane, _)| lane.id).collect();
        self.replace_rows(Tensor::from_vec(flat, (self.lanes.len(), width), &self.device.device)?);
        self.revision = revision;
        Ok(change)
    }

    /// The lanes of a revision that there were not before, at update 0 with their rows of `width` numbers. Drawing the
    /// weights of many takes as long as training them for a while, so all cores draw.
    fn begun(&self, revision: &Revision, plans: &[Arc<RunPlan>], width: usize) -> Vec<(Lane, Vec<f32>)> {
        let replicas = 0..revision.experiment.train.replicas as u32;
        let ids = revision.ids.iter().zip(plans);
        let ids =
            ids.flat_map(|(&run, plan)| replicas.clone().map(move |replica| (LaneId { run, replica }, plan)));
        let new: Vec<_> = ids.filter(|(id, _)| self.lanes.iter().all(|lane| lane.id != *id)).collect();
        let task = &self.task;
        let begin = |(id, plan): &(LaneId, &Arc<RunPlan>)| begin(task, *id, plan, width);
        self.device.pool.install(|| new.par_iter().map(begin).collect())
    }

    /// Goes on where `choice` says, with the weights and buffers there are.
    ///
    /// # Errors
    /// When the device is not there or cannot train these runs; the cohort then stays where it is.
    pub fn relocate(&mut self, choice: Choice) -> Result<(), TrainError> {
        let task = &self.task;
        let flops = task.model.flops(task.batch) * (task.accumulate * self.lanes.len()) as f64;
        let mut device = TrainDevice::choose(choice, Arc::clone(&self.device.pool), flops)?;
        self.suits(&device, &self.revision.experiment)?;
        self.bring_rows()?;
        let (rows, data) = (self.rows.to_device(&device.device)?, resident(task, &device)?);
        (self.rows, self.resident, self.adapted) = (rows, data, adapted(task, &mut device));
        self.device = device;
        if choice == Choice::Auto {
            Race::real(|race| self.race(race))?;
        }
        Ok(())
    }

    fn suits(&self, device: &TrainDevice, experiment: &Experiment) -> Result<(), TrainError> {
        let hypergradient = |run: &Run| matches!(run.controller, Some(Controller::Hypergradient(_)));
        let follows = experiment.runs.iter().any(hypergradient);
        let is_alone = self.task.noise.is_some() || self.task.team.is_some();
        if !device.fused && (follows || is_alone) {
            return Err(Misfit::CpuOnly.into());
        }
        Ok(())
    }

    /// Where training happens, and why there, in words.
    pub fn device(&self) -> String {
        let device = self.device.describe();
        match self.left_to_cpu().as_slice() {
            [] => device,
            [only] => format!("{device}; on the CPU {only}"),
            [first, others @ ..] => format!("{device}; on the CPU {first}, and {} more", others.len()),
        }
    }

    /// The runs that a graphics adapter leaves to the CPU, and why.
    fn left_to_cpu(&self) -> Vec<String> {
        let first = |lane: &&Lane| self.adapted.is_some() && lane.id.replica == 0;
        let left = self.lanes.iter().filter(first).filter_map(|lane| {
            let why = adapter::refusal(lane)?;
            let at = self.revision.ids.iter().position(|id| *id == lane.id.run)?;
            Some(format!("\"{}\": {why}", self.revision.experiment.runs.get(at)?.name))
        });
        left.collect()
    }

    /// Where training happens, in words.
    pub fn device_name(&self) -> String {
        self.device.name()
    }

    /// The model's outputs of one lane at `inputs`, `width` numbers each; nothing when there is no such lane.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn predict(
        &mut self,
        id: LaneId,
        inputs: &[f32],
        width: usize,
    ) -> Result<Option<Vec<f32>>, TrainError> {
        let Some(row) = self.weights(id)? else { return Ok(None) };
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == id) else { return Ok(None) };
        // On the pool: cores that help the lane are to be its own.
        Ok(Some(self.device.pool.install(|| lane.predict(&self.task, &row, inputs, width))))
    }
}

/// The data of a task where lanes do not train by the fused kernels, which read it where it is.
fn resident(task: &Task, device: &TrainDevice) -> Result<Option<Resident>, TrainError> {
    if device.fused {
        return Ok(None);
    }
    Ok(Some(Resident::new(task.training(&[]), task.model.outputs(), &device.device, DType::F32)?))
}

/// The task on the graphics adapter, where one is to train it; where it cannot, the device says why.
fn adapted(task: &Task, device: &mut TrainDevice) -> Option<Mutex<Adapted>> {
    device.wake_adapter();
    let computer = device.computer.as_ref()?;
    match Adapted::new(task, computer) {
        Ok(adapted) => Some(Mutex::new(adapted)),
        Err(why) => {
            device.rest_adapter(why);
            None
        }
    }
}

/// A lane at update 0, and its row.
fn begin(task: &Task, id: LaneId, plan: &Arc<RunPlan>, width: usize) -> (Lane, Vec<f32>) {
    let mut row = vec![0.0; width];
    let mut lane = Lane::new(id, Arc::clone(plan), task);
    lane.initialise(task, &mut row);
    (lane, row)
}
