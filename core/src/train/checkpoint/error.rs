//! Why a checkpoint is refused.

use std::io;
use std::path::PathBuf;

use crate::schedule::ScheduleError;
use crate::train::TrainError;

/// The reason, in words that say what can be done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{}: cannot be read: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    #[error("{}: cut short or no checkpoint ({cause})", file.display())]
    Broken { file: PathBuf, cause: String },
    #[error("{}: altered since it was written (checksum {found:08x}, written with {written})", file.display())]
    Altered { file: PathBuf, found: u32, written: String },
    #[error("{}: written by a newer version (format {found}, this one reads up to {known}): update the program", file.display())]
    Newer { file: PathBuf, found: u32, known: u32 },
    #[error("the checkpoint is of another experiment: {what}")]
    OtherExperiment { what: String },
    #[error(
        "the data have changed since the checkpoint was made: train from scratch, or bring the old data back"
    )]
    OtherData,
    #[error("the model's weights are laid out otherwise than in the checkpoint: train from scratch")]
    OtherModel,
    #[error("run \"{run}\": the checkpoint's controller state cannot be: {error}")]
    Controller { run: String, error: ScheduleError },
    #[error(transparent)]
    Train(#[from] TrainError),
}
