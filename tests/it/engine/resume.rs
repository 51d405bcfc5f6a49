//! Going on in the studio with what `anneal train` saved.

use std::fs;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;

use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::engine::{Engine, SnapshotReason};
use anneal_studio::telemetry::{Column, EventKind};
use anneal_studio::train::checkpoint::{Checkpoint, Continuation, Forget, file_name};

use super::{FIRST, bits, finished, paused, playing, snapshot, start, wait};
use crate::support::Fixture;
use crate::training::{MOONS, revision};

/// The folder of a training that was cut off after `update` updates.
fn cut_off(folder: &Path, update: u64) {
    cut_off_of(MOONS, folder, update);
}

fn cut_off_of(text: &str, folder: &Path, update: u64) {
    let file = folder.join("experiment.toml");
    fs::write(&file, text).unwrap();
    let mut train = Process::new(env!("CARGO_BIN_EXE_anneal"));
    let done = train.arg("train").arg(&file).arg("--out").arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for at in (update + 1..=200).map(file_name) {
        let _ = fs::remove_file(folder.join("checkpoints").join(at));
    }
}

/// The newest update below the end that has a checkpoint.
fn newest(folder: &Path) -> u64 {
    let names = fs::read_dir(folder.join("checkpoints")).unwrap().map(|entry| entry.unwrap().file_name());
    let updates = names.filter_map(|name| {
        name.to_str()?.strip_prefix("update-")?.strip_suffix(".safetensors")?.parse::<u64>().ok()
    });
    updates.filter(|update| *update < 200).max().unwrap()
}

fn go_on(saved: &Arc<Continuation>, forget: Forget) -> Engine {
    let engine = start(&saved.checkpoint.experiment.to_toml(), paused());
    engine.send(Command::Continue(Arc::clone(saved), forget));
    let at = saved.checkpoint.update();
    wait(&engine, "what was saved", |shared| {
        shared.status.update == at && shared.status.state == State::Paused
    });
    engine
}

#[test]
fn a_saved_training_goes_on_in_the_studio_bit_for_bit_with_what_it_had_measured() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), 199);
    let at = newest(folder.path());
    let saved = Arc::new(Continuation::read(folder.path()).unwrap());
    assert_eq!((saved.checkpoint.update(), saved.past.as_ref().unwrap().lines), (at, 4 * at));
    let engine = go_on(&saved, Forget::default());
    engine.read(|shared| {
        for view in shared.lanes.values() {
            assert_eq!(view.store.updates(), at);
            let told = view.store.events().iter().find(|event| event.kind == EventKind::Resume).unwrap();
            assert!(told.update == at && told.message.contains("the rate goes on at"), "{}", told.message);
        }
    });
    engine.send(Command::Play);
    finished(&engine);
    let whole = start(MOONS, playing());
    finished(&whole);
    for column in [Column::Lr, Column::TrainLoss] {
        let all = |engine: &Engine| engine.read(|shared| bits(shared, FIRST, column));
        assert_eq!(all(&engine), all(&whole), "{column:?}");
    }
    let validations = |engine: &Engine| {
        engine.read(|shared| {
            let series = shared.lanes[&FIRST].store.series(Column::ValLoss);
            (series.len(), (0..200).filter_map(|update| series.at(update)).collect::<Vec<_>>())
        })
    };
    assert_eq!(validations(&engine), validations(&whole));
}

/// Every update of every column of the first lane.
fn everything(engine: &Engine) -> Vec<(Column, Vec<(u64, u64)>)> {
    engine.read(|shared| {
        let store = &shared.lanes[&FIRST].store;
        let samples = |column| {
            let samples = store.series(column).finest();
            samples.map(|sample| (sample.last_update, sample.last.to_bits())).collect()
        };
        Column::ALL.map(|column| (column, samples(column))).to_vec()
    })
}

/// Saves a training, goes on with it, and returns the columns that it had measured: each is as it was, and ends as it
/// would have.
fn coming_back(text: &str) -> Vec<Column> {
    let folder = tempfile::tempdir().unwrap();
    cut_off_of(text, folder.path(), 199);
    let saved = Arc::new(Continuation::read(folder.path()).unwrap());
    let at = saved.checkpoint.update();
    let engine = go_on(&saved, Forget::default());
    let past = everything(&engine);
    let whole = start(text, playing());
    finished(&whole);
    let whole = everything(&whole);
    let mut measured = Vec::new();
    for ((column, past), (_, all)) in past.iter().zip(&whole) {
        let expected: Vec<_> = all.iter().copied().filter(|(update, _)| *update < at).collect();
        assert_eq!(*past, expected, "{column:?}");
        measured.extend(Some(*column).filter(|_| !expected.is_empty()));
    }
    engine.send(Command::Play);
    finished(&engine);
    assert_eq!(everything(&engine), whole);
    measured
}

