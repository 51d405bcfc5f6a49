//! Experiment files on disk: read within bounds, saved whole or not at all.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::error::{FileError, Place};
use super::{Experiment, Source};
use crate::files::replace;

/// The largest experiment file that is read.
pub(super) const MAX_BYTES: u64 = 4 << 20;

impl Experiment {
    /// Reads an experiment file. The path of one's own data counts from the file's folder.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 4 MiB, is not UTF-8, or as [`Experiment::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let file = || path.to_owned();
        let bytes = read(path, MAX_BYTES).map_err(|error| match error {
            ReadError::TooLarge { bytes, max } => FileError::TooLarge { file: file(), bytes, max },
            ReadError::Io(cause) => FileError::Read { file: file(), cause },
        })?;
        let text = str::from_utf8(&bytes)
            .map_err(|error| FileError::NotText { place: Place::new(file(), &bytes, error.valid_up_to()) })?;
        let mut experiment = Self::parse(text, path)?;
        // From here on the data is found wherever the program was started.
        if let (Source::File { path: data, .. }, Some(folder)) = (&mut experiment.data.source, path.parent())
        {
            *data = folder.join(&*data);
        }
        Ok(experiment)
    }

    /// Saves the experiment. The file at `path` is replaced in one step once the new one is whole
    /// on the disk; until then, and on any error, it stays as it was.
    ///
    /// # Errors
    /// When the folder cannot be written to, the disk is full, or the file there is read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let mut saved = self.clone();
        if let (Source::File { path: data, .. }, Some(folder)) = (&mut saved.data.source, path.parent())
            && let Ok(inside) = data.strip_prefix(folder)
        {
            *data = inside.to_owned();
        }
        let text = saved.to_toml();
        replace(path, |file| file.write_all(text.as_bytes()))
            .map_err(|cause| FileError::Write { file: path.to_owned(), cause })
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{bytes} bytes are more than the {max} allowed")]
    TooLarge { bytes: u64, max: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The bytes of a file that has at most `max` of them.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > max {
        return Err(ReadError::TooLarge { bytes, max });
    }
    // A device or a pipe says nothing of its length beforehand.
    let mut content = Vec::new();
    file.take(max + 1).read_to_end(&mut content)?;
    match content.len() as u64 {
        bytes if bytes > max => Err(ReadError::TooLarge { bytes, max }),
        _ => Ok(content),
    }
}
