//! One state of a document: the experiment, and who its runs are.

use crate::experiment::Experiment;
use crate::train::ids::RunId;

/// A run's identity, and its place in the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: RunId,
    /// Which of the palette's colours and marker shapes it has, for as long as it lives.
    pub slot: usize,
}

/// What undo goes back to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) experiment: Experiment,
    /// One for each of the experiment's runs, in order.
    pub(super) rows: Vec<Row>,
}
