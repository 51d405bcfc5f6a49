//! What lands in a library beside trainings: sweeps, logs of other programs, trainings that were followed live.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anneal_studio::api::Hub;
use anneal_studio::api::register::Registration;
use anneal_studio::api::rows::Rows;
use anneal_studio::library::{Detail, Training};
use anneal_studio::ui::landing::Follower;
use serde_json::{Value, json};

use super::{Place, TEXT};
use crate::command_line::{anneal, text};

const SWEEP: &str = r#"
[sweep]
run = "cosine"
search = "grid"
seeds = 2
objective = "final_val_loss"
[sweep.over]
"lr.peak" = [0.03, 0.3, 1e30]
"#;

#[test]
fn every_trial_of_a_sweep_is_a_run_of_the_library() {
    let place = Place::new();
    let file = place.file("sweep.toml", &format!("{TEXT}{SWEEP}"));
    let library = place.library().to_string_lossy().into_owned();
    let done = anneal(&["sweep", &file, "--library", &library, "--json"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let best: Value = serde_json::from_slice(&done.stdout).unwrap();
    let runs =
        place.json(&["--kind", "sweep", "--sort", "final_val_loss"])["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 6, "three trials under two seeds");
    assert!(runs.iter().all(|run| run["finished"] == true && run["kind"] == "sweep"));
    let trial = best["best"]["trial"].as_u64().unwrap();
    let mean = best["best"]["objective"].as_f64().unwrap();
    let of_best = runs.iter().filter(|run| run["run"] == format!("trial {trial}"));
    let losses: Vec<f64> = of_best.map(|run| run["final_val_loss"].as_f64().unwrap()).collect();
    assert!((losses.iter().sum::<f64>() / 2.0 - mean).abs() < 1e-9, "{losses:?} {mean}");
    let wild = place.json(&["--where", "lr.kind=cosine", "--failed"]);
    assert_eq!(wild["runs"].as_array().unwrap().len(), 2);
    assert_eq!(wild["runs"][0]["settings"]["lr.kind"], "cosine");
    // Groups are by everything but the seed, so a trial is one.
    assert_eq!(place.json(&["--group"])["groups"].as_array().unwrap().len(), 3);
    let measures = &place.json(&["--measures"])["measures"];
    assert_eq!(measures["runs"], 6);
    assert_eq!(
        measures["judged"], 2,
        "of a curve's end alone nobody can tell, but a diverged run has failed: {measures}"
    );
    assert_eq!(place.ask(&["--kind", "luck"]).0, Some(2));
}

#[test]
fn a_log_of_another_program_is_copied_into_the_library_and_read_there() {
    let place = Place::new();
    let log = place.file(
        "trained.csv",
        "step,lr,train_loss,val_loss,grad_norm\n0,0.1,2.0,2.5,1\n1,0.2,1.0,1.5,1\n2,0.2,0.5,1.0,2\n",
    );
    let (code, _, error) = place.ask(&["--add", &log]);
    assert_eq!(code, Some(0), "{error}");
    fs::remove_file(&log).unwrap();
    let runs = place.json(&["--kind", "recording", "--reindex"])["runs"].as_array().unwrap().clone();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((&run["run"], &run["updates"]), (&json!("trained"), &json!(3)));
    assert_eq!(run["best_val_loss"], 1.0);
    assert_eq!(run["final_train_loss"], 0.5);
    let measures = &place.json(&["--measures"])["measures"];
    assert_eq!(
        (&measures["judged"], &measures["converged"]),
        (&json!(1), &json!(1)),
        "2.5 has halved: {measures}"
    );
    let folder = place.library().join(run["folder"].as_str().unwrap());
    let detail = Detail::read(&folder, "trained", 0).unwrap();
    assert_eq!(detail.rates, [(0.0, 0.1), (1.0, 0.2), (2.0, 0.2)]);
    assert_eq!(detail.histogram.iter().map(|(_, count)| count).sum::<u64>(), 3);

    // A folder of logs, and what is none.
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboard");
    let (code, _, error) = place.ask(&["--add", &real.to_string_lossy()]);
    assert_eq!(code, Some(0), "{error}");
    assert!(place.json(&["--kind", "recording"])["runs"].as_array().unwrap().len() > 1);
    let none = place.file("none.txt", "nothing of the kind");
    assert_eq!(place.ask(&["--add", &none]).0, Some(2));
}

#[test]
fn a_recording_never_leads_out_of_its_folder() {
    let place = Place::new();
    let folder = place.library().join("trap");
    fs::create_dir(&folder).unwrap();
    for log in ["../../secret.csv", "/etc/passwd", "", "."] {
        let about = json!({ "anneal_recording": 1, "name": "x", "source": "x", "log": log });
        fs::write(folder.join("recording.json"), about.to_string()).unwrap();
        let error = Training::read(&folder).unwrap_err().to_string();
        assert!(error.contains("is not below the folder"), "{log}: {error}");
    }
}

/// A hub to which another program sent so many rows of losses.
fn sent(hub: &Hub, first: u64, losses: &[f64], state: &str) {
    let now = Instant::now();
    let registration = json!({
        "session": "one", "name": "followed", "total": 100, "update": first, "groups": [{"name": "all", "lr": 0.1}],
        "client": {"framework": "a test"},
    });
    let about = Registration::read(registration.to_string().as_bytes()).unwrap();
    let (_, answer) = hub.register(about, now).unwrap();
    let rates = vec![0.1; losses.len()];
    let updates: Vec<u64> = (first..first + losses.len() as u64).collect();
    let rows = json!({
        "first": first, "now": first + losses.len() as u64, "state": state,
        "rows": {"update": updates, "loss": losses, "lr:all": rates},
    });
    let rows = Rows::read(rows.to_string().as_bytes()).unwrap();
    hub.take(answer["id"].as_str().unwrap(), &rows, now).unwrap();
}

#[test]
fn a_live_run_lands_while_it_is_followed_and_again_when_it_has_ended() {
    let place = Place::new();
    let hub = Hub::default();
    let mut follower = Follower::default();
    sent(&hub, 0, &[4.0, 3.0, 2.0], "training");
    let tick = |follower: &mut Follower| follower.finish(&place.library(), &hub).pop();
    let landed = tick(&mut follower).expect("it has landed").expect("and was written");
    let first = Training::read(Path::new(&landed)).unwrap();
    assert_eq!((first.experiment.as_str(), first.finished), ("followed", false));
    assert_eq!(first.lanes[0].updates, 3);
    assert_eq!(first.lanes[0].final_train_loss, Some(2.0));
    assert_eq!(tick(&mut follower), None, "nothing is new");

    sent(&hub, 3, &[1.0, 0.5], "finished");
    assert_eq!(tick(&mut follower), None, "it is in the same folder");
    let last = Training::read(Path::new(&landed)).unwrap();
    assert!(last.finished);
    assert_eq!((last.lanes[0].updates, last.lanes[0].final_train_loss), (5, Some(0.5)));
    assert_eq!(place.json(&[])["runs"].as_array().unwrap().len(), 1);
}

/// Waits for a file, as long as any machine may take.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_served_training_lands_in_the_library() {
    let place = Place::new();
    let file = place.file("served.toml", TEXT);
    let library = place.library();
    let runtime = place.0.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_anneal"))
        .args(["serve", &file, "--end", "--library"])
        .arg(&library)
        .env("XDG_RUNTIME_DIR", &runtime)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut ended = None;
    until("its end", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert!(ended.unwrap().success());
    let runs = place.json(&[])["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| run["updates"] == 120 && run["finished"] == true), "{runs:?}");
}

#[test]
fn a_checkpoint_elsewhere_is_fetched_by_one_line_that_is_said() {
    let place = Place::new();
    let file = place.file("a.toml", TEXT);
    let done = anneal(&["train", &file, "--resume", "s3://bucket/run"]);
    assert_eq!(done.status.code(), Some(2));
    let said = text(&done.stderr);
    assert!(
        said.contains("--fetch s3://bucket/run DIR && anneal train DIR/experiment.toml --resume DIR"),
        "{said}"
    );
}

#[test]
fn a_resume_that_keeps_the_rate_is_told_from_one_that_loses_it() {
    let place = Place::new();
    let file = place.file("a.toml", TEXT);
    let out = place.library().join("resumed");
    let at = out.to_string_lossy().into_owned();
    let done = anneal(&["train", &file, "--out", &at, "--no-baseline"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // As a kill in the middle leaves it.
    fs::remove_file(out.join("summary.json")).unwrap();
    let mut checkpoints: Vec<_> =
        fs::read_dir(out.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    checkpoints.retain(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    checkpoints.sort();
    assert!(checkpoints.len() > 1, "{checkpoints:?}");
    fs::remove_file(checkpoints.last().unwrap()).unwrap();
    let done = anneal(&["train", &file, "--resume", &at, "--no-baseline"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let measures = || place.json(&["--measures"])["measures"].clone();
    let sound = measures();
    assert_eq!((&sound["resumes"], &sound["checkpoint_consistency"]), (&json!(4), &json!(1.0)));

    // A training whose rates are not those that its checkpoint promised.
    let noted = fs::read_to_string(out.join("resumes.jsonl")).unwrap();
    let (first, rest) = noted.split_once('\n').unwrap();
    let mut line: Value = serde_json::from_str(first).unwrap();
    line["rate"] = json!("0.5");
    fs::write(out.join("resumes.jsonl"), format!("{line}\n{rest}")).unwrap();
    assert_eq!(measures()["checkpoint_consistency"], json!(0.75));
    // Trained from scratch, it has no past.
    fs::remove_dir_all(out.join("checkpoints")).unwrap();
    let done = anneal(&["train", &file, "--out", &at, "--no-baseline"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(measures()["resumes"], json!(0));
}