#[test]
fn what_a_saved_training_had_measured_comes_back_column_by_column() {
    let alone = r#"
anneal = 1
name = "every column"
[data]
name = "moons"
batch_size = 32
label_noise = 0.2
phase = [{ name = "one", for = "50" }, { name = "two", shift = { rotate = 30 } }]
[model]
kind = "mlp"
hidden = [8]
[train]
updates = "200"
weights = "bf16"
gradients = "f16"
loss_scale = "dynamic"
attack = { kind = "fgsm", eps = 0.1 }
[[run]]
name = "all that can be scheduled"
optimizer = { kind = "radam", weight_decay = { kind = "linear", peak = 0.1, from = 1, to = 0 } }
lr = { kind = "one_cycle", peak = 0.01 }
batch = { kind = "step", peak = 64, every = "50", gamma = 0.5 }
"#;
    let together = r#"
anneal = 1
name = "the columns of clients"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "200" }
federated = { clients = 4, local = "7" }
[[run]]
name = "clients"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.1 }
"#;
    let measured = [coming_back(alone), coming_back(together)].concat();
    for column in Column::ALL {
        assert!(measured.contains(&column), "{column:?} is measured");
    }
}

#[test]
fn the_checkpoints_of_a_saved_training_are_places_to_go_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let text = MOONS
        .replacen("[[run]]", "[snapshots]\nwhen = \"cycle_end\"\nkeep = 3\n[[run]]", 1)
        .with("kind = \"cosine\", peak = 0.1,", "kind = \"cosine_restarts\", first = \"40\", peak = 0.1,");
    cut_off_of(&text, folder.path(), 199);
    let saved = Arc::new(Continuation::read(folder.path()).unwrap());
    let before: Vec<u64> = saved.earlier.iter().map(Checkpoint::update).collect();
    // On a busy machine the writer passes over checkpoints that nobody asked for.
    let newest = saved.checkpoint.update();
    // Warmup takes 20 updates, so cycles end at 60, 100, ... and with the run: the newest three stay.
    assert!([140, 180].iter().all(|asked| before.contains(asked) || newest == *asked), "{before:?}");
    let engine = go_on(&saved, Forget::default());
    wait(&engine, "the places", |shared| !shared.snapshots.is_empty());
    let places: Vec<(u64, SnapshotReason)> = engine.read(|shared| {
        let first = shared.snapshots.iter().filter(|it| it.lane() == FIRST);
        first.map(|it| (it.update(), it.why)).collect()
    });
    let mut expected = [vec![0], before, vec![newest]].concat();
    expected.dedup();
    assert_eq!(places.iter().map(|place| place.0).collect::<Vec<_>>(), expected);
    let last = if newest == 180 { SnapshotReason::Asked } else { SnapshotReason::Departure };
    assert!(places.contains(&(140, SnapshotReason::Asked)) && places.contains(&(newest, last)), "{places:?}");
    for at in [140, 0] {
        engine.send(Command::Travel(snapshot(&engine, FIRST, at, false).id, Forget::default()));
        wait(&engine, "the way back", |shared| shared.status.update == at);
        engine.read(|shared| assert_eq!(shared.lanes[&FIRST].store.updates(), at));
        engine.send(Command::Play);
        finished(&engine);
        let whole = start(&text, playing());
        finished(&whole);
        let all = |engine: &Engine| engine.read(|shared| bits(shared, FIRST, Column::TrainLoss));
        assert_eq!(all(&engine), all(&whole), "from {at}");
    }
}

#[test]
fn what_is_forgotten_shows_as_a_jump_of_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), 199);
    let saved = Arc::new(Continuation::read(folder.path()).unwrap());
    let engine = go_on(&saved, Forget { schedule: true, momentum: false });
    engine.read(|shared| {
        let events = shared.lanes[&FIRST].store.events();
        let told = events.iter().find(|event| event.kind == EventKind::Resume).unwrap();
        assert!(told.message.contains("without the scheduler's state: the rate jumps"), "{}", told.message);
    });
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_one_before_it_offered() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), 200);
    let newest = folder.path().join("checkpoints").join(file_name(200));
    let mut bytes = fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest, bytes).unwrap();
    let saved = Continuation::read(folder.path()).unwrap();
    assert!(saved.checkpoint.update() < 200);
    assert!(saved.refused.len() == 1 && saved.refused[0].contains("altered since it was written"));
    let past = saved.past.as_ref().unwrap();
    past.replay(|measured| assert!(measured.row.update < saved.checkpoint.update())).unwrap();
    for entry in fs::read_dir(folder.path().join("checkpoints")).unwrap() {
        fs::write(entry.unwrap().path(), b"short").unwrap();
    }
    let none = Continuation::read(folder.path()).unwrap_err().to_string();
    assert!(none.contains("there is no good checkpoint") && none.contains("cut short"), "{none}");
    let empty = Continuation::read(&folder.path().join("nothing")).unwrap_err().to_string();
    assert!(empty.contains("there are no checkpoints in"), "{empty}");
}

#[test]
fn a_checkpoint_of_another_experiment_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), 199);
    let saved = Arc::new(Continuation::read(folder.path()).unwrap());
    let engine = Engine::start(revision(&MOONS.with("seed = 3", "seed = 4"), 0), paused(), || ()).unwrap();
    engine.send(Command::Continue(saved, Forget::default()));
    wait(
        &engine,
        "the refusal",
        |shared| matches!(&shared.status.state, State::Failed(why) if why.contains("another seed")),
    );
}
