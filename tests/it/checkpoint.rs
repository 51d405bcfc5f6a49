//! Checkpoints: resumed equals uninterrupted, damage is refused, a killed training loses nothing but time.

mod disk;
mod forgotten;
mod killed;
mod refused;
mod snapshots;

use std::path::Path;
use std::sync::Arc;

use anneal_studio::schedule::kind::Kind;
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use anneal_studio::train::ids::{LaneId, Mode, RunId};

use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// Every optimizer, every kind of schedule, every controller's metric, and whatever else a lane remembers.
fn everything(train: &str) -> String {
    let runs = [
        r#"optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.1, warmup = { over = "10%" }, cooldown = { over = "10%" } }"#,
        r#"optimizer = { kind = "sgd", momentum = { kind = "linear", peak = 0.95, from = 0.9, to = 1.0 }, nesterov = true, weight_decay = 5e-4 }
lr = { kind = "cosine_restarts", peak = 0.1, first = "50", mult = 1 }"#,
        r#"optimizer = { kind = "adam", weight_decay = 1e-3 }
lr = { kind = "step", peak = 0.01, every = "30" }"#,
        r#"optimizer = { kind = "adamw", beta1 = { kind = "mirror", low = 0.85, high = 0.95 } }
lr = { kind = "one_cycle", peak = 0.01 }"#,
        r#"optimizer = { kind = "rmsprop", momentum = 0.5 }
lr = { kind = "exponential", peak = 1e-3, gamma = 0.99 }"#,
        r#"optimizer = { kind = "adagrad" }
lr = { kind = "cyclic", floor = 0.01, peak = 0.1, up = "20" }"#,
        r#"optimizer = { kind = "lion" }
lr = { kind = "wsd", peak = 1e-3, decay = "20%" }
layer_decay = 0.7"#,
        r#"optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "sequence", parts = [{ for = "60", kind = "polynomial", peak = 0.1 }, { kind = "points", points = [["0", 0.05], ["50%", 0.01]] }] }"#,
        r#"optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.5 }
plateau = { metric = "train_loss", factor = 0.5, patience = 0, threshold = 0.2, cooldown = 1, smoothing = 0.5 }"#,
        r#"optimizer = { kind = "adamw" }
lr = { kind = "cosine", peak = 0.05 }
plateau = { metric = "val_loss", factor = 0.5, patience = 1, threshold = 0.2 }"#,
        r#"optimizer = { kind = "sgd" }
lr = { kind = "rex", peak = 0.3 }
plateau = { metric = "val_accuracy", mode = "max", factor = 0.9, patience = 0 }"#,
        r#"optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.05 }
greedy = { metric = "train_loss", factor = 0.5, patience = 0, window = 2, min_lr = 1e-4, max_lr = 1.0 }"#,
        r#"optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 1e-3 }
hypergradient = { beta = 1e-6 }"#,
        r#"optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.05 }
hypergradient = { beta = 1e-4 }"#,
        r#"optimizer = { kind = "schedule_free_sgd" }
lr = { kind = "constant", peak = 0.1, warmup = { over = "10%" } }"#,
        r#"optimizer = { kind = "schedule_free_adamw", weight_decay = 0.01 }
lr = { kind = "cosine", peak = 0.01 }"#,
        r#"optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.05 }
batch = { kind = "linear", peak = 32, from = 1.0, to = 5.0 }"#,
    ];
    // The last one diverges.
    let diverging = r#"optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e30 }
greedy = { metric = "train_loss", window = 3 }"#;
    let shapes = [
        r#"kind = "multistep", peak = 0.1, milestones = ["30%", "60%"]"#,
        r#"kind = "linear", peak = 0.1"#,
        r#"kind = "k_decay", peak = 0.1, k = 2.0"#,
        r#"kind = "tanh", peak = 0.1"#,
        r#"kind = "inverse_sqrt", peak = 0.1, timescale = "20", warmup = { over = "20" }"#,
        r#"kind = "power", peak = 0.1, timescale = "20""#,
        r#"kind = "noam", scale = 1.0, d_model = 64, warmup = "40""#,
        r#"kind = "table", values = [0.1, 0.05, 0.02]"#,
        r#"kind = "formula", value = "peak * 0.5 ** (t / half)", peak = 0.1, half = 50"#,
        r#"kind = "noise", peak = 0.1"#,
        r#"kind = "product", of = [{ kind = "cosine", peak = 0.1 }, { kind = "constant", peak = 0.5 }]"#,
    ];
    let shapes = shapes.map(|shape| format!("optimizer = {{ kind = \"sgd\" }}\nlr = {{ {shape} }}"));
    let runs = runs.into_iter().map(str::to_owned).chain(shapes).chain([diverging.to_owned()]);
    let head = MOONS[..MOONS.find("[[run]]").unwrap()].with("replicas = 2", train);
    let head = head + "[snapshots]\nwhen = \"cycle_end\"\nkeep = 2\naverage = [\"swa\", \"ema\"]\n";
    runs.enumerate().fold(head, |text, (at, run)| format!("{text}[[run]]\nname = \"run {at}\"\n{run}\n"))
}

