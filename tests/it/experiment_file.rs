//! The experiment file: what can be written reads back the same, and what is wrong is said with its place.

#[path = "experiment_file/any.rs"]
mod any;
#[path = "experiment_file/disk.rs"]
mod disk;
#[path = "experiment_file/forks.rs"]
mod forks;
#[path = "experiment_file/kept.rs"]
mod kept;
#[path = "experiment_file/properties.rs"]
mod properties;
#[path = "experiment_file/wrong.rs"]
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use anneal_studio::experiment::{
    BatchSize, Controller, Experiment, Loss, Metric, Model, Number, Plateau, SnapshotWhen, Source,
};
use anneal_studio::schedule::kind::{Noam, Value};
use anneal_studio::schedule::plateau::PlateauRule;
use anneal_studio::schedule::{Clock, Kind, Ramp, Schedule, Span, Warmup};

use crate::support::Fixture;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The texts of the example files, by name.
fn examples() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn read(text: &str) -> Experiment {
    Experiment::parse(text, "out.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn error(text: &str) -> String {
    Experiment::parse(text, "out.toml").expect_err(text).to_string()
}

/// A file in which every line is of some use to the tests of errors.
const FILE: &str = r#"anneal = 1
name = "an example"

[data]
name = "digits"
batch_size = 64
validation = 0.2

[model]
kind = "mlp"
hidden = [64, 32]

[train]
updates = "10ep"

[[run]]
name = "constant"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }

[[run]]
name = "cosine"
optimizer = { kind = "adamw", beta1 = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "5%" } }
"#;

