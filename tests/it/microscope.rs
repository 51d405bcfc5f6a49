//! The engine's microscope: the first updates made once more are those that were trained, and the
//! curvature is that of the weights that were trained.

use std::sync::Arc;

use anneal_studio::analysis::sharpness::{Objective, Sharpness};
use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::engine::{Curvature, Engine, Examined, Options, Shared};
use anneal_studio::experiment::Experiment;
use anneal_studio::telemetry::Column;
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::{LaneId, Mode, Revision, RunId};

use crate::engine::wait;
use crate::support::Fixture;
use crate::training::{MOONS, revision};

const FIRST: LaneId = LaneId { run: RunId(0), replica: 0 };
const SECOND: LaneId = LaneId { run: RunId(1), replica: 0 };

fn options(playing: bool) -> Options {
    Options { threads: Some(1), playing, ..Options::default() }
}

fn shipped(name: &str) -> Experiment {
    let path = format!("{}/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Experiment::open(path).unwrap()
}

fn of(experiment: Experiment) -> Arc<Revision> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    Arc::new(Revision { generation: 0, experiment, ids })
}

fn seen(shared: &Shared, lane: LaneId) -> Option<&Arc<Examined>> {
    shared.examined.iter().find(|seen| seen.lane == lane)
}

/// Waits until there is nothing left to look at.
fn examined(engine: &Engine, lane: LaneId) -> Arc<Examined> {
    wait(engine, "the microscope", |shared| seen(shared, lane).is_some_and(|seen| seen.complete));
    engine.read(|shared| Arc::clone(seen(shared, lane).unwrap()))
}

fn losses(engine: &Engine, lane: LaneId) -> Vec<u64> {
    engine.read(|shared| {
        let store = &shared.lanes[&lane].store;
        let at = |update| store.series(Column::TrainLoss).at(update).unwrap().value.to_bits();
        (0..store.updates()).map(at).collect()
    })
}

fn finished(engine: &Engine) {
    wait(engine, "the end", |shared| shared.status.state == State::Finished);
}

#[test]
fn a_run_looked_at_late_shows_the_updates_that_were_trained() {
    let engine = Engine::start(revision(MOONS, 0), options(true), || ()).unwrap();
    finished(&engine);
    engine.send(Command::Examine(vec![FIRST, SECOND]));
    for lane in [FIRST, SECOND] {
        let examined = examined(&engine, lane);
        assert_eq!(examined.readings.len() as u64, examined.most);
        engine.read(|shared| {
            let store = &shared.lanes[&lane].store;
            for reading in &examined.readings {
                let norm = store.series(Column::GradNorm).at(reading.update).unwrap().value;
                assert_eq!(reading.grad_norm, norm, "update {} is another", reading.update);
                assert!(reading.layers.iter().all(|layer| layer.ratio < 1.0));
            }
        });
        let first = examined.curvature.first().unwrap();
        assert_eq!(first.update, 0);
        assert!(examined.curvature.len() > 50, "{} readings along the run", examined.curvature.len());
        assert!(examined.curvature.iter().all(|seen| seen.sharpness.is_finite() && seen.sharpness > 0.0));
    }
    // Nobody looks: nothing is kept.
    engine.send(Command::Examine(Vec::new()));
    wait(&engine, "the panel's end", |shared| shared.examined.is_empty());
}

#[test]
fn looking_changes_no_bit_of_what_is_trained() {
    let unseen = Engine::start(revision(MOONS, 0), options(true), || ()).unwrap();
    let engine = Engine::start(revision(MOONS, 0), options(false), || ()).unwrap();
    engine.send(Command::Examine(vec![FIRST, SECOND]));
    engine.send(Command::Play);
    for engine in [&engine, &unseen] {
        finished(engine);
    }
    for lane in [FIRST, SECOND] {
        examined(&engine, lane);
        assert_eq!(losses(&engine, lane), losses(&unseen, lane));
    }
}

