//! Histories of files, so that undo goes on after a restart.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files;
use crate::ui::document::Kept;

const FOLDER: &str = "histories";
/// The files whose histories are kept.
const MOST: usize = 50;
/// The largest history that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Where the history of the file at `path` is kept.
pub(super) fn place(state: &Path, path: &Path) -> PathBuf {
    let whole = whole(path);
    let name = crc32fast::hash(whole.as_os_str().as_encoded_bytes());
    state.join(FOLDER).join(format!("{name:08x}.json"))
}

/// The history of the file at `path`, if one is kept that can be read.
pub(super) fn read(state: &Path, path: &Path) -> Option<Kept> {
    let bytes = files::read(&place(state, path), MAX_BYTES).ok()?;
    let kept = Kept::parse(str::from_utf8(&bytes).ok()?).ok()?;
    // Two paths may have one checksum.
    (kept.path().map(whole) == Some(whole(path))).then_some(kept)
}

/// Removes the oldest histories beyond those that are kept.
pub(super) fn thin(state: &Path) {
    let Ok(entries) = fs::read_dir(state.join(FOLDER)) else { return };
    let aged = entries.flatten().filter_map(|entry| {
        let age = entry.metadata().ok()?.modified().ok()?.elapsed().ok()?;
        entry.path().extension().is_some_and(|extension| extension == "json").then(|| (age, entry.path()))
    });
    let mut aged: Vec<_> = aged.collect();
    aged.sort();
    for (_, path) in aged.into_iter().skip(MOST) {
        let _ = fs::remove_file(path);
    }
}

fn whole(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
