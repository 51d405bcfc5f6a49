//! Exported parameter groups: executed in the frameworks, and named as lost where one has none.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anneal_studio::experiment::Experiment;
use anneal_studio::export::{Export, Options, Target, export};
use anneal_studio::schedule::Clock;
use serde_json::Value;

use super::moons;
use crate::support::Fixture;

const ADAMW: &str = "optimizer = { kind = \"adamw\", weight_decay = 0.1 }\n\
                     lr = { kind = \"cosine\", peak = 0.01, warmup = { over = \"4\" } }\n";
const GROUPS: &str = "decay = \"matrices\"\n[[run.group]]\nmatch = \"head\"\nlr = 2\nweight_decay = 0.3\n\
                      [[run.group]]\nmatch = \"layer 0\"\nlr = 0.5\nfreeze = \"10\"\n\
                      [[run.group]]\nmatch = \"bias\"\nlr = { kind = \"linear\", peak = 0.02, from = 1.0, to = 0.0 }\n";
/// What is executed: a run by its name, what it says, and the targets that can say it.
const EXECUTED: [(&str, &str, &[&str]); 4] = [
    ("groups", GROUPS, &["pytorch", "lightning", "hugging_face", "optax", "keras", "fastai"]),
    (
        "matrices",
        "decay = \"matrices\"\n",
        &["pytorch", "lightning", "hugging_face", "hugging_face_yaml", "timm", "optax", "keras", "fastai"],
    ),
    ("all", "", &["pytorch", "hugging_face", "hugging_face_yaml", "timm", "optax", "keras", "fastai"]),
    ("layers", "layer_decay = 0.5\n", &["pytorch", "lightning", "hugging_face", "optax", "keras", "fastai"]),
];
/// The parameters of the model there, with their layer.
const PARAMETERS: [(&str, i32); 5] =
    [("table.weight", 0), ("norm.weight", 1), ("norm.bias", 1), ("head.weight", 2), ("head.bias", 2)];

const CLOCK: Clock = Clock { updates: 40, updates_per_epoch: 10 };

fn made(run: &str, target: &str) -> Export {
    let text = moons(&format!("{ADAMW}{run}")).with("updates = \"60\"", "updates = \"40\"");
    let experiment = Experiment::parse(&text, "e.toml").unwrap();
    let target = Target::from_id(target).unwrap();
    export(&experiment, &experiment.runs[0], CLOCK, target, &Options::default()).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/groups").join(name)
}

/// The text without what comes back on import, which is no code.
fn code(text: &str) -> &str {
    text.split_once("\n# ----").map_or(text, |(code, _)| code)
}

/// The rate and the weight decay that a parameter is to have where the run's rate is `lr`.
fn drawn(run: &str, (name, layer): (&str, i32), lr: f64, groups: &HashMap<String, f64>) -> (f64, f64) {
    let is_matrix = name == "table.weight" || name == "head.weight";
    let decay = if is_matrix { 0.1 } else { 0.0 };
    match run {
        "all" => (lr, 0.1),
        "matrices" => (lr, decay),
        "layers" => (lr * 0.5_f64.powi(2 - layer), 0.1),
        _ => match name {
            "head.weight" => (groups["lr:head"], 0.3),
            "head.bias" => (groups["lr:head"], 0.0),
            "table.weight" => (groups["lr:layer 0"], 0.1),
            "norm.bias" => (groups["lr:bias"], 0.0),
            _ => (lr, decay),
        },
    }
}

