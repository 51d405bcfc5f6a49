//! A population between two stretches, in its sweep's folder, until the population came to its end.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::journal::JournalError;
use super::population::Stage;
use crate::files;

const FILE: &str = "population.json";
/// A larger one is neither written nor read: its population begins once more.
const MAX_BYTES: u64 = 1 << 28;

/// Writes it down in place of the one before.
///
/// # Errors
/// When the disk is full or gone.
pub(super) fn keep(folder: &Path, stage: &Stage) -> Result<(), JournalError> {
    if stage.bytes() as u64 > MAX_BYTES / 2 {
        return Ok(());
    }
    let path = folder.join(FILE);
    let write = |file: &mut fs::File| -> io::Result<()> {
        let mut file = io::BufWriter::new(file);
        serde_json::to_writer(&mut file, stage)?;
        file.flush()
    };
    files::replace(&path, write).map_err(|cause| JournalError::Io { path: path.clone(), cause })
}

/// The one that is there. What is no longer one, or another version's, is none: the population begins once more.
pub(super) fn kept(folder: &Path) -> Option<Stage> {
    serde_json::from_slice(&files::read(&folder.join(FILE), MAX_BYTES).ok()?).ok()
}

/// Whether one is there.
pub fn is_kept(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// Takes it away, when the population came to its end.
///
/// # Errors
/// When it cannot be.
pub fn remove(folder: &Path) -> Result<(), JournalError> {
    let path = folder.join(FILE);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(JournalError::Io { path, cause }),
        _ => Ok(()),
    }
}