/// What a lane measured after some update, bit by bit.
fn measured(cohort: &Cohort, from: u64) -> Vec<String> {
    let row = |row: &Row| {
        let bits = Column::ALL.map(|column| row.get(column).map(f64::to_bits));
        format!("{} {bits:x?}\n", row.update)
    };
    let lanes = cohort.lanes().iter().map(|lane| {
        let log = &lane.log;
        let rows = log.rows.iter().filter(|row| row.update >= from).map(row);
        let changes = log.rate_changes.iter().filter(|(update, _)| *update > from);
        rows.chain(changes.map(|change| format!("{change:?}\n"))).collect()
    });
    lanes.collect()
}

fn row_bits(cohort: &Cohort) -> Vec<u32> {
    cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()
}

/// Through the file, as a new process would.
fn through_file(cohort: &Cohort, folder: &Path) -> Checkpoint {
    let file = folder.join("one.safetensors");
    cohort.checkpoint().unwrap().save(&file).unwrap();
    Checkpoint::open(&file).unwrap()
}

fn resumed_equals_uninterrupted(text: &str, stops: &[u64]) {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = cohort(text, 1);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    for &stop in stops {
        let mut first = cohort(text, 1);
        first.advance(stop, u64::MAX).unwrap();
        let checkpoint = through_file(&first, folder.path());
        assert_eq!(checkpoint.update(), stop);
        let mut second = cohort(text, 2);
        let continuity = second.restore(&checkpoint, Forget::default()).unwrap();
        assert!(continuity.iter().all(|lane| !lane.jumps() && lane.update == stop), "{continuity:?}");
        while second.update() < 200 {
            second.advance(u64::MAX, 7).unwrap();
        }
        let (expected, found) = (measured(&whole, stop), measured(&second, stop));
        for (lane, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let other = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
            assert!(other.is_none(), "lane {lane} resumed at {stop}: {other:?}");
            assert_eq!(expected.len(), found.len(), "lane {lane} resumed at {stop}");
        }
        assert_eq!(row_bits(&whole), row_bits(&second), "resumed at {stop}");
        for (a, b) in whole.lanes().iter().zip(second.lanes()) {
            // As text, because a run that diverged keeps what is no number.
            assert_eq!(format!("{:?}", a.state()), format!("{:?}", b.state()));
            assert_eq!(format!("{:?}", a.keeper), format!("{:?}", b.keeper));
        }
    }
}

#[test]
fn resumed_equals_uninterrupted_whatever_is_trained() {
    let text = everything("replicas = 2\nclip_norm = 2.0");
    for kind in Kind::NAMES {
        assert!(text.contains(&format!("kind = \"{kind}\"")), "nothing follows {kind}");
    }
    resumed_equals_uninterrupted(&text, &[1, 50, 73, 199]);
    let mut trained = cohort(&text, 1);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let cuts = |run: u32| {
        trained
            .lanes()
            .iter()
            .filter(|lane| lane.id.run.0 == run)
            .map(|lane| lane.log.rate_changes.len())
            .sum::<usize>()
    };
    assert!((8..=11).all(|run| cuts(run) > 0), "every controller has something to remember");
    assert!(trained.lanes().iter().any(|lane| lane.diverged_at.is_some()), "and so has a run that diverged");
}

