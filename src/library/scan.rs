//! Finding the trainings below a folder, and telling which of them changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Kind, LibraryError, marks};

/// How deep below the library's folder trainings are looked for.
const DEEPEST: usize = 4;

/// A training's folder, and what its files looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As seen from the library's folder.
    pub folder: PathBuf,
    /// Lengths and times of the files that say something; another stamp is another state.
    pub stamp: String,
    /// When its metrics were last written, in seconds since 1970.
    pub at: u64,
}

/// Every training below a folder, in the order of their names.
///
/// # Errors
/// When the folder itself cannot be read; one below it that cannot is passed over.
pub(super) fn scan(library: &Path) -> Result<Vec<Found>, LibraryError> {
    let read = |cause| LibraryError::Read { path: library.to_owned(), cause };
    let mut found = Vec::new();
    let mut folders = vec![(library.to_owned(), 0)];
    fs::read_dir(library).map_err(read)?;
    while let Some((folder, depth)) = folders.pop() {
        if depth > 0
            && let Some(one) = training(library, &folder)
        {
            found.push(one);
            continue;
        }
        if depth == DEEPEST {
            continue;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| (entry.path(), depth + 1)));
    }
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(found)
}

/// What is in a folder, if it is of any kind that a library holds.
pub(super) fn training(library: &Path, folder: &Path) -> Option<Found> {
    let state = |name: &str| {
        let about = fs::metadata(folder.join(name)).ok().filter(fs::Metadata::is_file)?;
        let at = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((about.len(), at))
    };
    let kind = Kind::of(folder)?;
    let mut stamp = format!("{};", kind.name());
    let mut at = None;
    for name in kind.files().chain([marks::NAME]) {
        let state = state(name);
        match state {
            Some((length, time)) => stamp += &format!("{length}@{};", time.as_nanos()),
            None => stamp.push_str("-;"),
        }
        at = at.or(state.map(|(_, time)| time.as_secs()));
    }
    let folder = folder.strip_prefix(library).ok()?.to_owned();
    Some(Found { folder, stamp, at: at? })
}