#[test]
fn updates_before_an_edit_are_made_under_the_plan_of_then() {
    let engine = Engine::start(revision(MOONS, 0), options(false), || ()).unwrap();
    for done in 1..=40 {
        engine.send(Command::Step);
        wait(&engine, "the step", |shared| shared.status.update == done);
    }
    engine.send(Command::Examine(vec![FIRST]));
    assert_eq!(examined(&engine, FIRST).readings.len(), 40, "not further than what is trained");
    let edited = revision(&MOONS.with("peak = 0.1,", "peak = 0.5,"), 1);
    engine.send(Command::Revise(edited, Mode::Live));
    engine.send(Command::Play);
    finished(&engine);
    // What was seen before the edit is shown until something newer is.
    wait(&engine, "a look after the edit", |shared| {
        let seen = shared.examined.iter().filter(|seen| seen.lane == FIRST && seen.complete);
        seen.flat_map(|seen| &seen.curvature).any(|seen| seen.update > 40)
    });
    let examined = examined(&engine, FIRST);
    engine.read(|shared| {
        let store = &shared.lanes[&FIRST].store;
        for reading in &examined.readings {
            let norm = store.series(Column::GradNorm).at(reading.update).unwrap().value;
            assert_eq!(reading.grad_norm, norm, "update {} is another", reading.update);
        }
        let rates: Vec<f64> = examined.curvature.iter().map(|seen| seen.rate).collect();
        let used = |update| store.series(Column::Lr).at(update).unwrap().value;
        for (seen, rate) in examined.curvature.iter().zip(rates) {
            assert_eq!(rate, used(seen.update), "update {}", seen.update);
        }
    });
}

/// What is looked at is what was trained, update by update, and so are the rates beside the curvature.
fn assert_as_trained(engine: &Engine, lane: LaneId, least: usize) {
    // What is shown may still be of before it went on, or went elsewhere.
    wait(engine, "all readings", |shared| {
        let rates = shared.lanes[&lane].store.series(Column::Lr);
        let is_of_now = |seen: &Curvature| rates.at(seen.update).is_some_and(|rate| rate.value == seen.rate);
        let seen = shared.examined.iter().find(|seen| seen.lane == lane && seen.complete);
        seen.is_some_and(|seen| {
            seen.readings.len() >= least
                && seen.curvature.iter().all(is_of_now)
                && seen.curvature.iter().any(|at| at.update > 150)
        })
    });
    let examined = examined(engine, lane);
    engine.read(|shared| {
        let store = &shared.lanes[&lane].store;
        let at = |column, update| store.series(column).at(update).unwrap().value;
        for reading in &examined.readings {
            assert_eq!(reading.grad_norm, at(Column::GradNorm, reading.update), "update {}", reading.update);
        }
    });
}

#[test]
fn a_fork_is_looked_at_with_the_past_that_its_origin_really_had() {
    const FORK: LaneId = LaneId { run: RunId(2), replica: 0 };
    for rest in ["kind = \"sgd\", momentum = 0.9", "kind = \"adamw\""] {
        let engine = Engine::start(revision(MOONS, 0), options(false), || ()).unwrap();
        for done in 1..=40 {
            engine.send(Command::Step);
            wait(&engine, "the step", |shared| shared.status.update == done);
        }
        let edited = MOONS.with("peak = 0.1,", "peak = 0.5,");
        engine.send(Command::Revise(revision(&edited, 1), Mode::Live));
        engine.send(Command::Play);
        finished(&engine);
        let text = format!(
            "{edited}[[run]]\nname = \"fork\"\nfork = {{ of = \"momentum\", at = \"60\" }}\n\
             optimizer = {{ {rest} }}\nlr = {{ kind = \"constant\", peak = 0.01 }}\n"
        );
        // Looked at while it is made, and from its beginning.
        engine.send(Command::Examine(vec![FORK]));
        engine.send(Command::Revise(revision(&text, 2), Mode::Live));
        wait(&engine, "the fork", |shared| shared.lanes.get(&FORK).is_some_and(|fork| fork.update == 200));
        finished(&engine);
        assert_as_trained(&engine, FORK, 120);
        let adaptive = examined(&engine, FORK).adaptive;
        assert_eq!(adaptive, rest.contains("adamw"));
        // A fork that the engine trains from its own beginning, as one of a file is.
        let engine = Engine::start(revision(&text, 0), options(true), || ()).unwrap();
        finished(&engine);
        engine.send(Command::Examine(vec![FORK]));
        assert_as_trained(&engine, FORK, 120);
    }
}

