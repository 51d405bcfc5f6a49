//! `resumes.jsonl` in a training's folder: at which rate each checkpoint that it went on from wanted to go on.
//!
//! `metrics.csv` has the rates that were used, so whoever reads both sees whether a resume kept the schedule.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::train::checkpoint::Continuity;

const NAME: &str = "resumes.jsonl";

/// Appends a line a lane.
///
/// # Errors
/// When the folder cannot be written to.
pub(super) fn note(folder: &Path, lanes: &[Continuity]) -> io::Result<()> {
    // In text: a number of JSON may lose its last bit on the way.
    let line = |lane: &Continuity| {
        let rate = format!("{:e}", lane.before);
        let line = json!({ "update": lane.update, "run": lane.run, "replica": lane.replica, "rate": rate });
        format!("{line}\n")
    };
    let text: String = lanes.iter().map(line).collect();
    OpenOptions::new().create(true).append(true).open(folder.join(NAME))?.write_all(text.as_bytes())
}

/// A folder in which another training begins has none.
///
/// # Errors
/// When the folder cannot be written to.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is known of a training's past, for the folder in which it goes on.
///
/// # Errors
/// When the folder cannot be written to.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from.join(NAME), to.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
