//! The memory that a cohort takes, worked out before any of it is allocated.

use std::mem::size_of;

use super::Cohort;
use crate::experiment::{Average, Experiment};
use crate::telemetry::Row;
use crate::train::memory::is_free;
use crate::train::task::Task;
use crate::train::{TrainError, optimizer};

/// Rows of measurements that wait in a lane until they are read.
const ROWS: f64 = 1024.0;
const NUMBER: f64 = size_of::<f32>() as f64;

/// Bytes of lanes, as real numbers: what a file asks for may be more than an integer holds.
struct Need {
    /// Weights and optimizer buffers of all lanes, once.
    rows: f64,
    /// What the lanes have besides: gradients, working memory, kept weights, the order of samples.
    lanes: f64,
}

impl Need {
    /// Of an experiment's lanes on a task's data and model, with so many threads for all of them.
    fn of(experiment: &Experiment, task: &Task, threads: usize) -> Self {
        let count = experiment.runs.len() as f64 * experiment.train.replicas as f64;
        let weights = task.model.width() as f64;
        let buffers = experiment.runs.iter().map(|run| optimizer::buffers(&run.optimizer)).max().unwrap_or(0);
        let micro = task.accumulate > 1 || experiment.runs.iter().any(|run| run.batch.is_some());
        let gradients = weights * if micro { 2.0 } else { 1.0 };
        let (shared, own) = task.model.scratch_numbers(task.scratch_samples());
        let cores = (threads as f64 / count).floor().max(1.0);
        let kept = experiment.snapshots.as_ref().map_or(0.0, |asked| {
            let averages = [Average::Swa, Average::Ema].iter().filter(|kind| asked.average.contains(kind));
            (asked.keep + averages.count()) as f64 * weights
        });
        // Everybody in a team has a row, a gradient and working memory; a client's order is of its own samples.
        let team = task.team.as_ref().map_or(0.0, |team| {
            team.at_once() as f64 * (weights * (3 + buffers) as f64 + (shared + own + task.samples) as f64)
        });
        let numbers = team + gradients + shared as f64 + own as f64 * cores + kept + task.samples as f64;
        Self {
            rows: count * weights * (1 + buffers) as f64 * NUMBER,
            lanes: count * (numbers * NUMBER + ROWS * size_of::<Row>() as f64),
        }
    }
}

impl Cohort {
    /// Whether the lanes of an experiment find the memory that they need beyond what the present ones have.
    ///
    /// # Errors
    /// When they do not.
    pub(super) fn fits(&self, experiment: &Experiment) -> Result<(), TrainError> {
        let threads = self.pool().current_num_threads();
        let need = Need::of(experiment, self.task(), threads);
        if self.lanes().is_empty() {
            return is_free(need.rows + need.lanes);
        }
        // The present lanes keep what they have; their rows are copied out and in.
        let present = Need::of(&self.revision().experiment, self.task(), threads);
        is_free(need.rows + present.rows + (need.lanes - present.lanes).max(0.0))
    }

    /// Bytes of all weights and optimizer buffers: what one copy of them takes.
    pub fn row_bytes(&self) -> f64 {
        self.rows.elem_count() as f64 * NUMBER
    }
}
