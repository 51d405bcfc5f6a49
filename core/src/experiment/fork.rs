//! Forks: runs that share another run's past.

use super::Run;
use super::near::nearest;
use crate::schedule::{Clock, Piecewise, ScheduleError, Span};

/// Where a run parts from another: until then it is that run, update for update.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// The other run's name.
    pub of: String,
    /// Updates done together.
    pub at: Span,
}

/// Which runs of an experiment make the updates of the run at `position`, by their positions: itself last, before its
/// fork the one it was forked from, and so on.
///
/// # Errors
/// When a run is forked from one that is not there or from a fork of its own, or at an update that the training does
/// not have.
pub fn lineage(runs: &[Run], position: usize, clock: Clock) -> Result<Piecewise<usize>, ScheduleError> {
    let mut forks = Vec::new();
    let (mut at, mut until) = (position, clock.updates.max(1));
    for _ in 0..=runs.len() {
        let Some(fork) = runs.get(at).and_then(|run| run.fork.as_ref()) else {
            let mut lineage = Piecewise::from(at);
            forks.into_iter().rev().for_each(|(from, run)| lineage.put(from, run));
            return Ok(lineage);
        };
        let from = fork.at.whole_updates(clock);
        if from >= clock.updates {
            let allowed = format!("an update before the end, which is {}", clock.updates);
            return Err(refused("fork.at", from.to_string(), allowed));
        }
        // A parent that is itself forked later lends only what is before.
        if from < until {
            forks.push((from, at));
            until = from;
        }
        at = runs.iter().position(|run| run.name == fork.of).ok_or_else(|| no_such_run(fork, runs))?;
    }
    let of = runs.get(position).and_then(|run| run.fork.as_ref()).map_or("", |fork| &fork.of);
    Err(refused("fork.of", format!("{of:?}"), "a run that is not forked from this one".into()))
}

fn no_such_run(fork: &Fork, runs: &[Run]) -> ScheduleError {
    let names = runs.iter().map(|run| run.name.as_str());
    let hint = nearest(&fork.of, names).map_or(String::new(), |name| format!(", such as {name:?}"));
    refused("fork.of", format!("{:?}", fork.of), format!("the name of another run{hint}"))
}

fn refused(field: &str, found: String, allowed: String) -> ScheduleError {
    ScheduleError { field: field.into(), found, allowed }
}
