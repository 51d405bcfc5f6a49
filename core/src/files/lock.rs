//! One writer at a time in a folder: an advisory lock that the kernel releases however its holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::read::regular;

const NAME: &str = ".anneal.lock";

/// The right to write in a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why a folder is not to be written in.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{} is in use: {holder}; wait until it ends, or choose another folder", folder.display())]
    Held { folder: PathBuf, holder: String },
    #[error("cannot lock the folder {}: {cause}", folder.display())]
    Io { folder: PathBuf, cause: io::Error },
}

impl Lock {
    /// Takes the lock of a folder that is there. `what` says to others what is done under it.
    ///
    /// # Errors
    /// When another process has it, or the lock's file cannot be made.
    pub fn take(folder: &Path, what: &str) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let failed = |cause| LockError::Io { folder: folder.to_owned(), cause };
        loop {
            if path.symlink_metadata().is_ok() {
                regular(&path).map_err(failed)?;
            }
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { folder: folder.to_owned(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
            // Whoever held it may have removed the file in between: a lock on that keeps nobody out.
            if !is_at(&file, &path) {
                continue;
            }
            let named =
                file.set_len(0).and_then(|()| write!(file, "process {} ({what})", std::process::id()));
            named.map_err(failed)?;
            return Ok(Self { file, path });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock itself goes with the descriptor; a file that cannot be removed is in nobody's way.
        let _ = if cfg!(unix) { std::fs::remove_file(&self.path) } else { self.file.set_len(0) };
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |about: std::fs::Metadata| (about.dev(), about.ino());
        let there = std::fs::metadata(path).map(identity);
        matches!((file.metadata().map(identity), there), (Ok(held), Ok(there)) if held == there)
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

/// Who holds the lock, in words. The file was last written when the lock was taken.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    let who = if read.is_ok() && !text.is_empty() { text.as_str() } else { "another process" };
    let since = file.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
    match since.map(|since| since.as_secs()) {
        None => format!("{who} is writing there"),
        Some(seconds @ 0..120) => format!("{who} has been writing there for {seconds} s"),
        Some(seconds @ 120..7200) => format!("{who} has been writing there for {} minutes", seconds / 60),
        Some(seconds) => format!("{who} has been writing there for {} hours", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_writer_and_says_who_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), "anneal train").unwrap();
        let refused = Lock::take(folder.path(), "anneal train").unwrap_err().to_string();
        let who = format!("process {} (anneal train) has been writing there", std::process::id());
        assert!(refused.contains(&who), "{refused}");
        drop(first);
        assert!(Lock::take(folder.path(), "anneal train").is_ok());
    }
}
