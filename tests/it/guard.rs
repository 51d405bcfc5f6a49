//! The engine watching over its lanes: findings as they come, and what each policy does about them.

use std::sync::Arc;

use anneal_studio::analysis::detect::{Finding, Kind, Policy, Remedy};
use anneal_studio::engine::protocol::{Command, Guard, State};
use anneal_studio::engine::{Engine, Options, Shared};
use anneal_studio::experiment::Experiment;
use anneal_studio::schedule::kind::Value;
use anneal_studio::telemetry::{Column, EventKind};
use anneal_studio::train::ids::{LaneId, Mode, Revision, RunId};

use crate::engine::wait;
use crate::support::Fixture;
use crate::training::revision;

const FIRST: LaneId = LaneId { run: RunId(0), replica: 0 };

/// The digits: a rate far too high, and one that is sound.
const DIVERGES: &str = r#"
anneal = 1
name = "diverges"
[data]
name = "digits"
batch_size = 32
limit = 600
[model]
kind = "mlp"
hidden = [32]
activation = "relu"
[train]
updates = "400"
seed = 0
[[run]]
name = "too high"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 8.0 }
[[run]]
name = "sound"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.05 }
"#;

fn under(text: &str, policy: Policy) -> Engine {
    let options = Options { threads: Some(1), playing: false, ..Options::default() };
    let engine = Engine::start(revision(text, 0), options, || ()).expect("a thread");
    wait(&engine, "the data", |shared| shared.status.state == State::Paused);
    assert!(engine.send(Command::Guard(Guard { policy, time_limit: None })));
    assert!(engine.send(Command::Play));
    engine
}

fn done(shared: &Shared) -> bool {
    shared.status.state == State::Finished
}

fn findings(engine: &Engine, lane: LaneId) -> Vec<Finding> {
    engine.read(|shared| shared.lanes[&lane].findings.to_vec())
}

