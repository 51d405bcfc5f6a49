//! The rows of a cohort's lanes, and their way home from a graphics adapter.

use std::sync::PoisonError;

use candle_core::{Storage, Tensor};

use super::Cohort;
use crate::train::TrainError;
use crate::train::adapter::Adapted;
use crate::train::ids::{LaneId, RunId};
use crate::train::lane::Lane;
use crate::train::on_rows::on_rows;
use crate::train::task::Task;

impl Cohort {
    /// The parameters and buffers of all lanes, `[L, width]`. They are here from then on until the next update.
    pub fn rows(&self) -> &Tensor {
        let here = self.with_adapted(|adapted, task, lanes, rows| adapted.leave(task, lanes, rows, |_| true));
        if let Err(error) = here {
            tracing::error!("the rows could not be read: {error}");
        }
        &self.rows
    }

    /// Numbers of a row.
    pub fn row_width(&self) -> usize {
        self.rows.elem_count() / self.lanes.len().max(1)
    }

    /// Bytes that went to the graphics adapter so far and that came back, where one trains lanes.
    pub fn moved(&self) -> Option<[u64; 2]> {
        self.device.computer.as_ref().map(|computer| computer.moved())
    }

    /// What is newer on a graphics adapter is here as well.
    pub(super) fn bring_rows(&self) -> Result<(), TrainError> {
        self.with_adapted(Adapted::fetch)
    }

    /// Lets a graphics adapter that trains lanes do something with the rows that are here.
    pub(super) fn with_adapted(
        &self,
        act: impl FnOnce(&mut Adapted, &Task, &[Lane], &mut [f32]) + Send,
    ) -> Result<(), TrainError> {
        let Some(adapted) = &self.adapted else { return Ok(()) };
        let mut adapted = adapted.lock().unwrap_or_else(PoisonError::into_inner);
        let (adapted, task, lanes, pool) = (&mut *adapted, &self.task, &self.lanes, &self.device.pool);
        Ok(on_rows(&self.rows, &mut [], |_, rows, _| pool.install(|| act(adapted, task, lanes, rows)))?)
    }

    /// The row of a lane, where it is newer on a graphics adapter; what is lost there is here afterwards.
    fn row_there(&self, at: usize) -> Result<Option<Vec<f32>>, TrainError> {
        let Some(adapted) = &self.adapted else { return Ok(None) };
        let row = adapted.lock().unwrap_or_else(PoisonError::into_inner).row(at);
        if row.is_none() {
            self.bring_rows()?;
        }
        Ok(row)
    }

    /// Other rows, lane after lane.
    pub(super) fn replace_rows(&mut self, rows: Tensor) {
        self.rows = rows;
        if let Some(adapted) = &mut self.adapted {
            adapted.get_mut().unwrap_or_else(PoisonError::into_inner).rows().are_here();
        }
    }

    /// A lane's parameters; nothing when there is no such lane.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn weights(&self, id: LaneId) -> Result<Option<Vec<f32>>, TrainError> {
        let Some(at) = self.lanes.iter().position(|lane| lane.id == id) else { return Ok(None) };
        let width = self.task.model.width();
        if let Some(mut row) = self.row_there(at)? {
            row.truncate(width);
            return Ok(Some(row));
        }
        Ok(Some(self.rows.get(at)?.narrow(0, 0, width)?.to_vec1()?))
    }

    /// Copies the parameters and buffers of the lane at a position into the memory of `row`.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn copy_row(&self, at: usize, row: &mut Vec<f32>) -> Result<(), TrainError> {
        if let Some(there) = self.row_there(at)? {
            *row = there;
            return Ok(());
        }
        let tensor = self.rows.get(at)?;
        if self.rows.device().is_cpu() {
            let (storage, layout) = tensor.storage_and_layout();
            if let (Storage::Cpu(numbers), Some((from, to))) = (&*storage, layout.contiguous_offsets()) {
                row.clear();
                row.extend_from_slice(&numbers.as_slice::<f32>()?[from..to]);
                return Ok(());
            }
        }
        *row = tensor.to_vec1()?;
        Ok(())
    }

    /// Replaces the parameters and buffers of all lanes by as many numbers, lane after lane.
    ///
    /// # Errors
    /// When they are more or fewer.
    pub fn set_rows(&mut self, numbers: Vec<f32>) -> Result<(), TrainError> {
        self.replace_rows(Tensor::from_vec(numbers, self.rows.shape().clone(), &self.device.device)?);
        Ok(())
    }

    /// Every lane back to update 0.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn restart(&mut self) -> Result<(), TrainError> {
        let (lanes, width) = self.rows.dims2()?;
        let mut rows = vec![0.0; lanes * width];
        for (lane, row) in self.lanes.iter_mut().zip(rows.chunks_exact_mut(width.max(1))) {
            lane.initialise(&self.task, row);
        }
        self.replace_rows(Tensor::from_vec(rows, (lanes, width), &self.device.device)?);
        Ok(())
    }

    /// Every lane of one run back to update 0.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn begin(&mut self, run: RunId) -> Result<(), TrainError> {
        let mut rows: Vec<Vec<f32>> = self.rows().to_vec2()?;
        for (lane, row) in self.lanes.iter_mut().zip(&mut rows).filter(|(lane, _)| lane.id.run == run) {
            lane.initialise(&self.task, row);
        }
        self.set_rows(rows.concat())
    }

    pub(super) fn empty_buffers(&mut self, at: usize) -> Result<(), TrainError> {
        let mut row = Vec::new();
        self.copy_row(at, &mut row)?;
        let (weights, buffers) = row.split_at_mut(self.task.model.width());
        self.lanes[at].begin(weights, buffers);
        self.set_row(at, row)
    }

    /// Replaces the parameters and buffers of the lane at a position.
    ///
    /// # Errors
    /// When they are more or fewer, or there is no such lane.
    pub fn set_row(&mut self, at: usize, numbers: Vec<f32>) -> Result<(), TrainError> {
        let row = Tensor::from_vec(numbers, (1, self.rows.dim(1)?), &self.device.device)?;
        self.rows.slice_set(&row, 0, at)?;
        if let Some(adapted) = &mut self.adapted {
            adapted.get_mut().unwrap_or_else(PoisonError::into_inner).rows().is_here(at);
        }
        Ok(())
    }
}
