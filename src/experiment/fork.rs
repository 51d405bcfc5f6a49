//! Forks: runs that share another run's past.

use super::Run;
use super::near::nearest;
use crate::schedule::{Clock, ScheduleError, Span};

/// Where a run parts from another: until then it is that run, update for update.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// The other run's name.
    pub of: String,
    /// Updates done together.
    pub at: Span,
}

/// Which runs of an experiment make a run's updates: itself last, before its fork the one it was forked from,
/// and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// First updates and positions among the runs, in order; the first is update 0.
    pub legs: Vec<(u64, usize)>,
}

impl Lineage {
    /// The lineage of the run at `position`.
    ///
    /// # Errors
    /// When a run is forked from one that is not there or from a fork of its own, or at an update that the
    /// training does not have.
    pub fn of(runs: &[Run], position: usize, clock: Clock) -> Result<Self, ScheduleError> {
        let mut legs = Vec::new();
        let (mut at, mut until) = (position, clock.updates.max(1));
        for _ in 0..=runs.len() {
            let Some(fork) = runs.get(at).and_then(|run| run.fork.as_ref()) else {
                legs.push((0, at));
                legs.reverse();
                return Ok(Self { legs });
            };
            let from = fork.at.whole_updates(clock);
            if from >= clock.updates {
                let allowed = format!("an update before the end, which is {}", clock.updates);
                return Err(refused("fork.at", from.to_string(), allowed));
            }
            // A parent that is itself forked later lends only what is before.
            if from < until {
                legs.push((from, at));
                until = from;
            }
            at = runs.iter().position(|run| run.name == fork.of).ok_or_else(|| no_such_run(fork, runs))?;
        }
        let of = runs.get(position).and_then(|run| run.fork.as_ref()).map_or("", |fork| &fork.of);
        Err(refused("fork.of", format!("{of:?}"), "a run that is not forked from this one".into()))
    }

    /// The position of the run that makes update `update`.
    pub fn run(&self, update: u64) -> Option<usize> {
        self.legs.iter().rev().find(|(from, _)| *from <= update).map(|(_, run)| *run)
    }
}

fn no_such_run(fork: &Fork, runs: &[Run]) -> ScheduleError {
    let names = runs.iter().map(|run| run.name.as_str());
    let hint = nearest(&fork.of, names).map_or(String::new(), |name| format!(", such as {name:?}"));
    refused("fork.of", format!("{:?}", fork.of), format!("the name of another run{hint}"))
}

fn refused(field: &str, found: String, allowed: String) -> ScheduleError {
    ScheduleError { field: field.into(), found, allowed }
}
