//! The updates of a cohort's lanes, where they are made: by the CPU's kernels, by a graphics adapter, or in candle's
//! operations.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::Instant;

use candle_core::Tensor;
use rayon::prelude::*;

use super::Cohort;
use crate::gpu::GpuError;
use crate::train::adapter::{self, Adapted};
use crate::train::lane::Lane;
use crate::train::on_rows::on_rows;
use crate::train::task::Task;
use crate::train::{TrainError, tensor};

/// Weights that the optimizer goes through in a time for which another core is worth waking.
const WEIGHTS_OF_A_CORE: usize = 1 << 16;

impl Cohort {
    /// Trains each lane up to `to` updates done, but at most `at_most` updates now.
    /// A lane whose arithmetic panics keeps the message and takes no further part.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn advance(&mut self, to: u64, at_most: u64) -> Result<(), TrainError> {
        let to = to.min(self.task.clock.updates);
        let goals: Vec<u64> =
            self.lanes.iter().map(|lane| to.min(lane.update.saturating_add(at_most))).collect();
        loop {
            // A stretch ends where another plan begins.
            let ends = self
                .lanes
                .iter()
                .zip(&goals)
                .map(|(lane, goal)| lane.next_turn().map_or(*goal, |next| next.min(*goal)));
            let ends: Vec<u64> = ends.collect();
            let turns = |(lane, end): (&Lane, &u64)| lane.next_turn().is_some_and(|next| next <= *end);
            let turns = self.lanes.iter().zip(&ends).any(turns);
            if self.adapted.is_some() {
                self.advance_on_adapter(&ends)?;
            } else if self.device.fused {
                self.advance_fused(&ends)?;
            } else {
                self.advance_on_device(&ends)?;
            }
            if turns {
                self.bring_rows()?;
            }
            for at in 0..self.lanes.len() {
                if self.lanes[at].turn() {
                    self.empty_buffers(at)?;
                }
            }
            let is_there = |(lane, goal): (&Lane, &u64)| !lane.can_train() || lane.update >= *goal;
            if self.lanes.iter().zip(&goals).all(is_there) {
                return Ok(());
            }
        }
    }

    /// Lane by lane on the CPU's threads.
    fn advance_fused(&mut self, ends: &[u64]) -> Result<(), TrainError> {
        let most = self.cores_of_a_lane();
        let updates = |lanes: &[Lane]| lanes.iter().map(|lane| lane.update).max().unwrap_or(0);
        let todo = |(lane, end): (&Lane, &u64)| lane.can_train() && lane.update < *end;
        while self.lanes.iter().zip(ends).any(todo) {
            let (cores, stretch) = self.cores.next(most);
            let here = self.lanes.iter().zip(ends);
            let here: Vec<u64> =
                here.map(|(lane, end)| lane.update.saturating_add(stretch).min(*end)).collect();
            let (begun, start) = (updates(&self.lanes), Instant::now());
            self.advance_stretch(&here, cores)?;
            self.cores.took(updates(&self.lanes) - begun, start.elapsed());
        }
        Ok(())
    }

    /// The most cores that could be of use to each lane: those that no lane of its own keeps busy.
    fn cores_of_a_lane(&self) -> usize {
        let spare = self.device.pool.current_num_threads() / self.lanes.len().max(1);
        let (task, model) = (&self.task, &self.task.model);
        let useful = if task.team.is_some() {
            spare
        } else {
            model.most_cores(task.batch).max(model.width().div_ceil(WEIGHTS_OF_A_CORE))
        };
        spare.min(useful).max(1)
    }

    fn advance_stretch(&mut self, ends: &[u64], cores: usize) -> Result<(), TrainError> {
        let (task, pool) = (&self.task, &self.device.pool);
        // While ways are compared the pool's threads stay where they are: one that is woken beside the caller may
        // share its core for some milliseconds, and two would look as slow as one.
        let alone = self.lanes.len() == 1 && cores == 1 && !self.cores.compares();
        self.lanes.iter_mut().for_each(|lane| lane.spread(cores));
        on_rows(&self.rows, &mut self.lanes, |lanes, rows, width| {
            let one = |((lane, row), end): ((&mut Lane, &mut [f32]), &u64)| {
                if lane.can_train() && lane.update < *end {
                    let trained = catch_unwind(AssertUnwindSafe(|| lane.advance(task, row, *end)));
                    if let Err(panic) = trained {
                        lane.failed = Some(message(&*panic));
                    }
                }
            };
            if pool.current_num_threads() == 1 || alone {
                lanes.iter_mut().zip(rows.chunks_exact_mut(width)).zip(ends).for_each(one);
            } else {
                pool.install(|| {
                    lanes.par_iter_mut().zip(rows.par_chunks_exact_mut(width)).zip(ends).for_each(one);
                });
            }
        })?;
        Ok(())
    }

    /// Lanes that the graphics adapter can train there, all of one optimizer that are equally far at once; the others
    /// lane by lane on the CPU.
    fn advance_on_adapter(&mut self, ends: &[u64]) -> Result<(), TrainError> {
        let trains: Vec<bool> = self.lanes.iter().map(adapter::trains).collect();
        let here = self.lanes.iter().zip(ends).zip(&trains);
        let here: Vec<u64> =
            here.map(|((lane, end), there)| if *there { lane.update } else { *end }).collect();
        self.with_adapted(|adapted, task, lanes, rows| {
            adapted.leave(task, lanes, rows, |at| !trains[at]);
        })?;
        self.advance_fused(&here)?;
        let Some(adapted) = &mut self.adapted else { return Ok(()) };
        let adapted = adapted.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (task, pool) = (&self.task, &self.device.pool);
        let trained = on_rows(&self.rows, &mut self.lanes, |lanes, rows, _| {
            pool.install(|| on_adapter(adapted, task, lanes, rows, &trains, ends, true))
        })?;
        if let Err(error) = trained {
            self.with_adapted(Adapted::remake)?;
            self.adapted = None;
            let update = self.update();
            let said =
                format!("{error}: from update {update} on training goes on on the CPU, nothing is lost");
            tracing::warn!("{said}");
            self.device.leave_adapter(said);
            self.advance_fused(ends)?;
        }
        Ok(())
    }

    /// All lanes of one optimizer that are equally far at once, in candle's operations.
    fn advance_on_device(&mut self, goals: &[u64]) -> Result<(), TrainError> {
        let Some(data) = &self.resident else {
            return Err(TrainError::Device("the data is not where the weights are"));
        };
        let patterns: Vec<_> = self.lanes.iter().map(|lane| tensor::pattern(&self.task, lane)).collect();
        loop {
            // The next group: the first lane with something to do, and all that can go with it.
            let todo = |at: usize, lane: &Lane| lane.can_train() && lane.update < goals[at];
            let Some(lead) = self.lanes.iter().enumerate().position(|(at, lane)| todo(at, lane)) else {
                return Ok(());
            };
            let like = |at: usize| {
                let Lane { plan, update, .. } = &self.lanes[at];
                // What overflows in one lane is left out there alone.
                let alone = self.task.loss_scale.map(|_| at);
                (plan.kind, &plan.options, *update, goals[at], &patterns[at], alone)
            };
            let group: Vec<u32> = (0..self.lanes.len() as u32)
                .filter(|&at| {
                    let lane = &self.lanes[at as usize];
                    todo(at as usize, lane) && like(at as usize) == like(lead)
                })
                .collect();
            let index = Tensor::from_slice(&group, group.len(), self.rows.device())?;
            let rows = self.rows.index_select(&index, 0)?;
            let mut lanes: Vec<&mut Lane> = self
                .lanes
                .iter_mut()
                .enumerate()
                .filter(|(at, _)| group.contains(&(*at as u32)))
                .map(|(_, lane)| lane)
                .collect();
            let trained = tensor::advance(&self.task, data, &mut lanes, &rows, goals[lead])?;
            if lanes.iter().any(|lane| lane.evaluates_after(&self.task, 0)) {
                let task = &self.task;
                let weights = trained.narrow(1, 0, task.model.width())?.to_vec2::<f32>()?;
                let evaluate = |(lane, weights): (&mut &mut Lane, &Vec<f32>)| {
                    if lane.evaluates_after(task, 0) {
                        lane.evaluate(task, weights);
                    }
                };
                self.device.pool.install(|| lanes.par_iter_mut().zip(&weights).for_each(evaluate));
            }
            for (at, lane) in group.iter().enumerate() {
                self.rows.slice_set(&trained.narrow(0, at, 1)?.contiguous()?, 0, *lane as usize)?;
            }
            for lane in group.into_iter().map(|at| at as usize) {
                let Some(best) = self.lanes[lane].result() else { continue };
                let mut row: Vec<f32> = self.rows.get(lane)?.to_vec1()?;
                row.iter_mut().zip(best).for_each(|(weight, best)| *weight = *best);
                let row = Tensor::from_vec(row, (1, self.rows.dim(1)?), self.rows.device())?;
                self.rows.slice_set(&row, 0, lane)?;
            }
        }
    }
}

