//! Today's predictions against the rates that the frameworks themselves gave.
//!
//! `tests/golden/conformance.json` is what `tests/conformance/run.py` recorded: it executed the exports of
//! every run in `tests/conformance/experiments` in PyTorch, transformers, timm, optax, Keras, Lightning,
//! fastai and others, and kept the real rates and the frameworks' versions.

use std::collections::BTreeMap;
use std::path::Path;

use anneal_studio::experiment::{BatchSize, Experiment, MicroBatches, Number, OptimizerKind, Run};
use anneal_studio::export::{Checked, Options, Target, export};
use anneal_studio::schedule::kind::Constant;
use anneal_studio::schedule::{Clock, Kind};
use serde_json::{Value, json};

const RECORDED: &str = include_str!("../../golden/conformance.json");
/// Single-precision frameworks, whose rates are compared as shares of the peak.
const SINGLE: [&str; 2] = ["keras", "fastai"];

fn experiments() -> BTreeMap<String, Experiment> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/experiments");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, Experiment::open(&path).unwrap())
        })
        .collect()
}

#[test]
fn predictions_are_what_the_frameworks_did() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let experiments = experiments();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in recorded["exports"].as_array().unwrap() {
        let target = Target::from_id(entry["target"].as_str().unwrap()).unwrap();
        let experiment = &experiments[entry["experiment"].as_str().unwrap()];
        let run = experiment.runs.iter().find(|run| entry["run"] == run.name.as_str()).unwrap();
        let per_epoch = Clock { updates: 1, updates_per_epoch: entry["updates_per_epoch"].as_u64().unwrap() };
        let clock = Clock { updates: experiment.train.updates.whole_updates(per_epoch), ..per_epoch };
        let made = export(experiment, run, clock, target, &Options::default()).unwrap();
        let what = format!("{} / {} / {}", entry["experiment"], run.name, target.id);
        assert_eq!(made.badge.word(), entry["badge"], "{what}");
        assert_eq!(made.predicted.len() as u64, clock.updates, "{what}");
        let peak = made.predicted.iter().copied().fold(0.0, f64::max);
        for pair in entry["rates"].as_array().unwrap() {
            let (update, real) = (pair[0].as_u64().unwrap(), pair[1].as_f64().unwrap());
            let ours = made.predicted[usize::try_from(update).unwrap()];
            let allowed =
                if SINGLE.contains(&target.id) { 1e-6 * peak } else { 1e-9 * ours.abs().max(1e-6 * peak) };
            assert!((ours - real).abs() <= allowed, "{what}, update {update}: {ours:?} instead of {real:?}");
        }
        if let Some(made) = entry.get("made") {
            is_made_of(run, made, target.id, &what);
        }
        // Executed where the export says that it carries the batch, and nowhere else.
        let is_carried = made.notes.iter().any(|note| note.starts_with("Carried: the schedule of the batch"));
        let samples = is_carried.then(|| samples(experiment, run, clock));
        assert_eq!(entry.get("samples"), samples.map(|samples| json!(samples)).as_ref(), "{what}");
        *counts.entry(target.id).or_default() += 1;
    }
    // At least thirty runs of each target that says it was run; the others say that they were not.
    for target in Target::ALL.iter().filter(|target| target.id != "toml") {
        let run = experiments["accumulated.toml"].runs[0].clone();
        let clock = Clock { updates: 20, updates_per_epoch: 10 };
        let made =
            export(&experiments["accumulated.toml"], &run, clock, target, &Options::default()).unwrap();
        let count = counts.get(target.id).copied().unwrap_or(0);
        assert_eq!(made.checked == Checked::Run, count >= 30, "{}: {count}", target.id);
    }
}

