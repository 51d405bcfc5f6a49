//! The analysis of training: what it finds, against programs and closed forms that know the answer.

mod detect;
mod glossary;
mod labels;
mod microscope;
mod noise_scale;
mod range_test;
mod report;
mod sharpness;

use anneal_studio::experiment::Experiment;
use anneal_studio::train::cohort::Cohort;

use crate::support::{pool, revision_of};

/// An experiment of `examples/`.
fn experiment(name: &str) -> Experiment {
    let path = format!("{}/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Experiment::open(path).unwrap()
}

fn cohort(experiment: Experiment) -> Cohort {
    Cohort::new(revision_of(experiment, 0), pool(2)).unwrap()
}
