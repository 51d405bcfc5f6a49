//! `summary.json`: what a folder says of a sweep that came to its end.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::audit::Audit;
use super::driver::Outcome;
use super::journal::{JournalError, at};
use crate::files;

const FILE: &str = "summary.json";
/// The largest summary that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What a sweep took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    pub seconds: f64,
    /// Where the machine tells.
    pub joules: Option<f64>,
}

/// Says in the folder that the sweep came to its end, on which devices, what pruning cost, and what all of it took;
/// nothing of what is not known. Where nothing was trained this time, what was said before of devices and time stays.
///
/// # Errors
/// When the disk is full or gone.
pub fn summarise(
    folder: &Path,
    outcome: &Outcome,
    devices: &[String],
    took: Option<Took>,
) -> Result<(), JournalError> {
    let path = folder.join(FILE);
    let known = if devices.is_empty() && took.is_none() { before(&path) } else { Value::Null };
    let text = json!({
        "trials": outcome.trials.len(),
        "devices": if devices.is_empty() { known["devices"].clone() } else { devices.into() },
        "seconds": took.map_or_else(|| known["seconds"].clone(), |took| took.seconds.into()),
        "joules": took.map_or_else(|| known["joules"].clone(), |took| took.joules.into()),
        "audit": outcome.audit.as_ref().map(Audit::as_json),
    });
    files::replace(&path, |file| writeln!(file, "{text:#}")).map_err(at(&path))
}

/// What an earlier end of the sweep said; nothing where there was none.
fn before(path: &Path) -> Value {
    let text = files::read(path, MAX_BYTES).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
