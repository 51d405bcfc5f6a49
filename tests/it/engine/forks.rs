//! Forks: runs that share another's past, in the studio and in a file.

use anneal_studio::engine::Snapshot;
use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::telemetry::{Column, EventKind};
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use anneal_studio::train::ids::{LaneId, Mode, RunId};

use super::{FIRST, bits, finished, playing, snapshot, start, wait};
use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// A third run, forked from the first; `rest` says what it does.
fn forked(at: u64, rest: &str) -> String {
    format!("{MOONS}[[run]]\nname = \"fork\"\nfork = {{ of = \"momentum\", at = \"{at}\" }}\n{rest}")
}

const SAME: &str = "optimizer = { kind = \"sgd\", momentum = 0.9 }
lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"10%\" } }\n";
const LOWER: &str = "optimizer = { kind = \"sgd\", momentum = 0.9 }
lr = { kind = \"constant\", peak = 0.01 }\n";
const OTHER: &str = "optimizer = { kind = \"adamw\" }
lr = { kind = \"constant\", peak = 0.003 }\n";
const FORK: LaneId = LaneId { run: RunId(2), replica: 0 };

fn row(cohort: &Cohort, lane: LaneId) -> Vec<u32> {
    let at = cohort.lanes().iter().position(|it| it.id == lane).unwrap();
    cohort.rows().get(at).unwrap().to_vec1::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_fork_is_its_origin_and_then_itself() {
    for chunk in [u64::MAX, 7] {
        let mut trained = cohort(&forked(80, LOWER), 2);
        while trained.update() < 200 {
            trained.advance(u64::MAX, chunk).unwrap();
        }
        let (origin, fork) = (&trained.lanes()[0].log.rows, &trained.lanes()[4].log.rows);
        assert_eq!(origin[..80], fork[..80]);
        assert!(fork[80..].iter().all(|row| row.lr == 0.01) && origin[80].train_loss == fork[80].train_loss);
        assert_ne!(origin[81].train_loss, fork[81].train_loss);
    }
    let mut same = cohort(&forked(80, SAME), 1);
    same.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(row(&same, FIRST), row(&same, FORK));
}

#[test]
fn a_fork_equals_a_copy_of_its_origin_that_goes_on_by_itself() {
    for rest in [LOWER, OTHER] {
        let mut whole = cohort(&forked(80, rest), 1);
        whole.advance(u64::MAX, u64::MAX).unwrap();
        let mut origin = cohort(MOONS, 1);
        origin.advance(80, u64::MAX).unwrap();
        let saved = origin.save_lane(FIRST).unwrap().unwrap();
        let mut copy = cohort(&forked(80, rest), 1);
        copy.load_lane(FORK, &saved, Forget::default()).unwrap().unwrap();
        copy.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(row(&whole, FORK), row(&copy, FORK), "{rest}");
    }
}

#[test]
fn another_optimizer_begins_with_empty_buffers_and_counts_from_its_own_start() {
    let mut trained = cohort(&forked(80, OTHER), 1);
    trained.advance(80, u64::MAX).unwrap();
    let weights = trained.task().model.width();
    assert!(row(&trained, FORK)[weights..].iter().all(|bits| *bits == 0));
    let fork = trained.lanes().iter().find(|lane| lane.id == FORK).unwrap();
    assert_eq!((fork.numbers_after(0).lr, fork.numbers_after(0).update), (0.003, 0));
}

#[test]
fn a_fork_is_the_same_in_candles_own_operations() {
    let text = forked(8, OTHER).with("\"200\"", "\"16\"");
    let pool = std::sync::Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool)).unwrap();
    reference.advance(u64::MAX, u64::MAX).unwrap();
    let mut fused = cohort(&text, 1);
    fused.advance(u64::MAX, u64::MAX).unwrap();
    for (a, b) in fused.lanes()[4].log.rows.iter().zip(&reference.lanes()[4].log.rows) {
        assert_eq!((a.update, a.lr), (b.update, b.lr));
        assert!((a.train_loss - b.train_loss).abs() < 1e-4, "{a:?} {b:?}");
    }
}

#[test]
fn a_resumed_fork_equals_an_uninterrupted_one() {
    let text = forked(80, OTHER);
    let mut whole = cohort(&text, 1);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    for stop in [79, 80, 81] {
        let mut first = cohort(&text, 1);
        first.advance(stop, u64::MAX).unwrap();
        let mut second = cohort(&text, 1);
        let continuity = second.restore(&first.checkpoint().unwrap(), Forget::default()).unwrap();
        assert!(continuity.iter().all(|lane| !lane.jumps()), "{continuity:?}");
        second.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(row(&whole, FORK), row(&second, FORK), "stopped after {stop}");
    }
}

#[test]
fn in_the_studio_a_fork_begins_with_the_past_of_its_origin_and_ends_as_the_file_trains_it() {
    let engine = start(MOONS, playing());
    finished(&engine);
    let at = snapshot(&engine, FIRST, 96, false).update();
    let text = forked(at, LOWER);
    engine.send(Command::Pause);
    engine.send(Command::Revise(revision(&text, 1), Mode::Live));
    wait(&engine, "the fork", |shared| shared.lanes.contains_key(&FORK));
    wait(&engine, "its end", |shared| {
        shared.lanes[&FORK].update == 200 && shared.status.state == State::Finished
    });
    engine.read(|shared| {
        let (origin, fork) = (bits(shared, FIRST, Column::TrainLoss), bits(shared, FORK, Column::TrainLoss));
        assert_eq!(origin[..=96], fork[..=96]);
        assert_ne!(origin[97..], fork[97..]);
        let events = shared.lanes[&FORK].store.events();
        let told = events.iter().find(|event| event.kind == EventKind::Fork).expect("it is told");
        assert_eq!(told.update, 96, "it did not train anew what its origin had done");
        assert!(told.message.contains("forked from “momentum”: the rate jumps"), "{}", told.message);
        let past: Vec<u64> =
            shared.snapshots.iter().filter(|it| it.lane() == FORK).map(Snapshot::update).collect();
        assert!(past.contains(&48) && past.contains(&96), "one can go back with it, too: {past:?}");
    });
    let mut alone = cohort(&text, 1);
    alone.advance(u64::MAX, u64::MAX).unwrap();
    let end = snapshot(&engine, FORK, 200, false);
    assert_eq!(end.saved.row.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), row(&alone, FORK));
}

