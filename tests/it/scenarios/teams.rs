//! Federated clients and data-parallel workers, against a program in numpy that shares nothing with ours.

use anneal_studio::experiment::Experiment;
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use serde_json::Value;

use crate::support::{Fixture, cohort, pool, revision};

const SMALL: &str = r#"
anneal = 1
name = "team"
data = { name = "digits", batch_size = 16, limit = 640 }
model = { kind = "mlp", hidden = [12] }
train = { updates = "40", seed = 3 }
TEAM
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.5 }
lr = { kind = "linear", peak = 0.1, from = 1.0, to = 0.2 }
"#;

pub fn of(team: &str) -> String {
    SMALL.with("TEAM", team)
}

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

fn weights(cohort: &Cohort) -> Vec<f32> {
    cohort.weights(cohort.lanes()[0].id).unwrap().unwrap()
}

/// What numpy makes of the same files in double precision, by `tests/golden/teams.py`.
pub const GOLDEN: &str = include_str!("../../golden/teams.json");

#[test]
fn rounds_of_clients_and_workers_are_what_the_papers_write_down() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(cases.len(), 8);
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    for case in cases {
        let section = case["section"].as_str().unwrap();
        let cohort = trained(&of(section));
        let rows = &cohort.lanes()[0].log.rows;
        let losses: Vec<f32> = rows.iter().map(|row| row.train_loss).collect();
        let every: Vec<f32> = weights(&cohort).into_iter().step_by(17).collect();
        for (found, expected) in [(losses, &case["losses"]), (every, &case["weights"])] {
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                let far = (f64::from(*found) - expected).abs();
                assert!(far < 1e-4 * (1.0 + expected.abs()), "{section}: {found} {expected}");
            }
        }
    }
}

#[test]
fn workers_share_an_epoch_and_are_compared_where_they_are_averaged() {
    for every in [1, 5] {
        let cohort = trained(&of(&format!("[parallel]\nworkers = 4\nsync = \"every {every}\"\n")));
        assert_eq!(cohort.task().clock.updates_per_epoch, 10);
        let rows = &cohort.lanes()[0].log.rows;
        let drifts: Vec<f64> = rows.iter().filter_map(|row| row.get(Column::MemberDrift)).collect();
        assert_eq!(drifts.len(), if every == 1 { 40 } else { 8 });
        assert!(drifts.iter().all(|drift| (*drift == 0.0) == (every == 1)), "{drifts:?}");
    }
}

/// Every fault of a worker, and every server.
fn teams() -> Vec<String> {
    let faults = ["lr_factor = 1.5", "stale = true", "dropped = true", "other_seed = true"];
    let parallel = ["every 1", "every 4"].into_iter().flat_map(move |sync| {
        faults.map(|fault| {
            format!("[parallel]\nworkers = 3\nsync = \"{sync}\"\nfault = {{ worker = 1, {fault} }}\n")
        })
    });
    let federated = ["sgd", "adam", "yogi", "adagrad"].map(|server| {
        format!(
            "[federated]\nclients = 5\nshare = 0.5\nlocal = \"7\"\nskew = 0.3\nprox = 0.1\nserver = {{ optimizer = \
             \"{server}\", momentum = 0.5, lr = {{ kind = \"cosine\", peak = 0.5 }} }}\n"
        )
    });
    parallel.chain(federated).collect()
}

fn bits(rows: &[Row]) -> Vec<Vec<Option<u64>>> {
    rows.iter().map(|row| Column::ALL.map(|column| row.get(column).map(f64::to_bits)).to_vec()).collect()
}

#[test]
fn teams_resume_to_the_same_bits_wherever_training_stops() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    for team in teams() {
        let adam = "[[run]]\nname = \"adam\"\noptimizer = { kind = \"adamw\" }\nlr = { kind = \"cosine\", peak = 0.01 }\n";
        let text = of(&team).with("seed = 3", "seed = 3, replicas = 2, clip_norm = 1.0") + adam;
        let whole = trained(&text);
        for stop in [1, 6, 7, 8, 13, 20, 39] {
            let mut first = cohort(&text, 1);
            first.advance(stop, u64::MAX).unwrap();
            first.checkpoint().unwrap().save(&file).unwrap();
            let mut second = cohort(&text, 2);
            second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
            second.advance(u64::MAX, u64::MAX).unwrap();
            for (lane, other) in second.lanes().iter().zip(whole.lanes()) {
                assert_eq!(bits(&lane.log.rows), bits(&other.log.rows[stop as usize..]), "{team} at {stop}");
            }
            let rows = |cohort: &Cohort| cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(rows(&second), rows(&whole), "{team} at {stop}");
        }
    }
}

#[test]
fn a_team_gives_the_same_bits_on_any_number_of_cores() {
    for team in teams() {
        let on = |threads| {
            let mut cohort = cohort(&of(&team), threads);
            cohort.advance(u64::MAX, u64::MAX).unwrap();
            weights(&cohort).iter().map(|weight| weight.to_bits()).collect::<Vec<_>>()
        };
        let alone = on(1);
        assert!(on(2) == alone && on(5) == alone, "{team}");
    }
}

