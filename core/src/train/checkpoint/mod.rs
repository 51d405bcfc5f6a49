//! Checkpoints: a training's whole state between two updates, to go on from as if it had never stopped.
//!
//! What to keep is decided in [`policy`], how it is written down in [`format`], and [`writer`] writes it
//! without making training wait.

mod continuation;
mod continuity;
mod difference;
mod error;
mod folder;
mod format;
mod ledger;
mod past;
pub mod policy;
mod writer;

use std::io::{self, Write};
use std::path::Path;

pub use continuation::{Continuation, ContinueError};
pub use continuity::{Continuity, Forget};
pub use error::Refusal;
pub use folder::{Found, file_name, newest_good};
pub use ledger::Ledger;
pub use past::{Past, PastError};
pub use policy::{Policy, Reason};
pub use writer::{Report, Writer};

use super::ids::{LaneId, Revision, RunId};
use super::lane::LaneState;
use super::memory;
use super::snapshot::Kept;
use crate::experiment::{Experiment, OptimizerKind};
use crate::files;
use crate::model::Parameter;

/// The largest checkpoint that is read: more than fits into the memory of the machines this is for.
const MOST_BYTES: u64 = 1 << 40;

/// A cohort between two updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub experiment: Experiment,
    pub generation: u64,
    /// One for each of the experiment's runs, in order.
    pub ids: Vec<RunId>,
    /// The CRC-32 of the data.
    pub data: u32,
    /// How the weights lie in a row.
    pub parameters: Vec<Parameter>,
    pub lanes: Vec<SavedLane>,
    /// What the training that made it knew of itself.
    pub ledger: Ledger,
}

/// One lane between two updates.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedLane {
    pub id: LaneId,
    /// The run's name.
    pub run: String,
    pub optimizer: OptimizerKind,
    pub state: LaneState,
    /// The rate that the next update is to use.
    pub next_rate: f64,
    /// The weights, then the optimizer's buffers.
    pub row: Vec<f32>,
    /// What `[snapshots]` has kept.
    pub kept: Option<Kept>,
    /// The weights after the best epoch, where early stopping keeps them.
    pub best: Option<Vec<f32>>,
    /// The weights and buffers of the members of a team.
    pub team: Option<Vec<f32>>,
    /// The state of what watched over the lane, in words of its own.
    pub watch: Option<String>,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// When the file cannot be read, is cut short, was altered, or comes from a newer version.
    pub fn open(file: &Path) -> Result<Self, Refusal> {
        // Its bytes, and the numbers in them.
        let size = std::fs::metadata(file).map_or(0, |there| there.len());
        memory::is_free(2.0 * size as f64)?;
        let bytes = files::read(file, MOST_BYTES)
            .map_err(|cause| Refusal::Unreadable { file: file.to_owned(), cause: cause.into() })?;
        format::decode(&bytes, file)
    }

    /// Writes the file. The one there is replaced in one step once the new one is whole on the disk.
    ///
    /// # Errors
    /// When the folder cannot be written to or the disk is full; the file there is then as it was.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let bytes = format::encode(self).map_err(io::Error::other)?;
        files::replace(file, |file| file.write_all(&bytes))
    }

    /// Updates that every lane still able to train has done, as of [`super::cohort::Cohort::update`].
    pub fn update(&self) -> u64 {
        let able = self.lanes.iter().filter(|lane| lane.state.can_train());
        let stopped = || {
            let stopped = self.lanes.iter().filter(|lane| lane.state.has_stopped());
            stopped.map(|lane| lane.state.update).max()
        };
        able.map(|lane| lane.state.update).min().or_else(stopped).unwrap_or(0)
    }

    /// The lowest of the lanes' newest validation losses.
    pub fn val_loss(&self) -> Option<f64> {
        let losses = self.lanes.iter().filter_map(|lane| lane.state.val_loss());
        losses.filter(|loss| loss.is_finite()).reduce(f64::min)
    }

    /// The edited experiment's state at the checkpoint.
    pub fn revision(&self) -> Revision {
        Revision { generation: self.generation, experiment: self.experiment.clone(), ids: self.ids.clone() }
    }

    /// Whether both are of one training.
    pub fn is_of_the_training_of(&self, other: &Self) -> bool {
        self.differs_from(&other.experiment).is_none()
            && (self.data, &self.parameters) == (other.data, &other.parameters)
    }

    /// Whether it was made where `[snapshots]` asks for one.
    pub fn is_asked_for(&self) -> bool {
        self.lanes.iter().any(|lane| {
            let newest = lane.kept.as_ref().and_then(|kept| kept.snapshots.back());
            newest.is_some_and(|newest| newest.update == lane.state.update)
        })
    }

    /// What another experiment does differently, in words; nothing when the checkpoint is good for it.
    pub fn differs_from(&self, experiment: &Experiment) -> Option<String> {
        difference::between(&self.experiment, experiment)
    }
}
