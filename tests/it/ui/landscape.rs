//! The landscape panel, and the workbench of snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use anneal_studio::engine::protocol::{Command, State, SurveyRequest};
use anneal_studio::engine::{Engine, Options, Shared, Snapshot, SnapshotReason};
use anneal_studio::experiment::Experiment;
use anneal_studio::train::ids::SnapshotId;
use anneal_studio::ui::panels::landscape;
use eframe::egui::vec2;

use super::stand_in::{Studio, open};
use crate::support::Fixture;
use crate::training::{cohort, revision};

const SADDLE: &str = r#"
anneal = 1
name = "saddle"
[model]
kind = "surface"
function = "saddle"
start = [1.0, 0.01]
[train]
updates = "200"
[[run]]
name = "constant"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.1 }
"#;

/// A studio that shows what a real engine found of the saddle.
fn saddle() -> Studio {
    let engine = Engine::start(revision(SADDLE, 0), Options::default(), || ()).unwrap();
    engine.send(Command::Survey(Some(SurveyRequest::Weights)));
    let found = |shared: &Shared| {
        let ended = shared.status.state == State::Finished;
        let found = shared.landscape.clone().filter(|found| {
            found.ways.values().all(|way| way.places.last().is_some_and(|(updates, _)| *updates == 200))
        })?;
        (ended && found.ground.as_ref().is_ok_and(|ground| ground.complete))
            .then(|| (found, shared.prepared.clone()))
    };
    let (landscape, prepared) = loop {
        if let Some(found) = engine.read(found) {
            break found;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let mut studio = open(Experiment::parse(SADDLE, "saddle.toml").unwrap(), None, 0, (1600.0, 1000.0));
    // The document gives its runs the ids that the engine's revision had.
    let id = studio.document().first().unwrap();
    let mut shared = studio.log.shared.borrow_mut();
    shared.prepared = prepared;
    let ways = landscape
        .ways
        .iter()
        .map(|(lane, way)| (anneal_studio::train::ids::LaneId { run: id, ..*lane }, way.clone()));
    let ways: BTreeMap<_, _> = ways.collect();
    shared.landscape = Some(anneal_studio::engine::Landscape { ways: Arc::new(ways), ..landscape });
    drop(shared);
    studio.harness.run_steps(4);
    studio
}

#[test]
fn a_surface_opens_its_landscape_and_asks_the_engine_for_it() {
    let studio = saddle();
    assert!(studio.shows("Side panel: Landscape"));
    assert!(studio.log.said(|command| { matches!(command, Command::Survey(Some(SurveyRequest::Weights))) }));
    assert!(studio.shows("Landscape of the loss"));
    assert!(studio.says("Saddle: x²/2"));
    // The run went down from the saddle to (0, 1).
    assert!(studio.says("101 × 101 points"));
    assert!(studio.shows("1") || studio.says("0.99"), "where the run stands");
}

#[test]
fn dragging_turns_the_surface_scrolling_comes_nearer_and_a_double_click_goes_back() {
    let mut studio = saddle();
    let camera = |studio: &Studio| {
        studio.harness.state().studio().panels.peek::<landscape::State>().and_then(|state| state.camera)
    };
    assert_eq!(camera(&studio), None);
    let place = studio.place("Landscape of the loss");
    studio.drag(place, place + vec2(80.0, 30.0), 4, |_| ());
    let turned = camera(&studio).expect("it turned");
    studio.harness.hover_at(place);
    studio.harness.step();
    let scroll = |y: f32| eframe::egui::Event::MouseWheel {
        unit: eframe::egui::MouseWheelUnit::Point,
        delta: vec2(0.0, y),
        modifiers: eframe::egui::Modifiers::NONE,
        phase: eframe::egui::TouchPhase::Move,
        source: eframe::egui::MouseWheelSource::Wheel,
    };
    studio.harness.event(scroll(60.0));
    studio.harness.run_steps(30);
    let nearer = camera(&studio).unwrap();
    assert!(nearer.distance < turned.distance, "{nearer:?} {turned:?}");
    assert_eq!((nearer.azimuth, nearer.elevation), (turned.azimuth, turned.elevation));
    studio.click("Map");
    studio.drag(place, place + vec2(80.0, 30.0), 4, |_| ());
    assert_eq!(camera(&studio), Some(nearer), "a map does not turn");
    studio.click("Surface");
    // Two clicks are a double one only when the one before is long ago.
    studio.harness.run_steps(60);
    studio.click("Landscape of the loss");
    studio.click("Landscape of the loss");
    assert_eq!(camera(&studio), None);
}

#[test]
fn a_closed_panel_asks_for_no_survey() {
    let mut studio = saddle();
    studio.click("Fold side panel");
    let last = studio.log.commands.borrow().iter().rev().find_map(|command| match command {
        Command::Survey(request) => Some(*request),
        _ => None,
    });
    assert_eq!(last, Some(None));
}

const CYCLES: &str = r#"
anneal = 1
name = "cycles"
[data]
name = "digits"
batch_size = 32
limit = 300
[model]
kind = "mlp"
hidden = [12]
[train]
updates = "120"
[snapshots]
when = "cycle_end"
keep = 4
average = ["swa", "ema"]
[[run]]
name = "restarts"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine_restarts", peak = 0.2, first = "30" }
"#;

/// A studio with the snapshots of a real run: one a cycle, and one on the way.
fn cycles() -> Studio {
    let mut trained = cohort(CYCLES, 1);
    let mut snapshots = Vec::new();
    let parameters = trained.task().model.width();
    for (at, update) in [15, 30, 60, 90, 120].into_iter().enumerate() {
        trained.advance(update, u64::MAX).unwrap();
        let saved = trained.save_lane(trained.lanes()[0].id).unwrap().unwrap();
        let why = if at == 0 { SnapshotReason::OnTheWay } else { SnapshotReason::Asked };
        snapshots.push((SnapshotId(at as u64), why, saved));
    }
    let mut studio = open(Experiment::parse(CYCLES, "cycles.toml").unwrap(), None, 100, (1600.0, 1400.0));
    let run = studio.document().first().unwrap();
    let mut shared = studio.log.shared.borrow_mut();
    shared.prepared = Some(Arc::clone(&trained.task().prepared));
    shared.snapshots = snapshots
        .into_iter()
        .map(|(id, why, mut saved)| {
            saved.id.run = run;
            Snapshot::new(id, why, Arc::new(saved), parameters)
        })
        .collect();
    drop(shared);
    studio.harness.run_steps(3);
    studio.panel("Snapshots");
    compared(&mut studio);
    studio
}

fn compared(studio: &mut Studio) {
    for _ in 0..3000 {
        studio.harness.step();
        if !studio.harness.state().is_waiting() {
            studio.harness.run_steps(3);
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the comparison did not come");
}

#[test]
fn the_workbench_shows_the_asked_for_snapshots_together_and_alone() {
    let studio = cycles();
    assert!(studio.says("The ensemble of 4 "), "the verdict");
    for name in ["Ensemble of 4", "Soup of 4", "SWA of 4", "EMA", "Last, update 120"] {
        assert!(studio.shows(name), "{name} is missing");
    }
    for update in ["30", "60", "90", "120"] {
        assert!(studio.shows(update), "snapshot {update} is missing");
    }
    assert!(studio.says("The highest barrier rises"));
    assert!(studio.says("Sample "), "no sample in dispute is drawn");
}

#[test]
fn ticking_a_snapshot_changes_the_ensemble() {
    let mut studio = cycles();
    assert!(!studio.shows("15"), "nobody asked for that one");
    studio.click("On the way too");
    compared(&mut studio);
    studio.click("15");
    compared(&mut studio);
    assert!(studio.shows("Ensemble of 5"));
    studio.click("None");
    compared(&mut studio);
    assert!(studio.says("Tick two snapshots or more"));
    assert!(!studio.says("Ensemble of"));
    studio.click("All");
    compared(&mut studio);
    assert!(studio.shows("Ensemble of 5"));
}

#[test]
fn the_table_is_saved_as_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshots.csv");
    let mut studio = cycles();
    *studio.log.answer.borrow_mut() = Some(path.clone());
    studio.click("Save table…");
    studio.click("Browse…");
    studio.harness.run_steps(3);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("run,replica,kind,update,members,loss,accuracy,nll,ece\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains(",snapshot,")).count(), 4);
    assert!(text.contains("restarts,0,ensemble,,4,"), "{text}");
}

#[test]
fn nothing_held_out_is_said() {
    let mut studio = cycles();
    studio.log.shared.borrow_mut().prepared = {
        let text = CYCLES.with("limit = 300", "limit = 300\nvalidation = 0.0");
        let experiment = Experiment::parse(&text, "test.toml").unwrap();
        Some(anneal_studio::train::task::prepare(&experiment).unwrap())
    };
    studio.click("30");
    compared(&mut studio);
    assert!(studio.says("Nothing is held out"));
}