#[test]
fn resumed_equals_uninterrupted_under_accumulation_and_rounded_weights() {
    resumed_equals_uninterrupted(&everything("replicas = 1\naccumulate = 3"), &[17, 50]);
    resumed_equals_uninterrupted(&everything("replicas = 1\nweights = \"bf16\""), &[64]);
}

#[test]
fn resumed_equals_uninterrupted_where_windows_of_a_text_are_read() {
    let text = r#"
anneal = 1
name = "characters"
[data]
name = "shakespeare"
batch_size = 8
[model]
kind = "mlp"
hidden = [12]
context = 4
embedding = 6
[train]
updates = "200"
replicas = 2
[[run]]
name = "adamw"
optimizer = { kind = "adamw" }
lr = { kind = "cosine", peak = 0.01 }
"#;
    resumed_equals_uninterrupted(text, &[1, 110]);
}

#[test]
fn resumed_equals_uninterrupted_in_candles_own_operations() {
    let text = everything("replicas = 1").with("\"200\"", "\"24\"").with("\"50\"", "\"6\"");
    let text = text.with("hypergradient = { beta = 1e-6 }", "").with("hypergradient = { beta = 1e-4 }", "");
    let start = || {
        let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
        Cohort::at(revision(&text, 0), TrainDevice::reference(pool)).unwrap()
    };
    let (mut whole, mut first, mut second) = (start(), start(), start());
    whole.advance(u64::MAX, u64::MAX).unwrap();
    first.advance(11, u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    second.restore(&through_file(&first, folder.path()), Forget::default()).unwrap();
    second.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(measured(&whole, 11), measured(&second, 11));
    assert_eq!(row_bits(&whole), row_bits(&second));
}

#[test]
fn a_resumed_training_can_be_stopped_and_resumed_again() {
    let text = everything("replicas = 1");
    let folder = tempfile::tempdir().unwrap();
    let mut whole = cohort(&text, 1);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let mut now = cohort(&text, 1);
    for stop in [20, 21, 90, 140] {
        now.advance(stop, u64::MAX).unwrap();
        let checkpoint = through_file(&now, folder.path());
        now = cohort(&text, 1);
        now.restore(&checkpoint, Forget::default()).unwrap();
    }
    now.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(row_bits(&whole), row_bits(&now));
}

#[test]
fn the_file_gives_back_what_was_saved() {
    let text = everything("replicas = 1");
    let mut trained = cohort(&text[..text.rfind("[[run]]").unwrap()], 1);
    trained.advance(120, u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = trained.checkpoint().unwrap();
    let read = through_file(&trained, folder.path());
    assert_eq!(read, saved);
    assert_eq!(read.revision(), **trained.revision());
    assert!(read.val_loss().unwrap() > 0.0);
}

#[test]
fn a_fork_is_the_same_run_until_its_future_is_edited() {
    let mut trained = cohort(MOONS, 1);
    trained.advance(80, u64::MAX).unwrap();
    let id = LaneId { run: RunId(0), replica: 1 };
    let saved = trained.save_lane(id).unwrap().unwrap();
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let forked = MOONS.to_owned()
        + &MOONS[MOONS.find("[[run]]").unwrap()..MOONS.rfind("[[run]]").unwrap()]
            .with("\"momentum\"", "\"fork\"");
    trained.revise(revision(&forked, 1), Mode::Live).unwrap();
    let fork = LaneId { run: RunId(2), replica: 1 };
    assert!(!trained.load_lane(fork, &saved, Forget::default()).unwrap().unwrap().jumps());
    let nobody = LaneId { run: RunId(9), replica: 0 };
    assert_eq!(trained.load_lane(nobody, &saved, Forget::default()).unwrap(), None);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let rows: Vec<Vec<f32>> = trained.rows().to_vec2().unwrap();
    let at = |id: LaneId| trained.lanes().iter().position(|lane| lane.id == id).unwrap();
    assert_eq!(rows[at(id)], rows[at(fork)]);
    assert_ne!(rows[at(id)], rows[at(LaneId { run: RunId(0), replica: 0 })]);
}
