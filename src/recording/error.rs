//! Why a file could not be read as a recording, in words that say what to do instead.

use std::io;
use std::path::PathBuf;

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("{}: cannot be read: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("{}: this is neither a regular file nor a folder", file.display())]
    NotRegular { file: PathBuf },
    #[error("{}: there is nothing in it", file.display())]
    Empty { file: PathBuf },
    #[error(
        "{}: this is no log of a training that is known here ({known}). A table needs a first line that names a \
         column of rates or losses; a text needs lines with a step and a loss or a rate",
        file.display()
    )]
    Unrecognised { file: PathBuf, known: String },
    #[error(
        "{}: no file in this folder is a log of a training that is known here ({known})",
        file.display()
    )]
    NoLogInFolder { file: PathBuf, known: String },
    #[error("{}: read as {dialect}: {why}", file.display())]
    Malformed { file: PathBuf, dialect: &'static str, why: String },
    #[error("{}: read as {dialect}: no number was found in it; {left_out}", file.display())]
    NoNumbers { file: PathBuf, dialect: &'static str, left_out: String },
}
