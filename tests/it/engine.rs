//! The training thread: commands in, telemetry out.

mod forks;
mod memory;
mod resume;
mod snapshots;
mod travel;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anneal_studio::engine::protocol::{Command, FieldRequest, Speed, State};
use anneal_studio::engine::{Engine, Options};
use anneal_studio::telemetry::{Column, EventKind};
use anneal_studio::train::device::Choice;
use anneal_studio::train::ids::{LaneId, Mode, Revision, RunId};

use crate::support::Fixture;
pub use crate::support::wait_for as wait;
use crate::training::{MOONS, revision};

const FIRST: LaneId = LaneId { run: RunId(0), replica: 0 };

fn start(text: &str, options: Options) -> Engine {
    Engine::start(revision(text, 0), options, || ()).expect("a thread")
}

fn paused() -> Options {
    Options { threads: Some(1), playing: false, ..Options::default() }
}

fn playing() -> Options {
    Options { threads: Some(1), ..Options::default() }
}

/// What a lane measured of a quantity, update by update, as bits.
fn bits(shared: &anneal_studio::engine::Shared, lane: LaneId, column: Column) -> Vec<u64> {
    let store = &shared.lanes[&lane].store;
    let series = store.series(column);
    (0..store.updates()).map(|update| series.at(update).unwrap().value.to_bits()).collect()
}

/// The snapshot of a lane after so many updates, on the way or on the one that was left.
fn snapshot(engine: &Engine, lane: LaneId, update: u64, left: bool) -> anneal_studio::engine::Snapshot {
    let all = engine.read(|shared| Arc::clone(&shared.snapshots));
    let mut found = all.iter().filter(|it| (it.lane(), it.update(), it.left) == (lane, update, left));
    found.next().unwrap_or_else(|| panic!("no snapshot of {lane:?} after {update}, left: {left}")).clone()
}

fn finished(engine: &Engine) {
    wait(engine, "the end", |shared| shared.status.state == State::Finished);
}

#[test]
fn it_trains_to_the_end_and_shows_every_update() {
    let engine = start(MOONS, playing());
    finished(&engine);
    engine.read(|shared| {
        assert_eq!(shared.status.update, 200);
        assert_eq!(shared.lanes.len(), 4);
        for view in shared.lanes.values() {
            assert_eq!(view.store.updates(), 200);
            assert!(view.store.series(Column::ValAccuracy).last().is_some());
        }
        let chance = shared.status.chance_loss.expect("classes have a chance level");
        assert!((chance - std::f64::consts::LN_2).abs() < 0.01, "{chance}");
    });
}

#[test]
fn a_step_is_one_update_and_a_pause() {
    let engine = start(MOONS, paused());
    wait(&engine, "the pause", |shared| shared.status.state == State::Paused);
    for done in 1..=3 {
        assert!(engine.send(Command::Step));
        wait(&engine, "the step", |shared| shared.status.update == done);
    }
    engine.read(|shared| assert_eq!(shared.status.state, State::Paused));
    assert!(engine.send(Command::Play));
    finished(&engine);
}

#[test]
fn a_live_edit_is_in_effect_from_the_next_update_and_is_told_once() {
    let engine = start(MOONS, paused());
    for done in 1..=40 {
        engine.send(Command::Step);
        wait(&engine, "the step", |shared| shared.status.update == done);
    }
    // A drag: many revisions of one schedule.
    for generation in 1..=20 {
        let text = MOONS.with("peak = 0.1,", &format!("peak = {},", 0.1 - 0.004 * generation as f64));
        assert!(engine.send(Command::Revise(revision(&text, generation), Mode::Live)));
    }
    wait(&engine, "the edit", |shared| shared.status.generation == 20);
    engine.send(Command::Play);
    finished(&engine);
    wait(&engine, "the event", |shared| !shared.lanes[&FIRST].store.events().is_empty());
    let original = revision(MOONS, 0).experiment.runs[0].lr.clone();
    engine.read(|shared| {
        let store = &shared.lanes[&FIRST].store;
        let clock = anneal_studio::schedule::Clock {
            updates: 200,
            updates_per_epoch: shared.status.updates_per_epoch,
        };
        let curve = original.resolve(clock).unwrap();
        for update in 0..200 {
            let used = store.series(Column::Lr).at(update).unwrap().value;
            let scale = if update < 40 { 1.0 } else { 0.2 };
            assert!((used - curve.at(update) * scale).abs() <= 1e-12, "update {update}");
        }
        let edits: Vec<_> = store.events().iter().filter(|event| event.kind == EventKind::Edit).collect();
        assert_eq!(edits.len(), 1, "a drag is one event: {edits:?}");
        assert_eq!((edits[0].update, edits[0].generation), (40, 20));
        assert!(edits[0].message.contains("peak 0.1 → 0.02"), "{}", edits[0].message);
    });
}

