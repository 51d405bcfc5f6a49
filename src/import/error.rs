//! Why a text could not be imported, in words that say what to do instead.

use std::io;
use std::path::PathBuf;

use crate::experiment::FileError;
use crate::schedule::ScheduleError;

/// Why nothing could be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}: cannot be read: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("the log cannot be read: {0}")]
    Stream(#[from] io::Error),
    #[error("{bytes} bytes; a configuration of at most {max} can be imported")]
    TooLarge { bytes: u64, max: u64 },
    #[error("this is not UTF-8 text")]
    NotText,
    #[error("{}", unrecognised(form, nearest.as_ref(), unread, known))]
    Unrecognised {
        /// What the text is written in.
        form: &'static str,
        /// The dialect that most speaks for, and what does.
        nearest: Option<(&'static str, String)>,
        /// What in it may shape a schedule, and was not read.
        unread: Vec<String>,
        /// The names of all dialects.
        known: String,
    },
    #[error("--as {found} is no dialect; known are {known}")]
    UnknownDialect { found: String, known: String },
    #[error("{dialect} cannot be read from {form}")]
    WrongForm { dialect: &'static str, form: &'static str },
    #[error("there is nothing in it")]
    Empty,
    #[error("{what} is not read, but for an export of Anneal Studio that nobody changed")]
    Unread { what: &'static str },
    #[error("line {line}: {message}")]
    Syntax { line: usize, message: String },
    #[error("there is no learning-rate scheduler in this text; {0}")]
    NoSchedule(&'static str),
    #[error(
        "{cause}; and the run at the text's end was not believed, since the text was changed after it was exported"
    )]
    Changed { cause: Box<ImportError> },
    #[error("{what} cannot be imported: {why}")]
    Unsupported { what: String, why: String },
    #[error("{what} needs {needed}")]
    Missing { what: String, needed: String },
    #[error("{what} is {found}, which is no {needed}")]
    Wrong { what: String, found: String, needed: &'static str },
    #[error("the schedule that this says cannot be: {0}")]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("this cannot be read as a log of learning rates: {0}")]
    Log(String),
}

impl ImportError {
    pub(super) fn unsupported(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), why: why.into() }
    }

    pub(super) fn missing(what: impl Into<String>, needed: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), needed: needed.into() }
    }
}

fn unrecognised(
    form: &str,
    nearest: Option<&(&'static str, String)>,
    unread: &[String],
    known: &str,
) -> String {
    let told = match nearest {
        Some((id, signs)) => format!(
            "this is {form}, and nothing in it belongs to one framework alone. Nearest is {id}, by {signs}: if that is \
             what it is, say --as {id}. Otherwise a log of the rates can be imported"
        ),
        None => format!(
            "this is no scheduler configuration that is known here ({form}). Read are: {known}. A log of the rates can \
             be imported whatever wrote it"
        ),
    };
    if unread.is_empty() { told } else { format!("{told}. Not read: {}", unread.join(", ")) }
}
