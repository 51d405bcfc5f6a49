//! `anneal import`: a framework's configuration or a logged rate as an experiment file.

use std::path::Path;

use super::{Failure, first, output};
use crate::experiment::{BatchSize, Experiment, Optimizer, OptimizerKind};
use crate::import::{Imported, Options, import_file};

/// Prints an experiment with the imported run; what was assumed or left out goes to stderr.
pub fn run(file: &Path) -> Result<(), Failure> {
    let imported = import_file(file, Options::default()).map_err(|error| Failure::BadFile(error.into()))?;
    let experiment = match imported.experiment.as_deref() {
        Some(experiment) => experiment.clone(),
        None => around(&imported)?,
    };
    for note in &imported.notes {
        output::say(format!("note: {note}"));
    }
    if let Some(fit) = &imported.fit {
        output::say(format!("fit: {fit}"));
    }
    Ok(output::print(&experiment.to_toml())?)
}

/// The experiment that opens when none is named, with the imported run and what the text says of its training.
fn around(imported: &Imported) -> Result<Experiment, Failure> {
    let mut experiment = first()?;
    experiment.name = imported.name.clone();
    let usual = Optimizer::new(OptimizerKind::Sgd).with("momentum", 0.9);
    experiment.runs = vec![imported.run(&usual)];
    if let Some(updates) = imported.updates {
        experiment.train.updates = updates;
    }
    if let Some(accumulate) = imported.accumulate {
        experiment.train.accumulate = accumulate;
    }
    if let Some(batch) = imported.batch_size {
        experiment.data.batch_size = BatchSize::Samples(batch);
    }
    experiment.train.clip_norm = imported.clip_norm;
    Ok(experiment)
}
