//! A training of another program in the studio: a row, curves with its planned future, and a hand that bends it there.

use std::time::{Duration, Instant};

use anneal_studio::api::Options;
use anneal_studio::api::live::LiveState;
use anneal_studio::engine::protocol::Command;
use anneal_studio::engine::{self, Engine};
use anneal_studio::train::ids::Mode;
use anneal_studio::ui::panels::live::{self, State};
use anneal_studio::ui::shelf::{Guest, LiveView};
use eframe::egui::{Vec2, vec2};
use serde_json::{Value, json};

use super::stand_in::{Studio, UPDATES, first};
use crate::api::client::Client;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The studio with its server on, and a training that has made so many updates.
struct Bent {
    studio: Studio,
    client: Client,
    id: String,
}

fn planned(update: u64) -> f64 {
    0.1 * (1.0 - update as f64 / UPDATES as f64) + 1e-4
}

fn joined(made: u64) -> Bent {
    let mut studio = first(200);
    let client = serving(&mut studio);
    let plan: Vec<f64> = (0..UPDATES).map(planned).collect();
    let answer = client.post(
        "/v1/live",
        &json!({
            "session": "a studio's", "name": "my transformer", "total": UPDATES, "groups": [{"name": "all", "lr": 0.1}],
            "bounds": [0.0, 1.0], "planned": {"all": plan}, "planned_from": 0, "can": ["pause", "stop", "snapshot"],
            "numbers": ["momentum", "weight_decay"], "number_values": {"momentum": 0.9, "weight_decay": 0.01},
            "client": {"framework": "torch 2.15", "pid": 1},
        }),
    );
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let updates: Vec<u64> = (0..made).collect();
    let losses: Vec<f64> = updates.iter().map(|update| 2.0 / (1.0 + *update as f64 / 50.0)).collect();
    let rates: Vec<f64> = updates.iter().map(|update| planned(*update)).collect();
    let rows = json!({"first": 0, "rows": {"update": updates, "train_loss": losses, "lr:all": rates}, "now": made, "state": "paused"});
    assert_eq!(client.post(&format!("/v1/live/{id}/rows"), &rows).status, 200);
    let mut bent = Bent { studio, client, id };
    bent.until(|bent| {
        bent.guest().is_some_and(|guest| guest.live.as_ref().is_some_and(|live| live.update == made))
    });
    bent
}

impl Bent {
    fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(Instant::now() < deadline, "it never came about");
            std::thread::sleep(Duration::from_millis(5));
            self.studio.harness.run_steps(1);
        }
        self.studio.harness.run_steps(2);
    }

    fn guest(&self) -> Option<&Guest> {
        self.studio.harness.state().studio().shelf.guests().first()
    }

    fn live(&self) -> &LiveView {
        self.guest().unwrap().live.as_ref().unwrap()
    }

    fn rates(&self) -> Vec<f64> {
        let path = format!("/v1/runs/{}/rates?count={UPDATES}", self.id);
        let rates: Value = self.client.get(&path).json();
        rates["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect()
    }
}

/// A studio with its server on.
fn serving(studio: &mut Studio) -> Client {
    let ctx = studio.harness.ctx.clone();
    let options =
        Options { listen: Some("127.0.0.1:0".parse().unwrap()), token: Some(TOKEN.to_owned()), door: None };
    live::start_at(studio.harness.state_mut().studio_mut(), &ctx, options);
    let serving = studio.harness.state_mut().studio_mut().panels.of::<State>().serving.as_ref();
    Client::new(serving.expect("a server").server.address(), TOKEN)
}

