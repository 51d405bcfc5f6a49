//! Populations: what they find is a schedule that does the same alone.

use std::sync::Arc;

use anneal_studio::experiment::{Experiment, Run};
use anneal_studio::sweep::herd::{Here, listed};
use anneal_studio::sweep::learned::{evolve, under};
use anneal_studio::sweep::population::{Breeding, Member, breed};
use anneal_studio::sweep::verdict::Verdict;
use anneal_studio::train::task::{Task, prepare};
use serde_json::Value;

use super::support;
use crate::command_line::{anneal, text};
use crate::support::revision_of;

const PBT: &str =
    "search = \"pbt\"\ntrials = 8\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n";

fn alone() -> Experiment {
    let mut experiment = support::experiment(PBT);
    experiment.runs.truncate(1);
    experiment.sweep = None;
    experiment
}

fn peaks() -> Vec<f64> {
    (0..8).map(|at| 1e-3 * 3000f64.powf(f64::from(at) / 7.0)).collect()
}

#[test]
fn the_winners_lineage_trained_alone_is_the_winner_to_the_last_bit() {
    let experiment = alone();
    let prepared = prepare(&experiment).unwrap();
    let pool = |threads| Arc::new(anneal_studio::train::pool(Some(threads)).unwrap());
    let clock = Task::new(&experiment, Arc::clone(&prepared)).unwrap().clock;
    let bred = |threads| {
        let pool = pool(threads);
        let mut herd = Here::new(&experiment, &experiment.runs[0], (&prepared, &pool));
        breed(&experiment, &peaks(), (0, clock), &mut herd, &mut |_, _| Ok(())).unwrap()
    };
    let population = bred(2);
    assert_eq!(population, bred(1), "on any number of threads");
    let best = population.best().unwrap();
    assert!(population.members.iter().any(|member| !member.lineage.copied.is_empty()), "somebody copies");
    for (at, member) in population.members.iter().enumerate() {
        assert!(member.lineage.copied.iter().all(|(_, from)| *from != at));
    }
    // The winner, and one that copied: their weights were several members' on the way.
    let copies = |member: &Member| !member.lineage.copied.is_empty() && member.loss.is_some();
    let copier = population.members.iter().position(copies);
    for at in [best, copier.unwrap()] {
        let member = &population.members[at];
        let run = Run { lr: listed(population.rates(at)), ..experiment.runs[0].clone() };
        let experiment = Experiment { runs: vec![run], ..experiment.clone() };
        let revision = revision_of(experiment, 0);
        let mut cohort = anneal_studio::train::cohort::Cohort::new(revision, pool(1)).unwrap();
        cohort.advance(u64::MAX, u64::MAX).unwrap();
        let loss = cohort.lanes()[0].state().val_loss();
        assert_eq!(loss.map(f64::to_bits), member.loss.map(f64::to_bits), "member {at}");
    }
}

#[test]
fn a_population_goes_on_from_any_of_its_stages_to_the_same_bits() {
    let experiment = alone();
    let prepared = prepare(&experiment).unwrap();
    let pool = Arc::new(anneal_studio::train::pool(Some(2)).unwrap());
    let clock = Task::new(&experiment, Arc::clone(&prepared)).unwrap().clock;
    // The last one diverges.
    let peaks = [peaks(), vec![1e30]].concat();
    let herd = || Here::new(&experiment, &experiment.runs[0], (&prepared, &pool));
    let new = || Breeding::new(&experiment, &peaks, (3, clock)).unwrap();
    let mut stages = Vec::new();
    let (mut breeding, mut whole) = (new(), herd());
    while breeding.advance(&mut whole, &mut |_, _| Ok(())).unwrap() {
        let stage = breeding.stage(&whole).unwrap().unwrap();
        stages.push(serde_json::to_string(&stage).unwrap());
    }
    let population = breeding.into_population();
    assert_eq!(stages.len(), 19);
    for stage in &stages {
        let (mut breeding, mut herd) = (new(), herd());
        breeding.resume(serde_json::from_str(stage).unwrap(), &mut herd).unwrap();
        while breeding.advance(&mut herd, &mut |_, _| Ok(())).unwrap() {}
        assert_eq!(breeding.into_population(), population);
    }
    let other = Breeding::new(&experiment, &peaks[1..], (3, clock))
        .unwrap()
        .resume(serde_json::from_str(&stages[3]).unwrap(), &mut herd());
    assert!(other.unwrap_err().to_string().contains("of another one"));
}

#[test]
fn a_verdict_calls_better_only_what_lies_beyond_two_standard_errors() {
    let verdict = |lineage: [f64; 3]| {
        Verdict { lineage: lineage.to_vec(), cosine: vec![1.0, 1.1, 1.2], peak: 0.1 }.sentence()
    };
    assert!(verdict([0.9, 1.01, 1.1]).contains("is better than"));
    assert!(verdict([1.1, 1.19, 1.3]).contains("is worse than"));
    assert!(verdict([0.9, 1.2, 1.2]).contains("is as good as"));
    assert!(verdict([f64::NAN, 1.2, 1.2]).contains("diverged"));
}

