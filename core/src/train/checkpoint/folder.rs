//! A folder of checkpoints: one file each, named by the updates done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Checkpoint, Refusal};

const PREFIX: &str = "update-";
const SUFFIX: &str = ".safetensors";
/// Earlier checkpoints that are worth the memory, and the bytes that they are worth together.
const MOST_BEFORE: usize = 32;
const MOST_BYTES_BEFORE: u64 = 256 << 20;

/// The newest good checkpoint of a folder, and why newer ones are none.
#[derive(Debug, Default)]
pub struct Found {
    pub newest: Option<(PathBuf, Checkpoint)>,
    /// The newest first.
    pub refused: Vec<Refusal>,
}

/// The name of the checkpoint after so many updates.
pub fn file_name(update: u64) -> String {
    format!("{PREFIX}{update:012}{SUFFIX}")
}

/// Reads the newest checkpoint of a folder; where it is refused, the one before, and so on.
///
/// # Errors
/// When the folder cannot be read.
pub fn newest_good(folder: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for (_, file) in list(folder)?.into_iter().rev() {
        match Checkpoint::open(&file) {
            Ok(checkpoint) => {
                found.newest = Some((file, checkpoint));
                break;
            }
            Err(refusal) => found.refused.push(refusal),
        }
    }
    Ok(found)
}

/// The good checkpoints of a folder before one after `update` updates, the oldest first; of many the newest.
pub(super) fn good_before(folder: &Path, update: u64) -> Vec<Checkpoint> {
    let mut files = list(folder).unwrap_or_default();
    files.retain(|(at, _)| *at < update);
    files.drain(..files.len().saturating_sub(MOST_BEFORE));
    let mut bytes = 0;
    let fits = |(_, file): &&(u64, PathBuf)| {
        bytes += fs::metadata(file).map_or(0, |file| file.len());
        bytes <= MOST_BYTES_BEFORE
    };
    let few = files.iter().rev().take_while(fits).count();
    files.drain(..files.len() - few);
    files.into_iter().filter_map(|(_, file)| Checkpoint::open(&file).ok()).collect()
}

/// The checkpoints of a folder with their updates, the oldest first.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let update =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        if let Some(update) = update {
            all.push((update, entry.path()));
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// Makes way for a checkpoint where something else has its name: a folder, say, is renamed and not lost.
pub(super) fn set_aside(file: &Path) -> io::Result<()> {
    let mut aside = file.to_owned();
    loop {
        aside.as_mut_os_string().push(".aside");
        if aside.symlink_metadata().is_err() {
            return fs::rename(file, aside);
        }
    }
}