#[test]
fn a_worker_with_a_fault_drifts_from_the_others_and_without_one_nobody_does() {
    let drift = |fault: &str| {
        let cohort = trained(&of(&format!("[parallel]\nworkers = 4\n{fault}")));
        cohort.lanes()[0].log.rows.last().unwrap().member_drift.unwrap()
    };
    assert_eq!(drift(""), 0.0);
    for fault in ["lr_factor = 1.2", "stale = true", "dropped = true", "other_seed = true"] {
        let far = drift(&format!("fault = {{ worker = 2, {fault} }}\n"));
        assert!(far > 1e-3, "{fault}: {far}");
    }
}

#[test]
fn skew_and_longer_rounds_take_clients_further_apart() {
    for seed in 0..5 {
        let measured = |skew: &str, local: u64| {
            let text = of(&format!("[federated]\nclients = 10\nlocal = \"{local}\"\n{skew}"));
            let text =
                text.with("seed = 3", &format!("seed = {seed}")).with("momentum = 0.5", "momentum = 0.0");
            let cohort = trained(&text);
            let of = |column| {
                let rows = cohort.lanes()[0].log.rows.iter().filter_map(move |row| row.get(column));
                let all: Vec<f64> = rows.collect();
                all.iter().sum::<f64>() / all.len() as f64
            };
            (of(Column::MemberDrift), of(Column::MemberCosine))
        };
        let (alike, skewed) = (measured("", 10), measured("skew = 0.1\n", 10));
        assert!(skewed.0 > alike.0 && skewed.1 < alike.1, "seed {seed}: {alike:?} {skewed:?}");
        let short = measured("skew = 0.1\n", 2);
        assert!(short.0 < skewed.0, "seed {seed}: {short:?} {skewed:?}");
    }
}

#[test]
fn teams_are_written_as_they_are_read_and_what_cannot_be_is_refused_by_line() {
    for team in teams() {
        let experiment = Experiment::parse(&of(&team), "t.toml").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
    }
    for (team, told) in [
        (
            "[federated]\nclients = 0",
            "t.toml:8:11: federated.clients: found 0, allowed: a whole number from 1 to 1024",
        ),
        ("[federated]\nclients = 4\nshare = 0", "t.toml:9:9: federated.share: found 0"),
        ("[federated]\nclients = 4\nskew = 0", "federated.skew: found 0, allowed: a number above 0"),
        ("[federated]\nclients = 4\nserver = { optimizer = \"adm\" }", "did you mean `adam`"),
        (
            "[parallel]\nworkers = 4\nsync = \"often\"",
            "t.toml:9:8: parallel.sync: found \"often\", allowed: \"every N\" updates",
        ),
        (
            "[parallel]\nworkers = 4\nfault = { worker = 4, stale = true }",
            "parallel.fault.worker: found 4, allowed: a whole number from 0 to below 4",
        ),
        ("[parallel]\nworkers = 4\nfault = { worker = 1, stale = true, dropped = true }", "exactly one of"),
        ("[parallel]\nworkers = 4\n[federated]\nclients = 4", "either [federated] or [parallel]"),
    ] {
        let error = Experiment::parse(&of(team), "t.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let federated = of("[federated]\nclients = 4");
    for (from, to, told) in [
        ("seed = 3", "accumulate = 2", "no train.accumulate beside it"),
        ("seed = 3", "weights = \"bf16\"", "train.weights = \"f32\""),
        ("batch_size = 16", "batch_size = \"all\"", "a batch_size in samples"),
        ("kind = \"sgd\", momentum = 0.5", "kind = \"schedule_free_sgd\"", "not schedule-free"),
        ("lr = {", "layer_decay = 0.5\nlr = {", "no parameter groups, no layer_decay"),
    ] {
        let error = Experiment::parse(&federated.with(from, to), "t.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let reference = Cohort::at(revision(&federated, 0), TrainDevice::reference(pool(1)));
    assert!(reference.err().unwrap().to_string().contains("choose the CPU"));
}

#[test]
fn a_team_that_the_data_are_too_few_for_is_one_sentence_with_its_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    for (team, told) in [
        (
            "[federated]\nclients = 900",
            "few.toml:8: 900 clients share 640 samples to train on, and each needs one",
        ),
        (
            "[parallel]\nworkers = 100",
            "few.toml:8: one update needs 1600 samples (batch_size 16 times 100 workers) and there are 640",
        ),
    ] {
        let file = folder.path().join("few.toml");
        std::fs::write(&file, of(team)).unwrap();
        let run = crate::command_line::anneal(&["train", file.to_str().unwrap(), "--device", "cpu"]);
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(said.trim_end().lines().count() == 1 && said.contains(told), "{said}");
        let linted = crate::command_line::anneal(&["lint", file.to_str().unwrap()]);
        let warnings = String::from_utf8(linted.stdout).unwrap();
        assert_eq!(linted.status.code(), Some(1), "{warnings}");
        assert!(warnings.contains("[cannot-be-trained]"), "{warnings}");
    }
}
