//! The analysis of training: what it finds, against programs and closed forms that know the answer.

mod detect;
mod glossary;
mod microscope;
mod noise_scale;
mod range_test;
mod report;
mod sharpness;

use std::sync::Arc;

use anneal_studio::experiment::Experiment;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::{Revision, RunId};

/// An experiment of `examples/`.
fn experiment(name: &str) -> Experiment {
    let path = format!("{}/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Experiment::open(path).unwrap()
}

fn pool() -> Arc<rayon::ThreadPool> {
    Arc::new(anneal_studio::train::pool(Some(2)).unwrap())
}

fn revision(experiment: Experiment) -> Arc<Revision> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    Arc::new(Revision { generation: 0, experiment, ids })
}

fn cohort(experiment: Experiment) -> Cohort {
    Cohort::new(revision(experiment), pool()).unwrap()
}
