//! `anneal lint`: what a file will do that nobody means.

use std::path::Path;

use anyhow::anyhow;

use super::{Failure, output, read};
use crate::lint::{Severity, lint};
use crate::train::task::{self, Task};

pub fn run(file: &Path) -> Result<(), Failure> {
    let experiment = read(file)?;
    // Without its data the lengths of epochs are not known, and what does not need them is told all the same.
    let clock =
        task::prepare(&experiment).and_then(|data| Task::new(&experiment, data)).map(|task| task.clock).ok();
    let warnings = lint(&experiment, clock);
    output::print(&warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>())?;
    match warnings.iter().filter(|warning| warning.severity == Severity::Error).count() {
        0 => Ok(()),
        errors => Err(Failure::Failed(anyhow!(
            "{errors} error{} in {}",
            if errors == 1 { "" } else { "s" },
            file.display()
        ))),
    }
}
