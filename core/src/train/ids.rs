//! What stays the same over edits: the names of runs, lanes and snapshots, and one state of the edited experiment.

use crate::experiment::Experiment;

/// A run's identity over edits and renames, given out by whoever edits the experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u32);

/// One row of the cohort: a run under one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    pub run: RunId,
    pub replica: u32,
}

/// A snapshot that the engine keeps, for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub u64);

/// One state of the edited experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Counts edits; telemetry echoes the newest one in effect.
    pub generation: u64,
    pub experiment: Experiment,
    /// One for each of the experiment's runs, in order.
    pub ids: Vec<RunId>,
}

/// What an edit means for what is already trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The past is frozen; an edit is in effect from the next update.
    #[default]
    Live,
    /// An edited run trains from scratch, at once and to the end.
    Instant,
}