/// Trains the lanes that an adapter `trains` up to their `ends`; where `evaluates`, who wants to know is told on the way.
pub(super) fn on_adapter(
    adapted: &mut Adapted,
    task: &Task,
    lanes: &mut [Lane],
    rows: &mut [f32],
    trains: &[bool],
    ends: &[u64],
    evaluates: bool,
) -> Result<(), GpuError> {
    let width = (rows.len() / lanes.len().max(1)).max(1);
    let todo = |at: usize, lane: &Lane| trains[at] && lane.can_train() && lane.update < ends[at];
    while let Some(lead) = lanes.iter().enumerate().position(|(at, lane)| todo(at, lane)) {
        let like = |at: usize| (lanes[at].plan.kind, &lanes[at].plan.options, lanes[at].update, ends[at]);
        let group = (0..lanes.len()).filter(|&at| todo(at, &lanes[at]) && like(at) == like(lead));
        let group: Vec<usize> = group.collect();
        adapted.advance(task, lanes, rows, &group, ends[lead])?;
        if !evaluates {
            continue;
        }
        let is_seen = |at: usize, lane: &Lane| group.binary_search(&at).is_ok() && lane.pauses_after(task, 0);
        let seen = lanes.par_iter_mut().zip(rows.par_chunks_exact_mut(width)).enumerate();
        seen.filter(|(at, (lane, _))| is_seen(*at, lane)).for_each(|(_, (lane, row))| {
            let weights = &mut row[..task.model.width()];
            lane.evaluate(task, weights);
            if let Some(best) = lane.result() {
                weights.copy_from_slice(best);
            }
        });
        let ended = group.iter().filter(|&&at| lanes[at].result().is_some());
        ended.for_each(|&at| adapted.rows().is_here(at));
    }
    Ok(())
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "training stopped without a message".into())
}
