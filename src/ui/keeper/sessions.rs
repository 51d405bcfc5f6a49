//! Unsaved work, a folder a start: what a start that was killed left there is found by the next one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{self, Lock, LockError};
use crate::ui::document::Kept;

const FOLDER: &str = "sessions";
const WORK: &str = "work.json";
/// The largest work that is read.
const MAX_BYTES: u64 = 64 << 20;

/// The folder of this start.
pub(super) struct Session {
    folder: PathBuf,
    lock: Lock,
}

impl Session {
    /// A folder that no other start has.
    pub(super) fn begin(state: &Path) -> Result<Self, LockError> {
        let root = state.join(FOLDER);
        let failed = |cause| LockError::Io { folder: root.clone(), cause };
        files::private_folder(&root).map_err(failed)?;
        let process = std::process::id();
        for number in 0u32.. {
            let folder = root.join(format!("{process}-{number}"));
            match fs::create_dir(&folder) {
                Ok(()) => {
                    let lock = Lock::take(&folder, "the studio")?;
                    return Ok(Self { folder, lock });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// Where the work goes.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join(WORK)
    }

    /// Nothing of it is wanted any more.
    pub(super) fn remove(self) {
        remove(&self.folder, self.lock);
    }
}

/// Work that was not saved when a start ended.
pub struct Leftover {
    folder: PathBuf,
    lock: Lock,
    /// The work, or why it cannot be read.
    pub work: Result<Kept, String>,
    /// How long ago it was kept.
    pub age: Option<Duration>,
}

impl Leftover {
    /// The work is elsewhere, or not wanted.
    pub fn remove(self) {
        remove(&self.folder, self.lock);
    }
}

/// The unsaved work of starts that have ended, newest first. Folders without any are cleared; those of studios that
/// run are left alone.
pub fn leftovers(state: &Path) -> Vec<Leftover> {
    let Ok(entries) = fs::read_dir(state.join(FOLDER)) else { return Vec::new() };
    let mut found: Vec<Leftover> = entries.flatten().filter_map(|entry| leftover(&entry.path())).collect();
    found.sort_by_key(|leftover| leftover.age);
    found
}

fn leftover(folder: &Path) -> Option<Leftover> {
    let lock = Lock::take(folder, "the studio").ok()?;
    let path = folder.join(WORK);
    let Ok(about) = fs::metadata(&path) else {
        remove(folder, lock);
        return None;
    };
    let work = files::read(&path, MAX_BYTES)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()))
        .and_then(|text| Kept::parse(&text).map_err(|error| error.to_string()))
        .map_err(|error| format!("{}: {error}", path.display()));
    if work.as_ref().is_ok_and(|work| !work.is_dirty()) {
        remove(folder, lock);
        return None;
    }
    let age = about.modified().ok().and_then(|at| at.elapsed().ok());
    Some(Leftover { folder: folder.to_owned(), lock, work, age })
}

/// Removes what the studio puts into such a folder, and the folder where nothing else is in it.
fn remove(folder: &Path, lock: Lock) {
    files::sweep(folder);
    // What cannot be removed is offered again, which loses nothing.
    let _ = fs::remove_file(folder.join(WORK));
    drop(lock);
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::document::{Document, first};

    #[test]
    fn work_of_a_start_that_runs_is_not_offered_and_what_it_left_is() {
        let state = tempfile::tempdir().unwrap();
        let mut document = Document::new(first().unwrap(), None);
        document.edit(|experiment| experiment.name = "unsaved".into());
        let session = Session::begin(state.path()).unwrap();
        let other = Session::begin(state.path()).unwrap();
        assert_ne!(session.work(), other.work());
        fs::write(session.work(), document.kept().to_json().unwrap()).unwrap();
        assert!(leftovers(state.path()).is_empty());
        // As after a kill: the locks go, the files stay.
        drop((session, other));
        let mut found = leftovers(state.path());
        assert_eq!(found.len(), 1);
        assert!(leftovers(state.path()).is_empty(), "one studio offers it at a time");
        let leftover = found.remove(0);
        assert_eq!(leftover.work.as_ref().unwrap().name(), "unsaved");
        leftover.remove();
        assert_eq!(fs::read_dir(state.path().join(FOLDER)).unwrap().count(), 0);
    }

    #[test]
    fn damaged_work_is_offered_with_the_reason_and_saved_work_is_not_offered() {
        let state = tempfile::tempdir().unwrap();
        let damaged = Session::begin(state.path()).unwrap();
        fs::write(damaged.work(), "{").unwrap();
        let saved = Session::begin(state.path()).unwrap();
        fs::write(saved.work(), Document::new(first().unwrap(), None).kept().to_json().unwrap()).unwrap();
        drop((damaged, saved));
        let found = leftovers(state.path());
        assert!(matches!(found.as_slice(), [Leftover { work: Err(why), .. }] if why.contains("work.json")));
    }
}