#[test]
fn every_example_reads_and_writes() {
    let files = examples();
    assert!(files.len() >= 9);
    for (name, text) in files {
        assert!(text.starts_with("# "), "{name} does not say what it shows");
        let experiment = Experiment::open(folder().join(&name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Experiment::parse(&text, &name).unwrap(), experiment, "{name}");
        assert_eq!(read(&experiment.to_toml()), experiment, "{name}");
    }
}

#[test]
fn an_example_means_what_it_says() {
    let experiment = Experiment::open(folder().join("fashion-decay.toml")).unwrap();
    assert_eq!(experiment.data.source, Source::Shipped("fashion14".to_owned()));
    assert_eq!(experiment.data.batch_size, BatchSize::Samples(16));
    assert_eq!(experiment.data.limit, Some(4000));
    assert_eq!((experiment.train.seed, experiment.train.replicas), (1, 5));
    assert_eq!(experiment.train.updates, Span::Updates(2500.0));
    let [_, step, .., plateau] = experiment.runs.as_slice() else { panic!("{:?}", experiment.runs) };
    assert_eq!(step.lr.kind.get("every"), Some(Value::Span(Some(Span::Percent(50.0)))));
    assert_eq!(step.optimizer.get("momentum"), Some(&Number::Fixed(0.9)));
    let rule =
        PlateauRule { factor: 0.5, patience: 2, threshold: 1e-3, min_lr: 1e-5, ..PlateauRule::default() };
    assert_eq!(plateau.controller, Some(Controller::Plateau(Plateau { metric: Metric::ValLoss, rule })));
    let warmup = Warmup::new(Span::Percent(2.0), 0.0, Ramp::Linear);
    assert_eq!(plateau.lr.warmup, Some(warmup));
}

#[test]
fn what_is_left_out_has_its_default() {
    let experiment = read(FILE);
    assert_eq!(experiment.data.batch_size, BatchSize::Samples(64));
    assert_eq!((experiment.data.validation, experiment.data.label_noise), (0.2, 0.0));
    assert_eq!(experiment.train.loss, Some(Loss::CrossEntropy));
    assert_eq!((experiment.train.seed, experiment.train.replicas, experiment.train.accumulate), (0, 1, 1));
    let sine = FILE.with("digits", "sine");
    assert_eq!(read(&sine).train.loss, Some(Loss::Mse));

    let surface = "anneal = 1\nname = \"\"\n[model]\nkind = \"surface\"\nfunction = \"beale\"\nstart = [1, -1.5]\n\
        [train]\nupdates = 500\n[[run]]\nname = \"a\"\noptimizer = { kind = \"sgd\" }\n\
        lr = { kind = \"points\", points = [[\"0\", 0.1], [\"50%\", 0]] }\n";
    let surface = read(surface);
    assert_eq!(surface.data.source, Source::None);
    assert_eq!(surface.train.updates, Span::Updates(500.0));
    assert!(matches!(surface.model, Model::Surface { start: [1.0, -1.5], .. }));
}

#[test]
fn the_text_is_what_a_person_would_write() {
    let text = r#"anneal = 1
name = "every \"section\""

[data]
name = "fashion14"
batch_size = "all"
label_noise = 0.1
limit = 500

[model]
kind = "cnn"
channels = [16, 32]

[train]
updates = "2.5ep"
seed = 7
clip_norm = 1.0
loss = "mse"

[snapshots]
when = "5ep"
keep = 4
average = ["swa", "ema"]

[[run]]
name = "sequence"
optimizer = { kind = "sgd", momentum = { kind = "mirror", low = 0.85, high = 0.95 }, weight_decay = 5e-4, nesterov = true }
lr = { kind = "sequence", parts = [{ for = "10%", kind = "linear", peak = 0.1, from = 0.0 }, { kind = "multistep", peak = 0.1, milestones = ["0", "50%"], tick = "epoch", clamp = { min = 1e-4, max = 0.05 } }] }
plateau = { metric = "val_accuracy", mode = "max", patience = 3 }
layer_decay = 0.75

[[run]]
name = "product"
optimizer = { kind = "adam" }
lr = { kind = "product", of = [{ kind = "points", points = [["0ep", 0.1], ["1ep", 1e-4]], interpolation = "monotone" }, { kind = "table", values = [1.0, 0.5] }], warmup = { over = "30", from = 0.1, shape = "cosine" }, cooldown = { over = "20%" } }
hypergradient = { beta = 1e-6 }
"#;
    let experiment = read(text);
    assert_eq!(experiment.to_toml(), text);
    let watches =
        |metric| move |it: &Controller| matches!(it, Controller::Plateau(it) if it.metric == metric);
    assert!(experiment.runs[0].controller.as_ref().is_some_and(watches(Metric::ValAccuracy)));
    assert_eq!(experiment.snapshots.map(|it| it.when), Some(SnapshotWhen::Every(Span::Epochs(5.0))));
}

#[test]
fn a_schedule_of_the_batch_is_a_line_of_its_run() {
    let line = "batch = { kind = \"step\", peak = 64.0, every = \"5ep\", gamma = 2.0 }\n";
    let experiment = read(&format!("{}{line}", read(FILE).to_toml()));
    assert_eq!(experiment.runs.last().unwrap().batch.as_ref().unwrap().kind.name(), "step");
    assert!(experiment.to_toml().ends_with(line));
    for (from, to, says) in [
        ("name = \"digits\"\n", "name = \"digits\"\nbatch_size = \"all\"\n", "a batch_size in samples"),
        ("gamma = 2.0", "gamma = -1", "batch.gamma: found -1"),
    ] {
        let message = error(&experiment.to_toml().with(from, to));
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn noam_with_a_warmup_of_its_own_and_one_around_it_keeps_its_values() {
    let mut experiment = read(FILE);
    let noam = Kind::Noam(Noam { scale: 1.0, d_model: 64.0, warmup: Span::Updates(40.0) });
    let warmup = Warmup::new(Span::Updates(10.0), 0.5, Ramp::Linear);
    experiment.runs[0].lr = Schedule { warmup: Some(warmup), ..noam.into() };
    let clock = Clock { updates: 200, updates_per_epoch: 20 };
    let values = |experiment: &Experiment| {
        let curve = experiment.runs[0].lr.resolve(clock).unwrap();
        (0..200).map(|update| curve.at(update)).collect::<Vec<_>>()
    };
    assert_eq!(values(&read(&experiment.to_toml())), values(&experiment));
}
