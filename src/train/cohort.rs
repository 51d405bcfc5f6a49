//! Lanes in lockstep: one candle tensor, a row a lane, trained many updates at a time by one in-place operation.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Tensor};
use rayon::prelude::*;

use super::TrainError;
use super::command::{LaneId, Mode, Revision};
use super::lane::Lane;
use super::plan::Plan;
use super::rule;
use super::task::{self, Task};
use crate::data::Prepared;
use crate::experiment::Experiment;

/// All runs of an experiment, every replica a lane, and their weights `[lanes, width]`.
///
/// A row holds a lane's parameters, then its optimizer's buffers.
pub struct Cohort {
    revision: Arc<Revision>,
    task: Task,
    lanes: Vec<Lane>,
    rows: Tensor,
    pool: Arc<rayon::ThreadPool>,
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
    /// Reads the data and puts every lane at update 0.
    ///
    /// # Errors
    /// When the experiment cannot be trained.
    pub fn new(revision: Arc<Revision>, pool: Arc<rayon::ThreadPool>) -> Result<Self, TrainError> {
        let prepared = task::prepare(&revision.experiment)?;
        Self::with_data(revision, prepared, pool)
    }

    fn with_data(
        revision: Arc<Revision>,
        prepared: Arc<Prepared>,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, TrainError> {
        let task = Task::new(&revision.experiment, prepared)?;
        let rows = Tensor::zeros((0, 0), DType::F32, &Device::Cpu)?;
        let nothing = Revision {
            generation: 0,
            experiment: Experiment { runs: Vec::new(), ..revision.experiment.clone() },
            ids: Vec::new(),
        };
        let mut cohort = Self { revision: Arc::new(nothing), task, lanes: Vec::new(), rows, pool };
        cohort.cast(revision, Mode::Live)?;
        Ok(cohort)
    }

    pub fn task(&self) -> &Task {
        &self.task
    }

    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    pub fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    pub fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// The parameters and buffers of all lanes, `[L, width]`.
    pub fn rows(&self) -> &Tensor {
        &self.rows
    }

    /// Updates that every lane still able to train has done.
    pub fn update(&self) -> u64 {
        let able = self.lanes.iter().filter(|lane| lane.failed.is_none());
        able.map(|lane| lane.update).min().unwrap_or(0)
    }

    /// Every lane back to update 0.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn restart(&mut self) -> Result<(), TrainError> {
        let task = &self.task;
        Ok(on_rows(&self.rows, &mut self.lanes, |lanes, rows, width| {
            for (lane, row) in lanes.iter_mut().zip(rows.chunks_exact_mut(width)) {
                lane.initialise(task, row);
            }
        })?)
    }

