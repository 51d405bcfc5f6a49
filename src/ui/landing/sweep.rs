//! A sweep of the studio, written into a folder as `anneal sweep` writes one.

use std::path::{Path, PathBuf};

use crate::experiment::{Experiment, Sweep};
use crate::library::{Index, new_place};
use crate::sweep::summary::summarise;
use crate::sweep::{Journal, Outcome, SweepError};

/// Writes a sweep's trials, as far as it came, into a library; its new folder. One that was stopped can go on there, by `--resume`.
///
/// # Errors
/// In a sentence, when there is no such run, or the library cannot be written to.
pub fn keep(
    library: &Path,
    (experiment, sweep): (&Experiment, &Sweep),
    outcome: &Outcome,
    has_ended: bool,
) -> Result<PathBuf, String> {
    let run = experiment.runs.iter().find(|run| run.name == sweep.run);
    let run = run.ok_or_else(|| SweepError::NoRun(sweep.run.clone()).to_string())?;
    let header = Experiment { runs: vec![run.clone()], sweep: Some(sweep.clone()), ..experiment.clone() };
    let place = new_place(library, &experiment.name).map_err(|error| error.to_string())?;
    let written = Journal::create(&place, &header, sweep).and_then(|mut journal| {
        outcome.trials.iter().try_for_each(|trial| journal.append(trial))?;
        let ends = outcome.audit.iter().flat_map(|audit| &audit.ends);
        ends.into_iter().try_for_each(|end| journal.append_audit(end))?;
        journal.finish(&outcome.trials)?;
        if has_ended { summarise(&place, outcome, &[], None) } else { Ok(()) }
    });
    written.map_err(|error| error.to_string())?;
    Index::open(library).and_then(|mut index| index.add(&place)).map_err(|error| error.to_string())?;
    Ok(place)
}
