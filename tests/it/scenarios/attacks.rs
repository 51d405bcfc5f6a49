//! Attacked samples, against programs in numpy and PyTorch that share nothing with ours; and training on them.

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::attack::{Attack, AttackKind};
use anneal_studio::model::Inputs;
use anneal_studio::model::resident::Resident;
use anneal_studio::train::attack::{self, Attacked};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use crate::support::{Fixture, cohort, pool, revision};

/// What they make of the same samples and weights, by `tests/golden/attacks.py`.
const GOLDEN: &str = include_str!("../../golden/attacks.json");

const SMALL: &str = r#"
anneal = 1
name = "attacked"
data = { name = "digits", batch_size = 16, limit = 640 }
model = { kind = "mlp", hidden = [12] }
train = { updates = "400", seed = 3, attack = { kind = "pgd", eps = 0.1 } }
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }
"#;

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

/// The same with a CNN.
fn cnn() -> String {
    SMALL.with("kind = \"mlp\", hidden = [12]", "kind = \"cnn\", channels = [3, 5]")
}

#[test]
fn attacked_samples_are_numpys_and_pytorchs() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(cases.len(), 6);
    let rows: Vec<u32> = (0..8).collect();
    for case in cases {
        let cohort = cohort(&if case["model"] == "cnn" { cnn() } else { SMALL.to_owned() }, 1);
        let weights = cohort.weights(cohort.lanes()[0].id).unwrap().unwrap();
        let kind = if case["kind"] == "fgsm" { AttackKind::Fgsm } else { AttackKind::Pgd };
        let (eps, steps) = (case["eps"].as_f64().unwrap(), case["steps"].as_u64().unwrap() as usize);
        let attack = Attack { kind, eps, steps, train: false };
        let batch = cohort.task().training(&rows);
        let attacked = Attacked::of(cohort.task(), &attack, &weights, batch).unwrap();
        let Inputs::Dense { values, .. } = attacked.batch().inputs else { panic!() };
        let single = values.iter().copied().map(f64::from).collect();
        // In double precision, which the same operations have too.
        let model = &*cohort.task().model;
        let weights = Tensor::new(&weights[..], &Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
        let data = Resident::new(batch, model.outputs(), &Device::Cpu, DType::F64).unwrap();
        let double =
            attack::attacked(model, &attack, &weights.unsqueeze(0).unwrap(), &data, &[batch]).unwrap();
        let double: Vec<f64> = double.inputs().unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["inputs"].clone()).unwrap();
        for (found, near) in [(double, 1e-9), (single, 1e-4)] {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < near, "{} {found} {expected}", case["model"]);
            }
        }
    }
}

#[test]
fn candles_operations_train_on_the_same_attacked_samples() {
    for text in [SMALL.to_owned(), cnn()] {
        let text = text.with("eps = 0.1", "eps = 0.1, steps = 2, train = true").with("\"400\"", "\"12\"");
        let text = text.with("seed = 3", "seed = 3, accumulate = 2, replicas = 2");
        let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
        reference.advance(u64::MAX, u64::MAX).unwrap();
        for (ours, theirs) in trained(&text).lanes().iter().zip(reference.lanes()) {
            assert_eq!(ours.log.rows.len(), 12);
            for (ours, theirs) in ours.log.rows.iter().zip(&theirs.log.rows) {
                let near = (ours.train_loss - theirs.train_loss).abs() < 1e-3 * theirs.train_loss;
                assert!(near, "{ours:?} {theirs:?}");
                let robust = ours.robust_accuracy.zip(theirs.robust_accuracy);
                assert!(robust.is_none_or(|(ours, theirs)| (ours - theirs).abs() < 0.02), "{robust:?}");
            }
        }
    }
}

#[test]
fn an_attack_costs_accuracy_and_training_on_attacked_samples_keeps_some_of_it() {
    let end = |text: &str| {
        let row = *trained(text).lanes()[0].log.rows.last().unwrap();
        (row.val_accuracy.unwrap(), row.robust_accuracy.unwrap())
    };
    let (plain, attacked) = end(SMALL);
    let (hardened, robust) = end(&SMALL.with("eps = 0.1", "eps = 0.1, train = true"));
    assert!(attacked < plain - 0.1, "{plain} {attacked}");
    assert!(robust > attacked + 0.03 && hardened > 0.7, "{attacked} {robust} {hardened}");
}

#[test]
fn training_on_attacked_samples_resumes_to_the_same_bits() {
    let text = SMALL.with("eps = 0.1", "eps = 0.1, steps = 2, train = true").with("\"400\"", "\"60\"");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    let whole = trained(&text);
    let mut first = cohort(&text, 1);
    first.advance(33, u64::MAX).unwrap();
    first.checkpoint().unwrap().save(&file).unwrap();
    let mut second = cohort(&text, 1);
    second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
    second.advance(u64::MAX, u64::MAX).unwrap();
    let rows = |cohort: &Cohort| cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(rows(&second), rows(&whole));
}

#[test]
fn attacks_are_written_as_they_are_read_and_refused_by_line() {
    let fgsm = SMALL.with("kind = \"pgd\", eps = 0.1", "kind = \"fgsm\", eps = 0.3, train = true");
    for text in [SMALL.to_owned(), fgsm.clone()] {
        let experiment = Experiment::parse(&text, "a.toml").unwrap();
        assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
    }
    for (text, told) in [
        (
            SMALL.with("eps = 0.1", "eps = 0"),
            "a.toml:6:69: train.attack.eps: found 0, allowed: a number above 0",
        ),
        (fgsm.with("eps = 0.3", "eps = 0.3, steps = 2"), "fgsm has one step"),
        (SMALL.with("limit = 640", "validation = 0.0"), "a validation share"),
        (SMALL.with("kind = \"pgd\"", "kind = \"pgt\""), "did you mean `pgd`"),
    ] {
        let error = Experiment::parse(&text, "a.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
