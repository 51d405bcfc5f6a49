//! `anneal lint`: what a file will do that nobody means.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};

use super::{Failure, output, read};
use crate::import::MAX_BYTES;
use crate::lint::{Dialect, Severity, Warning, lint, lint_text};
use crate::train::task::{self, Task};

pub fn run(file: &Path) -> Result<(), Failure> {
    let warnings = match dialect(file)? {
        Some((dialect, text)) => lint_text(dialect, &text),
        None => experiment(file)?,
    };
    output::print(&warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>())?;
    match warnings.iter().filter(|warning| warning.severity == Severity::Error).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow!("1 error in {}", file.display()))),
        errors => Err(Failure::Failed(anyhow!("{errors} errors in {}", file.display()))),
    }
}

/// The text of a framework's configuration, and whose; nothing for an experiment of ours.
fn dialect(file: &Path) -> Result<Option<(Dialect, String)>, Failure> {
    let unread = || format!("cannot read {}", file.display());
    let open = std::fs::File::open(file).with_context(unread).map_err(Failure::BadFile)?;
    let mut bytes = Vec::new();
    open.take(MAX_BYTES).read_to_end(&mut bytes).with_context(unread).map_err(Failure::BadFile)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Dialect::of(&text).map(|dialect| (dialect, text)))
}

fn experiment(file: &Path) -> Result<Vec<Warning>, Failure> {
    let experiment = read(file)?;
    // Without its data the lengths of epochs are not known, and what does not need them is told all the same.
    let task = task::prepare(&experiment).and_then(|data| Task::new(&experiment, data));
    Ok(lint(&experiment, task.map(|task| task.clock).ok()))
}
