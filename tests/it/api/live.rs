//! A training of another program, end to end: a client that plays one against the real server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;
use super::{TOKEN, serve, serve_at, until};

const TOTAL: u64 = 4000;

/// What its own scheduler says.
fn planned(update: u64) -> f64 {
    0.1 * (1.0 - update as f64 / TOTAL as f64)
}

/// The newest thing it was told to do.
#[derive(Default)]
struct Told {
    control: Option<(Value, Instant)>,
}

/// A training that goes on until it is told to stop or has ended.
struct Training {
    id: String,
    /// The rate of every update that was made.
    rates: Arc<Mutex<Vec<f64>>>,
    /// The revision that each change took effect with, at which update, and whether late.
    applied: Arc<Mutex<Vec<(u64, u64, bool)>>>,
    made: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub(super) fn registration(session: &str, update: u64, revision: u64) -> Value {
    let plan: Vec<f64> = (update..TOTAL).map(planned).collect();
    json!({
        "session": session, "name": "played", "total": TOTAL, "update": update, "revision": revision,
        "groups": [{"name": "all", "lr": planned(update), "parameters": 10}], "bounds": [0.0, 1.0],
        "planned": {"all": plan}, "planned_from": update, "planned_every": 1, "can": ["pause", "stop"],
        "client": {"framework": "a test", "pid": 1},
    })
}

impl Training {
    fn start(client: &Client) -> Self {
        Self::join(client, &registration("played", 0, 0))
    }

    /// One that begins a change where it hears of it, and says where.
    fn start_soon(client: &Client) -> Self {
        let mut register = registration("played", 0, 0);
        register["soon"] = json!(true);
        Self::join(client, &register)
    }

    fn join(client: &Client, register: &Value) -> Self {
        let joined = client.post("/v1/live", register);
        assert_eq!(joined.status, 201, "{joined:?}");
        let id = joined.json()["id"].as_str().unwrap().to_owned();
        let training = Self {
            id: id.clone(),
            rates: Arc::default(),
            applied: Arc::default(),
            made: Arc::default(),
            end: Arc::default(),
            thread: None,
        };
        let (rates, applied) = (Arc::clone(&training.rates), Arc::clone(&training.applied));
        let (made, end) = (Arc::clone(&training.made), Arc::clone(&training.end));
        let client = client.clone();
        let thread = Builder::new().name("played".into());
        let thread = thread.spawn(move || play(&client, &id, &rates, &applied, &made, &end)).unwrap();
        Self { thread: Some(thread), ..training }
    }

    fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// Lets it end, and says the rate of every update.
    fn end(mut self) -> Vec<f64> {
        self.end.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
        let rates = self.rates.lock().unwrap();
        rates.clone()
    }
}

/// Listens to what is to be done, on a thread of its own.
fn listen(client: &Client, id: &str) -> Arc<Mutex<Told>> {
    let told: Arc<Mutex<Told>> = Arc::default();
    let (client, path, heard) = (client.clone(), format!("/v1/live/{id}/control"), Arc::clone(&told));
    let ear = move || {
        let mut stream = client.stream(&path, "");
        while let Some((_, _, control)) = stream.next() {
            heard.lock().unwrap().control = Some((control, Instant::now()));
        }
    };
    Builder::new().name("ear".into()).spawn(ear).unwrap();
    told
}

fn play(
    client: &Client,
    id: &str,
    rates: &Mutex<Vec<f64>>,
    applied: &Mutex<Vec<(u64, u64, bool)>>,
    made: &AtomicU64,
    end: &AtomicBool,
) {
    let told = listen(client, id);
    let (mut revision, mut bent): (u64, Option<(u64, Vec<f64>)>) = (0, None);
    let mut next: Option<Value> = None;
    let mut reports: Vec<Value> = Vec::new();
    let mut update = 0;
    while !end.load(Ordering::SeqCst) && update < TOTAL {
        let newest = told.lock().unwrap().control.clone();
        if let Some((control, _)) = newest {
            while told.lock().unwrap().control.as_ref().is_some_and(|(now, _)| now["pause"] == true)
                && !end.load(Ordering::SeqCst)
            {
                let paused = json!({"first": update, "rows": {}, "state": "paused", "now": update});
                client.post(&format!("/v1/live/{id}/rows"), &paused);
                std::thread::sleep(Duration::from_millis(5));
            }
            if control["stop"] == true {
                break;
            }
            if control["revision"].as_u64().unwrap() > revision {
                next = Some(control);
            }
        }
        // A new future is applied at its update, or at the next one where it came too late for that.
        if let Some(control) = next.take_if(|control| control["from"].as_u64().unwrap() <= update) {
            let from = control["from"].as_u64().unwrap();
            revision = control["revision"].as_u64().unwrap();
            bent = control["groups"].get("all").map(|group| {
                let values = group["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap());
                (group["from"].as_u64().unwrap(), values.collect())
            });
            let late = update > from && control["soon"] != true;
            reports.push(json!({"revision": revision, "update": update, "late": late, "latency_s": 0.005}));
            applied.lock().unwrap().push((revision, update, late));
        }
        let rate = match &bent {
            Some((from, values)) => {
                let at = update.saturating_sub(*from) as usize;
                *values.get(at).or(values.last()).unwrap()
            }
            None => planned(update),
        };
        rates.lock().unwrap().push(rate);
        update += 1;
        let rows = json!({
            "first": update - 1,
            "rows": {"update": [update - 1], "train_loss": [1.0 / update as f64], "lr:all": [rate]},
            "applied": std::mem::take(&mut reports), "state": "training", "now": update, "pace_s": 0.003,
        });
        assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
        made.store(update, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
    }
    let rows = json!({"first": update, "rows": {}, "applied": reports, "state": "stopped", "now": update});
    client.post(&format!("/v1/live/{id}/rows"), &rows);
}

#[test]
fn every_applied_rate_is_the_plan_s_exactly_from_the_promised_update_on() {
    let (_hub, _server, client) = serve();
    let mut events = client.stream("/v1/events", "");
    let training = Training::start(&client);
    let path = format!("/v1/runs/{}/schedule", training.id);
    let changes = [
        json!({"factor": 0.5, "by": "a test", "why": "half from now on"}),
        json!({"points": [[150, 0.3], [400, 0.01]], "why": "a line"}),
        json!({"schedule": {"kind": "cosine", "peak": 0.2, "floor": 0.001}}),
        json!({"rates": [0.123_456_789_012_345_68, 0.1, 1e-7]}),
        json!({"release": true}),
    ];
    let mut promised: Vec<(u64, u64)> = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        until("the next updates", || training.made() >= 30 * (at as u64 + 1));
        let answer = client.put(&path, change);
        assert_eq!(answer.status, 202, "{answer:?}");
        let (revision, from) = (answer.json()["revision"].as_u64(), answer.json()["from"].as_u64());
        promised.push((revision.unwrap(), from.unwrap()));
        until("the change", || training.applied.lock().unwrap().len() > at);
    }
    let last = training.made();
    until("some more updates", || training.made() >= last + 20);
    let (id, applied) = (training.id.clone(), training.applied.lock().unwrap().clone());
    let rates = training.end();
    assert_eq!(applied.len(), changes.len());
    for (at, ((revision, update, late), (promised_revision, from))) in
        applied.iter().zip(&promised).enumerate()
    {
        assert_eq!(revision, promised_revision);
        assert!(update >= from && *late == (update > from), "{applied:?} {promised:?}");
        let until = applied.get(at + 1).map_or(rates.len() as u64, |(_, next, _)| *next);
        let asked = format!("/v1/runs/{id}/rates?revision={revision}&from={update}&count={}", until - update);
        let plan = client.get(&asked).json();
        let plan: Vec<u64> =
            plan["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap().to_bits()).collect();
        let done: Vec<u64> =
            rates[*update as usize..until as usize].iter().map(|rate| rate.to_bits()).collect();
        assert_eq!(done, plan, "revision {revision}");
    }
    // Until the first change it is their own scheduler's, and after the release again.
    assert!((0..applied[0].1).all(|update| rates[update as usize] == planned(update)));
    assert!((applied[4].1..rates.len() as u64).all(|update| rates[update as usize] == planned(update)));
    // Who, why and the update it took effect at are kept and told.
    let kept = client.get(&path).json();
    let first = &kept["changes"][0];
    assert_eq!((first["by"].as_str(), first["why"].as_str()), (Some("a test"), Some("half from now on")));
    assert_eq!(first["applied"].as_u64(), Some(applied[0].1));
    assert_eq!(events.of("schedule")["why"], "half from now on");
    assert_eq!(events.of("applied")["update"].as_u64(), Some(applied[0].1));
    until("its end", || client.get(&format!("/v1/runs/{id}")).json()["state"] == "stopped");
    assert_eq!(client.put(&path, &changes[0]).status, 409);
}

#[test]
fn a_change_as_soon_as_possible_is_promised_by_the_training_itself_and_never_late() {
    let (_hub, _server, client) = serve();
    let training = Training::start_soon(&client);
    let path = format!("/v1/runs/{}/schedule", training.id);
    until("the first updates", || training.made() >= 20);
    let changes = [
        json!({"factor": 0.5}),
        json!({"factor": 3, "group": "all"}),
        json!({"points": [[0, 0.2], [TOTAL, 0.01]]}),
        json!({"schedule": {"kind": "linear", "peak": 0.3}, "absolute": true}),
        json!({"release": true}),
        json!({"factor": 0.25}),
    ];
    let mut promised: Vec<(u64, u64)> = Vec::new();
    for change in &changes {
        let answer = client.put(&path, change);
        assert_eq!(answer.status, 202, "{answer:?}");
        let number = |name: &str| answer.json()[name].as_u64().unwrap();
        promised.push((number("revision"), number("from")));
    }
    let last = training.made();
    until("some more updates", || training.made() >= last + 20);
    let (id, applied) = (training.id.clone(), training.applied.lock().unwrap().clone());
    let done = training.end();
    // Each promise is the update at which it was kept.
    let kept: Vec<(u64, u64)> = applied.iter().map(|(revision, update, _)| (*revision, *update)).collect();
    assert_eq!(kept, promised);
    assert!(applied.iter().all(|(.., late)| !late));
    let newest = promised.last().unwrap().0;
    let asked = format!("/v1/runs/{id}/rates?revision={newest}&count={}", done.len());
    let plan: Vec<f64> = client.get(&asked).json()["rates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_f64().unwrap())
        .collect();
    // Up to each one's update the plan is what it was before, so it is all that was ever done.
    assert_eq!(
        done.iter().map(|it| it.to_bits()).collect::<Vec<_>>(),
        plan.iter().map(|it| it.to_bits()).collect::<Vec<_>>()
    );
    let about = client.get(&format!("/v1/runs/{id}")).json();
    assert!(
        about["latency_s"].is_f64() && about["latency_updates"].is_f64() && about["late"] == 0,
        "{about}"
    );
}

#[test]
fn the_past_and_the_bounds_are_locked() {
    let (_hub, _server, client) = serve();
    let id =
        client.post("/v1/live", &registration("locked", 100, 0)).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{id}/schedule");
    let past = client.put(&path, &json!({"factor": 2, "from": 99}));
    assert!(past.status == 409 && past.error().contains("past"), "{past:?}");
    let high = client.put(&path, &json!({"rates": [0.5, 1.5], "from": 200}));
    assert!(high.status == 422 && high.error().contains("update 201 would be 1.5"), "{high:?}");
    let group = client.put(&path, &json!({"factor": 2, "group": "head"}));
    assert!(group.status == 422 && group.error().contains("all"), "{group:?}");
    assert_eq!(client.put(&path, &json!({"factor": 2, "from": 100})).status, 202);
    assert_eq!(client.post(&format!("/v1/runs/{id}/fork"), &json!({})).status, 409);
    assert_eq!(client.get(&path).json()["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn it_pauses_goes_on_and_stops_when_it_is_asked_to() {
    let (_hub, _server, client) = serve();
    let training = Training::start(&client);
    let id = training.id.clone();
    let state = || client.get(&format!("/v1/runs/{id}")).json()["state"].as_str().unwrap().to_owned();
    until("some updates", || training.made() > 5);
    assert_eq!(client.post(&format!("/v1/runs/{id}/pause"), &json!({"by": "me"})).status, 202);
    until("the pause", || state() == "paused");
    let before = training.made();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(training.made(), before);
    assert_eq!(client.post(&format!("/v1/runs/{id}/resume"), &json!({})).status, 202);
    until("more updates", || training.made() > before + 5);
    assert_eq!(client.post(&format!("/v1/runs/{id}/stop"), &json!({"why": "enough"})).status, 202);
    until("its end", || state() == "stopped");
    training.end();
}

#[test]
fn a_server_that_comes_again_gets_the_history_again() {
    let (hub, server, client) = serve();
    let address = client.address;
    let path = |id: &str| format!("/v1/live/{id}/rows");
    let rows = |from: u64, to: u64| {
        let updates: Vec<u64> = (from..to).collect();
        let losses: Vec<f64> = updates.iter().map(|update| 1.0 / (1.0 + *update as f64)).collect();
        json!({"first": from, "rows": {"update": updates, "train_loss": losses}, "now": to})
    };
    let id = client.post("/v1/live", &registration("again", 0, 0)).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(client.post(&path(&id), &rows(0, 50)).json()["have"], 50);
    // What is sent twice is kept once.
    assert_eq!(client.post(&path(&id), &rows(40, 60)).json()["have"], 60);
    let mut control = client.stream(&format!("/v1/live/{id}/control"), "");
    assert_eq!(control.of("control")["revision"], 0);
    client.put(&format!("/v1/runs/{id}/schedule"), &json!({"factor": 0.5}));
    assert_eq!(control.of("control")["revision"], 1);
    drop(server);
    drop(hub);
    assert!(control.next().is_none(), "the stream ends with its server");

    let (_hub, _server, client) = serve_at(address);
    assert_eq!(client.post(&path(&id), &rows(60, 61)).status, 404);
    let joined = client.post("/v1/live", &registration("again", 60, 1));
    assert_eq!((joined.status, joined.json()["have"].as_u64()), (201, Some(0)));
    assert_eq!(joined.json()["revision"], 1);
    let id = joined.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(client.post(&path(&id), &rows(0, 60)).json()["have"], 60);
    let series = client.get(&format!("/v1/runs/{id}/series?columns=train_loss&points=100")).json();
    assert_eq!(series["columns"]["train_loss"]["update"].as_array().unwrap().len(), 60);
    // Revisions go on where they were; the same session again is the same run.
    let change = client.put(&format!("/v1/runs/{id}/schedule"), &json!({"factor": 0.5}));
    assert_eq!(change.json()["revision"], 2);
    let same = client.post("/v1/live", &registration("again", 60, 2));
    assert_eq!((same.status, same.json()["id"].as_str()), (200, Some(id.as_str())));
    // A gap is counted and said.
    assert_eq!(client.post(&path(&id), &rows(70, 80)).json()["have"], 80);
    let about = client.get(&format!("/v1/runs/{id}")).json();
    assert_eq!(about["missing"], 10);
    assert!(about["notes"].to_string().contains("10 rows never came"), "{about}");
}

#[test]
fn one_that_is_gone_is_disconnected_and_one_that_comes_again_trains() {
    let (_hub, _server, client) = serve();
    let mut events = client.stream("/v1/events", "");
    let id = client.post("/v1/live", &registration("gone", 0, 0)).json()["id"].as_str().unwrap().to_owned();
    drop(client.stream(&format!("/v1/live/{id}/control"), ""));
    loop {
        let state = events.of("state");
        if state["state"] == "disconnected" {
            break;
        }
    }
    let joined = client.post("/v1/live", &registration("gone", 0, 0));
    assert_eq!(joined.status, 200);
    assert_eq!(client.get(&format!("/v1/runs/{id}")).json()["state"], "training");
}

#[test]
fn a_listener_hears_that_the_server_is_there_while_nothing_changes_for_it() {
    let (_hub, _server, client) = serve();
    let id = client.post("/v1/live", &registration("quiet", 0, 0)).json()["id"].as_str().unwrap().to_owned();
    let mut control = client.stream(&format!("/v1/live/{id}/control"), "");
    assert_eq!(control.of("control")["revision"], 0);
    // Events that say nothing to this listener go on all the time.
    let (busy, path) = (client.clone(), format!("/v1/live/{id}/rows"));
    let end = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&end);
    let rows = Builder::new().name("busy".into()).spawn(move || {
        for update in 0_u64.. {
            if ends.load(Ordering::SeqCst) {
                return;
            }
            let rows = json!({"first": update, "rows": {"update": [update], "train_loss": [1.0]}});
            busy.post(&path, &rows);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    for _ in 0..2 {
        // Between the lines stand the lengths of the chunks that they come in.
        while control.line().expect("a line") != ": alive" {}
    }
    end.store(true, Ordering::SeqCst);
    rows.unwrap().join().unwrap();
}

#[test]
fn groups_and_numbers_are_bent_by_themselves() {
    let (_hub, _server, client) = serve();
    let register = json!({
        "session": "groups", "total": 100, "groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 1.0}],
        "planned": {"body": [0.1], "head": [1.0]}, "numbers": ["weight_decay"], "bounds": [0.0, 10.0],
    });
    let id = client.post("/v1/live", &register).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{id}/schedule");
    assert_eq!(client.put(&path, &json!({"factor": 0.5, "group": "head", "from": 10})).status, 202);
    let bent = client.put(&path, &json!({"numbers": {"weight_decay": 0.01}, "from": 20}));
    assert_eq!(bent.status, 202, "{bent:?}");
    assert_eq!(client.put(&path, &json!({"numbers": {"momentum": 0.01}})).status, 422);
    let control = client.stream(&format!("/v1/live/{id}/control"), "").of("control");
    assert_eq!(control["groups"], json!({"head": {"from": 10, "rates": vec![0.5; 90]}}));
    assert_eq!(control["numbers"], json!({"weight_decay": {"from": 20, "values": [0.01]}}));
    let rates = |group: &str| client.get(&format!("/v1/runs/{id}/rates?group={group}&from=9&count=2")).json();
    assert_eq!(rates("head")["rates"], json!([1.0, 0.5]));
    assert_eq!(rates("body")["rates"], json!([0.1, 0.1]));
    assert_eq!(rates("tail").get("rates"), None);
    let released = client.put(&path, &json!({"release": true, "from": 30}));
    assert_eq!(released.json()["from"], 30);
    let control = client.stream(&format!("/v1/live/{id}/control"), "").of("control");
    assert_eq!((control["release"].as_bool(), control["groups"].as_object().unwrap().len()), (Some(true), 0));
}

#[test]
fn losses_that_are_no_numbers_and_long_runs_are_kept_with_their_extremes() {
    let (_hub, _server, client) = serve();
    let id = client.post("/v1/live", &registration("long", 0, 0)).json()["id"].as_str().unwrap().to_owned();
    let updates: Vec<u64> = (0..TOTAL).collect();
    let losses: Vec<Value> = updates
        .iter()
        .map(|update| match update {
            1234 => json!(99.5),
            2345 => json!("NaN"),
            _ => json!(1.0),
        })
        .collect();
    let rows = json!({"first": 0, "rows": {"update": updates, "train_loss": losses}, "dropped": 3});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    let series = client.get(&format!("/v1/runs/{id}/series?columns=train_loss&points=10")).json();
    let buckets: BTreeMap<String, Vec<Value>> =
        serde_json::from_value(series["columns"]["train_loss"].clone()).unwrap();
    assert!(buckets["max"].len() <= 10 && buckets["max"].contains(&json!(99.5)), "{buckets:?}");
    let near = client.get(&format!("/v1/runs/{id}/series?columns=train_loss&from=2345&to=2345")).json();
    assert_eq!(near["columns"]["train_loss"]["last"], json!(["nan"]));
    let about = client.get(&format!("/v1/runs/{id}")).json();
    assert!(about["notes"].to_string().contains("3 rows that the training itself dropped"), "{about}");
    let gone = client.get(&format!("/v1/runs/{id}/series?columns=accuracy"));
    assert!(gone.status == 404 && gone.error().contains("train_loss"), "{gone:?}");
}

#[test]
fn what_goes_wrong_in_it_is_found_and_told() {
    let (_hub, _server, client) = serve();
    let mut events = client.stream("/v1/events", "");
    let id = client.post("/v1/live", &registration("wrong", 0, 0)).json()["id"].as_str().unwrap().to_owned();
    let updates: Vec<u64> = (0..200).collect();
    let losses: Vec<Value> =
        updates.iter().map(|update| if *update < 150 { json!(1.0) } else { json!("nan") }).collect();
    let rows = json!({"first": 0, "rows": {"update": updates, "train_loss": losses}});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    let mut found = events.of("finding");
    while found["update"] != 150 {
        found = events.of("finding");
    }
    assert_eq!(found["run"].as_str(), Some(id.as_str()), "{found}");
    assert_eq!(TOKEN, client.token);
}