#[test]
fn frameworks_train_the_groups_that_were_drawn() {
    let mut texts = BTreeMap::new();
    for (name, run, targets) in EXECUTED {
        for target in targets {
            let text = made(run, target).text;
            texts.insert(format!("{name} / {target}"), code(&text).trim_end().to_owned() + "\n");
        }
    }
    if std::env::var_os("ANNEAL_RENEW").is_some() {
        let text = serde_json::to_string_pretty(&texts).unwrap() + "\n";
        std::fs::write(golden("exports.json"), text).unwrap();
    }
    let recorded = std::fs::read_to_string(golden("exports.json")).unwrap();
    let recorded: BTreeMap<String, String> = serde_json::from_str(&recorded).unwrap();
    assert_eq!(texts.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    for (what, text) in &texts {
        assert_eq!(text, &recorded[what], "{what}: renew it, and run tests/golden/groups/run.py");
    }
    let measured: Value =
        serde_json::from_str(&std::fs::read_to_string(golden("rates.json")).unwrap()).unwrap();
    let measured = measured["measured"].as_array().unwrap();
    assert_eq!(measured.len(), texts.len() * PARAMETERS.len());
    for (name, run, targets) in EXECUTED {
        let table = made(run, "csv").text;
        let mut table = csv::Reader::from_reader(table.as_bytes());
        let columns: Vec<HashMap<String, f64>> = table.deserialize().map(Result::unwrap).collect();
        for target in targets {
            let export = made(run, target);
            // transformers spares biases and norms, whatever one wants, and the export says so.
            let spares = name == "all" && target.starts_with("hugging_face");
            let is_said = |note: &String| note.starts_with("Changed: biases and norms do not decay");
            assert_eq!(export.notes.iter().any(is_said), spares, "{name} / {target}");
            // Keras computes in single precision, and optax corrects Adam's first means in it.
            let (of_peak, of_rate) = match *target {
                "keras" => (1e-6, 1e-5),
                "optax" => (1e-9, 2e-7),
                _ => (1e-9, 2e-8),
            };
            for parameter in PARAMETERS {
                let found = measured.iter().find(|found| {
                    found["run"] == name && found["target"] == **target && found["parameter"] == parameter.0
                });
                let updates = found.unwrap()["updates"].as_array().unwrap();
                assert_eq!(updates.len(), 16);
                for update in updates {
                    let at = usize::try_from(update[0].as_u64().unwrap()).unwrap();
                    let what = format!("{name} / {target}, {}: {update}", parameter.0);
                    let (rate, mut decay) = drawn(name, parameter, export.predicted[at], &columns[at]);
                    if spares && !parameter.0.starts_with("table") && parameter.0 != "head.weight" {
                        decay = 0.0;
                    }
                    let there = update[1].as_f64().unwrap();
                    assert!((there - rate).abs() <= of_peak * 0.02 + of_rate * rate, "{what}, not {rate}");
                    if let Some(there) = update[2].as_f64() {
                        assert!((there - decay).abs() * rate <= 0.1 * of_peak, "{what}, not {decay}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_framework_has_not_of_groups_is_named() {
    let notes = |target: &str| made(GROUPS, target).notes.join("\n");
    for target in ["pytorch", "lightning", "hugging_face", "optax", "keras", "fastai"] {
        assert!(notes(target).contains("Carried: the parameter group \"head\""), "{target}");
    }
    for target in ["timm", "deepspeed", "megatron", "torchtitan", "burn", "candle", "hugging_face_yaml"] {
        let notes = notes(target);
        assert!(
            notes
                .contains("Left out: the parameter group \"head\" (at 2.0 times the rate, weight decay 0.3)"),
            "{target}"
        );
        assert!(notes.contains("frozen for 10 updates"), "{target}");
    }
    assert!(notes("timm").contains("Carried: biases and norms do not decay."));
    assert!(notes("keras").contains("Carried: biases and norms do not decay."));
    assert!(notes("keras").contains("Changed: until its thaw a group has the rate 0 there"));
    assert!(notes("torchtitan").contains("Left out: decay = \"matrices\""));
    // Under layer decay timm spares vectors, whatever one wants.
    let changed = "Changed: biases and norms do not decay";
    assert!(made("layer_decay = 0.5\n", "timm").notes.iter().any(|note| note.starts_with(changed)));
}

#[test]
fn optimizers_that_do_not_come_apart_name_the_loss_of_groups() {
    let group = "[[run.group]]\nmatch = \"head\"\nlr = 0\n";
    for (kind, target) in [("prodigy", "optax"), ("schedule_free_adamw", "optax"), ("prodigy", "keras")] {
        let text = moons(&format!("{ADAMW}{group}")).with("\"adamw\"", &format!("\"{kind}\""));
        let experiment = Experiment::parse(&text, "e.toml").unwrap();
        let target = Target::from_id(target).unwrap();
        let made = export(&experiment, &experiment.runs[0], CLOCK, target, &Options::default()).unwrap();
        let lost = "Left out: the parameter group \"head\"";
        assert!(made.notes.iter().any(|note| note.starts_with(lost)), "{kind}: {:?}", made.notes);
        assert!(!made.text.contains("GROUPS"), "{kind}");
    }
}

#[test]
fn globs_over_our_own_names_are_to_be_checked() {
    let group = "[[run.group]]\nmatch = \"layer?.weight\"\nlr = 2\n";
    for target in ["pytorch", "optax", "keras", "fastai"] {
        let notes = made(group, target).notes;
        assert!(notes.iter().any(|note| note.starts_with("Check: layer?.weight match")), "{target}");
    }
}
