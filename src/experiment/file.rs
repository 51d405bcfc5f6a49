//! Experiment files on disk: read within bounds, saved whole or not at all.

use std::io::Write;
use std::path::Path;

use super::error::{FileError, Place};
use super::{Experiment, Source};
use crate::files::{ReadError, read_input, relative, replace};

/// The largest experiment file that is read.
pub(super) const MAX_BYTES: u64 = 4 << 20;

impl Experiment {
    /// Reads an experiment file, or standard input where `path` is `-`. The path of one's own data counts from the
    /// file's folder and is absolute from then on.
    ///
    /// # Errors
    /// When the file cannot be read, is no regular file, is larger than 4 MiB, is not UTF-8, or as
    /// [`Experiment::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let file = || path.to_owned();
        let bytes = read_input(path, MAX_BYTES).map_err(|error| match error {
            ReadError::TooLarge { bytes, max } => FileError::TooLarge { file: file(), bytes, max },
            ReadError::Io(cause) => FileError::Read { file: file(), cause },
        })?;
        let text = str::from_utf8(&bytes)
            .map_err(|error| FileError::NotText { place: Place::new(file(), &bytes, error.valid_up_to()) })?;
        Self::parse_at(text, path)
    }

    /// As [`Experiment::open`], of the text of the file at `path` that was read already.
    ///
    /// # Errors
    /// As [`Experiment::parse`].
    pub fn parse_at(text: &str, path: &Path) -> Result<Self, FileError> {
        let mut experiment = Self::parse(text, path)?;
        // From here on the data is found wherever the program was started.
        if let (Source::File { path: data, .. }, Some(folder)) = (&mut experiment.data.source, path.parent())
        {
            let there = folder.join(&*data);
            *data = std::path::absolute(&there).unwrap_or(there);
        }
        Ok(experiment)
    }

    /// Saves the experiment; the path of one's own data is written as seen from the file's folder. The file at
    /// `path` is replaced in one step once the new one is whole on the disk; until then, and on any error, it stays
    /// as it was.
    ///
    /// # Errors
    /// When the folder cannot be written to, the disk is full, or the file there is read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let mut saved = self.clone();
        if let (Source::File { path: data, .. }, Some(folder)) = (&mut saved.data.source, path.parent())
            && data.is_absolute()
        {
            *data = relative(data, folder);
        }
        let text = saved.to_toml();
        replace(path, |file| file.write_all(text.as_bytes()))
            .map_err(|cause| FileError::Write { file: path.to_owned(), cause })
    }
}