fn peak(experiment: &Experiment) -> f64 {
    match experiment.runs[0].lr.kind.get("peak") {
        Some(Value::Number(peak)) => peak,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_divergence_is_found_with_its_evidence_and_told_once_as_an_event() {
    let engine = under(DIVERGES, Policy::Warn);
    wait(&engine, "the end", done);
    let found = findings(&engine, FIRST);
    assert!(found.iter().any(|finding| finding.kind == Kind::Divergence), "{found:?}");
    engine.read(|shared| {
        let store = &shared.lanes[&FIRST].store;
        let told: Vec<_> = store.events().iter().filter(|e| e.kind == EventKind::Finding).collect();
        assert_eq!(told.len(), found.len(), "one event a kind: {told:?}");
        let sound = &shared.lanes[&LaneId { run: RunId(1), replica: 0 }];
        assert!(sound.findings.is_empty(), "{:?}", sound.findings);
    });
    // A restart begins with a clean slate, and finds the same again.
    engine.send(Command::Restart);
    wait(&engine, "the restart", |shared| shared.events.iter().any(|event| event.kind == EventKind::Restart));
    wait(&engine, "the end", done);
    assert_eq!(findings(&engine, FIRST), found);
}

#[test]
fn to_pause_at_an_error_is_to_pause() {
    let engine = under(DIVERGES, Policy::Pause);
    wait(&engine, "the pause", |shared| {
        shared.status.state == State::Paused && !shared.lanes[&FIRST].findings.is_empty()
    });
    // What is known now is no reason to pause again; what is found later may be one.
    let known = findings(&engine, FIRST).len();
    engine.send(Command::Play);
    wait(&engine, "the end or another finding", |shared| {
        done(shared) || shared.status.state == State::Paused && shared.lanes[&FIRST].findings.len() > known
    });
}

#[test]
fn to_roll_back_is_to_go_on_from_a_good_state_at_half_the_rate_until_it_holds() {
    // Sound until the rate leaps at update 200.
    let leaps = DIVERGES.with(
        r#"lr = { kind = "constant", peak = 8.0 }"#,
        r#"lr = { kind = "points", points = [["0", 0.05], ["200", 0.05], ["201", 6.0], ["400", 6.0]], interpolation = "linear" }"#,
    );
    let engine = under(&leaps, Policy::RollBack);
    wait(&engine, "the end", done);
    let found = findings(&engine, FIRST);
    assert!(found.iter().any(|finding| finding.kind == Kind::Divergence), "kept, though its future was left");
    engine.read(|shared| {
        let view = &shared.lanes[&FIRST];
        assert_eq!((view.store.updates(), view.diverged_at), (400, None));
        assert!(shared.own_edits.len() > 1, "one halving is not enough for a rate that high");
        let edits: Vec<_> = shared.own_edits.iter().map(|edit| (edit.run, edit.remedy.clone())).collect();
        assert!(edits.iter().all(|edit| *edit == (RunId(0), Remedy::ScaleRate(0.5))));
        let back: Vec<_> = view.store.events().iter().filter(|e| e.kind == EventKind::RollBack).collect();
        let last = back.last().expect("an event");
        assert!((100..=200).contains(&last.update), "the last good state: {last:?}");
        // The halved rate is in use from there on.
        let rate = |update| view.store.series(Column::Lr).at(update).unwrap().value;
        let expected = 6.0 * 0.5_f64.powi(shared.own_edits.len() as i32);
        assert!((rate(300) - expected).abs() < 1e-12, "{} for {expected}", rate(300));
        assert_eq!(rate(50), 0.05, "what was before is as it was");
        let loss = view.store.series(Column::TrainLoss).at(399).unwrap().value;
        assert!(loss.is_finite() && loss < 3.0, "{loss}");
        let sound = &shared.lanes[&LaneId { run: RunId(1), replica: 0 }];
        assert_eq!(sound.store.series(Column::Lr).at(399).unwrap().value, 0.05);
    });
    // The document that follows says what the engine does already: nothing changes.
    let mut revision = (*revision(&leaps, 0)).clone();
    for edit in engine.read(|shared| shared.own_edits.clone()) {
        assert!(edit.remedy.apply(&mut revision.experiment, 0));
    }
    revision.generation = 7;
    engine.send(Command::Revise(Arc::new(revision), Mode::Live));
    wait(&engine, "the document", |shared| shared.status.generation == 7);
    engine.read(|shared| assert_eq!(shared.lanes[&FIRST].store.updates(), 400));
}

#[test]
fn a_run_that_is_bad_from_its_beginning_begins_anew() {
    let engine = under(DIVERGES, Policy::RollBack);
    wait(&engine, "the end", done);
    engine.read(|shared| {
        let view = &shared.lanes[&FIRST];
        let back: Vec<_> = view.store.events().iter().filter(|e| e.kind == EventKind::RollBack).collect();
        assert!(back.iter().any(|event| event.update == 0), "{back:?}");
        let halved = peak(&revision(DIVERGES, 0).experiment) * 0.5_f64.powi(shared.own_edits.len() as i32);
        let used = view.store.series(Column::Lr).at(399).unwrap().value;
        assert!((used - halved).abs() < 1e-12, "{used} for {halved}");
        assert!(view.store.series(Column::TrainLoss).at(399).unwrap().value < 1.0);
    });
}

#[test]
fn one_run_begins_anew_and_the_others_stay() {
    let engine = under(DIVERGES, Policy::Warn);
    wait(&engine, "the end", done);
    let losses = |engine: &Engine, run| {
        engine.read(|shared| {
            let view = &shared.lanes[&LaneId { run: RunId(run), replica: 0 }];
            (0..400).map(|at| view.store.series(Column::TrainLoss).at(at).unwrap().value.to_bits()).collect()
        })
    };
    let before: (Vec<u64>, Vec<u64>) = (losses(&engine, 0), losses(&engine, 1));
    engine.send(Command::Begin(RunId(1)));
    wait(&engine, "the beginning", |shared| {
        let store = &shared.lanes[&LaneId { run: RunId(1), replica: 0 }].store;
        store.events().iter().any(|event| event.kind == EventKind::Restart)
    });
    wait(&engine, "the end", done);
    assert_eq!(before, (losses(&engine, 0), losses(&engine, 1)));
}

#[test]
fn a_training_longer_than_its_time_limit_is_told() {
    let options = Options { threads: Some(1), playing: false, ..Options::default() };
    let engine = Engine::start(revision(DIVERGES, 0), options, || ()).expect("a thread");
    engine.send(Command::Guard(Guard { policy: Policy::Warn, time_limit: Some(1e-9) }));
    engine.send(Command::Play);
    wait(&engine, "the end", done);
    let found = findings(&engine, LaneId { run: RunId(1), replica: 0 });
    assert!(matches!(&found[..], [one] if one.kind == Kind::RuntimeCap), "{found:?}");
}

/// The shipped experiment whose lesson is warmup: the engine says why the run without one is dead.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains transformers: run it with --release")]
fn the_run_without_warmup_is_told_to_be_stuck_at_the_entropy_of_its_characters() {
    let path = format!("{}/examples/shakespeare-warmup.toml", env!("CARGO_MANIFEST_DIR"));
    let mut experiment = Experiment::open(path).unwrap();
    experiment.train.replicas = 1;
    let ids = vec![RunId(0), RunId(1)];
    let revision = Arc::new(Revision { generation: 0, experiment, ids });
    let engine = Engine::start(revision, Options { threads: Some(2), ..Options::default() }, || ()).unwrap();
    wait(&engine, "the end", done);
    engine.read(|shared| {
        let [without, with] =
            [0, 1].map(|run| &shared.lanes[&LaneId { run: RunId(run), replica: 0 }].findings);
        let stuck = without.iter().find(|finding| finding.kind == Kind::StuckAtChance).expect("a finding");
        let chance = shared.status.chance_loss.unwrap();
        assert!((stuck.evidence[0].against - chance).abs() < 1e-9);
        assert!((stuck.evidence[0].value / chance - 1.0).abs() < 0.1, "{stuck:?}");
        // Why: the first updates were far too long.
        let longest =
            stuck.evidence.iter().find(|e| e.what.starts_with("longest update")).expect("a blow-up");
        assert!(longest.update < 50 && longest.value > 10.0 * longest.against, "{longest:?}");
        eprintln!("{:?}", stuck.evidence);
        assert!(matches!(stuck.remedies[0], Remedy::Warmup(_)));
        assert!(with.iter().all(|finding| finding.kind != Kind::StuckAtChance), "{with:?}");
    });
}

/// A fork late in a run: what it began with is what its origin began with.
#[test]
fn a_fork_is_watched_with_the_past_of_its_origin() {
    const FORK: LaneId = LaneId { run: RunId(2), replica: 0 };
    let engine = under(DIVERGES, Policy::Warn);
    wait(&engine, "the end", done);
    let fork = |of: &str, id| {
        let text = format!(
            "{DIVERGES}[[run]]\nname = \"fork\"\nfork = {{ of = \"{of}\", at = \"240\" }}\n\
             optimizer = {{ kind = \"sgd\", momentum = 0.9 }}\nlr = {{ kind = \"constant\", peak = 1e-5 }}\n"
        );
        let mut revision = (*revision(&text, 1)).clone();
        revision.ids[2] = id;
        engine.send(Command::Revise(Arc::new(revision), Mode::Live));
        let lane = LaneId { run: id, replica: 0 };
        wait(&engine, "the fork", |shared| shared.lanes.get(&lane).is_some_and(|lane| lane.update == 400));
        lane
    };
    // Hardly moving any more is no slowdown of a run that has learned.
    let sound = fork("sound", FORK.run);
    assert_eq!(findings(&engine, sound), []);
    // What was found before it parted is found in it, and told once.
    let broken = fork("too high", RunId(3));
    wait(&engine, "what was found", |shared| !shared.lanes[&broken].findings.is_empty());
    let (origin, found) = (findings(&engine, FIRST), findings(&engine, broken));
    assert_eq!((found[0].kind, found[0].first), (origin[0].kind, origin[0].first));
    engine.read(|shared| {
        let events = shared.lanes[&broken].store.events();
        let told = events.iter().filter(|event| event.kind == EventKind::Finding);
        assert_eq!(told.count(), found.len());
    });
}
