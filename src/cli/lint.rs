//! `anneal lint`: what a file will do that nobody means.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};

use super::{Failure, output, read};
use crate::experiment::Experiment;
use crate::files;
use crate::import::{ImportError, MAX_BYTES};
use crate::lint::{Linted, NotLinted, Severity, Warning, lint, lint_text};
use crate::train::TrainError;
use crate::train::task::{self, Task};

pub fn run(file: &Path) -> Result<(), Failure> {
    let text = text(file).map_err(Failure::BadFile)?;
    let is_toml = file.extension().is_some_and(|extension| extension == "toml");
    let warnings = match Linted::of(&text) {
        Ok(Linted::Text(dialect)) => {
            let warnings = lint_text(dialect, &text);
            // Nothing was understood, so nothing can be said.
            if let [only] = warnings.as_slice()
                && only.code == "cannot-be-read"
            {
                return Err(Failure::BadFile(anyhow!("{}: {}", file.display(), only.message)));
            }
            warnings
        }
        Ok(Linted::Origin(toml)) => {
            output::say("note: an export of Anneal Studio: the experiment at its end was linted");
            let parsed = Experiment::parse(&toml, file);
            experiment(&parsed.map_err(|error| Failure::BadFile(error.into()))?)
        }
        // Standard input is read once only.
        Ok(Linted::Experiment) if file == Path::new(files::STANDARD_INPUT) => {
            let parsed = Experiment::parse_at(&text, file);
            experiment(&parsed.map_err(|error| Failure::BadFile(error.into()))?)
        }
        Ok(Linted::Experiment) | Err(NotLinted::Empty) => experiment(&read(file)?),
        // What an experiment lacks is for its reader to say.
        Err(NotLinted::Unknown(_)) if is_toml && text.contains("[[run]]") => experiment(&read(file)?),
        Err(error) => return Err(Failure::BadFile(anyhow!("{}: {error}", file.display()))),
    };
    let told = |warning: &Warning| {
        let fix = warning.remedy.as_ref().map(|remedy| format!("  fix: {remedy}\n"));
        format!("{warning}\n{}", fix.unwrap_or_default())
    };
    output::print(&warnings.iter().map(told).collect::<String>())?;
    match warnings.iter().filter(|warning| warning.severity == Severity::Error).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow!("1 error in {}", file.display()))),
        errors => Err(Failure::Failed(anyhow!("{errors} errors in {}", file.display()))),
    }
}

/// The file's text, as far as it is looked at.
fn text(file: &Path) -> anyhow::Result<String> {
    let unread = || format!("cannot read {}", file.display());
    let mut bytes = Vec::new();
    let open = files::input(file).with_context(unread)?;
    open.take(MAX_BYTES).read_to_end(&mut bytes).with_context(unread)?;
    match std::str::from_utf8(&bytes) {
        // The last character may be cut.
        Err(error) if error.error_len().is_some() => {
            Err(anyhow!("{}: {}", file.display(), ImportError::NotText))
        }
        _ => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn experiment(experiment: &Experiment) -> Vec<Warning> {
    // Without its data the lengths of epochs are not known, and what does not need them is told all the same.
    let task = task::prepare(experiment).and_then(|data| Task::new(experiment, data));
    let severity = match &task {
        Err(TrainError::Misfit(_)) => Some(Severity::Error),
        // Weights to begin with may be on the machine that trains only.
        Err(TrainError::Start(_)) => Some(Severity::Warning),
        _ => None,
    };
    let untrainable = severity.zip(task.as_ref().err()).map(|(severity, error)| Warning {
        severity,
        run: None,
        code: "cannot-be-trained",
        message: error.to_string(),
        remedy: None,
        line: 0,
    });
    let mut warnings = lint(experiment, task.map(|task| task.clock).ok());
    warnings.extend(untrainable);
    warnings.sort_by_key(|warning| warning.severity);
    warnings
}
