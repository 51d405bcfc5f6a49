//! Training: a cohort of runs in lockstep, each a row of one tensor.

mod adapter;
pub mod attack;
pub mod checkpoint;
pub mod cohort;
pub mod control;
pub mod device;
pub mod diff;
pub mod errand;
mod error;
pub mod ids;
pub mod lane;
pub mod memory;
mod on_rows;
pub mod optimizer;
pub mod plan;
pub mod run_plan;
pub mod scaler;
pub mod snapshot;
pub mod start;
mod stopper;
pub mod stream;
pub mod task;
pub mod team;
pub mod tensor;

pub use error::{Misfit, TrainError};
pub use stopper::Stopped;

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