#[test]
fn our_own_runs_are_seen_over_the_api_and_changed_by_the_studio_s_commands_only() {
    let mut studio = first(200);
    let revision = studio.document().revision();
    let options = engine::Options { playing: false, threads: Some(1), ..engine::Options::default() };
    let engine = Engine::start(revision, options, || ()).unwrap();
    studio.harness.state_mut().studio_mut().viewer = Some(engine.viewer());
    let client = serving(&mut studio);
    let runs = client.get("/v1/runs").json();
    let names: Vec<&str> =
        runs["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    let ours: Vec<String> = studio.document().runs().map(|(_, run)| run.name.clone()).collect();
    assert_eq!(names, ours);
    let path = format!("/v1/runs/{}/schedule", runs["runs"][0]["id"].as_str().unwrap());
    // The studio answers in its frames.
    let ask = |studio: &mut Studio, body: Value| {
        let (client, path) = (client.clone(), path.clone());
        let asked =
            std::thread::Builder::new().name("asked".into()).spawn(move || client.put(&path, &body)).unwrap();
        while !asked.is_finished() {
            studio.harness.run_steps(1);
            std::thread::sleep(Duration::from_millis(2));
        }
        asked.join().unwrap()
    };
    let before = studio.log.revisions();
    let answer = ask(&mut studio, json!({"factor": 0.5, "from": 400, "by": "a test"}));
    assert_eq!((answer.status, answer.json()["from"].as_u64()), (202, Some(400)), "{answer:?}");
    studio.harness.run_steps(2);
    assert_eq!(studio.log.revisions(), before + 1);
    let inner = studio.harness.state().studio();
    let id = inner.document.first().unwrap();
    let (curve, old) = (inner.curve(id).unwrap(), inner.document.previous_schedule(id).unwrap());
    let old = old.resolve(inner.clock()).unwrap();
    assert!((0..400).all(|at| curve.at(at).to_bits() == old.at(at).to_bits()));
    assert!((400..UPDATES).all(|at| curve.at(at) == 0.5 * old.at(at)));
    // It can be undone like any other edit.
    assert!(inner.document.can_undo());
    let past = ask(&mut studio, json!({"factor": 0.5, "from": 199}));
    assert!(past.status == 409 && past.error().contains("200 updates are made"), "{past:?}");
    studio.harness.state_mut().studio_mut().view.mode = Mode::Instant;
    let instant = ask(&mut studio, json!({"factor": 0.5}));
    assert!(instant.status == 409 && instant.error().contains("Instant"), "{instant:?}");
    assert!(!studio.log.said(|command| matches!(command, Command::Play)));
}

#[test]
fn a_training_that_joins_is_a_row_with_its_curves_and_its_planned_future() {
    let bent = joined(300);
    assert!(bent.studio.shows("Live run my transformer"));
    assert!(bent.studio.says("torch 2.15") && bent.studio.says("update 300 of 1,000"));
    let inner = bent.studio.harness.state().studio();
    let lane = inner.frame.lane(bent.guest().unwrap().row.id).expect("a lane of the frame");
    assert_eq!(lane.update, 300);
    assert!(!lane.curves.lr.is_empty() && lane.now.loss.is_some());
    let ahead = &lane.ahead[0];
    assert_eq!((ahead.first().unwrap().0, ahead.last().unwrap().0), (299, UPDATES - 1));
    assert!(ahead.iter().all(|(update, rate)| *rate == planned(*update)));
}

#[test]
fn one_press_bends_its_future_and_another_gives_it_back() {
    let mut bent = joined(300);
    let before = bent.rates();
    bent.studio.click("Halve");
    let half = bent.rates();
    assert_eq!(half[..300], before[..300]);
    assert!((300..1000).all(|at| half[at] == 0.5 * before[at]));
    bent.studio.click("Hold");
    assert!(bent.rates()[300..].iter().all(|rate| *rate == half[300]));
    bent.studio.click("Linear to 0");
    let line = bent.rates();
    assert!(line[300] == half[300] && line[999] < 0.002 * half[300] && line[650] > line[651]);
    bent.until(|bent| bent.live().is_bent);
    bent.studio.click("Give it back to its scheduler");
    assert_eq!(bent.rates()[300..], before[300..]);
    let changes = bent.client.get(&format!("/v1/runs/{}/schedule", bent.id)).json();
    let whys: Vec<&str> =
        changes["changes"].as_array().unwrap().iter().map(|made| made["by"].as_str().unwrap()).collect();
    assert_eq!(whys, ["studio"; 4]);
    // What its script does not allow is said, and not sent.
    for _ in 0..8 {
        bent.studio.click("Double");
    }
    assert!(bent.studio.says("outside of what the script allows"));
}

#[test]
fn a_drag_of_a_ring_bends_the_curve_around_it_and_leaves_the_past() {
    let mut bent = joined(300);
    let before = bent.rates();
    let from = bent.studio.place("Rate ahead 3 of 6");
    bent.studio.drag(from, from + vec2(0.0, 40.0), 4, |_| ());
    let after = bent.rates();
    let ring = 300 + 699 * 2 / 5;
    assert_eq!(after[..300], before[..300]);
    assert!(after[ring] < 0.95 * before[ring], "{} {}", after[ring], before[ring]);
    // Its neighbours stay where they are.
    for at in [300, 999] {
        assert!((after[at] / before[at] - 1.0).abs() < 1e-9, "{at}: {} {}", after[at], before[at]);
    }
    assert_eq!(bent.client.get(&format!("/v1/runs/{}", bent.id)).json()["revision"], 1);
    // Without a drag nothing is sent.
    bent.studio.drag(from, from + Vec2::ZERO, 1, |_| ());
}

#[test]
fn exact_points_are_typed_and_mistakes_are_said() {
    let mut bent = joined(300);
    bent.studio.harness.state_mut().studio_mut().panels.of::<State>().typed = "500 nonsense".into();
    bent.studio.harness.run_steps(2);
    assert!(bent.studio.says("is no update and rate"));
    bent.studio.harness.state_mut().studio_mut().panels.of::<State>().typed = "300 0.05\n800 0.01".into();
    bent.studio.harness.run_steps(2);
    bent.studio.click("Set these points");
    let rates = bent.rates();
    assert_eq!((rates[300], rates[800], rates[999]), (0.05, 0.01, 0.01));
}

#[test]
fn it_is_asked_to_pause_and_stop_and_said_to_be_gone_and_its_rate_becomes_a_schedule_of_ours() {
    let mut bent = joined(300);
    bent.studio.click("Stop");
    let control = bent.client.stream(&format!("/v1/live/{}/control", bent.id), "").of("control");
    assert_eq!(control["stop"], true);
    bent.until(|bent| bent.live().state == LiveState::Disconnected);
    assert!(bent.studio.says("disconnected"));
    let before = bent.studio.document().runs().count();
    bent.studio.click("Take what was done as a schedule");
    assert_eq!(bent.studio.document().runs().count(), before + 1);
    bent.studio.click("More for my transformer");
    bent.studio.click("Close");
    bent.studio.harness.run_steps(2);
    assert!(bent.guest().is_none() && !bent.studio.shows("Live run my transformer"));
}

#[test]
fn how_fast_a_change_was_in_effect_is_a_number_in_the_panel() {
    let mut bent = joined(300);
    assert!(bent.studio.says("measured with the first one"));
    bent.studio.click("Halve");
    let rows = json!({"first": 300, "rows": {}, "now": 300, "pace_s": 0.005, "state": "training",
        "applied": [{"revision": 1, "update": 300, "late": false, "latency_s": 0.004}]});
    assert_eq!(bent.client.post(&format!("/v1/live/{}/rows", bent.id), &rows).status, 200);
    bent.until(|bent| bent.live().latency.is_some());
    assert!(bent.studio.shows("4 ms · 0.8 updates"));
}

#[test]
fn numbers_of_its_optimizer_are_moved_and_set() {
    let mut bent = joined(300);
    assert!(bent.studio.says("Weight decay") && bent.studio.says("Momentum"));
    let moved = std::collections::BTreeMap::from([("momentum".to_owned(), 0.5)]);
    bent.studio.harness.state_mut().studio_mut().panels.of::<State>().moved = moved;
    bent.studio.harness.run_steps(2);
    bent.studio.click("Set momentum 0.5");
    let control = bent.client.stream(&format!("/v1/live/{}/control", bent.id), "").of("control");
    assert_eq!(control["numbers"], json!({"momentum": {"from": 300, "values": [0.5]}}));
    bent.until(|bent| bent.live().numbers[0].is_bent);
    assert!(bent.studio.says("Momentum is bent to 0.5"));
}

#[test]
fn a_snapshot_is_asked_of_its_process_and_what_became_of_it_is_said() {
    let mut bent = joined(300);
    bent.studio.click("Snapshot");
    let control = bent.client.stream(&format!("/v1/live/{}/control", bent.id), "").of("control");
    assert_eq!(control["asked"][0]["what"], "snapshot");
    let rows = json!({"first": 300, "rows": {}, "now": 300, "answered": [{"id": 1, "update": 300}], "state": "paused"});
    bent.client.post(&format!("/v1/live/{}/rows", bent.id), &rows);
    bent.until(|bent| bent.live().asked.first().is_some_and(|asked| asked.update.is_some()));
    assert!(bent.studio.says("snapshot · done after 300 updates"));
}

#[test]
fn what_goes_wrong_in_it_has_a_remedy_that_goes_to_its_process() {
    let mut bent = joined(300);
    let updates: Vec<u64> = (300..420).collect();
    let losses = vec![json!("nan"); updates.len()];
    let rates: Vec<f64> = updates.iter().map(|update| planned(*update)).collect();
    let rows = json!({"first": 300, "rows": {"update": updates, "train_loss": losses, "lr:all": rates}, "now": 420, "state": "paused"});
    assert_eq!(bent.client.post(&format!("/v1/live/{}/rows", bent.id), &rows).status, 200);
    bent.until(|bent| bent.guest().is_some_and(|guest| !guest.findings.is_empty()));
    let before = bent.rates();
    bent.studio.click("Halve its rate from now on");
    let control = bent.client.stream(&format!("/v1/live/{}/control", bent.id), "").of("control");
    assert_eq!(
        (control["revision"].as_u64(), control["groups"]["all"]["from"].as_u64()),
        (Some(1), Some(420))
    );
    assert!((420..UPDATES as usize).all(|at| bent.rates()[at] == 0.5 * before[at]));
    assert!(control["why"].as_str().unwrap().starts_with("halved because of"), "{control}");
}

#[test]
fn a_shadow_of_ours_follows_its_curve_at_the_height_of_our_own_and_every_bend_of_it() {
    let mut bent = joined(300);
    let before = bent.studio.document().runs().count();
    let ours = {
        let inner = bent.studio.harness.state().studio();
        let curve = inner.curve(inner.view.selected).unwrap();
        (0..UPDATES).map(|at| curve.at(at)).fold(0.0, f64::max)
    };
    bent.studio.click("Train a shadow");
    bent.studio.harness.run_steps(2);
    let shadow = bent.studio.document().runs().last().map(|(row, run)| (row.id, run.name.clone())).unwrap();
    assert_eq!(
        (bent.studio.document().runs().count(), shadow.1.as_str()),
        (before + 1, "shadow of my transformer")
    );
    // A colour of its own beside every other one.
    let slot = bent.studio.document().runs().last().unwrap().0.slot;
    assert_ne!(bent.guest().unwrap().row.slot, slot);
    let rate = |bent: &Bent, at: u64| bent.studio.harness.state().studio().curve(shadow.0).unwrap().at(at);
    let near = |found: f64, right: f64| assert!((found / right - 1.0).abs() < 0.01, "{found} is not {right}");
    near(rate(&bent, 0), ours);
    let factor = rate(&bent, 0) / planned(0);
    near(rate(&bent, 500), factor * planned(500));
    bent.studio.click("Halve");
    bent.studio.harness.run_steps(3);
    near(rate(&bent, 100), factor * planned(100));
    near(rate(&bent, 500), 0.5 * factor * planned(500));
    assert!(bent.studio.document().can_undo());
    bent.studio.click("Let it go its own way");
    bent.studio.click("Halve");
    bent.studio.harness.run_steps(3);
    near(rate(&bent, 500), 0.5 * factor * planned(500));
}
