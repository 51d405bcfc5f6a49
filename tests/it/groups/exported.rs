//! Exported parameter groups: executed in PyTorch, and named as lost where a framework has none.

use std::path::{Path, PathBuf};

use anneal_studio::experiment::Experiment;
use anneal_studio::export::{Options, Target, export};
use anneal_studio::schedule::Clock;
use serde_json::Value;

use super::moons;
use crate::support::Fixture;

const RUN: &str = "optimizer = { kind = \"adamw\", weight_decay = 0.1 }\n\
                   lr = { kind = \"cosine\", peak = 0.01, warmup = { over = \"4\" } }\ndecay = \"matrices\"\n\
                   [[run.group]]\nmatch = \"head\"\nlr = 2\nweight_decay = 0.3\n\
                   [[run.group]]\nmatch = \"layer 0\"\nlr = 0.5\nfreeze = \"10\"\n\
                   [[run.group]]\nmatch = \"bias\"\nlr = { kind = \"linear\", peak = 0.02, from = 1.0, to = 0.0 }\n";

const CLOCK: Clock = Clock { updates: 40, updates_per_epoch: 10 };

fn experiment() -> Experiment {
    Experiment::parse(&moons(RUN).with("updates = \"60\"", "updates = \"40\""), "e.toml").unwrap()
}

fn exported(target: &str) -> anneal_studio::export::Export {
    let experiment = experiment();
    let target = Target::from_id(target).unwrap();
    export(&experiment, &experiment.runs[0], CLOCK, target, &Options::default()).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/groups").join(name)
}

/// The table of drawn numbers, by column.
fn drawn() -> Vec<std::collections::HashMap<String, f64>> {
    let text = exported("csv").text;
    let mut table = csv::Reader::from_reader(text.as_bytes());
    table.deserialize().map(Result::unwrap).collect()
}

#[test]
fn pytorch_trains_the_groups_that_were_drawn() {
    let text = exported("pytorch").text;
    // What comes back on import is no code.
    let code = text.split_once("\n# ----").map_or(text.as_str(), |(code, _)| code);
    if std::env::var_os("ANNEAL_RENEW").is_some() {
        std::fs::write(golden("pytorch.py"), code).unwrap();
    }
    let recorded = std::fs::read_to_string(golden("pytorch.py")).unwrap();
    assert_eq!(code.trim_end(), recorded.trim_end(), "renew it, and run tests/golden/groups/run.py");
    let recorded: Value =
        serde_json::from_str(&std::fs::read_to_string(golden("rates.json")).unwrap()).unwrap();
    let updates = recorded["updates"].as_array().unwrap();
    let drawn = drawn();
    assert_eq!(updates.len(), drawn.len());
    // The parameters of the model there, with the column that they follow, their decay, and their thaw.
    let parameters = [
        ("table.weight", "lr:layer 0", 0.1, 10),
        ("norm.weight", "lr", 0.0, 0),
        ("norm.bias", "lr:bias", 0.0, 0),
        ("head.weight", "lr:head", 0.3, 0),
        ("head.bias", "lr:head", 0.0, 0),
    ];
    for (update, (there, drawn)) in updates.iter().zip(&drawn).enumerate() {
        for (name, column, decay, thaw) in parameters {
            let rate = there[name]["lr"].as_f64().unwrap();
            assert!(
                (rate - drawn[column]).abs() < 1e-12,
                "{name}, update {update}: {rate} {}",
                drawn[column]
            );
            assert_eq!(there[name]["weight_decay"].as_f64(), Some(decay), "{name}");
            assert_eq!(there[name]["moved"].as_bool(), Some(rate > 0.0), "{name}, update {update}");
            let steps = (update as u64 + 1).saturating_sub(thaw);
            assert_eq!(there[name]["steps"].as_u64(), Some(steps), "{name}, update {update}");
        }
    }
}

#[test]
fn what_a_framework_has_not_of_groups_is_named() {
    let notes = |target: &str| exported(target).notes.join("\n");
    for target in ["pytorch", "lightning", "hugging_face"] {
        assert!(notes(target).contains("Carried: the parameter group \"head\""), "{target}");
        assert!(exported(target).text.contains("def groups(model):"), "{target}");
    }
    for target in
        ["optax", "keras", "timm", "deepspeed", "megatron", "torchtitan", "fastai", "burn", "candle"]
    {
        let notes = notes(target);
        assert!(
            notes
                .contains("Left out: the parameter group \"head\" (at 2.0 times the rate, weight decay 0.3)"),
            "{target}"
        );
        assert!(notes.contains("frozen for 10 updates"), "{target}");
    }
    assert!(notes("timm").contains("Carried: biases and norms do not decay."));
    assert!(notes("keras").contains("Left out: decay = \"matrices\""));
    // Frameworks that never decay them say so of a run that does.
    let plain = Experiment::parse(
        &moons(
            "optimizer = { kind = \"adamw\", weight_decay = 0.1 }\nlr = { kind = \"cosine\", peak = 0.01 }\n",
        ),
        "e.toml",
    )
    .unwrap();
    for (target, changed) in [("timm", true), ("hugging_face", true), ("pytorch", false), ("optax", false)] {
        let target = Target::from_id(target).unwrap();
        let made = export(&plain, &plain.runs[0], CLOCK, target, &Options::default()).unwrap();
        let is_said =
            made.notes.iter().any(|note| note.starts_with("Changed: biases and norms do not decay"));
        assert_eq!(is_said, changed, "{}", target.id);
    }
}