#[test]
fn a_run_that_went_back_and_another_way_is_looked_at_as_it_was_trained() {
    let engine = Engine::start(revision(MOONS, 0), options(true), || ()).unwrap();
    finished(&engine);
    engine.send(Command::Examine(vec![FIRST]));
    assert_as_trained(&engine, FIRST, 120);
    let there = |update, left| {
        let all = engine.read(|shared| Arc::clone(&shared.snapshots));
        let found = all.iter().find(|it| (it.lane(), it.update(), it.left) == (FIRST, update, left));
        found.unwrap_or_else(|| panic!("no snapshot after {update}")).id
    };
    engine.send(Command::Travel(there(48, false), Forget { schedule: true, momentum: true }));
    wait(&engine, "the turn", |shared| shared.status.update == 48);
    let edited = revision(&MOONS.with("peak = 0.1,", "peak = 0.3,"), 1);
    engine.send(Command::Revise(edited, Mode::Live));
    engine.send(Command::Play);
    finished(&engine);
    assert_as_trained(&engine, FIRST, 120);
    // And across, to the end of the way that was left.
    engine.send(Command::Travel(there(200, true), Forget::default()));
    wait(&engine, "the other way", |shared| {
        let store = &shared.lanes[&FIRST].store;
        store.series(Column::Lr).at(100).is_some_and(|rate| rate.value < 0.1)
    });
    assert_as_trained(&engine, FIRST, 120);
}

#[test]
fn another_model_is_looked_at_anew() {
    let engine = Engine::start(revision(MOONS, 0), options(true), || ()).unwrap();
    finished(&engine);
    engine.send(Command::Examine(vec![FIRST]));
    let before = examined(&engine, FIRST);
    let deeper = MOONS.with("hidden = [", "hidden = [8, ");
    assert_ne!(deeper, MOONS);
    engine.send(Command::Revise(revision(&deeper, 1), Mode::Live));
    wait(&engine, "the other model", |shared| {
        shared.status.generation == 1
            && shared.status.state == State::Finished
            && seen(shared, FIRST).is_some_and(|seen| seen.complete && seen.layers != before.layers)
    });
}

/// The panel shows the sharpness reach `2/rate` and hover there; the figures are of the same test of the
/// analysis, which is checked against a dense Hessian.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains 6,000 full batches: run it with --release")]
fn the_edge_of_stability_is_seen() {
    let engine = Engine::start(of(shipped("digits-edge-of-stability")), options(false), || ()).unwrap();
    engine.send(Command::Examine(vec![FIRST, SECOND]));
    engine.send(Command::Play);
    finished(&engine);
    for (lane, expected) in [(FIRST, 375), (SECOND, 800)] {
        let examined = examined(&engine, lane);
        let shares: Vec<(u64, f64)> =
            examined.curvature.iter().map(|seen| (seen.update, seen.sharpness / seen.limit)).collect();
        let reached = shares.iter().find(|(_, share)| *share >= 0.98).expect("the edge").0;
        assert!(u64::abs_diff(reached, expected) <= 100, "{lane:?}: reached at {reached}");
        let after: Vec<f64> = shares.iter().filter(|(at, _)| *at >= 1500).map(|(_, share)| *share).collect();
        assert!(after.len() >= 50, "{}", after.len());
        let near = after.iter().filter(|share| (*share - 1.0).abs() <= 0.05).count();
        eprintln!("{lane:?}: edge at {reached}, {near} of {} readings within 0.05", after.len());
        assert!(near == after.len(), "{lane:?}: {shares:.3?}");
    }
}