#[test]
fn restart_begins_anew_with_the_same_weights() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let loss = |engine: &Engine| engine.read(|shared| bits(shared, FIRST, Column::TrainLoss));
    let before = loss(&engine);
    engine.send(Command::Restart);
    wait(&engine, "the restart", |shared| shared.events.iter().any(|event| event.kind == EventKind::Restart));
    finished(&engine);
    assert_eq!(before, loss(&engine));
}

#[test]
fn an_instant_edit_retrains_to_the_end_and_keeps_the_old_curve_as_a_ghost() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let edited = revision(&MOONS.with("peak = 0.1,", "peak = 0.01,"), 1);
    engine.send(Command::Revise(edited, Mode::Instant));
    wait(&engine, "the edit", |shared| {
        shared.status.generation == 1 && shared.status.state == State::Finished
    });
    engine.read(|shared| {
        let view = &shared.lanes[&FIRST];
        assert_eq!(view.store.updates(), 200);
        let ghost = view.ghost.as_ref().expect("the complete curve from before");
        let peak = |store: &anneal_studio::telemetry::Store| store.series(Column::Lr).at(20).unwrap().value;
        assert_eq!((peak(ghost), peak(&view.store)), (0.1, 0.01));
        let other = &shared.lanes[&LaneId { run: RunId(1), replica: 0 }];
        assert!(other.ghost.is_none(), "the other run did not change");
    });
}

#[test]
fn of_many_instant_edits_the_newest_is_trained_to_the_end() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let peaks: Vec<f64> = (1..=40).map(|edit| 0.1 - 0.002 * f64::from(edit)).collect();
    for (edit, peak) in peaks.iter().enumerate() {
        let edited = revision(&MOONS.with("peak = 0.1,", &format!("peak = {peak},")), edit as u64 + 1);
        while !engine.send(Command::Revise(Arc::clone(&edited), Mode::Instant)) {
            std::thread::yield_now();
        }
    }
    wait(&engine, "the last edit", |shared| {
        shared.status.generation == 40 && shared.status.state == State::Finished
    });
    engine.read(|shared| {
        let view = &shared.lanes[&FIRST];
        assert_eq!(view.store.updates(), 200);
        assert_eq!(view.store.series(Column::Lr).at(20).unwrap().value, peaks[39]);
        assert_eq!(view.ghost.as_ref().expect("a whole curve from before").updates(), 200);
    });
}

#[test]
fn a_pause_puts_the_waiting_edit_in_effect() {
    let engine = start(MOONS, playing());
    finished(&engine);
    for (generation, peak) in [(1, "0.05"), (2, "0.02")] {
        let edited = revision(&MOONS.with("peak = 0.1,", &format!("peak = {peak},")), generation);
        assert!(engine.send(Command::Revise(edited, Mode::Instant)));
    }
    engine.send(Command::Pause);
    wait(&engine, "the pause", |shared| {
        shared.status.generation == 2 && matches!(shared.status.state, State::Paused | State::Finished)
    });
}

#[test]
fn a_limited_speed_is_kept_and_lifted() {
    let slow = Options { speed: Speed::Limited(50.0), ..playing() };
    let engine = start(MOONS, slow);
    wait(&engine, "the first update", |shared| shared.status.update >= 1);
    engine.read(|shared| assert_ne!(shared.status.state, State::Finished));
    engine.send(Command::Speed(Speed::Unlimited));
    finished(&engine);
}

#[test]
fn what_cannot_train_is_shown_and_the_next_revision_tries_again() {
    let engine = start(&MOONS.with("batch_size = 32", "batch_size = 99999"), playing());
    wait(&engine, "the failure", |shared| matches!(shared.status.state, State::Failed(_)));
    engine.read(|shared| {
        let State::Failed(why) = &shared.status.state else { unreachable!("waited for it") };
        assert!(why.contains("smaller batch"), "{why}");
    });
    engine.send(Command::Revise(revision(MOONS, 1), Mode::Live));
    finished(&engine);
}

