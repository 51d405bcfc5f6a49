//! Experiment files on disk: read within bounds, saved whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{FileError, Place};
use super::{Experiment, Source, in_place};
use crate::files::{ReadError, read, read_input, relative, replace};

/// The largest experiment file that is read.
const MAX_BYTES: u64 = 4 << 20;

impl Experiment {
    /// Reads an experiment file, or standard input where `path` is `-`. The paths of one's own data and of the weights to
    /// begin with count from the file's folder and are absolute from then on.
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
        // From here on they are found wherever the program was started.
        let Some(folder) = path.parent() else { return Ok(experiment) };
        for beside in experiment.files_beside() {
            let there = folder.join(&*beside);
            *beside = std::path::absolute(&there).unwrap_or(there);
        }
        Ok(experiment)
    }

    /// Saves the experiment as [`Experiment::to_toml`] writes it, the path of one's own data as seen from the file's
    /// folder. The file at `path` is replaced in one step once the new one is whole on the disk; until then, and on
    /// any error, it stays as it was.
    ///
    /// # Errors
    /// When the folder cannot be written to, the disk is full, or the file there is read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        write(path, &self.seen_from(path).to_toml())
    }

    /// As [`Experiment::save`], but with the comments, the layout and every unchanged line of the file it was read
    /// from, which may be the one at `path`.
    ///
    /// # Errors
    /// As [`Experiment::save`].
    pub fn save_like(&self, original: &Path, path: impl AsRef<Path>) -> Result<Comments, FileError> {
        let path = path.as_ref();
        let new = self.seen_from(path);
        let bytes = read(original, MAX_BYTES).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let old = Self::parse_at(&text, original).map(|old| old.seen_from(original));
        let edited = old.ok().and_then(|old| in_place::edited(&text, &old, &new));
        let reads_back =
            |text: &String| Self::parse_at(text, path).is_ok_and(|says| says.seen_from(path) == new);
        if let Some(edited) = edited.filter(reads_back) {
            write(path, &edited)?;
            return Ok(Comments::Kept);
        }
        write(path, &new.to_toml())?;
        Ok(if text.contains('#') { Comments::Lost } else { Comments::Kept })
    }

    /// The experiment as the file at `path` says it: one's own data is found from there.
    fn seen_from(&self, path: &Path) -> Self {
        let mut saved = self.clone();
        let Some(folder) = path.parent() else { return saved };
        for beside in saved.files_beside().filter(|beside| beside.is_absolute()) {
            *beside = relative(beside, folder);
        }
        saved
    }

    /// Whether it names its own data or weights to begin with, which are in files of one machine.
    pub(super) fn names_files(&self) -> bool {
        matches!(self.data.source, Source::File { .. }) || self.start.is_some()
    }

    /// The paths of other files that it names: one's own data, and the weights to begin with.
    fn files_beside(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let data = match &mut self.data.source {
            Source::File { path, .. } => Some(path),
            Source::Shipped(_) | Source::None => None,
        };
        data.into_iter().chain(self.start.as_mut().map(|start| &mut start.path))
    }
}

/// What became of the comments of the file an experiment was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Comments {
    Kept,
    /// The file was not an experiment any more, or is laid out in a way that could not be kept.
    Lost,
}

fn write(path: &Path, text: &str) -> Result<(), FileError> {
    replace(path, |file| file.write_all(text.as_bytes()))
        .map_err(|cause| FileError::Write { file: path.to_owned(), cause })
}
