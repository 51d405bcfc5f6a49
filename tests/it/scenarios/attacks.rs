//! Attacked samples, against a program in numpy that shares nothing with ours; and training on them.

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::attack::{Attack, AttackKind};
use anneal_studio::model::Inputs;
use anneal_studio::train::attack::Attacked;
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use serde_json::Value;

use crate::support::{Fixture, cohort};

/// What numpy makes of the same samples and weights, by `tests/golden/attacks.py`.
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

#[test]
fn attacked_samples_are_numpys() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(cases.len(), 3);
    let cohort = cohort(SMALL, 1);
    let weights = cohort.weights(cohort.lanes()[0].id).unwrap().unwrap();
    let rows: Vec<u32> = (0..8).collect();
    for case in cases {
        let kind = if case["kind"] == "fgsm" { AttackKind::Fgsm } else { AttackKind::Pgd };
        let (eps, steps) = (case["eps"].as_f64().unwrap(), case["steps"].as_u64().unwrap() as usize);
        let attack = Attack { kind, eps, steps, train: false };
        let attacked = Attacked::of(cohort.task(), &attack, &weights, cohort.task().training(&rows)).unwrap();
        let Inputs::Dense { values, .. } = attacked.batch().inputs else { panic!() };
        let expected = case["inputs"].as_array().unwrap();
        assert_eq!(values.len(), expected.len());
        for (found, expected) in values.iter().zip(expected) {
            assert!((f64::from(*found) - expected.as_f64().unwrap()).abs() < 1e-4, "{found} {expected}");
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