#[test]
fn a_watched_model_is_pictured() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let request = FieldRequest { lane: FIRST, bounds: [-2.0, 2.0, -1.5, 1.5], side: 24 };
    engine.send(Command::Watch(Some(request.clone())));
    wait(&engine, "the picture", |shared| shared.field.is_some());
    engine.read(|shared| {
        let field = shared.field.as_ref().unwrap();
        assert_eq!((field.request.clone(), field.outputs, field.update), (request.clone(), 2, 200));
        assert_eq!(field.values.len(), 24 * 24 * 2);
        for pair in field.values.chunks(2) {
            assert!((pair[0] + pair[1] - 1.0).abs() < 1e-5, "probabilities");
        }
        // Two moons, learned: both classes are seen somewhere.
        assert!(field.values.chunks(2).any(|pair| pair[0] > 0.9));
        assert!(field.values.chunks(2).any(|pair| pair[1] > 0.9));
    });
}

#[test]
fn the_interface_is_woken_and_may_hold_the_telemetry_without_stopping_training() {
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    let long = MOONS.with(r#""200""#, r#""4000""#);
    let engine = Engine::start(revision(&long, 0), playing(), move || {
        counter.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    wait(&engine, "the first update", |shared| shared.status.update > 0);
    // The interface reads for a long time; afterwards nothing is missing.
    engine.read(|_| std::thread::sleep(Duration::from_millis(200)));
    finished(&engine);
    engine.read(|shared| {
        for view in shared.lanes.values() {
            assert_eq!(view.store.updates(), 4000);
            assert_eq!(view.store.series(Column::TrainLoss).len(), 4000);
        }
    });
    assert!(woken.load(Ordering::Relaxed) > 0);
}

#[test]
fn the_thread_ends_with_its_handle() {
    let endless = MOONS.with(r#""200""#, r#""900000000""#);
    let engine = start(&endless, playing());
    wait(&engine, "the first update", |shared| shared.status.update > 0);
    // Returns only once the thread has ended.
    drop(engine);
}

#[test]
fn a_run_without_lanes_is_no_crash() {
    let one = revision(MOONS, 0);
    let engine = Engine::start(Arc::clone(&one), playing(), || ()).unwrap();
    finished(&engine);
    let mut experiment = one.experiment.clone();
    experiment.runs.clear();
    engine
        .send(Command::Revise(Arc::new(Revision { generation: 1, experiment, ids: Vec::new() }), Mode::Live));
    wait(&engine, "the revision", |shared| shared.status.generation == 1);
    engine.read(|shared| assert!(shared.lanes.is_empty()));
    engine.send(Command::Revise(Arc::new(Revision { generation: 2, ..(*one).clone() }), Mode::Live));
    wait(&engine, "the runs again", |shared| shared.status.generation == 2 && shared.lanes.len() == 4);
}

#[test]
fn another_device_goes_on_with_the_same_weights_and_an_absent_one_is_told() {
    let stay = start(MOONS, playing());
    finished(&stay);
    let engine = start(MOONS, paused());
    wait(&engine, "the pause", |shared| shared.status.state == State::Paused);
    for _ in 0..20 {
        assert!(engine.send(Command::Step));
    }
    assert!(engine.send(Command::Device(Choice::Cpu)));
    wait(&engine, "the choice", |shared| shared.status.choice == Choice::Cpu);
    engine.read(|shared| assert!(shared.status.device.contains("chosen"), "{}", shared.status.device));
    if let Some(absent) = [Choice::Cuda, Choice::Metal].into_iter().find(|choice| choice.lacking().is_some())
    {
        assert!(engine.send(Command::Device(absent)));
        let told =
            |event: &anneal_studio::telemetry::Event| event.message.contains("training stays on the CPU");
        wait(&engine, "the message", |shared| shared.events.iter().any(told));
        engine.read(|shared| assert_eq!(shared.status.choice, Choice::Cpu));
    }
    assert!(engine.send(Command::Play));
    finished(&engine);
    let last = |engine: &Engine| {
        let loss = |shared: &anneal_studio::engine::Shared| {
            shared.lanes[&FIRST].store.series(Column::TrainLoss).last().map(|sample| sample.value.to_bits())
        };
        engine.read(loss)
    };
    assert!(last(&stay).is_some());
    assert_eq!(last(&stay), last(&engine));
}
