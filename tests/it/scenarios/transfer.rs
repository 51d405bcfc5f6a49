//! Training that begins with the weights of another one.

use std::path::Path;
use std::process::Command;

use anneal_studio::experiment::Experiment;
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;

use crate::support::{Fixture, cohort, pool, revision_of};

/// What is learned first.
const BASE: &str = r#"
anneal = 1
name = "base"
data = { name = "digits", batch_size = 32 }
model = { kind = "mlp", hidden = [32, 16] }
train = { updates = "200", seed = 1, replicas = 2 }
[[run]]
name = "high"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }
[[run]]
name = "low"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.01 }
"#;

/// What begins with it: the lowest layer is frozen for the first half.
const TUNE: &str = r#"
anneal = 1
name = "tune"

[data]
name = "digits"
batch_size = 32

[model]
kind = "mlp"
hidden = [32, 16]
from = "base"

[train]
updates = "100"
seed = 9
replicas = 3

[[run]]
name = "tuned"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.01 }
[[run.group]]
match = "layer 0"
freeze = "50"
"#;

/// The base, trained and saved in a folder; its weights by run and replica.
fn base(folder: &Path) -> Vec<Vec<f32>> {
    let mut base = cohort(BASE, 2);
    base.advance(u64::MAX, u64::MAX).unwrap();
    let checkpoints = folder.join("base/checkpoints");
    std::fs::create_dir_all(&checkpoints).unwrap();
    let name = anneal_studio::train::checkpoint::file_name(200);
    base.checkpoint().unwrap().save(&checkpoints.join(name)).unwrap();
    base.lanes().iter().map(|lane| base.weights(lane.id).unwrap().unwrap()).collect()
}

/// The experiment in a file of the folder, at update 0.
fn opened(folder: &Path, text: &str) -> Result<Cohort, String> {
    let file = folder.join("tune.toml");
    std::fs::write(&file, text).unwrap();
    let experiment = Experiment::open(&file).map_err(|error| error.to_string())?;
    Cohort::new(revision_of(experiment, 0), pool(1)).map_err(|error| error.to_string())
}

fn weights(cohort: &Cohort) -> Vec<Vec<f32>> {
    cohort.lanes().iter().map(|lane| cohort.weights(lane.id).unwrap().unwrap()).collect()
}

#[test]
fn training_begins_with_the_weights_of_the_run_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let base = base(folder.path());
    // The lanes of the base: high 0, high 1, low 0, low 1. A third replica begins with the first one's again.
    let first = weights(&opened(folder.path(), TUNE).unwrap());
    assert_eq!(first, [base[0].clone(), base[1].clone(), base[0].clone()]);
    let low = TUNE.with("from = \"base\"", "from = { path = \"base\", run = \"low\" }");
    assert_eq!(weights(&opened(folder.path(), &low).unwrap())[..2], base[2..]);
    let file = format!("base/checkpoints/{}", anneal_studio::train::checkpoint::file_name(200));
    let single = TUNE.with("\"base\"", &format!("\"{file}\""));
    assert_eq!(weights(&opened(folder.path(), &single).unwrap()), first);
}

#[test]
fn a_head_of_other_classes_and_a_new_head_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let base = base(folder.path());
    let random = weights(&cohort(&TUNE.with("from = \"base\"", ""), 1));
    let new = TUNE.with("from = \"base\"", "from = { path = \"base\", head = \"new\" }");
    let cohort = opened(folder.path(), &new).unwrap();
    let head = cohort.task().model.parameters().iter().find(|parameter| parameter.layer == 2).unwrap().offset;
    for (at, weights) in weights(&cohort).iter().enumerate().take(2) {
        assert_eq!(weights[..head], base[at][..head]);
        assert_eq!(weights[head..], random[at][head..]);
    }
    // Three species in place of ten digits, and other inputs: nothing below the head fits.
    let other = TUNE.with("name = \"digits\"", "name = \"penguins\"");
    let error = opened(folder.path(), &other).err().unwrap();
    assert!(
        error.contains("tune.toml:12:8: model.from: found \"")
            && error.contains("whose layer0.weight is [64, 32]"),
        "{error}"
    );
}

#[test]
fn frozen_layers_stay_what_they_were_until_they_thaw() {
    let folder = tempfile::tempdir().unwrap();
    let base = base(folder.path());
    let mut cohort = opened(folder.path(), TUNE).unwrap();
    let lowest: Vec<_> = cohort
        .task()
        .model
        .parameters()
        .iter()
        .filter(|it| it.layer == 0)
        .map(anneal_studio::model::Parameter::range)
        .collect();
    cohort.advance(50, u64::MAX).unwrap();
    let half = weights(&cohort);
    assert!(lowest.iter().all(|range| half[0][range.clone()] == base[0][range.clone()]));
    assert_ne!(half[0], base[0]);
    cohort.advance(100, u64::MAX).unwrap();
    assert!(lowest.iter().any(|range| weights(&cohort)[0][range.clone()] != base[0][range.clone()]));
}

#[test]
fn fine_tuning_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    base(folder.path());
    let mut whole = opened(folder.path(), TUNE).unwrap();
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let mut first = opened(folder.path(), TUNE).unwrap();
    first.advance(37, u64::MAX).unwrap();
    let file = folder.path().join("one.safetensors");
    first.checkpoint().unwrap().save(&file).unwrap();
    let mut second = opened(folder.path(), TUNE).unwrap();
    second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
    second.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(weights(&second), weights(&whole));
}

#[test]
fn what_cannot_be_begun_with_is_one_sentence_with_its_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    base(folder.path());
    for (from, to, told) in [
        ("from = \"base\"", "from = \"nowhere\"", "there is no such folder or file"),
        (
            "from = \"base\"",
            "from = { path = \"base\", run = \"lwo\" }",
            "one of its runs: \"high\", \"low\"",
        ),
        (
            "hidden = [32, 16]\nfrom",
            "hidden = [64, 16]\nfrom",
            "whose layer0.weight is [64, 32], allowed: weights of this model, where it is [64, 64]",
        ),
        ("hidden = [32, 16]\nfrom", "hidden = [32, 16, 8]\nfrom", "whose layer2.weight is [16, 10]"),
        ("from = \"base\"", "from = 3", "the folder of a training or a checkpoint"),
        ("from = \"base\"", "from = { path = \"base\", head = \"none\" }", "\"fitting\" or \"new\""),
    ] {
        let text = TUNE.with(from, to);
        let error = opened(folder.path(), &text).err().unwrap();
        assert!(error.contains(told) && error.contains("tune.toml:12:"), "{error}");
        let out = Command::new(env!("CARGO_BIN_EXE_anneal"))
            .args(["train", "tune.toml"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn weights_to_begin_with_are_written_as_they_are_read() {
    for from in ["\"base\"", "{ path = \"base\", run = \"low\", head = \"new\" }"] {
        let text = TUNE.with("from = \"base\"", &format!("from = {from}"));
        let experiment = Experiment::parse(&text, "tune.toml").unwrap();
        assert!(experiment.to_toml().contains(&format!("from = {from}\n")), "{}", experiment.to_toml());
        assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
    }
}
