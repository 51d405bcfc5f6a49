//! Landscapes that the engine surveys while it trains.

use std::sync::Arc;

use anneal_studio::engine::protocol::{Command, State, SurveyRequest};
use anneal_studio::engine::{Engine, Landscape, Options, Shared};
use anneal_studio::train::ids::{LaneId, Mode, RunId};

use crate::support::{Fixture, wait_for as wait};
use crate::training::{MOONS, revision};

const FIRST: LaneId = LaneId { run: RunId(0), replica: 0 };

const VALLEY: &str = r#"
anneal = 1
name = "valley"
[model]
kind = "surface"
function = "rosenbrock"
start = [-1.5, 2.0]
[train]
updates = "300"
[[run]]
name = "slow"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e-4 }
[[run]]
name = "fast"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 5e-4 }
"#;

fn engine(text: &str) -> Engine {
    let options = Options { threads: Some(1), ..Options::default() };
    Engine::start(revision(text, 0), options, || ()).expect("a thread")
}

fn finished(engine: &Engine) {
    wait(engine, "the end", |shared| shared.status.state == State::Finished);
}

/// The landscape as soon as it is as fine as it gets, made around the weights there are.
fn surveyed(engine: &Engine, request: SurveyRequest) -> Landscape {
    assert!(engine.send(Command::Survey(Some(request))));
    let whole = |shared: &Shared| {
        let updates = shared.lanes.values().map(|lane| lane.update).sum::<u64>();
        let found = shared.landscape.as_ref().filter(|found| found.request == request)?;
        let ground = found.ground.as_ref().ok()?;
        let placed = found.ways.get(&FIRST)?.places.last()?.0 == shared.lanes[&FIRST].update;
        (ground.complete && ground.moment.updates == updates && placed).then(|| found.clone())
    };
    wait(engine, "the survey", |shared| whole(shared).is_some());
    engine.read(whole).unwrap()
}

#[test]
fn a_surface_is_surveyed_in_its_weights_and_every_step_of_the_runs_lies_on_it() {
    let engine = engine(VALLEY);
    finished(&engine);
    let found = surveyed(&engine, SurveyRequest::Weights);
    let ground = found.ground.unwrap();
    assert_eq!((ground.grid.columns, ground.grid.rows), (101, 101));
    // The middle of the frame is (0, 1), where the function is 1 + 100.
    assert!((ground.grid.losses[50 * 101 + 50] - 101.0).abs() < 1e-3);
    let way = &found.ways[&FIRST];
    let starts = |(updates, [x, y]): (u64, [f64; 2])| updates == 0 && x == -1.5 && y == 2.0;
    assert!(starts(way.places[0]), "{:?}", way.places[0]);
    let updates: Vec<u64> = way.places.iter().map(|(updates, _)| *updates).collect();
    assert!((0..=300).all(|update| updates.contains(&update)));
    // Plain gradient descent: from one place to the next by the rate times the slope.
    let [x, y] = way.places[7].1;
    let slope = [-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)];
    let [next_x, next_y] = way.places[8].1;
    assert!((next_x - (x - 1e-4 * slope[0])).abs() < 1e-5 && (next_y - (y - 1e-4 * slope[1])).abs() < 1e-5);
    assert_ne!(way.places.last(), found.ways[&LaneId { run: RunId(1), replica: 0 }].places.last());
}

#[test]
fn training_anew_takes_the_way_along_and_leaves_the_ground() {
    let engine = engine(VALLEY);
    finished(&engine);
    let before = surveyed(&engine, SurveyRequest::Weights);
    let text = VALLEY.with("peak = 1e-4", "peak = 2e-4");
    assert!(engine.send(Command::Revise(revision(&text, 1), Mode::Instant)));
    wait(&engine, "the edit", |shared| shared.status.generation == 1);
    finished(&engine);
    let moved = |shared: &Shared| {
        let found = shared.landscape.as_ref().unwrap();
        let way = &found.ways[&FIRST];
        way.places.last().map(|(updates, _)| *updates) == Some(300)
            && way.places.last() != before.ways[&FIRST].places.last()
    };
    wait(&engine, "the new way", moved);
    engine.read(|shared| {
        let found = shared.landscape.as_ref().unwrap();
        assert_eq!(found.ways[&FIRST].places.iter().filter(|(updates, _)| *updates == 0).count(), 1);
        let (old, new) = (before.ground.as_ref().unwrap(), found.ground.as_ref().unwrap());
        assert!(Arc::ptr_eq(old, new), "weights lie where they lie");
    });
}

#[test]
fn a_networks_runs_lie_in_the_plane_they_moved_in_or_around_one_of_them() {
    let engine = engine(MOONS);
    finished(&engine);
    let found = surveyed(&engine, SurveyRequest::Trajectory);
    let ground = found.ground.unwrap();
    let [first, second] = ground.explained.unwrap();
    assert!(first >= second && first + second > 0.5 && first + second <= 1.0 + 1e-6);
    assert_eq!(found.ways.len(), 2, "a way a run, of its first replica");
    for way in found.ways.values() {
        assert!(way.places.len() > 5, "the snapshots on the way: {}", way.places.len());
        let inside = |place: &[f64; 2]| {
            ground.grid.frame.share(place[0], place[1]).iter().all(|share| (0.0..=1.0).contains(share))
        };
        assert!(way.places.iter().all(|(_, place)| inside(place)));
        assert!(way.places.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    let around = surveyed(&engine, SurveyRequest::Random(FIRST));
    let [x, y] = around.ways[&FIRST].places.last().unwrap().1;
    assert!(x.abs() < 1e-6 && y.abs() < 1e-6, "the run is in the middle");

    let ends = engine.read(|shared| {
        let of = shared.snapshots.iter().filter(|snapshot| snapshot.lane() == FIRST);
        let ids: Vec<_> = of.map(|snapshot| snapshot.id).collect();
        [ids[0], ids[ids.len() - 1]]
    });
    let between = surveyed(&engine, SurveyRequest::Between(ends[0], ends[1]));
    let way = &between.ways[&FIRST].places;
    let near = |place: [f64; 2], x: f64| (place[0] - x).abs() < 1e-4 && place[1].abs() < 1e-4;
    assert!(near(way[0].1, 0.0) && near(way[way.len() - 1].1, 1.0), "{way:?}");
}

#[test]
fn a_plane_that_cannot_be_is_said_and_another_model_is_surveyed_anew() {
    let engine = engine(VALLEY);
    finished(&engine);
    surveyed(&engine, SurveyRequest::Weights);
    assert!(engine.send(Command::Revise(revision(MOONS, 1), Mode::Live)));
    wait(&engine, "the refusal", |shared| {
        shared.status.generation == 1 && shared.landscape.as_ref().is_some_and(|found| found.ground.is_err())
    });
    finished(&engine);
    assert!(surveyed(&engine, SurveyRequest::Trajectory).ground.is_ok());
    assert!(engine.send(Command::Survey(None)));
    wait(&engine, "nothing", |shared| shared.landscape.is_none());
}