    /// Trains each lane up to `to` updates done, but at most `at_most` updates now.
    /// A lane whose arithmetic panics keeps the message and takes no further part.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn advance(&mut self, to: u64, at_most: u64) -> Result<(), TrainError> {
        let to = to.min(self.task.clock.updates);
        let (task, pool) = (&self.task, &self.pool);
        on_rows(&self.rows, &mut self.lanes, |lanes, rows, width| {
            let one = |(lane, row): (&mut Lane, &mut [f32])| {
                if lane.failed.is_none() && lane.update < to {
                    let goal = to.min(lane.update.saturating_add(at_most));
                    let trained = catch_unwind(AssertUnwindSafe(|| lane.advance(task, row, goal)));
                    if let Err(panic) = trained {
                        lane.failed = Some(message(&*panic));
                    }
                }
            };
            if lanes.len() == 1 || pool.current_num_threads() == 1 {
                lanes.iter_mut().zip(rows.chunks_exact_mut(width)).for_each(one);
            } else {
                pool.install(|| lanes.par_iter_mut().zip(rows.par_chunks_exact_mut(width)).for_each(one));
            }
        })?;
        Ok(())
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
        if old.data == new.data && old.model == new.model && same_train == new.train {
            return self.cast(revision, mode);
        }
        let same_data = old.data == new.data && old.train.seed == new.train.seed;
        let prepared = if same_data { Arc::clone(&self.task.prepared) } else { task::prepare(new)? };
        let fresh = Self::with_data(revision, prepared, Arc::clone(&self.pool))?;
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
        let plans: Vec<Arc<Plan>> = experiment
            .runs
            .iter()
            .map(|run| Plan::new(run, self.task.clock).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let buffers = plans.iter().map(|plan| rule::buffers(plan.kind)).max().unwrap_or(0);
        let width = self.task.model.width() * (1 + buffers);
        let before: Vec<Vec<f32>> = if self.lanes.is_empty() { Vec::new() } else { self.rows.to_vec2()? };
        let mut old: Vec<Option<(Lane, Vec<f32>)>> =
            std::mem::take(&mut self.lanes).into_iter().zip(before).map(Some).collect();
        let mut change = Change::default();
        let mut flat = Vec::with_capacity(experiment.runs.len() * experiment.train.replicas * width);
        for ((run, &run_id), plan) in experiment.runs.iter().zip(&revision.ids).zip(&plans) {
            let was = self
                .revision
                .ids
                .iter()
                .position(|id| *id == run_id)
                .map(|at| &self.revision.experiment.runs[at]);
            for replica in 0..experiment.train.replicas as u32 {
                let id = LaneId { run: run_id, replica };
                let found = old.iter_mut().find(|slot| slot.as_ref().is_some_and(|(lane, _)| lane.id == id));
                let mut row = vec![0.0; width];
                let lane = match (found.and_then(Option::take), was) {
                    (Some((mut lane, kept)), Some(was)) => {
                        let edited = was.optimizer != run.optimizer
                            || was.lr != run.lr
                            || was.plateau != run.plateau
                            || was.hypergradient != run.hypergradient
                            || was.layer_decay != run.layer_decay;
                        let shared = kept.len().min(width);
                        row[..shared].copy_from_slice(&kept[..shared]);
                        if edited && mode == Mode::Instant {
                            lane.plan = Arc::clone(plan);
                            lane.initialise(&self.task, &mut row);
                            change.reset.push(id);
                        } else if edited {
                            if lane.plan.kind != plan.kind {
                                row[self.task.model.width()..].fill(0.0);
                            }
                            lane.replan(Arc::clone(plan));
                            change.replanned.push(id);
                        }
                        lane
                    }
                    _ => {
                        let mut lane = Lane::new(id, Arc::clone(plan), &self.task);
                        lane.initialise(&self.task, &mut row);
                        change.reset.push(id);
                        lane
                    }
                };
                flat.extend(row);
                self.lanes.push(lane);
            }
        }
        change.dropped = old.into_iter().flatten().map(|(lane, _)| lane.id).collect();
        self.rows = Tensor::from_vec(flat, (self.lanes.len(), width), &Device::Cpu)?;
        self.revision = revision;
        Ok(change)
    }

    /// Where training happens, in words.
    pub fn device(&self) -> String {
        let threads = self.pool.current_num_threads();
        format!("CPU, {threads} thread{}, {:?}", if threads == 1 { "" } else { "s" }, pulp::Arch::new())
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
        let task = &self.task;
        Ok(on_rows(&self.rows, &mut self.lanes, |lanes, rows, row_width| {
            let at = lanes.iter().position(|lane| lane.id == id)?;
            let row = &rows[at * row_width..(at + 1) * row_width];
            Some(lanes[at].predict(task, &row[..task.model.width()], inputs, width))
        })?)
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "training stopped without a message".into())
}

/// Runs `f` on the lanes and the numbers of the tensor, as one in-place operation of candle's.
fn on_rows<R>(
    rows: &Tensor,
    lanes: &mut [Lane],
    f: impl FnOnce(&mut [Lane], &mut [f32], usize) -> R,
) -> candle_core::Result<R> {
    let operation = OnRows { inner: RefCell::new((Some((f, lanes)), None)) };
    rows.inplace_op1(&operation)?;
    let (_, result) = operation.inner.into_inner();
    result.ok_or_else(|| candle_core::Error::Msg("the operation did not run".into()))
}

/// An in-place operation on `[L, width]` that also sees the lanes.
struct OnRows<'a, F, R> {
    inner: RefCell<(Option<(F, &'a mut [Lane])>, Option<R>)>,
}

impl<F, R> InplaceOp1 for OnRows<'_, F, R>
where
    F: FnOnce(&mut [Lane], &mut [f32], usize) -> R,
{
    fn name(&self) -> &'static str {
        "fused-training"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let CpuStorage::F32(numbers) = storage else {
            candle_core::bail!("fused training needs rows of f32");
        };
        let Some((from, to)) = layout.contiguous_offsets() else {
            candle_core::bail!("fused training needs contiguous rows");
        };
        let (_, width) = layout.shape().dims2()?;
        let mut inner = self.inner.borrow_mut();
        if let Some((f, lanes)) = inner.0.take() {
            inner.1 = Some(f(lanes, &mut numbers[from..to], width));
        }
        Ok(())
    }
}
