//! Long work beside the training: promised, cancelled, and leaving the training alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anneal_studio::analysis::range_test::{self, Start, fingerprint};
use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::engine::{Engine, Options};
use anneal_studio::jobs::Progress;
use anneal_studio::telemetry::Column;
use anneal_studio::train::TrainError;
use anneal_studio::train::errand::{Errand, Promise};
use anneal_studio::train::ids::{Mode, RunId};

use crate::support::{Fixture, wait};
use crate::training::{MOONS, revision};

fn start(updates: &str) -> Engine {
    let options = Options { threads: Some(1), ..Options::default() };
    let text = MOONS.with(r#""200""#, updates);
    Engine::start(revision(&text, 0), options, || ()).expect("a thread")
}

const SHORT: &str = r#""200""#;
const ENDLESS: &str = r#""900000000""#;

fn answer<T>(promise: &Promise<T>) -> Result<T, TrainError> {
    let mut answer = None;
    wait("the answer", || {
        answer = promise.poll().map(|answer| answer.unwrap_or(Err(TrainError::Cancelled)));
        answer.is_some()
    });
    answer.expect("waited for it")
}

fn updates(engine: &Engine) -> u64 {
    engine.read(|shared| shared.lanes.values().map(|lane| lane.update).sum())
}

/// Work that only ends when it is told to.
fn endless(progress: &Progress) -> Result<(), TrainError> {
    loop {
        progress.report(1, 4)?;
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_errand_sees_the_cohort_and_training_goes_on() {
    let engine = start(ENDLESS);
    wait("training", || updates(&engine) > 0);
    let go = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&go);
    let (errand, promise) = Errand::new(
        "count",
        |cohort| Ok(cohort.lanes().len()),
        move |lanes, progress| {
            while !gone.load(Ordering::Relaxed) {
                progress.report(1, 2)?;
            }
            Ok(lanes)
        },
    );
    assert!(engine.send(Command::Errand(errand)));
    wait("progress", || promise.progress().share() == 0.5);
    let before = updates(&engine);
    wait("more updates", || updates(&engine) > before);
    go.store(true, Ordering::Relaxed);
    assert_eq!(answer(&promise).unwrap(), 4);
}

#[test]
fn training_rests_for_an_errand_that_holds_it_and_then_goes_on() {
    let engine = start(ENDLESS);
    wait("training", || updates(&engine) > 0);
    let (errand, promise) = Errand::holding(
        "look",
        fingerprint,
        |before, progress| {
            for step in 0..50 {
                progress.report(step, 50)?;
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(before)
        },
        |cohort, before| Ok((before, fingerprint(cohort)?)),
    );
    assert!(engine.send(Command::Errand(errand)));
    let (before, after) = answer(&promise).unwrap();
    assert_eq!(before, after);
    let then = updates(&engine);
    wait("more updates", || updates(&engine) > then);
}

#[test]
fn an_edit_ends_what_training_rests_for() {
    let engine = start(ENDLESS);
    let (errand, promise) =
        Errand::holding("hold", |_| Ok(()), |(), progress| endless(progress), |_, ()| Ok(()));
    assert!(engine.send(Command::Errand(errand)));
    wait("progress", || promise.progress().share() > 0.0);
    let text = MOONS.with(r#""200""#, ENDLESS).with("peak = 0.1,", "peak = 0.05,");
    engine.send(Command::Revise(revision(&text, 1), Mode::Live));
    assert!(matches!(answer(&promise), Err(TrainError::Cancelled)));
    wait("training again", || engine.read(|shared| shared.status.generation == 1));
    let then = updates(&engine);
    wait("more updates", || updates(&engine) > then);
}

#[test]
fn the_newest_errand_takes_the_place_of_the_one_before() {
    let engine = start(SHORT);
    let (first, held) = Errand::new("first", |_| Ok(()), |(), progress| endless(progress));
    let (second, skipped) = Errand::new("second", |_| Ok(()), |(), progress| endless(progress));
    let (third, wanted) = Errand::new("third", |_| Ok(3), |three, _| Ok(three));
    for errand in [first, second, third] {
        assert!(engine.send(Command::Errand(errand)));
    }
    assert_eq!(answer(&wanted).unwrap(), 3);
    assert!(matches!(answer(&held), Err(TrainError::Cancelled)));
    assert!(matches!(answer(&skipped), Err(TrainError::Cancelled)));
    wait("the end of training", || engine.read(|shared| shared.status.state == State::Finished));
}

#[test]
fn what_cannot_begin_or_panics_says_so() {
    let engine = start(SHORT);
    let fails = |_: &_| Err::<(), _>(TrainError::RunGone { work: "test" });
    let (errand, promise) = Errand::new("fails", fails, |(), _| Ok(()));
    assert!(engine.send(Command::Errand(errand)));
    assert_eq!(answer(&promise).unwrap_err().to_string(), "test: the run no longer exists; choose another");
    let (errand, promise) = Errand::new("panics", |_| Ok(()), |(), _| -> Result<(), _> { panic!("planted") });
    assert!(engine.send(Command::Errand(errand)));
    assert!(answer(&promise).is_err());
}

#[test]
fn an_engine_ends_with_an_errand_on_its_way() {
    let engine = start(ENDLESS);
    let (errand, promise) = Errand::new("endless", |_| Ok(()), |(), progress| endless(progress));
    assert!(engine.send(Command::Errand(errand)));
    wait("progress", || promise.progress().share() > 0.0);
    // Returns only once both threads have ended.
    drop(engine);
    assert!(promise.poll().is_some());
}

/// The losses of every lane to the end, as bits, with what `between` does after 40 updates.
fn losses(between: impl FnOnce(&Engine)) -> Vec<u64> {
    let options = Options { threads: Some(1), playing: false, ..Options::default() };
    let engine = Engine::start(revision(MOONS, 0), options, || ()).expect("a thread");
    for done in 1..=40 {
        assert!(engine.send(Command::Step));
        wait("the step", || engine.read(|shared| shared.status.update == done));
    }
    between(&engine);
    assert!(engine.send(Command::Play));
    wait("the end", || engine.read(|shared| shared.status.state == State::Finished));
    engine.read(|shared| {
        let series = shared.lanes.values().map(|lane| lane.store.series(Column::TrainLoss));
        series.flat_map(|series| (0..200).map(|at| series.at(at).unwrap().value.to_bits())).collect()
    })
}

#[test]
fn a_range_test_in_the_middle_of_a_training_changes_no_bit_of_it() {
    let alone = losses(|_| ());
    for start in [Start::Fresh, Start::Here] {
        let tested = losses(|engine| {
            let options = range_test::Options { updates: 60, ..range_test::Options::default() };
            let (errand, promise) = range_test::errand(RunId(0), options, start);
            assert!(engine.send(Command::Errand(errand)));
            let test = answer(&promise).unwrap();
            let untouched = test.untouched.expect("two fingerprints");
            assert_eq!(untouched.before, untouched.after);
            assert_eq!(test.curves.len(), 3);
        });
        assert_eq!(alone, tested, "{start:?}");
    }
}