#[test]
fn an_instant_edit_of_the_origin_is_one_of_its_forks_where_it_changes_their_past() {
    let engine = start(&forked(96, LOWER), playing());
    finished(&engine);
    let edited = forked(96, LOWER).replacen("peak = 0.1,", "peak = 0.05,", 1);
    engine.send(Command::Revise(revision(&edited, 1), Mode::Instant));
    wait(&engine, "the edit", |shared| {
        shared.status.generation == 1 && shared.status.state == State::Finished
    });
    let mut alone = cohort(&edited, 1);
    alone.advance(u64::MAX, u64::MAX).unwrap();
    let end = snapshot(&engine, FORK, 200, false);
    assert_eq!(end.saved.row.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), row(&alone, FORK));
}

#[test]
fn a_fork_of_a_fork_goes_back_to_the_first_past() {
    let text = forked(80, LOWER)
        + "[[run]]\nname = \"again\"\nfork = { of = \"fork\", at = \"75%\" }\n"
        + OTHER
        + "[[run]]\nname = \"early\"\nfork = { of = \"fork\", at = \"40\" }\n"
        + SAME;
    let mut trained = cohort(&text, 1);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let rows = |run: u32| &trained.lanes().iter().find(|lane| lane.id.run.0 == run).unwrap().log.rows;
    assert_eq!(rows(3)[..150], rows(2)[..150]);
    assert_eq!(rows(3)[..80], rows(0)[..80]);
    assert!(rows(3)[150..].iter().all(|row| row.lr == 0.003));
    assert_eq!(rows(4), rows(0), "forked before its origin was, it never was that");
}
