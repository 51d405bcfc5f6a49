//! Snapshots that the training thread takes: as asked for, by hand, and on the way.

use std::sync::Arc;

use anneal_studio::engine::protocol::Command;
use anneal_studio::engine::{Engine, Options, Shared, SnapshotReason};
use anneal_studio::telemetry::EventKind;
use anneal_studio::train::ids::{LaneId, Mode};

use super::{FIRST, finished, paused, playing, start, wait};
use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// Two runs, one of which asks for snapshots at the ends of its cycles of 40 updates.
fn cycles(updates: u64) -> String {
    MOONS
        .replacen("[[run]]", "[snapshots]\nwhen = \"cycle_end\"\nkeep = 3\n[[run]]", 1)
        .with("kind = \"cosine\", peak = 0.1,", "kind = \"cosine_restarts\", first = \"40\", peak = 0.1,")
        .with("\"200\"", &format!("\"{updates}\""))
}

/// The updates at which a lane has snapshots, and why.
fn kept(shared: &Shared, lane: LaneId) -> Vec<(u64, SnapshotReason)> {
    let all = shared.snapshots.iter().filter(|snapshot| snapshot.lane() == lane);
    all.map(|snapshot| (snapshot.update(), snapshot.why)).collect()
}

fn of(shared: &Shared, lane: LaneId, why: SnapshotReason) -> Vec<u64> {
    kept(shared, lane).into_iter().filter(|kept| kept.1 == why).map(|kept| kept.0).collect()
}

#[test]
fn cycle_ends_are_kept_as_the_file_says_and_all_lanes_have_a_snapshot_there() {
    let engine = start(&cycles(400), playing());
    finished(&engine);
    engine.read(|shared| {
        assert_eq!(of(shared, FIRST, SnapshotReason::Asked), [320, 360, 400], "the newest three");
        for lane in shared.lanes.keys() {
            let updates: Vec<u64> = kept(shared, *lane).iter().map(|kept| kept.0).collect();
            assert_eq!(updates.first(), Some(&0));
            assert!([320, 360, 400].iter().all(|at| updates.contains(at)), "{lane:?}: {updates:?}");
            assert!(updates.is_sorted());
        }
    });
}

#[test]
fn a_snapshot_is_the_lane_bit_for_bit() {
    let text = cycles(200);
    let engine = start(&text, playing());
    finished(&engine);
    let mut alone = cohort(&text, 1);
    let mut seen = 0;
    for snapshot in engine.read(|shared| Arc::clone(&shared.snapshots)).iter() {
        alone.advance(snapshot.update(), u64::MAX).unwrap();
        let expected = alone.save_lane(snapshot.lane()).unwrap().unwrap();
        assert_eq!(*snapshot.saved, expected, "update {}", snapshot.update());
        assert_eq!(snapshot.weights().len(), alone.task().model.width());
        assert_eq!(snapshot.weights(), &expected.row[..snapshot.weights().len()]);
        seen += 1;
    }
    assert!(seen > 4 * 15, "{seen}");
}

#[test]
fn on_the_way_there_are_always_places_to_go_back_to_and_never_too_many() {
    let text = MOONS.with("[16, 8]", "[2]").with("\"200\"", "\"60000\"");
    let engine = start(&text, playing());
    wait(&engine, "a tenth", |shared| shared.status.update >= 6000);
    finished(&engine);
    engine.read(|shared| {
        let updates = of(shared, FIRST, SnapshotReason::OnTheWay);
        assert!((12..=26).contains(&updates.len()), "{updates:?}");
        assert_eq!((updates[0], updates.last()), (0, Some(&60000)));
        let widest = updates.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(widest <= 60000 / 12, "{updates:?}");
    });
}

#[test]
fn what_there_is_no_room_for_is_not_taken_on_the_way() {
    let engine = start(&cycles(200), Options { snapshot_bytes: 0, ..playing() });
    finished(&engine);
    engine.read(|shared| {
        let updates: Vec<u64> = kept(shared, FIRST).iter().map(|kept| kept.0).collect();
        assert_eq!(updates, [0, 140, 180, 200]);
    });
}

#[test]
fn a_hand_takes_one_of_every_lane() {
    let engine = start(MOONS, paused());
    for done in 1..=7 {
        engine.send(Command::Step);
        wait(&engine, "the step", |shared| shared.status.update == done);
    }
    engine.send(Command::Capture);
    wait(&engine, "the snapshots", |shared| {
        shared.snapshots.iter().any(|snapshot| snapshot.why == SnapshotReason::ByHand)
    });
    engine.read(|shared| {
        for lane in shared.lanes.keys() {
            assert_eq!(of(shared, *lane, SnapshotReason::ByHand), [7]);
        }
    });
    engine.send(Command::Play);
    finished(&engine);
    engine.read(|shared| assert_eq!(of(shared, FIRST, SnapshotReason::ByHand), [7], "it stays"));
}

fn ids(engine: &Engine) -> Vec<u64> {
    engine.read(|shared| shared.snapshots.iter().map(|snapshot| snapshot.id.0).collect())
}

#[test]
fn what_begins_anew_has_no_snapshots_of_before() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let before = ids(&engine);
    engine.send(Command::Restart);
    wait(&engine, "the restart", |shared| shared.events.iter().any(|event| event.kind == EventKind::Restart));
    finished(&engine);
    let after = ids(&engine);
    assert_eq!(before.len(), after.len());
    assert!(after.iter().all(|id| !before.contains(id)));
    // An edited run that is trained anew has new ones, the other keeps its own.
    let edited = revision(&MOONS.with("peak = 0.1,", "peak = 0.01,"), 1);
    engine.send(Command::Revise(edited, Mode::Instant));
    wait(&engine, "the edit", |shared| shared.status.generation == 1);
    finished(&engine);
    engine.read(|shared| {
        for snapshot in shared.snapshots.iter() {
            let new = !after.contains(&snapshot.id.0);
            assert_eq!(new, snapshot.lane().run == FIRST.run, "{:?}", snapshot.lane());
        }
        assert_eq!(shared.snapshots.len(), after.len());
    });
}

/// Prints the time of a whole training with and without snapshots on the way, each the best of seven in turn.
#[test]
#[ignore = "a measurement: run it alone with --ignored --nocapture"]
fn what_snapshots_on_the_way_cost() {
    for (hidden, updates) in [("[16, 8]", 20_000), ("[256, 128]", 400)] {
        let text = MOONS.with("[16, 8]", hidden).with("\"200\"", &format!("\"{updates}\""));
        let mut best = [f64::INFINITY; 2];
        for _ in 0..7 {
            for (best, snapshot_bytes) in best.iter_mut().zip([0, 256 << 20]) {
                let engine = start(&text, Options { snapshot_bytes, ..paused() });
                wait(&engine, "the pause", |shared| shared.status.updates > 0);
                let begin = std::time::Instant::now();
                engine.send(Command::Play);
                finished(&engine);
                *best = best.min(begin.elapsed().as_secs_f64());
            }
        }
        let speed = best.map(|seconds| updates as f64 / seconds);
        eprintln!("{hidden}, {updates} updates: {speed:.0?} updates/s, ratio {:.3}", best[0] / best[1]);
    }
}
