//! Going back to a snapshot, on from there, and forward again.

use std::sync::Arc;

use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::engine::{Engine, Shared, Snapshot, SnapshotReason};
use anneal_studio::telemetry::{Column, Event, EventKind};
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::ids::{LaneId, Mode, RunId};

use super::{FIRST, bits, finished, playing, snapshot, start, wait};
use crate::support::Fixture;
use crate::training::{MOONS, revision};

const AWAY: u64 = 96;

/// Sends all lanes to where the first lane's snapshot is, and waits until they are there.
fn go(engine: &Engine, update: u64, left: bool, forget: Forget) {
    let there = snapshot(engine, FIRST, update, left).id;
    assert!(engine.send(Command::Travel(there, forget)));
    wait(engine, "the way", |shared| {
        let is_there = shared.snapshots.iter().any(|it| it.id == there && !it.left);
        is_there && shared.status.update == update && shared.status.state == State::Paused
    });
}

fn everything(shared: &Shared) -> Vec<Vec<u64>> {
    let lanes = shared.lanes.keys();
    lanes
        .flat_map(|lane| {
            [Column::TrainLoss, Column::Lr, Column::GradNorm].map(|column| bits(shared, *lane, column))
        })
        .collect()
}

fn resumed(shared: &Shared, lane: LaneId) -> Vec<Event> {
    let events = shared.lanes[&lane].store.events().iter();
    events.filter(|event| event.kind == EventKind::Resume).cloned().collect()
}

fn play_to_the_end(engine: &Engine) {
    engine.send(Command::Play);
    finished(engine);
}

#[test]
fn gone_back_and_on_again_is_the_same_training_bit_for_bit() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let (before, end) = (engine.read(everything), snapshot(&engine, FIRST, 200, false));
    go(&engine, AWAY, false, Forget::default());
    engine.read(|shared| {
        for (lane, view) in &shared.lanes {
            assert_eq!((view.update, view.store.updates()), (AWAY, AWAY));
            let ghost = view.ghost.as_ref().expect("what was measured after it");
            assert_eq!(ghost.updates(), 200);
            let events = resumed(shared, *lane);
            assert_eq!(events.len(), 1, "{events:?}");
            assert!(
                events[0].update == AWAY && events[0].message.contains("the rate goes on at"),
                "{events:?}"
            );
        }
    });
    play_to_the_end(&engine);
    assert_eq!(engine.read(everything), before);
    assert_eq!(*snapshot(&engine, FIRST, 200, false).saved, *end.saved);
}

#[test]
fn further_back_and_forward_again_loses_nothing() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let before = engine.read(everything);
    let places: Vec<u64> = engine.read(|shared| {
        shared.snapshots.iter().filter(|it| it.lane() == FIRST).map(Snapshot::update).collect()
    });
    for update in [AWAY, 48, 144] {
        let left = engine.read(|shared| shared.status.update) < update;
        go(&engine, update, left, Forget::default());
        let now: Vec<u64> = engine.read(|shared| {
            shared.snapshots.iter().filter(|it| it.lane() == FIRST).map(Snapshot::update).collect()
        });
        assert_eq!(now, places, "every place is still there");
        engine.read(|shared| {
            let ahead = shared.snapshots.iter().filter(|it| it.left).map(Snapshot::update);
            assert!(ahead.into_iter().all(|at| at > update));
            assert_eq!(shared.lanes[&FIRST].store.updates(), update);
        });
    }
    go(&engine, 200, true, Forget::default());
    assert_eq!(engine.read(everything), before);
    assert!(engine.read(|shared| shared.snapshots.iter().all(|it| !it.left)));
}

#[test]
fn the_way_that_was_left_can_be_taken_up_again_after_another_future() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let (first, end) = (engine.read(everything), snapshot(&engine, FIRST, 200, false));
    go(&engine, AWAY, false, Forget::default());
    let edited = revision(&MOONS.with("peak = 0.1,", "peak = 0.01,"), 1);
    engine.send(Command::Revise(edited, Mode::Live));
    wait(&engine, "the edit", |shared| shared.status.generation == 1);
    play_to_the_end(&engine);
    let second = engine.read(everything);
    assert_ne!(first, second);
    assert_eq!(first[0][..AWAY as usize], second[0][..AWAY as usize], "the past is shared");
    let left = snapshot(&engine, FIRST, 200, true);
    assert_eq!((left.why, &left.saved), (SnapshotReason::Departure, &end.saved));
    go(&engine, 200, true, Forget::default());
    assert_eq!(engine.read(everything), first, "what was measured is back");
    go(&engine, 200, true, Forget::default());
    assert_eq!(engine.read(everything), second, "and so is the other future");
}

#[test]
fn the_rate_jumps_where_the_schedule_was_edited_or_its_state_forgotten() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let message = |engine: &Engine| engine.read(|shared| resumed(shared, FIRST)[0].message.clone());
    go(&engine, AWAY, false, Forget { schedule: true, momentum: false });
    let forgot = message(&engine);
    assert!(forgot.contains("without the scheduler's state: the rate jumps from"), "{forgot}");
    go(&engine, 48, false, Forget { schedule: false, momentum: true });
    let cold = message(&engine);
    assert!(cold.contains("without the momentum: the rate goes on at"), "{cold}");
    engine.send(Command::Revise(revision(&MOONS.with("peak = 0.1,", "peak = 0.01,"), 1), Mode::Live));
    wait(&engine, "the edit", |shared| shared.status.generation == 1);
    go(&engine, AWAY, true, Forget::default());
    let edited = message(&engine);
    assert!(edited.contains("the rate jumps from"), "{edited}");
}

#[test]
fn a_lane_that_came_later_goes_back_as_far_as_it_has_been() {
    let one = &MOONS[..MOONS.rfind("[[run]]").unwrap()];
    let engine = start(one, playing());
    finished(&engine);
    engine.send(Command::Revise(revision(MOONS, 1), Mode::Live));
    let second = LaneId { run: RunId(1), replica: 0 };
    wait(&engine, "the second run", |shared| {
        shared.lanes.get(&second).is_some_and(|view| view.update == 200)
    });
    go(&engine, AWAY, false, Forget::default());
    engine.read(|shared| assert!(shared.lanes.values().all(|view| view.update == AWAY)));
    let all = engine.read(|shared| Arc::clone(&shared.snapshots));
    assert!(all.iter().filter(|it| it.update() == AWAY).count() == 4);
}

#[test]
fn a_snapshot_that_is_no_more_is_passed_over() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let gone = snapshot(&engine, FIRST, AWAY, false).id;
    engine.send(Command::Restart);
    wait(&engine, "the restart", |shared| shared.events.iter().any(|event| event.kind == EventKind::Restart));
    finished(&engine);
    engine.send(Command::Travel(gone, Forget::default()));
    engine.send(Command::Capture);
    wait(&engine, "the snapshot", |shared| {
        shared.snapshots.iter().any(|it| it.why == SnapshotReason::ByHand)
    });
    engine.read(|shared| assert_eq!(shared.status.update, 200));
}
