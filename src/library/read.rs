//! Reading a folder of the library, whatever kind it is of.

use std::path::Path;

use super::lane::{Contents, Training};
use super::{Kind, LibraryError, Marks, recording, sweep, training};

impl Training {
    /// Reads a folder. What is damaged in it is its `problem`, and the rest is there all the same.
    ///
    /// # Errors
    /// When it is of no kind, or its experiment or the marks cannot be read.
    pub fn read(folder: &Path) -> Result<Self, LibraryError> {
        let kind = Kind::of(folder).ok_or_else(|| LibraryError::BadFile {
            path: folder.to_owned(),
            why: "no training, sweep or recording is there".to_owned(),
        })?;
        let marks = Marks::read(folder)?;
        let read = match kind {
            Kind::Training => training::read,
            Kind::Sweep => sweep::read,
            Kind::Recording => recording::read,
        };
        let Contents { experiment, finished, problem, lanes } = read(folder)?;
        Ok(Self { kind, experiment, finished, marks, problem, lanes })
    }
}
