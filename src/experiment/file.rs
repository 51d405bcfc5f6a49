//! Experiment files on disk: read within bounds, saved whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Experiment;
use super::error::{FileError, Place};

/// The largest experiment file that is read.
pub(super) const MAX_BYTES: u64 = 4 << 20;

impl Experiment {
    /// Reads an experiment file.
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
        Self::parse(text, path)
    }

    /// Saves the experiment. The file at `path` is replaced in one step once the new one is whole
    /// on the disk; until then, and on any error, it stays as it was.
    ///
    /// # Errors
    /// When the folder cannot be written to, the disk is full, or the file there is read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let text = self.to_toml();
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

/// Writes a file beside `path` and puts it in its place once it is whole on the disk.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let old = fs::metadata(&path).ok().map(|old| old.permissions());
    if old.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".anneal-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: the person's umask decides.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(&folder)?;
    write(file.as_file_mut())?;
    if let Some(old) = old {
        file.as_file().set_permissions(old)?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    // The new name is on the disk for good once the folder is. The file is already replaced, and
    // some file systems cannot synchronise a folder, so a failure here is none of saving.
    #[cfg(unix)]
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.toml");
        fs::write(&path, "old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