/// What the panel shows is the sharpness of the very weights that were trained.
#[test]
fn the_sharpness_is_that_of_the_trained_weights() {
    let mut experiment = shipped("digits-edge-of-stability");
    experiment.train.updates = "60".parse().unwrap();
    experiment.runs.truncate(1);
    let engine = Engine::start(of(experiment.clone()), options(true), || ()).unwrap();
    finished(&engine);
    engine.send(Command::Examine(vec![FIRST]));
    let examined = examined(&engine, FIRST);
    let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut cohort = Cohort::new(of(experiment), pool).unwrap();
    for seen in examined.curvature.iter().filter(|seen| [0, 30, 59].contains(&seen.update)) {
        cohort.advance(seen.update, u64::MAX).unwrap();
        let row: Vec<f32> = cohort.rows().to_vec2().unwrap().remove(0);
        let mut objective = Objective::new(cohort.task(), None);
        let width = objective.width();
        let mut exact = Sharpness::new(width, 9);
        let expected = exact.estimate(&mut objective, &row[..width], 1e-6, 300).sharpness;
        let apart = (seen.sharpness / expected - 1.0).abs();
        assert!(apart < 0.03, "update {}: {} for {expected}", seen.update, seen.sharpness);
    }
}

/// Without warmup Adam's first updates throw every layer far; with one they stay near the rule of thumb.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains transformers: run it with --release")]
fn the_blow_up_without_warmup_is_seen() {
    let mut experiment = shipped("shakespeare-warmup");
    experiment.train.replicas = 1;
    experiment.train.updates = "70".parse().unwrap();
    let engine = Engine::start(of(experiment), options(true), || ()).unwrap();
    engine.send(Command::Examine(vec![FIRST, SECOND]));
    finished(&engine);
    let [without, with] = [FIRST, SECOND].map(|lane| examined(&engine, lane));
    let largest = |seen: &Examined| {
        let readings = seen.readings.iter().take(5).flat_map(|reading| &reading.layers);
        readings.map(|layer| layer.ratio).fold(0.0, f64::max)
    };
    eprintln!("largest ratio of the first five updates: {} and {}", largest(&without), largest(&with));
    assert!(largest(&without) > 50.0 * 1e-3, "{}", largest(&without));
    assert!(largest(&without) > 5.0 * largest(&with), "{}", largest(&with));
    for seen in [&without, &with] {
        assert_eq!((seen.adaptive, seen.beta2), (true, Some(0.999)));
        assert!(seen.readings.iter().skip(1).all(|reading| reading.layers[1].adaptive_variance.is_some()));
        assert!(seen.curvature.iter().any(|seen| seen.critical.is_some()));
    }
}

/// What looking costs, in trained updates a second. Run by hand: `--ignored --nocapture`.
#[test]
#[ignore = "measures a speed"]
fn a_run_under_the_microscope_is_hardly_slower() {
    for name in ["digits-cosine-vs-constant", "digits-edge-of-stability", "shakespeare-warmup"] {
        let mut experiment = shipped(name);
        experiment.train.updates = "1000000".parse().unwrap();
        let engine =
            Engine::start(of(experiment), Options { threads: Some(1), ..options(true) }, || ()).unwrap();
        wait(&engine, "the first update", |shared| shared.status.update > 0);
        let done = || engine.read(|shared| shared.lanes.values().map(|view| view.update).sum::<u64>());
        let speed = |lanes: &[LaneId]| {
            engine.send(Command::Examine(lanes.to_vec()));
            wait(&engine, "the panel", |shared| shared.examined.len() == lanes.len());
            let (before, start) = (done(), std::time::Instant::now());
            std::thread::sleep(std::time::Duration::from_millis(1000));
            (done() - before) as f64 / start.elapsed().as_secs_f64()
        };
        // Turn by turn, so that what else the machine does falls on both.
        let mut ratios: Vec<f64> = (0..15).map(|_| speed(&[]).recip() * speed(&[FIRST, SECOND])).collect();
        ratios.sort_by(f64::total_cmp);
        let closed = speed(&[]);
        let [low, median, high] = [1, 7, 13].map(|at| ratios[at]);
        eprintln!(
            "{name}: {closed:.0} updates a second closed; open {median:.3} of it ({low:.3} to {high:.3})"
        );
    }
}
