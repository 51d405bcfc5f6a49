//! Why there is no lesson.

use std::path::PathBuf;

use crate::experiment::FileError;
use crate::train::TrainError;

/// Why there is no lesson.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    #[error("there is no lesson \"{name}\" and no such file; the lessons are: {}", names.join(", "))]
    Unknown { name: String, names: Vec<&'static str> },
    #[error("cannot read {}: {cause}", file.display())]
    Read { file: PathBuf, cause: std::io::Error },
    #[error("{}: a lesson is a file of at most {max} bytes", file.display())]
    TooLarge { file: PathBuf, max: u64 },
    #[error("{}: line {line}: {what}", file.display())]
    Wrong { file: PathBuf, line: usize, what: String },
    #[error("the lesson's experiment: {0}")]
    Experiment(#[from] FileError),
    #[error("the lesson's training: {0}")]
    Train(#[from] TrainError),
}
