//! `anneal sweep` as people run it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support;
use crate::command_line::{anneal, text};
#[cfg(target_os = "linux")]
use anneal_studio::sweep::herd::{Herd, Here, There};
#[cfg(target_os = "linux")]
use anneal_studio::sweep::population::breed;
#[cfg(target_os = "linux")]
use anneal_studio::sweep::remote::Pool;
#[cfg(target_os = "linux")]
use anneal_studio::sweep::verdict::judge;
#[cfg(target_os = "linux")]
use anneal_studio::sweep::{Kept, SweepError};
#[cfg(target_os = "linux")]
use anneal_studio::train::task::{Task, prepare};
#[cfg(target_os = "linux")]
use std::sync::Arc;

const SWEEP: &str = r#"seeds = 2
[sweep.over]
"lr.kind" = ["cosine", "wsd", "linear"]
"lr.peak" = { from = 1e-3, to = 3.0, scale = "log", points = 8 }
"lr.warmup.over" = { from = "0%", to = "50%", points = 4 }
"#;

fn file(folder: &Path, sweep: &str) -> String {
    let file = folder.join("sweep.toml");
    fs::write(&file, support::text(sweep)).unwrap();
    file.to_string_lossy().into_owned()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn sweep_writes_the_trials_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (file(folder.path(), SWEEP), folder.path().join("out"));
    let done = anneal(&["sweep", &file, "--out", &out.to_string_lossy(), "--json"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    let trials = lines(&out.join("trials.jsonl"));
    assert_eq!(
        (trials.len(), &summary["trials"], &summary["pruned"]),
        (96, &Value::from(96), &Value::from(0))
    );
    for (at, trial) in trials.iter().enumerate() {
        let keys: Vec<&str> = trial.as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, ["objective", "seeds", "status", "trial", "updates", "values"]);
        assert_eq!((&trial["trial"], &trial["seeds"]), (&Value::from(at), &Value::from(2)));
        assert!(trial["values"]["lr.peak"].is_f64() && trial["values"]["lr.warmup.over"].is_string());
    }
    let known = trials.iter().filter_map(|trial| Some((trial["objective"].as_f64()?, trial)));
    let best = known.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1;
    assert_eq!(summary["best"], *best);
    assert!(summary["seconds"].as_f64().is_some());
    assert!(text(&done.stderr).contains("lr.kind = \"wsd\" is filled in with decay = \"20%\""));

    let again = anneal(&["sweep", &file, "--out", &out.to_string_lossy()]);
    assert_eq!(again.status.code(), Some(2), "a sweep is not replaced");
    assert!(text(&again.stderr).contains("--resume"));
    let isolated = anneal(&["sweep", &file, "--resume", &out.to_string_lossy(), "--isolate", "lr.kind"]);
    let table = text(&isolated.stdout);
    assert!(["cosine", "wsd", "linear"].iter().all(|kind| table.contains(kind)), "{table}");
    assert!(text(&isolated.stderr).contains("resumed with 96 finished trials"));
}

/// Exit code 2, one sentence, and nothing at this place.
fn refused(arguments: &[&str], out: &Path) {
    let done = anneal(arguments);
    assert_eq!(done.status.code(), Some(2), "{arguments:?}");
    assert_eq!(text(&done.stderr).lines().count(), 1, "{}", text(&done.stderr));
    assert!(done.stdout.is_empty() && !out.exists(), "{arguments:?}");
}

#[test]
fn what_pruning_cost_and_where_trials_trained_stay_in_the_folder() {
    let pruned = "search = \"random\"\ntrials = 70\nprune = { kind = \"successive_halving\" }\n\
                  [sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\" }\n";
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (file(folder.path(), pruned), folder.path().join("out"));
    let summary =
        || -> Value { serde_json::from_slice(&fs::read(out.join("summary.json")).unwrap()).unwrap() };
    let sweep = || anneal(&["sweep", &file, "--resume", &out.to_string_lossy()]);
    let done = sweep();
    let first = summary();
    let verdict = first["audit"]["verdict"].as_str().expect("a verdict");
    assert!(verdict.contains("were audited") && text(&done.stderr).contains(verdict), "{verdict}");
    assert!(first["audit"]["winners_killed"].is_array());
    assert!(first["devices"].as_array().is_some_and(|devices| devices.len() == 1));
    // Nothing is left to train, so nothing else is known of where and how long.
    assert!(sweep().status.success());
    assert_eq!(summary(), first);
}

#[test]
fn what_cannot_be_asked_is_one_sentence_and_writes_nothing() {
    let empty = "[sweep.over]\n";
    let nothing = "[sweep.over]\n\"lr.pek\" = [1.0]\n";
    let many = "trials = 1000000000\nsearch = \"random\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n";
    let unmeasured = "objective = \"accuracy\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n";
    let large = "[sweep.over]\n\"data.batch_size\" = [16, 1000000]\n";
    for sweep in [empty, nothing, many, unmeasured, large] {
        let folder = tempfile::tempdir().unwrap();
        let (file, out) = (file(folder.path(), sweep), folder.path().join("out"));
        refused(&["sweep", &file, "--out", &out.to_string_lossy()], &out);
        // A library is not begun for nothing either.
        refused(&["sweep", &file, "--library", &out.to_string_lossy()], &out);
    }
    let population = "search = \"pbt\"\ntrials = 4\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1.0 }\n";
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (file(folder.path(), population), folder.path().join("out"));
    let blind = fs::read_to_string(&path).unwrap().replace("validation = 0.25", "validation = 0.0");
    fs::write(&path, blind).unwrap();
    refused(&["sweep", &path, "--out", &out.to_string_lossy()], &out);
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.toml");
    fs::write(&plain, support::text("").split("[sweep]").next().unwrap()).unwrap();
    let done = anneal(&["sweep", &plain.to_string_lossy()]);
    assert!(
        done.status.code() == Some(2) && text(&done.stderr).contains("[sweep]"),
        "{}",
        text(&done.stderr)
    );
    let done = anneal(&["sweep", &file(folder.path(), SWEEP), "--isolate", "lr.pek"]);
    assert!(
        done.status.code() == Some(2) && text(&done.stderr).contains("lr.peak"),
        "{}",
        text(&done.stderr)
    );
}

fn start(file: &str, out: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    command.args(["sweep", file, "--threads", "1", "--resume"]).arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a sweep `kills` times at moments that are spread over its course, and compares the end.
fn survives(kills: u32, sweep: &str) {
    let folder = tempfile::tempdir().unwrap();
    let long = support::text(sweep).replace("updates = \"60\"", "updates = \"900\"");
    let file = folder.path().join("long.toml");
    fs::write(&file, long).unwrap();
    let file = file.to_string_lossy();
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    assert!(start(&file, &whole).wait().unwrap().success());
    for kill in 0..kills {
        let mut child = start(&file, &torn);
        std::thread::sleep(Duration::from_millis(30 + u64::from(kill * 37 % 120)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(start(&file, &torn).wait().unwrap().success());
    let read = |out: &Path, name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(read(&torn, "trials.jsonl"), read(&whole, "trials.jsonl"));
    assert_eq!(read(&torn, "optuna.journal"), read(&whole, "optuna.journal"));
    assert_eq!(read(&torn, "journal.jsonl").len(), read(&whole, "journal.jsonl").len());
    if whole.join("schedule.toml").exists() {
        assert_eq!(read(&torn, "schedule.toml"), read(&whole, "schedule.toml"));
        assert!(!torn.join("population.json").exists(), "what a population goes on from is gone at its end");
    }
    let trials: BTreeMap<u64, Value> = lines(&torn.join("trials.jsonl"))
        .into_iter()
        .map(|trial| (trial["trial"].as_u64().unwrap(), trial))
        .collect();
    assert_eq!(trials.len(), lines(&whole.join("trials.jsonl")).len());
}

#[test]
fn a_killed_sweep_ends_as_if_it_had_not_been() {
    survives(4, SWEEP);
    survives(
        3,
        "search = \"tpe\"\ntrials = 60\nprune = { kind = \"median\" }\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n",
    );
}

const POPULATION: &str =
    "search = \"pbt\"\ntrials = 60\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n";

#[test]
fn a_killed_population_ends_as_if_it_had_not_been() {
    survives(5, POPULATION);
}

#[test]
#[ignore = "kills a sweep twenty times over, four times"]
fn a_sweep_killed_twenty_times_ends_as_if_it_had_not_been() {
    survives(20, SWEEP);
    survives(
        20,
        "search = \"random\"\ntrials = 90\nprune = { kind = \"successive_halving\" }\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n",
    );
    survives(
        20,
        "search = \"cma_es\"\ntrials = 60\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n",
    );
    survives(20, POPULATION);
}

#[test]
fn workers_that_are_not_there_are_said_and_nothing_is_written() {
    let population = "search = \"pbt\"\ntrials = 4\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\" }\n";
    for (sweep, on, python, code, words) in [
        (SWEEP, "slurm", "python3", 2, "ray://HOST:PORT"),
        (SWEEP, "ray://", "python3", 2, "ray://HOST:PORT"),
        (SWEEP, "ray", "/nowhere/python3", 1, "pip install anneal-studio ray"),
        (population, "ray", "/nowhere/python3", 1, "pip install anneal-studio ray"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (file, out) = (file(folder.path(), sweep), folder.path().join("out"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
        command.args(["sweep", &file, "--on", on, "--out"]).arg(&out).env("ANNEAL_PYTHON", python);
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{on}");
        let said = text(&done.stderr);
        assert!(said.lines().count() == 1 && said.contains(words), "{said}");
        assert!(done.stdout.is_empty() && !out.exists());
    }
}

/// A pool of one worker out of the shell: it puts a line's envelope off, and the answer's on.
#[cfg(target_os = "linux")]
fn pool() -> Command {
    let relay = r#"echo '{"ready":{"workers":1}}'
sed -u 's/^{"block":0,"told":\(.*\)}$/\1/' | "$0" block | sed -u 's/^\(.*\)$/{"said":{"block":0,"said":\1}}/'"#;
    let mut command = Command::new("sh");
    command.args(["-c", relay, env!("CARGO_BIN_EXE_anneal")]);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn trials_that_train_elsewhere_have_the_bits_they_have_here() {
    let pruned = "search = \"random\"\ntrials = 70\nseeds = 2\nprune = { kind = \"successive_halving\" }\n\
                  [sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1e3, scale = \"log\" }\n\"model.activation\" = [\"relu\"]\n";
    let foreseen = pruned.replace("successive_halving", "forecast").replace("to = 1e3", "to = 1.0");
    for sweep in [SWEEP, pruned, &foreseen] {
        let here = support::run(sweep, 2, 64);
        let experiment = support::experiment(sweep);
        let pool = Pool::start(pool(), "moons.toml".into()).unwrap();
        let mut sweeper = support::sweeper(&experiment, 1).on(pool);
        let there = sweeper.run(None, Kept::default(), &mut support::Until(usize::MAX)).unwrap();
        assert_eq!(there.trials, here.trials);
        assert_eq!(there.audit, here.audit);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_population_that_trains_elsewhere_has_the_bits_it_has_here() {
    let mut experiment = support::experiment(
        "search = \"pbt\"\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 3.0, scale = \"log\" }\n",
    );
    experiment.runs.truncate(1);
    experiment.sweep = None;
    let prepared = prepare(&experiment).unwrap();
    let clock = Task::new(&experiment, Arc::clone(&prepared)).unwrap().clock;
    let threads = Arc::new(anneal_studio::train::pool(Some(2)).unwrap());
    // The last one diverges.
    let peaks = [1e-3, 1e-2, 1e-1, 0.3, 1.0, 1e30];
    let bred = |herd: &mut dyn Herd| {
        let bred = breed(&experiment, &peaks, (0, clock), herd, &mut |_, _| Ok(())).unwrap();
        let lineage = bred.rates(bred.best().unwrap());
        let verdict =
            judge(&experiment, &lineage, (&peaks[..3], 3, clock), herd, &mut |_, _| Ok(())).unwrap();
        (bred, verdict)
    };
    let here = bred(&mut Here::new(&experiment, &experiment.runs[0], (&prepared, &threads)));
    assert!(here.0.members.iter().any(|member| !member.lineage.copied.is_empty()));
    let mut pool = Pool::start(pool(), "moons.toml".into()).unwrap();
    assert_eq!(bred(&mut There::new(&mut pool, &experiment, clock.updates)), here);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pool_that_ends_or_says_nonsense_ends_the_sweep_with_a_sentence() {
    let experiment = support::experiment(SWEEP);
    let run = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let pool = Pool::start(command, "moons.toml".into());
        pool.map_err(SweepError::from).and_then(|pool| {
            let mut sweeper = support::sweeper(&experiment, 1).on(pool);
            sweeper.run(None, Kept::default(), &mut support::Until(usize::MAX)).map(drop)
        })
    };
    let ready = r#"echo '{"ready":{"workers":2}}'"#;
    // A pool that spoke listens on, so that what it said is read before its end is noticed.
    let listens = "cat > /dev/null";
    for (script, words) in [
        ("exit 3".to_owned(), "ended before the sweep did"),
        (r#"echo '{"failed":{"why":"no room"}}'"#.to_owned(), "no room"),
        (format!("{ready}; read line"), "ended before the sweep did"),
        (format!("{ready}; read line; echo hello; {listens}"), "nobody understands"),
        (
            format!(
                r#"{ready}; read line; echo '{{"said":{{"block":9,"said":{{"done":{{"ended":[],"curves":[]}}}}}}}}'; {listens}"#
            ),
            "of no block",
        ),
        (
            format!(
                r#"{ready}; read line; echo '{{"said":{{"block":0,"said":{{"failed":{{"why":"no data"}}}}}}}}'; {listens}"#
            ),
            "no data",
        ),
    ] {
        let error = run(&script).expect_err(&script).to_string();
        assert!(error.contains(words), "{script}: {error}");
    }
}
