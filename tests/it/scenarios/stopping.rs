//! Early stopping, and what a model knows of right and of wrong labels.

use anneal_studio::data::Prepared;
use anneal_studio::experiment::Experiment;
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use anneal_studio::train::task::{self, Task};

use crate::support::{Fixture, cohort, pool, revision};

/// Learns so long that it gets worse.
const TEXT: &str = r#"
anneal = 1
name = "stops"
data = { name = "digits", batch_size = 32, limit = 200, label_noise = 0.3 }
model = { kind = "mlp", hidden = [48] }
train = { updates = "100ep", seed = 3, replicas = 2, stop = { metric = "val_loss", patience = 4 } }
[[run]]
name = "high"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }
[[run]]
name = "adam"
optimizer = { kind = "adamw" }
lr = { kind = "cosine", peak = 3e-3 }
"#;

const RULE: &str = "stop = { metric = \"val_loss\", patience = 4 }";

fn bits(rows: &[Row]) -> Vec<Vec<Option<u64>>> {
    rows.iter().map(|row| Column::ALL.map(|column| row.get(column).map(f64::to_bits)).to_vec()).collect()
}

fn weights(cohort: &Cohort) -> Vec<u32> {
    let rows = cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    rows.iter().map(|weight| weight.to_bits()).collect()
}

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

#[test]
fn a_run_stops_when_its_patience_is_over_and_is_the_same_until_then() {
    let stopped = trained(TEXT);
    let whole = trained(&TEXT.with(&format!(", {RULE}"), ""));
    let epoch = stopped.task().clock.updates_per_epoch;
    assert!(!stopped.can_train());
    for (lane, other) in stopped.lanes().iter().zip(whole.lanes()) {
        let told = lane.stopped(stopped.task()).expect("it stops");
        let (best, at) = told.best.unwrap();
        assert_eq!((lane.update, told.update), (at + 4 * epoch, lane.update));
        assert!(lane.update < told.updates && told.restored, "{}", told.message());
        // The best epoch is the best of all it has seen, and what it is said to be.
        let losses: Vec<f32> = lane.log.validations().map(|validation| validation.loss).collect();
        assert_eq!(losses.iter().copied().fold(f32::INFINITY, f32::min), best as f32);
        let same = |row: &Row| (row.update, row.train_loss.to_bits(), row.lr.to_bits());
        let shared: Vec<_> = other.log.rows.iter().take(lane.log.rows.len()).map(same).collect();
        assert_eq!(
            lane.log.rows.iter().map(same).collect::<Vec<_>>(),
            shared,
            "the schedule is the whole run's"
        );
        assert_eq!(other.update, told.updates);
    }
    assert_eq!(stopped.update(), stopped.lanes().iter().map(|lane| lane.update).max().unwrap());
}

#[test]
fn a_run_that_stopped_has_the_weights_of_its_best_epoch() {
    let mut stopped = trained(TEXT);
    let kept = trained(&TEXT.with("patience = 4", "patience = 4, restore_best = false"));
    let best: Vec<f64> =
        stopped.lanes().iter().map(|lane| lane.stopped(stopped.task()).unwrap().best.unwrap().0).collect();
    assert_ne!(weights(&stopped), weights(&kept));
    let rows: Vec<Vec<f32>> = stopped.rows().to_vec2().unwrap();
    let task =
        Task::new(&stopped.revision().experiment, task::prepare(&stopped.revision().experiment).unwrap());
    let (task, width) = (task.unwrap(), stopped.task().model.width());
    for ((lane, row), best) in stopped.lanes_mut().iter_mut().zip(&rows).zip(best) {
        assert_eq!(lane.validate(&task, &row[..width]).mean_loss(), best);
    }
}

