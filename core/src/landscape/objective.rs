//! The loss of a model on a fixed set of samples, as a function of the row.

use super::grid::{Frame, Grid};
use super::plane::Plane;
use crate::model::kernel::scratch::Scratch;
use crate::model::{Batch, Model, Score};
use std::sync::atomic::AtomicBool;

/// Samples of one call into the model: as many as fit a core's cache with a small model's activations.
const SAMPLES: usize = 64;

/// A model and the samples it is scored on.
pub struct Objective<'a> {
    model: &'a dyn Model,
    samples: Batch<'a>,
}

impl<'a> Objective<'a> {
    /// The mean loss over `samples`.
    pub fn new(model: &'a dyn Model, samples: Batch<'a>) -> Self {
        Self { model, samples }
    }

    /// The loss over a plane: [`Grid::evaluate`] with rows of the plane.
    pub fn grid(
        &self,
        plane: &Plane,
        frame: Frame,
        size: (usize, usize),
        cancel: &AtomicBool,
        rough: impl FnMut(&Grid),
    ) -> Option<Grid> {
        let worker = || (vec![0.0; plane.width()], self.scratch());
        let loss = |(row, scratch): &mut (Vec<f32>, Scratch), x, y| {
            plane.row(x, y, row);
            self.loss(row, scratch)
        };
        Grid::evaluate(frame, size, worker, loss, cancel, rough)
    }

    /// The mean loss of one row.
    pub fn loss(&self, row: &[f32], scratch: &mut Scratch) -> f64 {
        let batches = self.samples.rows.chunks(SAMPLES).map(|rows| Batch { rows, ..self.samples });
        batches
            .map(|batch| self.model.score(row, batch, scratch))
            .fold(Score::default(), Score::plus)
            .mean_loss()
    }

    /// Working memory for [`Objective::loss`].
    pub fn scratch(&self) -> Scratch {
        self.model.scratch(SAMPLES)
    }
}
