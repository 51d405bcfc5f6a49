//! What of an experiment an answer depends on.

use crate::experiment::{Data, Experiment, Model, Optimizer, Run, Train};
use crate::train::ids::RunId;

use super::document::Document;

/// With another of these an answer no longer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    data: Data,
    model: Model,
    train: Train,
    optimizer: Optimizer,
}

impl Basis {
    /// What an answer about this run depends on, its schedule apart.
    pub fn of(document: &Document, run: RunId) -> Option<Self> {
        let run: &Run = document.run(run)?;
        let Experiment { data, model, train, .. } = document.experiment();
        Some(Self {
            data: data.clone(),
            model: model.clone(),
            train: train.clone(),
            optimizer: run.optimizer.clone(),
        })
    }
}
