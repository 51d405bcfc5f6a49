//! What can be wrong with an experiment file, in words that say where and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why an experiment could not be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: cannot be read: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("{}: {bytes} bytes, allowed: an experiment file of at most {max} bytes", file.display())]
    TooLarge { file: PathBuf, bytes: u64, max: u64 },
    #[error("{place}: found bytes that are not UTF-8, allowed: a text file in UTF-8")]
    NotText { place: Place },
    #[error("{}: the file is empty; an experiment file starts with `anneal = 1`", file.display())]
    Empty { file: PathBuf },
    #[error("{place}: not TOML: {message}")]
    Syntax { place: Place, message: String },
    #[error(
        "{place}: anneal: found nothing, so this is not an experiment file; one starts with `anneal = 1`"
    )]
    NoVersion { place: Place },
    #[error(
        "{place}: anneal: found {found}: the file was written for a newer Anneal Studio; \
         this one reads version {}, update it to open the file",
        super::VERSION
    )]
    NewerVersion { place: Place, found: u64 },
    #[error(transparent)]
    Field(#[from] Box<FieldError>),
    #[error("{}: cannot be saved, the file is as it was before: {cause}", file.display())]
    Write { file: PathBuf, cause: io::Error },
}

/// A field that holds what it cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {field}: found {found}, allowed: {allowed}{}", Hint(.hint.as_deref()))]
pub struct FieldError {
    pub place: Place,
    /// The path to the field, such as `run "cosine", lr.gamma`.
    pub field: String,
    /// What the file says, as it says it.
    pub found: String,
    pub allowed: String,
    /// A name close to what was found.
    pub hint: Option<String>,
}

/// Where in a file: line and column count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset`.
    pub(super) fn new(file: PathBuf, text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column =
            1 + String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count();
        Self { file, line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

struct Hint<'a>(Option<&'a str>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean `{name}`?)"),
            None => Ok(()),
        }
    }
}
