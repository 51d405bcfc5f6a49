//! The examples of scenarios do what their sentences say.

use anneal_studio::experiment::Experiment;
use anneal_studio::telemetry::Row;
use anneal_studio::train::cohort::Cohort;

use crate::support::{pool, revision_of};

/// The last measured value of each run of an example, over three seeds.
fn ends(name: &str, of: fn(&Row) -> Option<f64>) -> Vec<Vec<f64>> {
    let path = format!("{}/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let mut experiment = Experiment::open(path).unwrap();
    experiment.train.replicas = 3;
    let runs = experiment.runs.len();
    let mut cohort = Cohort::new(revision_of(experiment, 0), pool(2)).unwrap();
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let last = |run: usize| {
        let lanes = cohort.lanes().iter().filter(|lane| lane.id.run.0 as usize == run);
        lanes.map(|lane| lane.log.rows.iter().rev().find_map(of).unwrap()).collect()
    };
    (0..runs).map(last).collect()
}

#[track_caller]
fn every_seed(first: &[f64], second: &[f64], by: f64) {
    assert!(first.iter().zip(second).all(|(first, second)| first - second > by), "{first:?} {second:?}");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "attacks take long: run it with --release")]
fn robustness_wants_a_higher_rate_and_a_decay() {
    let ends = ends("robustness", |row| row.robust_accuracy.map(f64::from));
    let [low, high, decaying] = [&ends[0], &ends[1], &ends[2]];
    every_seed(high, low, 0.05);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(decaying) > mean(high) + 0.01, "{decaying:?} {high:?}");
}

#[test]
fn a_rate_that_begins_anew_with_the_hard_samples_learns_more_of_them() {
    let ends = ends("curriculum", |row| row.val_loss.map(f64::from));
    let [fallen, constant, anew] = [&ends[0], &ends[1], &ends[2]];
    every_seed(fallen, constant, 0.0);
    every_seed(constant, anew, 0.0);
}

#[test]
fn a_loss_scale_falls_and_grows_again_and_collapses_under_a_rate_far_too_high() {
    let scales = ends("loss-scale", |row| row.loss_scale);
    assert!(
        scales[0].iter().all(|scale| *scale > 1e4) && scales[1].iter().all(|scale| *scale < 1.0),
        "{scales:?}"
    );
    let accuracies = ends("loss-scale", |row| row.val_accuracy.map(f64::from));
    every_seed(&accuracies[0], &[0.95; 3], 0.0);
}