/// The optimizer that the framework built is the run's, by its numbers and options as far as it has them.
fn is_made_of(run: &Run, made: &Value, target: &str, what: &str) {
    let kind = run.optimizer.kind;
    // These two are compared whole; what Keras calls its numbers is compared by the texts' tests.
    if target == "keras" || kind.is_schedule_free() {
        return;
    }
    let class = made["class"].as_str().unwrap();
    let ours = kind.info().pytorch.0;
    let is_cautious = run.optimizer.has("cautious") && class == format!("{ours}Legacy");
    assert!(class == ours || class == format!("{ours}AndAdamW") || is_cautious, "{what}: {class}");
    let is_timm = target == "timm";
    let mut compared = 0;
    for (info, number) in run.optimizer.values() {
        let Number::Fixed(value) = number else { panic!("{what}: {number:?}") };
        let found = match info.name {
            "beta1" => &made["betas"][0],
            "beta2" => &made["betas"][1],
            "eps1" => &made["eps"][0],
            "eps2" if is_timm => &made["eps_scale"],
            "eps2" => &made["eps"][1],
            "beta2_decay" if is_timm => &made["decay_rate"],
            "d" if is_timm => &made["clip_threshold"],
            // Muon's own, of matrices, is PyTorch's default.
            "eps" if kind == OptimizerKind::Muon => continue,
            name => &made[name],
        };
        // timm's Adafactor has no least root mean square of this kind.
        let Some(found) = found.as_f64() else {
            assert!(is_timm && info.name == "eps1", "{what}: {} in {made}", info.name);
            continue;
        };
        assert_eq!(found, *value, "{what}: {}", info.name);
        compared += 1;
    }
    assert!(compared > 1, "{what}");
    for (info, is_on) in run.optimizer.switches() {
        let found = match info.name {
            "match_rms_adamw" => made["adjust_lr_fn"] == "match_rms_adamw",
            "cautious" => made.get("caution").is_some_and(|caution| *caution == true),
            name => made.get(name).is_some_and(|found| *found == true),
        };
        assert_eq!(found, is_on, "{what}: {}", info.name);
    }
}

/// The samples of the updates, where they change.
fn samples(experiment: &Experiment, run: &Run, clock: Clock) -> Vec<(u64, u64)> {
    let BatchSize::Samples(size) = experiment.data.batch_size else { panic!("no micro-batches") };
    let micro = MicroBatches::new(size, experiment.train.accumulate, clock);
    let batch = run.batch.as_ref().unwrap().resolve(clock).unwrap();
    let mut changes: Vec<(u64, u64)> =
        (0..clock.updates).map(|update| (update, micro.samples_of(batch.at(update)))).collect();
    changes.dedup_by_key(|(_, samples)| *samples);
    changes
}

/// A run exported as our own file, and read back, is the same run.
#[test]
fn our_own_format_loses_nothing() {
    for (name, experiment) in experiments() {
        for run in &experiment.runs {
            let clock = Clock { updates: 120, updates_per_epoch: 10 };
            let target = Target::from_id("toml").unwrap();
            let made = export(&experiment, run, clock, target, &Options::default()).unwrap();
            let back = Experiment::parse(&made.text, &name).unwrap();
            assert_eq!(back.runs, std::slice::from_ref(run));
            assert_eq!(back.train, experiment.train);
        }
    }
}

/// Runs as short as they come, and rates of nothing, are exported like any other.
#[test]
fn the_shortest_runs_are_exported() {
    for (name, experiment) in experiments() {
        for run in &experiment.runs {
            let mut silent = run.clone();
            silent.lr = Kind::Constant(Constant { peak: 0.0 }).into();
            for (run, updates, updates_per_epoch) in [(run, 1, 1), (run, 2, 10), (run, 7, 3), (&silent, 5, 2)]
            {
                let clock = Clock { updates, updates_per_epoch };
                for target in Target::ALL {
                    let made = export(&experiment, run, clock, target, &Options::default()).unwrap();
                    let what = format!("{name} / {} / {} of {updates}", run.name, target.id);
                    assert_eq!(made.predicted.len() as u64, updates, "{what}");
                    assert!(
                        made.predicted.iter().all(|rate| rate.is_finite()),
                        "{what}: {:?}",
                        made.predicted
                    );
                }
            }
        }
    }
}
