//! Recording what was changed, and by whom.

use std::path::Path;

use super::{Entry, History, HistoryError, changes, sha256};
use crate::files;
use crate::machine;

/// The largest file that is recorded, as the largest experiment that is read.
const MAX_BYTES: u64 = 4 << 20;

/// Why an experiment is another one from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub by: String,
    /// What makes it: `studio`, `command line` or `api`.
    pub through: &'static str,
    pub why: String,
    /// The update from which on it is in effect, where a training is under way.
    pub update: Option<u64>,
}

impl Change {
    /// By whoever uses this program.
    pub fn new(through: &'static str, why: impl Into<String>) -> Self {
        Self { by: who(), through, why: why.into(), update: None }
    }
}

/// Who uses this program, by their own account: `ANNEAL_BY`, or the name they are logged in under.
pub fn who() -> String {
    let named = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    let found = ["ANNEAL_BY", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(named);
    found.unwrap_or_else(|| "somebody".to_owned())
}

/// What became of a change's record.
#[derive(Debug)]
#[must_use]
pub enum Recorded {
    /// It is this entry of the log.
    As(u64),
    /// The newest entry says the same.
    Known,
    /// It is no regular file that could have a log beside it.
    Nowhere,
}

/// Records the file as it is now, where the newest entry does not know it.
///
/// # Errors
/// When the file cannot be read, or as [`History`]'s log cannot be written.
pub fn record(file: &Path, change: &Change) -> Result<Recorded, HistoryError> {
    let failed = |cause| HistoryError::Read { file: file.to_owned(), cause };
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Ok(Recorded::Nowhere);
    }
    let mut number = None;
    History::append(file, |history| {
        // Read under the log's lock: of two that save at once, the later entry is of the later file.
        let text = text(file)?;
        if history.is_of(text.as_bytes()) {
            return Ok(Vec::new());
        }
        number = Some(history.entries.last().map_or(1, |last| last.number + 1));
        Ok(vec![entry(history.entries.last(), &text, change)])
    })?;
    Ok(number.map_or(Recorded::Known, Recorded::As))
}

/// Saves a file and records it. What the file said before is recorded first where no entry knows it, so that a
/// change made outside is not taken for this one.
///
/// # Errors
/// Of the saving. What cannot be recorded is the second result's, since the file is saved then.
pub fn saving<T, E>(
    file: &Path,
    change: &Change,
    save: impl FnOnce() -> Result<T, E>,
) -> Result<(T, Result<Recorded, HistoryError>), E> {
    let outside = Change {
        by: "unknown".to_owned(),
        through: "outside",
        why: "found in the file, not recorded by whoever made it".to_owned(),
        update: None,
    };
    let before = if file.is_file() { record(file, &outside) } else { Ok(Recorded::Nowhere) };
    let saved = save()?;
    Ok((saved, before.and_then(|_| record(file, change))))
}

fn entry(last: Option<&Entry>, text: &str, change: &Change) -> Entry {
    Entry {
        number: 0,
        at: machine::seconds_since_1970(),
        by: change.by.clone(),
        through: change.through.to_owned(),
        why: change.why.clone(),
        update: change.update,
        changes: changes(last.map_or("", |last| &last.text), text),
        sha256: sha256(text.as_bytes()),
        text: text.to_owned(),
        previous: String::new(),
    }
}

fn text(file: &Path) -> std::io::Result<String> {
    let bytes = files::read(file, MAX_BYTES)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is no UTF-8 text"))
}
