//! Sweeps: one run trained with many other numbers, each trial a lane, to find the best ones.
//!
//! Begin at [`Sweeper`]. A trial's bits depend on its values and seeds only, not on how trials share cohorts,
//! nor on the number of threads; which trials there are depends on the file only. So a sweep that was stopped goes
//! on from its [`journal`] and ends as if it had never been.

pub mod audit;
pub mod block;
pub mod breeder;
mod check;
pub mod cma_es;
pub mod cohorts;
pub mod cooldowns;
pub mod driver;
pub mod edges;
mod foresight;
pub mod front;
pub mod herd;
pub mod importance;
pub mod isolation;
pub mod journal;
pub mod learned;
pub mod lineage;
pub mod losses;
pub mod map;
pub mod objective;
pub mod optuna;
pub mod population;
pub mod pruner;
pub mod race;
pub mod ranks;
pub mod ready;
pub mod remote;
pub mod sampler;
pub mod seeds;
pub mod shape;
pub mod space;
pub mod stage;
pub mod steps;
pub mod summary;
mod told;
pub mod tpe;
pub mod trial;
pub mod verdict;
mod words;

pub use audit::Audit;
pub use driver::{Outcome, Sweeper, Watch};
pub use journal::{Journal, JournalError, Kept};
pub use trial::{Running, Status, Trial};
pub use words::RemoteError;

use crate::experiment::vary::VaryError;
use crate::train::TrainError;

/// Why a sweep cannot be, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("there is no run \"{0}\" to vary")]
    NoRun(String),
    /// What cannot be asked of this experiment.
    #[error("{0}")]
    Impossible(String),
    #[error(transparent)]
    Vary(#[from] VaryError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Workers elsewhere do not train.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}
