//! Why there is no lesson.

use std::path::PathBuf;

use crate::experiment::FileError;
use crate::schedule::formula::FormulaError;
use crate::train::TrainError;

/// Why there is no lesson.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    #[error("there is no lesson \"{name}\" and no such file; the lessons are: {}", names.join(", "))]
    Unknown { name: String, names: Vec<&'static str> },
    #[error("cannot read {}: {cause}", file.display())]
    Read { file: PathBuf, cause: std::io::Error },
    #[error("{}: {cause}", file.display())]
    Syntax { file: PathBuf, cause: Box<toml::de::Error> },
    #[error("{}: {what}", file.display())]
    Wrong { file: PathBuf, what: String },
    #[error("the lesson's experiment: {0}")]
    Experiment(#[from] FileError),
    #[error("the lesson's training: {0}")]
    Train(#[from] TrainError),
    #[error("{}: the claim \"{say}\": {cause}", file.display())]
    Claim { file: PathBuf, say: String, cause: FormulaError },
}
