//! What frameworks do when a run is resumed, against what they did: `tests/golden/resuming.json`, made by
//! `tests/resuming/run.py` in the real frameworks.

use anneal_studio::experiment::{Experiment, Run};
use anneal_studio::export::resume::{Change, ResumeError, Resumption, changed, resume};
use anneal_studio::export::{Options, Target, export};
use anneal_studio::schedule::{Clock, Span};
use serde_json::Value;

const GOLDEN: &str = include_str!("../../golden/resuming.json");
const PLAN: &str = include_str!("../../resuming/plan.toml");
const CLOCK: Clock = Clock { updates: 40, updates_per_epoch: 10 };

fn run_of(experiment: &Experiment, name: &str) -> Run {
    experiment.runs.iter().find(|run| run.name == name).unwrap().clone()
}

fn resumed(target: &str, run: &str, at: u64, change: &Change) -> Result<Resumption, ResumeError> {
    let experiment = Experiment::parse(PLAN, "plan.toml").unwrap();
    let run = run_of(&experiment, run);
    let after = changed(&run, change)?;
    let updates = change.length.map_or(CLOCK.updates, |length| length.whole_updates(CLOCK));
    let then = Clock { updates, ..CLOCK };
    let target = Target::from_id(target).unwrap();
    resume(&experiment, (&run, CLOCK), (&after, then), at, target, &Options::default())
}

/// The rates that the changed run's text gives.
fn exported(target: &str, run: &str, change: &Change) -> Vec<f64> {
    let experiment = Experiment::parse(PLAN, "plan.toml").unwrap();
    let after = changed(&run_of(&experiment, run), change).unwrap();
    let updates = change.length.map_or(CLOCK.updates, |length| length.whole_updates(CLOCK));
    let target = Target::from_id(target).unwrap();
    export(&experiment, &after, Clock { updates, ..CLOCK }, target, &Options::default()).unwrap().predicted
}

fn change_of(name: &str) -> Change {
    match name {
        "none" => Change::default(),
        "length" => Change { length: Some(Span::Updates(60.0)), lr: None },
        "rate" => Change { length: None, lr: Some(0.2) },
        other => panic!("{other}"),
    }
}

#[test]
fn every_recorded_resume_is_predicted_update_by_update() {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let mut situations = std::collections::BTreeMap::<String, usize>::new();
    for entry in &golden {
        let text = |name: &str| entry[name].as_str().unwrap();
        let at = entry["at"].as_u64().unwrap();
        let (target, run, change, kept) = (text("target"), text("run"), text("change"), text("kept"));
        let what = format!("{target}, {run}, {change}, {kept}");
        let resumption =
            resumed(target, run, at, &change_of(change)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(text("framework"), resumption.target.framework, "{what}");
        let theirs: Vec<f64> =
            entry["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
        // The code that we give makes the changed run's rates of its text, whatever that deviates from the drawn ones by.
        let ours = match resumption.ways.iter().find(|way| way.kept.word() == kept) {
            Some(way) => way.rates.clone(),
            None => exported(target, run, &change_of(change))[at as usize..].to_vec(),
        };
        assert_eq!(ours.len(), theirs.len(), "{what}");
        // Keras and fastai work in single precision.
        let peak = theirs.iter().copied().fold(0.1, f64::max);
        for (update, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() <= 1e-6 * peak, "{what}, {update} after: {ours} not {theirs}");
        }
        *situations.entry(target.to_owned()).or_default() += 1;
    }
    assert_eq!(situations.len(), 8, "{situations:?}");
    assert!(situations.values().all(|count| *count >= 6), "{situations:?}");
}

#[test]
fn a_changed_rate_is_told_to_be_ignored_where_it_is() {
    let change = change_of("rate");
    for target in ["pytorch", "hugging_face", "lightning", "timm"] {
        let resumption = resumed(target, "warmup and cosine", 20, &change).unwrap();
        let all = &resumption.ways[0];
        assert!(!all.is_right(1e-6), "{target}");
        assert!(all.because.contains("ignored"), "{target}: {}", all.because);
        assert!(all.seam.contains("wished was 1.5000e-1"), "{target}: {}", all.seam);
    }
    let optax = resumed("optax", "warmup and cosine", 20, &change).unwrap();
    assert!(optax.ways[0].is_right(1e-6), "{}", optax.ways[0].seam);
    assert!(optax.ways[2].seam.contains("falls to 0"), "{}", optax.ways[2].seam);
}

#[test]
fn an_unchanged_run_goes_on_as_drawn_with_all_that_was_saved() {
    for target in ["pytorch", "hugging_face", "lightning", "timm", "fastai", "keras", "optax"] {
        let resumption = resumed(target, "cosine", 20, &Change::default()).unwrap();
        // fastai and Keras are as near as single precision.
        assert!(resumption.ways[0].is_right(1e-6), "{target}: {}", resumption.ways[0].seam);
        assert!(!resumption.ways[2].is_right(1e-3), "{target}: {}", resumption.ways[2].seam);
    }
}

#[test]
fn pytorchs_own_classes_ignore_another_length_and_climb_past_the_old_one() {
    let resumption = resumed("pytorch", "cosine", 20, &change_of("length")).unwrap();
    let rates = &resumption.ways[0].rates;
    // 40 updates were planned: the cosine turns there, and climbs.
    assert!(rates[39] > rates[20] + 0.03, "{rates:?}");
    assert!(resumption.code.contains("range(20)"), "{}", resumption.code);
}

#[test]
fn what_cannot_be_resumed_is_said_with_what_to_do() {
    let none = Change::default();
    assert!(matches!(resumed("pytorch", "cosine", 40, &none), Err(ResumeError::At { .. })));
    assert!(matches!(resumed("pytorch", "cosine", 0, &none), Err(ResumeError::At { .. })));
    let shorter = Change { length: Some(Span::Updates(10.0)), lr: None };
    assert!(matches!(resumed("pytorch", "cosine", 20, &shorter), Err(ResumeError::Shorter { .. })));
    let within = resumed("timm", "cosine", 18, &none).unwrap_err();
    assert!(within.to_string().contains("such as 20"), "{within}");
    assert!(resumed("burn", "cosine", 20, &none).unwrap_err().to_string().contains("known are"));
    let bad = Change { length: None, lr: Some(-1.0) };
    assert!(matches!(resumed("optax", "cosine", 20, &bad), Err(ResumeError::Peak(_))));
}