#[test]
fn a_training_that_stops_early_resumes_to_the_same_bits_before_and_after_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    let whole = trained(TEXT);
    for stop in [3, 40, 77, 200, 100_000] {
        let mut first = cohort(TEXT, 1);
        first.advance(stop, u64::MAX).unwrap();
        let begun: Vec<u64> = first.lanes().iter().map(|lane| lane.update).collect();
        first.checkpoint().unwrap().save(&file).unwrap();
        let saved = Checkpoint::open(&file).unwrap();
        let mut second = cohort(TEXT, 2);
        second.restore(&saved, Forget::default()).unwrap();
        second.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(weights(&second), weights(&whole), "resumed at {stop}");
        for ((lane, other), begun) in second.lanes().iter().zip(whole.lanes()).zip(begun) {
            assert_eq!(lane.stopped(second.task()), other.stopped(whole.task()));
            let later: Vec<Row> = other.log.rows.iter().filter(|row| row.update >= begun).copied().collect();
            assert_eq!(bits(&lane.log.rows), bits(&later));
        }
    }
}

#[test]
fn candles_own_operations_stop_where_the_kernels_do() {
    let text = TEXT.with("replicas = 2", "replicas = 1");
    let mut oracle = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(2))).unwrap();
    oracle.advance(u64::MAX, u64::MAX).unwrap();
    let fused = trained(&text);
    for (lane, other) in oracle.lanes().iter().zip(fused.lanes()) {
        let (a, b) = (lane.stopped(oracle.task()).unwrap(), other.stopped(fused.task()).unwrap());
        assert_eq!((a.update, a.best.unwrap().1), (b.update, b.best.unwrap().1));
        let (a, b) = (oracle.weights(lane.id).unwrap().unwrap(), fused.weights(other.id).unwrap().unwrap());
        let far = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-3, "{far}");
    }
}

#[test]
fn what_cannot_stop_a_run_is_refused_by_line() {
    let refused = |from: &str, to: &str| {
        let text = TEXT.with(from, to);
        Experiment::parse(&text, "s.toml").unwrap_err().to_string()
    };
    for (from, to, told) in [
        (
            "patience = 4",
            "patience = 0",
            "s.toml:6:95: train.stop.patience: found 0, allowed: a whole number",
        ),
        (
            "\"val_loss\"",
            "\"loss\"",
            "s.toml:6:72: train.stop.metric: found \"loss\", allowed: \"train_loss\", \"val_loss\" or",
        ),
        (
            "limit = 200",
            "validation = 0.0",
            "s.toml:6:61: train.stop: found a validation metric, allowed: \"train_loss\"",
        ),
        ("patience = 4", "min_delta = -1", "train.stop.min_delta: found -1, allowed: a number of at least 0"),
        ("patience = 4", "patince = 4", "train.stop.patince"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn early_stopping_is_written_as_it_is_read() {
    let text = TEXT.with(
        RULE,
        "stop = { metric = \"val_accuracy\", patience = 2, min_delta = 0.01, restore_best = false }",
    );
    let experiment = Experiment::parse(&text, "s.toml").unwrap();
    assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
}

#[test]
fn wrong_labels_are_learned_after_right_ones_and_their_accuracy_is_counted_apart() {
    let noisy = trained(&TEXT.with(&format!(", {RULE}"), ""));
    let Prepared::Samples { train, mislabelled, .. } = &*noisy.task().prepared else { panic!() };
    let share = mislabelled.len() as f64 / train.len() as f64;
    // A replaced label is the right one by chance in a tenth of the cases.
    assert!((share - 0.27).abs() < 0.05, "{share}");
    for lane in noisy.lanes() {
        let of = |column| lane.log.rows.iter().filter_map(move |row| row.get(column));
        let (clean, wrong): (Vec<f64>, Vec<f64>) =
            (of(Column::CleanAccuracy).collect(), of(Column::NoisyAccuracy).collect());
        assert_eq!(clean.len(), lane.log.validations().count());
        assert_eq!(wrong.len(), clean.len());
        let half = |values: &[f64]| values.iter().position(|value| *value > 0.6).unwrap_or(usize::MAX);
        assert!(half(&clean) < half(&wrong), "{clean:?} {wrong:?}");
        assert!(wrong.first().unwrap() < &0.2 && wrong.last().unwrap() > &0.4, "{wrong:?}");
    }
    let clean = trained(&TEXT.with("label_noise = 0.3", "label_noise = 0.0"));
    let measured = |row: &Row| row.clean_accuracy.or(row.noisy_accuracy);
    assert!(clean.lanes().iter().all(|lane| lane.log.rows.iter().all(|row| measured(row).is_none())));
}
