//! What an online learner has paid, against a program in numpy that shares nothing with ours.

use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use serde_json::Value;

use crate::support::{Fixture, cohort, pool, revision};

/// What numpy makes of the same stream, by `tests/golden/prequential.py`.
const GOLDEN: &str = include_str!("../../golden/prequential.json");

const STREAM: &str = r#"
anneal = 1
name = "stream"
[data]
name = "digits"
batch_size = 16
limit = 640
[[data.phase]]
name = "first"
for = "50%"
classes = [0, 1, 2, 3, 4]
[[data.phase]]
name = "then"
classes = [5, 6, 7, 8, 9]
[model]
kind = "mlp"
hidden = [12]
[train]
updates = "40"
seed = 3
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.5 }
lr = { kind = "linear", peak = 0.1, from = 1.0, to = 0.2 }
"#;

/// The prequential accuracies and losses of the first lane.
fn paid(cohort: &Cohort) -> (Vec<f64>, Vec<f64>) {
    let rows = &cohort.lanes()[0].log.rows;
    let accuracies = rows.iter().filter_map(|row| row.prequential_accuracy);
    (accuracies.collect(), rows.iter().filter_map(|row| row.prequential_loss).collect())
}

#[test]
fn prequential_loss_and_accuracy_are_numpys() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let expected = |name: &str| -> Vec<f64> { serde_json::from_value(golden[name].clone()).unwrap() };
    let mut fused = cohort(STREAM, 1);
    fused.advance(u64::MAX, u64::MAX).unwrap();
    let mut reference = Cohort::at(revision(STREAM, 0), TrainDevice::reference(pool(1))).unwrap();
    reference.advance(u64::MAX, u64::MAX).unwrap();
    for cohort in [&fused, &reference] {
        let (accuracies, losses) = paid(cohort);
        assert_eq!((accuracies.len(), losses.len()), (40, 40));
        // The same samples are right, whatever the precision.
        for (found, expected) in accuracies.iter().zip(expected("accuracy")) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        for (found, expected) in losses.iter().zip(expected("loss")) {
            assert!((found - expected).abs() < 1e-4 * (1.0 + expected), "{found} {expected}");
        }
    }
}

#[test]
fn prequential_accuracy_counts_all_micro_batches_of_a_cnn_too_and_goes_on_after_a_resume() {
    let text = STREAM.with("kind = \"mlp\"\nhidden = [12]", "kind = \"cnn\"\nchannels = [4]");
    let text = text.with("seed = 3", "seed = 3\naccumulate = 2").with("batch_size = 16", "batch_size = 8");
    let mut whole = cohort(&text, 2);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
    reference.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(paid(&whole).0, paid(&reference).0);
    // Of 16 samples an update.
    let count = paid(&whole).0.last().unwrap() * 16.0 * 40.0;
    assert!((count - count.round()).abs() < 1e-6 && count > 64.0, "{count}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    let mut first = cohort(&text, 1);
    first.advance(27, u64::MAX).unwrap();
    first.checkpoint().unwrap().save(&file).unwrap();
    let mut second = cohort(&text, 1);
    second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
    second.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(paid(&second).0, paid(&whole).0[27..]);
}

#[test]
fn without_phases_nothing_is_paid_for_counting() {
    let plain =
        STREAM.with("[[data.phase]]\nname = \"first\"\nfor = \"50%\"\nclasses = [0, 1, 2, 3, 4]\n", "");
    let plain = plain.with("[[data.phase]]\nname = \"then\"\nclasses = [5, 6, 7, 8, 9]\n", "");
    let mut cohort = cohort(&plain, 1);
    cohort.advance(3, u64::MAX).unwrap();
    assert_eq!(paid(&cohort), (Vec::new(), Vec::new()));
}
