//! `anneal serve FILE`: our own training behind the API, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::client::Client;
use super::{serve, until};

const EXPERIMENT: &str = r#"
anneal = 1
name = "served"
[data]
name = "moons"
batch_size = 16
[model]
kind = "mlp"
hidden = [8]
[train]
updates = "2000"
[[run]]
name = "first"
optimizer = { kind = "sgd", momentum = 0.9, weight_decay = 0.001 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "5%" } }
[[run]]
name = "second"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.05 }
"#;

/// A served process, ended with the test.
struct Served {
    child: Child,
    client: Client,
    folder: tempfile::TempDir,
    /// What it has said so far.
    words: Arc<Mutex<String>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn served(arguments: &[&str]) -> Served {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.toml"), EXPERIMENT).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anneal"))
        .current_dir(folder.path())
        .env("XDG_RUNTIME_DIR", folder.path().join("run"))
        .args(["serve", "file.toml", "--threads", "1"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving at") {
        line.clear();
        assert!(words.read_line(&mut line).unwrap() > 0, "it ended before it served");
    }
    // Read on, so that it never waits for a reader.
    let said: Arc<Mutex<String>> = Arc::default();
    let heard = Arc::clone(&said);
    std::thread::Builder::new()
        .name("words".into())
        .spawn(move || {
            words.lines().map_while(Result::ok).for_each(|line| *heard.lock().unwrap() += &(line + "\n"));
        })
        .unwrap();
    let sign = std::fs::read(folder.path().join("run/anneal-studio/api.json")).unwrap();
    let sign: Value = serde_json::from_slice(&sign).unwrap();
    assert!(line.contains(sign["url"].as_str().unwrap()), "{line}");
    let address = sign["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    Served { child, client: Client::new(address, sign["token"].as_str().unwrap()), folder, words: said }
}

fn run(client: &Client, id: &str) -> Value {
    client.get(&format!("/v1/runs/{id}")).json()
}

fn ids(client: &Client) -> Vec<String> {
    let runs = client.get("/v1/runs").json();
    runs["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

/// The first change of a run.
fn change_of(client: &Client, id: &str) -> Value {
    client.get(&format!("/v1/runs/{id}/schedule")).json()["changes"][0].clone()
}

fn rates(path: &Path, name: &str) -> Vec<f64> {
    column(path, name, "lr").iter().map(|cell| cell.parse().unwrap()).collect()
}

/// A column of a run in `metrics.csv`, as it is written.
fn column(path: &Path, run: &str, column: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let at = reader.headers().unwrap().iter().position(|name| name == column).unwrap();
    let rows = reader.records().map(Result::unwrap);
    rows.filter(|row| &row[0] == run).map(|row| row[at].to_owned()).collect()
}

/// Trains to the end in a process of its own.
fn train(folder: &Path, arguments: &[&str]) {
    let trained = Command::new(env!("CARGO_BIN_EXE_anneal"))
        .current_dir(folder)
        .args(["train", "--threads", "1", "--no-baseline"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
}

#[test]
fn a_training_is_stepped_bent_forked_and_stopped_from_outside_and_its_results_say_so() {
    let served = served(&["--paused", "--out", "out", "--end"]);
    let client = &served.client;
    let id = ids(client)[0].clone();
    until("it is ready", || run(client, &id)["state"] == "paused");
    let order = |what: &str| client.post(&format!("/v1/runs/{id}/{what}"), &json!({"by": "a test"}));
    let mut events = client.stream("/v1/events", "");
    for made in 1..=100 {
        assert_eq!(order("step").status, 202);
        until("the step", || run(client, &id)["update"] == made);
    }
    let path = format!("/v1/runs/{id}/schedule");
    let before = client.get(&format!("/v1/runs/{id}/rates?count=2000")).json();
    let past = client.put(&path, &json!({"factor": 0.5, "from": 99}));
    assert!(past.status == 409 && past.error().contains("past"), "{past:?}");
    let change = client.put(&path, &json!({"factor": 0.5, "from": 150, "by": "a test", "why": "to see it"}));
    assert_eq!((change.status, change.json()["from"].as_u64()), (202, Some(150)), "{change:?}");
    assert_eq!(events.of("schedule")["why"], "to see it");
    let now = client.put(&path, &json!({"points": [[300, 0.02], [1999, 0.0]], "from": 300}));
    assert_eq!(now.status, 202, "{now:?}");
    let plan = client.get(&format!("/v1/runs/{id}/rates?count=2000")).json();
    for update in 0..300 {
        let factor = if update < 150 { 1.0 } else { 0.5 };
        let right = before["rates"][update].as_f64().unwrap() * factor;
        assert_eq!(plan["rates"][update].as_f64().unwrap().to_bits(), right.to_bits(), "{update}");
    }
    assert_eq!(events.of("schedule")["from"].as_u64(), Some(300));
    let decay = client.put(&path, &json!({"numbers": {"weight_decay": 0.1}, "from": 200}));
    assert_eq!(decay.status, 202, "{decay:?}");
    assert_eq!(client.put(&path, &json!({"numbers": {"beta7": 0.1}})).status, 422);
    assert_eq!(client.put(&path, &json!({"numbers": {"momentum": 7.0}, "from": 200})).status, 422);
    assert_eq!(order("fork").status, 202);
    assert_eq!(ids(client).len(), 3);
    assert_eq!(order("resume").status, 202);
    until("more updates", || run(client, &id)["update"].as_u64() > Some(400));
    assert_eq!(order("stop").status, 202);
    let mut served = served;
    assert!(served.child.wait().unwrap().success());
    assert!(!served.folder.path().join("run/anneal-studio/api.json").exists(), "it is taken away at the end");
    let out = served.folder.path().join("out");
    let made = rates(&out.join("metrics.csv"), "first");
    assert!(made.len() > 400, "{}", made.len());
    for (update, rate) in made.iter().enumerate() {
        assert_eq!(rate.to_bits(), plan["rates"][update].as_f64().unwrap().to_bits(), "{update}");
    }
    let changes = std::fs::read_to_string(out.join("changes.jsonl")).unwrap();
    let first: Value = serde_json::from_str(changes.lines().next().unwrap()).unwrap();
    assert_eq!((first["by"].as_str(), first["applied"].as_u64()), (Some("a test"), Some(150)), "{first}");
    assert_eq!(first["late"], false);
    let summary: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["runs"].as_array().unwrap().len(), 3);
    let experiment = anneal_studio::experiment::Experiment::open(out.join("experiment.toml")).unwrap();
    assert_eq!(experiment.runs.len(), 3);
}

#[test]
fn the_plan_that_is_read_after_a_change_is_the_one_with_the_change() {
    let served = served(&["--paused"]);
    let client = &served.client;
    let id = ids(client)[0].clone();
    until("it is ready", || run(client, &id)["state"] == "paused");
    let (schedule, rates) = (format!("/v1/runs/{id}/schedule"), format!("/v1/runs/{id}/rates"));
    for change in 1..=100 {
        let rate = f64::from(change) / 1000.0;
        assert_eq!(client.put(&schedule, &json!({"rates": [rate], "from": 10})).status, 202);
        let plan = client.get(&format!("{rates}?from=10&count=1")).json();
        let newest = run(client, &id)["revision"].clone();
        assert_eq!((&plan["rates"], &plan["revision"]), (&json!([rate]), &newest), "{change}");
    }
    for forks in 1..=3 {
        client.post(&format!("/v1/runs/{id}/step"), &json!({}));
        until("the step", || run(client, &id)["update"] == forks);
        assert_eq!(client.post(&format!("/v1/runs/{id}/fork"), &json!({})).status, 202);
        assert_eq!(ids(client).len() as u64, 2 + forks, "a fork that was answered is there");
    }
}

#[test]
fn a_training_that_runs_is_bent_from_the_promised_update_on() {
    let served = served(&["--paused"]);
    let client = &served.client;
    let id = ids(client)[0].clone();
    until("it is ready", || run(client, &id)["state"] == "paused");
    client.post(&format!("/v1/runs/{id}/resume"), &json!({}));
    until("some updates", || run(client, &id)["update"].as_u64() > Some(0));
    client.post(&format!("/v1/runs/{id}/pause"), &json!({}));
    let change = client.put(&format!("/v1/runs/{id}/schedule"), &json!({"rates": [0.0125]}));
    if change.status == 409 {
        // It was over before the pause came: a fast machine.
        assert!(change.error().contains("over") || change.error().contains("past"), "{change:?}");
        return;
    }
    assert_eq!(change.status, 202, "{change:?}");
    let from = change.json()["from"].as_u64().unwrap();
    client.post(&format!("/v1/runs/{id}/resume"), &json!({}));
    until("its end", || run(client, &id)["state"] == "finished");
    // A pause that has not come yet may make it late, which is said.
    until("the effect", || change_of(client, &id)["applied"].is_u64());
    let made = change_of(client, &id);
    let applied = made["applied"].as_u64().unwrap();
    assert!(applied >= from && made["late"] == (applied > from), "{made}");
    let series = client.get(&format!("/v1/runs/{id}/series?columns=lr&from={applied}&points=20000")).json();
    let lr = &series["columns"]["lr"];
    assert!(lr["min"].as_array().unwrap().iter().all(|rate| *rate == 0.0125), "{lr}");
    assert_eq!(client.post(&format!("/v1/runs/{id}/resume"), &json!({})).status, 409);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_served_training_with_a_checkpoint_from_which_it_goes_on_as_if_it_had_not_stopped() {
    let mut served = served(&["--paused", "--out", "out"]);
    let client = &served.client;
    let id = ids(client)[0].clone();
    until("it is ready", || run(client, &id)["state"] == "paused");
    for made in 1..=60 {
        client.post(&format!("/v1/runs/{id}/step"), &json!({}));
        until("the step", || run(client, &id)["update"] == made);
    }
    let pid = served.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert!(!served.folder.path().join("run/anneal-studio/api.json").exists());
    until("its last words", || served.words.lock().unwrap().contains("goes on"));
    let words = served.words.lock().unwrap().clone();
    assert!(
        words.contains("asked to end by SIGTERM, after 60 updates") && words.contains("--resume out"),
        "{words}"
    );
    let folder = served.folder.path();
    train(folder, &["out/experiment.toml", "--resume", "out"]);
    train(folder, &["file.toml", "--out", "whole"]);
    for name in ["first", "second"] {
        for what in ["update", "lr", "train_loss", "val_loss"] {
            let of = |out: &str| column(&folder.join(out).join("metrics.csv"), name, what);
            assert!(of("out") == of("whole") && of("out").len() == 2000, "{name} {what}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_server_without_a_training_and_takes_its_address_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anneal"))
        .arg("serve")
        .env("XDG_RUNTIME_DIR", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C ends it") {
        line.clear();
        assert!(words.read_line(&mut line).unwrap() > 0, "it ended before it served");
    }
    let door = folder.path().join("anneal-studio/api.json");
    assert!(door.exists());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut words, &mut rest).unwrap();
    assert!(rest.contains("ended by SIGINT") && !door.exists(), "{rest}");
}

#[test]
fn a_flood_of_requests_changes_nothing_of_a_training() {
    let mut flooded = served(&["--paused", "--out", "out", "--end"]);
    let client = flooded.client.clone();
    let id = ids(&client)[0].clone();
    until("it is ready", || run(&client, &id)["state"] == "paused");
    let strangers =
        format!("GET /v1/runs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer wrong\r\n\r\n", client.address);
    let (strangers, over) = (strangers.repeat(200), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let floods: Vec<_> = (0..4)
        .map(|at| {
            let (address, text, over) = (client.address, strangers.clone(), Arc::clone(&over));
            let flood = move || {
                let mut refused = 0;
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    let Ok(mut stream) = std::net::TcpStream::connect(address) else { break };
                    let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let mut answer = Vec::new();
                    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
                    refused += String::from_utf8_lossy(&answer).matches("HTTP/1.1 429").count();
                }
                refused
            };
            std::thread::Builder::new().name(format!("flood-{at}")).spawn(flood).unwrap()
        })
        .collect();
    assert_eq!(client.post(&format!("/v1/runs/{id}/resume"), &json!({})).status, 202);
    assert!(flooded.child.wait().unwrap().success());
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused: usize = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
    assert!(refused > 0, "nobody was refused");
    let folder = flooded.folder.path();
    train(folder, &["file.toml", "--out", "whole"]);
    for what in ["lr", "train_loss", "val_loss"] {
        let of = |out: &str| column(&folder.join(out).join("metrics.csv"), "first", what);
        assert!(of("out") == of("whole") && of("out").len() == 2000, "{what}");
    }
}

#[test]
fn another_address_needs_a_token_of_ones_own_and_serving_without_a_file_takes_in_live_runs() {
    let alone =
        Command::new(env!("CARGO_BIN_EXE_anneal")).args(["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("--token-file"));
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "short").unwrap();
    let short = Command::new(env!("CARGO_BIN_EXE_anneal"))
        .arg("serve")
        .arg("--token-file")
        .arg(&token)
        .output()
        .unwrap();
    assert_eq!(short.status.code(), Some(2));
    // A hub without runs of its own refuses what only ours can do.
    let (_hub, _server, client) = serve();
    assert_eq!(client.post("/v1/runs/r1/step", &json!({})).status, 404);
    assert_eq!(client.get("/v1/runs").json(), json!({"runs": []}));
}
