//! Training: a cohort of runs in lockstep, each a row of one tensor.

pub mod checkpoint;
pub mod cohort;
pub mod control;
mod cores;
pub mod course;
pub mod device;
pub mod diff;
pub mod errand;
pub mod ids;
pub mod lane;
mod on_rows;
pub mod optimizer;
pub mod plan;
pub mod snapshot;
pub mod task;
pub mod tensor;

use crate::jobs::{Cancelled, Lost};

/// Why an experiment cannot be trained, in words that say what to change.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error("run \"{run}\": {error}")]
    Schedule { run: String, error: crate::schedule::ScheduleError },
    #[error("{0}")]
    Task(String),
    #[error("the tensor library failed: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error("no threads for training: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error("stopped before its end")]
    Cancelled,
}

impl From<Cancelled> for TrainError {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<Lost> for TrainError {
    fn from(Lost: Lost) -> Self {
        // Only what nobody wanted any more is dropped without an answer.
        Self::Cancelled
    }
}

/// Threads for training: `threads` of them, or all cores but one, which is left to the interface.
///
/// # Errors
/// When the system gives none.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, TrainError> {
    let spare = std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1));
    let threads = threads.unwrap_or(spare).max(1);
    let named =
        rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|at| format!("training-{at}"));
    Ok(named.build()?)
}