#[test]
fn the_command_writes_a_schedule_that_trains_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moons.toml");
    std::fs::write(&file, support::text(PBT)).unwrap();
    let (file, out) = (file.display().to_string(), folder.path().join("out"));
    let directory = out.display().to_string();
    let output = anneal(&["sweep", &file, "--json", "--out", &directory]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("trained alone from scratch under 5 seeds"), "{said}");
    let json: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(json["trials"], 8);
    assert_eq!(json["lineage"]["rates"].as_array().unwrap().len(), 60);
    assert_eq!(json["verdict"]["lineage"].as_array().unwrap().len(), 5);
    let lines = std::fs::read_to_string(out.join("trials.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 8);
    let schedule = Experiment::open(out.join("schedule.toml")).unwrap();
    assert_eq!(schedule.runs[0].lr.kind.name(), "table");
    let winner = json["best"]["lineage"].as_array().unwrap();
    assert_eq!(
        (&winner[0]["from"], &winner[winner.len() - 1]["member"]),
        (&0.into(), &json["best"]["trial"])
    );

    let again = anneal(&["sweep", &file, "--json", "--resume", &directory]);
    let mut resumed: Value = serde_json::from_str(&text(&again.stdout)).unwrap();
    resumed["seconds"] = json["seconds"].clone();
    assert_eq!(resumed, json, "what came to its end comes to the same");
}

#[test]
fn a_population_varies_the_peak_alone() {
    let wrong = support::text(&PBT.replace("\"lr.peak\"", "\"lr.floor\""));
    let error = Experiment::parse(&wrong, "moons.toml").unwrap_err().to_string();
    assert!(error.contains("allowed: \"lr.peak\" alone, as a range above 0"), "{error}");
}

/// A rate that is far too low for a short run, so that a rule which raises it does better.
fn slow() -> Experiment {
    let mut experiment = alone();
    experiment.runs[0].lr =
        anneal_studio::schedule::Kind::Constant(anneal_studio::schedule::kind::Constant { peak: 3e-3 })
            .into();
    experiment
}

#[test]
fn a_controller_is_learned_that_helps_where_it_learns_and_is_the_same_each_time() {
    let experiment = slow();
    let prepared = prepare(&experiment).unwrap();
    let pool = |threads| Arc::new(anneal_studio::train::pool(Some(threads)).unwrap());
    let learned =
        |threads| evolve(&experiment, (3, 2), (&prepared, &pool(threads)), &mut |_, _| Ok(())).unwrap();
    let evolved = learned(2);
    assert_eq!(evolved, learned(1), "on any number of threads");
    assert!(evolved.loss < evolved.idle, "{evolved:?}");
    assert_eq!(evolved.trainings, 3 * 2 * 9);

    // What the rule did, as a list of rates, does the same alone.
    let made =
        under(&experiment, &[(evolved.rule, 3e-3)], (&prepared, &pool(1)), &mut |_, _| Ok(())).unwrap();
    let run = Run { lr: listed(made[0].rates.clone()), ..experiment.runs[0].clone() };
    let revision = revision_of(Experiment { runs: vec![run], ..experiment.clone() }, 0);
    let mut cohort = anneal_studio::train::cohort::Cohort::new(revision, pool(1)).unwrap();
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let loss = cohort.lanes()[0].state().val_loss().unwrap();
    assert_eq!(loss.to_bits(), made[0].loss.to_bits());
    assert!(made[0].rates.last() > made[0].rates.first(), "it raises the rate");
}

#[test]
fn learn_tries_the_controller_on_another_task_and_says_whether_it_beats_a_cosine() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("moons.toml"), slow().to_toml()).unwrap();
    std::fs::write(path("circles.toml"), slow().to_toml().replace("\"moons\"", "\"circles\"")).unwrap();
    let few = ["--generations", "2", "--seeds", "2"];
    let call = |rest: &[&str]| {
        anneal(&[&["learn", &path("moons.toml"), "--try", &path("circles.toml")], &few[..], rest].concat())
    };
    let done = call(&["--json", "--out", &path("made.toml")]);
    let said = text(&done.stderr);
    assert!(done.status.success() && said.contains("the best cosine of as many peaks"), "{said}");
    let json: Value = serde_json::from_str(&text(&done.stdout)).unwrap();
    assert_eq!(json["tried"]["losses"].as_array().unwrap().len(), 2);
    assert_eq!(json["tried"]["cosine"].as_array().unwrap().len(), 2);
    let made = Experiment::open(path("made.toml")).unwrap();
    assert_eq!(made.runs[0].lr.kind.name(), "table");
    let again = call(&["--out", &path("made.toml")]);
    assert_eq!(again.status.code(), Some(2), "a file is not replaced");
    for wrong in [&["--seeds", "1"][..], &["--run", "nobody"], &["--generations", "0"]] {
        let done = anneal(&[&["learn", &path("moons.toml"), "--try", &path("circles.toml")], wrong].concat());
        assert_eq!((done.status.code(), text(&done.stderr).lines().count()), (Some(2), 1), "{wrong:?}");
    }
}
