//! Checkpoints: resumed equals uninterrupted, damage is refused, a killed training loses nothing but time.

mod killed;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anneal_studio::telemetry::{Row, Validation};
use anneal_studio::train::checkpoint::policy::Stops;
use anneal_studio::train::checkpoint::{
    Checkpoint, Forget, Policy, Reason, Refusal, Writer, file_name, newest_good,
};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::command::{LaneId, Mode, RunId};
use anneal_studio::train::place::Place;

use crate::training::{MOONS, cohort, revision};

/// Every optimizer, the families of schedules, every controller's metric, and whatever else a lane remembers.
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
        r#"optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e30 }"#,
    ];
    let head = MOONS[..MOONS.find("[[run]]").unwrap()].replace("replicas = 2", train);
    let head = head + "[snapshots]\nwhen = \"cycle_end\"\nkeep = 2\naverage = [\"swa\", \"ema\"]\n";
    runs.iter()
        .enumerate()
        .fold(head, |text, (at, run)| format!("{text}[[run]]\nname = \"run {at}\"\n{run}\n"))
}

/// What a lane measured after some update, bit by bit.
fn measured(cohort: &Cohort, from: u64) -> Vec<String> {
    let row = |row: &Row| {
        let f = |x: f32| x.to_bits();
        let (loss, grad, step) = (f(row.train_loss), f(row.grad_norm), f(row.update_norm));
        format!(
            "{} {:x} {:x} {loss:x} {grad:x} {step:x}\n",
            row.update,
            row.lr.to_bits(),
            row.momentum.to_bits()
        )
    };
    let seen = |at: &Validation| {
        format!("{} {:x} {:?}\n", at.update, at.loss.to_bits(), at.accuracy.map(f32::to_bits))
    };
    let lanes = cohort.lanes().iter().map(|lane| {
        let log = &lane.log;
        let rows = log.rows.iter().filter(|row| row.update >= from).map(row);
        let validations = log.validations.iter().filter(|at| at.update >= from).map(seen);
        let cuts = log.cuts.iter().filter(|(update, _)| *update > from).map(|cut| format!("{cut:?}\n"));
        rows.chain(validations).chain(cuts).collect()
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
            assert_eq!(a.state(), b.state());
            // As text, because a run that diverged keeps weights that are no numbers.
            assert_eq!(format!("{:?}", a.keeper), format!("{:?}", b.keeper));
        }
    }
}

#[test]
fn resumed_equals_uninterrupted_whatever_is_trained() {
    let text = everything("replicas = 2\nclip_norm = 2.0");
    resumed_equals_uninterrupted(&text, &[1, 50, 73, 199]);
    let mut trained = cohort(&text, 1);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let cuts = |run: u32| {
        trained
            .lanes()
            .iter()
            .filter(|lane| lane.id.run.0 == run)
            .map(|lane| lane.log.cuts.len())
            .sum::<usize>()
    };
    assert!((8..=10).all(|run| cuts(run) > 0), "every controller has something to remember");
    assert!(trained.lanes().iter().any(|lane| lane.diverged_at.is_some()), "and so has a run that diverged");
}

#[test]
fn resumed_equals_uninterrupted_under_accumulation_and_rounded_weights() {
    resumed_equals_uninterrupted(&everything("replicas = 1\naccumulate = 3"), &[17, 50]);
    resumed_equals_uninterrupted(&everything("replicas = 1\nweights = \"bf16\""), &[64]);
}

#[test]
fn resumed_equals_uninterrupted_in_candles_own_operations() {
    let text = everything("replicas = 1").replace("\"200\"", "\"24\"").replace("\"50\"", "\"6\"");
    let start = || {
        let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
        Cohort::at(revision(&text, 0), Place::reference(pool)).unwrap()
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

/// A checkpoint file of a small training.
fn small(folder: &Path) -> (Vec<u8>, std::path::PathBuf) {
    let mut trained = cohort(&MOONS.replace("[16, 8]", "[3]"), 1);
    trained.advance(5, u64::MAX).unwrap();
    let file = folder.join(file_name(5));
    trained.checkpoint().unwrap().save(&file).unwrap();
    (fs::read(&file).unwrap(), file)
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, file) = small(folder.path());
    for length in (0..bytes.len()).step_by(37).chain([bytes.len() - 1]) {
        fs::write(&file, &bytes[..length]).unwrap();
        let refusal = Checkpoint::open(&file).unwrap_err();
        assert!(matches!(refusal, Refusal::Broken { .. }), "{length}: {refusal}");
    }
    fs::write(&file, [bytes, vec![0; 4]].concat()).unwrap();
    assert!(Checkpoint::open(&file).is_err(), "too long");
}

#[test]
fn a_file_with_any_byte_altered_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, file) = small(folder.path());
    for at in (0..bytes.len()).step_by(13) {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        fs::write(&file, &altered).unwrap();
        assert!(Checkpoint::open(&file).is_err(), "byte {at}");
    }
    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(&file, &altered).unwrap();
    let refusal = Checkpoint::open(&file).unwrap_err();
    assert!(matches!(refusal, Refusal::Altered { .. }), "{refusal}");
    assert!(refusal.to_string().contains("altered since it was written"), "{refusal}");
}

#[test]
fn a_file_of_a_newer_version_is_refused_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, file) = small(folder.path());
    let (old, new) = (br#""format":"1""#, br#""format":"7""#);
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    let newer = [&bytes[..at], new, &bytes[at + new.len()..]].concat();
    fs::write(&file, newer).unwrap();
    let refusal = Checkpoint::open(&file).unwrap_err().to_string();
    assert!(refusal.contains("newer version (format 7, this one reads up to 1)"), "{refusal}");
}

#[test]
fn another_experiments_checkpoint_is_refused_with_what_differs() {
    let mut trained = cohort(MOONS, 1);
    trained.advance(50, u64::MAX).unwrap();
    let checkpoint = trained.checkpoint().unwrap();
    let refusal = |text: String| {
        let mut other = cohort(&text, 1);
        let refusal = other.restore(&checkpoint, Forget::default()).unwrap_err().to_string();
        assert_eq!(other.update(), 0, "an error leaves the cohort at its start");
        refusal
    };
    let seed = refusal(MOONS.replace("seed = 3", "seed = 4"));
    assert_eq!(seed, "the checkpoint is of another experiment: another seed");
    let two = refusal(MOONS.replace("peak = 0.1,", "peak = 0.2,").replace("\"adamw\"\n", "\"adam\"\n"));
    assert!(two.contains("no run \"adamw\"; a new run \"adam\"") || two.contains("peak 0.1 → 0.2"), "{two}");
    let model = refusal(MOONS.replace("[16, 8]", "[16, 9]").replace("\"200\"", "\"300\""));
    assert_eq!(model, "the checkpoint is of another experiment: another model; another length of the run");
    let mut same = cohort(&MOONS.replace("name = \"moons\"\n[data]", "name = \"renamed\"\n[data]"), 1);
    assert_eq!(same.restore(&checkpoint, Forget::default()).unwrap().len(), 4);
}

#[test]
fn changed_data_under_the_same_name_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("mine.csv");
    let write = |factor: f64| {
        let line = |at: u32| {
            format!("{},{},{}\n", f64::from(at) * factor, (at * at) % 7, ["a", "b"][(at % 2) as usize])
        };
        fs::write(&table, "x,y,kind\n".to_owned() + &(0..200).map(line).collect::<String>()).unwrap();
    };
    let source = format!("path = {:?}\nlabel = \"kind\"", table.display().to_string());
    let text = MOONS.replace("[data]\nname = \"moons\"", &format!("[data]\n{source}"));
    write(1.0);
    let mut trained = cohort(&text, 1);
    trained.advance(10, u64::MAX).unwrap();
    let checkpoint = trained.checkpoint().unwrap();
    assert!(cohort(&text, 1).restore(&checkpoint, Forget::default()).is_ok());
    let moved = folder.path().join("moved.csv");
    fs::copy(&table, &moved).unwrap();
    let elsewhere = text.replace("mine.csv", "moved.csv");
    assert!(
        cohort(&elsewhere, 1).restore(&checkpoint, Forget::default()).is_ok(),
        "where it lies does not matter"
    );
    fs::write(&table, fs::read_to_string(&table).unwrap().replace("\n8,1,a", "\n8,1,b")).unwrap();
    let refusal = cohort(&text, 1).restore(&checkpoint, Forget::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::OtherData), "{refusal}");
}

/// Trains as the command line does, and gives back how often the writer was offered something.
fn train(cohort: &mut Cohort, writer: &Writer, policy: &Policy) -> u64 {
    let clock = cohort.task().clock;
    let ends: Vec<u64> =
        cohort.lanes().iter().flat_map(|lane| lane.plan.lr.cycle_ends(clock.updates)).collect();
    let stops = Stops::new(policy, clock, ends);
    let mut offered = 0;
    while let Some((stop, reason)) = stops.after(cohort.update()) {
        cohort.advance(stop, u64::MAX).unwrap();
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
        writer.offer(cohort.checkpoint().unwrap(), reason);
        offered += 1;
    }
    offered
}

#[test]
fn the_writer_keeps_the_newest_and_the_best_and_offers_the_previous_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy { every: "20".parse().unwrap(), keep: 2 };
    let mut trained = cohort(MOONS, 1);
    let writer = Writer::start(folder.path(), policy, 0).unwrap();
    let mut losses = Vec::new();
    let mut stop = 0;
    while stop < 200 {
        stop += 20;
        trained.advance(stop, u64::MAX).unwrap();
        let checkpoint = trained.checkpoint().unwrap();
        losses.push((stop, checkpoint.val_loss().unwrap()));
        writer.offer(checkpoint, Reason::Every);
        assert_eq!(writer.flush().problem, None);
    }
    assert_eq!(writer.report().written, 10);
    drop(writer);
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let best =
        losses.iter().copied().reduce(|best, other| if other.1 < best.1 { other } else { best }).unwrap().0;
    let mut expected: Vec<String> = [best, 180, 200].map(file_name).to_vec();
    expected.dedup();
    assert_eq!(names(), expected);

    let newest = folder.path().join(file_name(200));
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(folder.path().join(".anneal-killed.tmp"), "half").unwrap();
    let found = newest_good(folder.path()).unwrap();
    assert_eq!(found.newest.unwrap().1.update(), 180);
    assert!(matches!(&found.refused[..], [Refusal::Broken { file, .. }] if *file == newest));

    // Going on from 180: what came after, and what a kill left, is tidied away.
    drop(Writer::start(folder.path(), policy, 180).unwrap());
    expected.retain(|name| *name != file_name(200));
    assert_eq!(names(), expected);
    drop(Writer::start(folder.path(), policy, 0).unwrap());
    assert!(names().is_empty(), "a training from update 0 begins with an empty folder");
}

#[test]
fn a_slow_disk_costs_periodic_checkpoints_and_never_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy { every: "1".parse().unwrap(), keep: 1 };
    let writer = Writer::start(folder.path(), policy, 0).unwrap();
    let mut trained = cohort(MOONS, 1);
    let offered = train(&mut trained, &writer, &policy);
    let report = writer.flush();
    assert_eq!((offered, report.written + report.dropped), (200, 200));
    assert_eq!(newest_good(folder.path()).unwrap().newest.unwrap().1, trained.checkpoint().unwrap());
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("checkpoints");
    let policy = Policy { every: "100".parse().unwrap(), keep: 1 };
    let writer = Writer::start(&inside, policy, 0).unwrap();
    fs::remove_dir(&inside).unwrap();
    let mut trained = cohort(MOONS, 1);
    train(&mut trained, &writer, &policy);
    assert_eq!(trained.update(), 200);
    let problem = writer.flush().problem.unwrap();
    assert!(problem.contains("after update 200 is not on the disk"), "{problem}");
    fs::create_dir(&inside).unwrap();
    writer.offer(trained.checkpoint().unwrap(), Reason::Last);
    assert_eq!(writer.flush().problem, None, "the disk has room again");
}

const FASHION: &str = r#"
anneal = 1
name = "resuming without the scheduler's state"
[data]
name = "fashion14"
batch_size = 32
limit = 4000
[model]
kind = "mlp"
hidden = [64]
activation = "relu"
[train]
updates = "860"
replicas = 3
[[run]]
name = "cosine"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1 }
"#;

/// Over all replicas: the training loss of updates `range`, and the final accuracy.
fn after(cohort: &Cohort, range: std::ops::Range<u64>) -> (f32, f32) {
    let lanes = cohort.lanes();
    let losses: Vec<f32> = lanes
        .iter()
        .flat_map(|lane| lane.log.rows.iter())
        .filter(|row| range.contains(&row.update))
        .map(|row| row.train_loss)
        .collect();
    let accuracy: f32 = lanes.iter().map(|lane| lane.log.validations.last().unwrap().accuracy.unwrap()).sum();
    (losses.iter().sum::<f32>() / losses.len() as f32, accuracy / lanes.len() as f32)
}

/// The lesson of a lost scheduler state: .505 before, .504 after a correct resume, .629 and then .737
/// after one that began the schedule anew, and little harm from a lost momentum.
#[test]
fn forgetting_the_schedule_raises_the_loss_and_forgetting_momentum_hardly_does() {
    let mut first = cohort(FASHION, 2);
    first.advance(430, u64::MAX).unwrap();
    let checkpoint = first.checkpoint().unwrap();
    let resume = |forget| {
        let mut second = cohort(FASHION, 2);
        let continuity = second.restore(&checkpoint, forget).unwrap();
        second.advance(u64::MAX, u64::MAX).unwrap();
        (after(&second, 530..700), continuity)
    };
    let ((right, right_accuracy), smooth) = resume(Forget::default());
    let ((wrong, wrong_accuracy), jump) = resume(Forget { schedule: true, momentum: false });
    let ((cold, cold_accuracy), unseen) = resume(Forget { schedule: false, momentum: true });
    assert!(wrong > 1.2 * right, "the schedule forgotten: {wrong}, resumed: {right}");
    assert!(wrong_accuracy < right_accuracy, "{wrong_accuracy} {right_accuracy}");
    assert!(
        (cold - right).abs() < 0.1 * right && (cold_accuracy - right_accuracy).abs() < 0.02,
        "{cold} {right}"
    );
    assert!(smooth.iter().chain(&unseen).all(|lane| !lane.jumps()));
    assert!(jump.iter().all(|lane| lane.jumps() && lane.after == 0.1 && (lane.before - 0.05).abs() < 1e-9));
    assert_eq!(jump[0].to_string(), "run \"cosine\", update 430: the rate jumps from 5.000e-2 to 1.000e-1");
}

#[test]
fn what_was_forgotten_stays_forgotten_over_the_next_checkpoint() {
    let text = everything("replicas = 1");
    let mut first = cohort(&text, 1);
    first.advance(60, u64::MAX).unwrap();
    let checkpoint = first.checkpoint().unwrap();
    let start = || {
        let mut start = cohort(&text, 1);
        start.restore(&checkpoint, Forget { schedule: true, momentum: true }).unwrap();
        start
    };
    let (mut whole, mut half) = (start(), start());
    whole.advance(u64::MAX, u64::MAX).unwrap();
    half.advance(101, u64::MAX).unwrap();
    let mut again = cohort(&text, 1);
    again.restore(&half.checkpoint().unwrap(), Forget::default()).unwrap();
    again.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(measured(&whole, 101), measured(&again, 101));
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
            .replace("\"momentum\"", "\"fork\"");
    trained.revise(revision(&forked, 1), Mode::Live).unwrap();
    let fork = LaneId { run: RunId(2), replica: 1 };
    assert!(trained.load_lane(fork, &saved).unwrap());
    assert!(!trained.load_lane(LaneId { run: RunId(9), replica: 0 }, &saved).unwrap());
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let rows: Vec<Vec<f32>> = trained.rows().to_vec2().unwrap();
    let at = |id: LaneId| trained.lanes().iter().position(|lane| lane.id == id).unwrap();
    assert_eq!(rows[at(id)], rows[at(fork)]);
    assert_ne!(rows[at(id)], rows[at(LaneId { run: RunId(0), replica: 0 })]);
}

const SNAPSHOTS: &str = "[snapshots]\nwhen = \"cycle_end\"\nkeep = 3\naverage = [\"swa\", \"ema\"]\n[[run]]\nname = \"cycles\"\noptimizer = { kind = \"sgd\" }\nlr = { kind = \"cosine_restarts\", peak = 0.1, first = \"40\", mult = 1 }\n";

#[test]
fn snapshots_and_averages_are_of_the_weights_along_the_way() {
    let head = MOONS[..MOONS.find("[[run]]").unwrap()].replace("replicas = 2", "replicas = 1");
    let text = head + SNAPSHOTS;
    let mut trained = cohort(&text, 1);
    let weights = trained.task().model.width();
    let (mut taken, mut ema) = (Vec::new(), Vec::new());
    for done in 1..=200_u64 {
        trained.advance(done, 1).unwrap();
        let row: Vec<f64> = trained.rows().get(0).unwrap().to_vec1::<f32>().unwrap()[..weights]
            .iter()
            .map(|x| f64::from(*x))
            .collect();
        ema = if done == 1 {
            row.clone()
        } else {
            ema.iter().zip(&row).map(|(mean, x)| 0.999 * mean + 0.001 * x).collect()
        };
        if done % 40 == 0 {
            taken.push((done, row));
        }
    }
    let keeper = trained.lanes()[0].keeper.as_ref().unwrap();
    let kept = keeper.kept();
    assert_eq!(kept.taken, 5);
    let updates: Vec<u64> = kept.snapshots.iter().map(|snapshot| snapshot.update).collect();
    assert_eq!(updates, [120, 160, 200], "the newest three");
    for (snapshot, (_, expected)) in kept.snapshots.iter().zip(&taken[2..]) {
        assert!(snapshot.weights.iter().zip(expected).all(|(a, b)| f64::from(*a) == *b));
    }
    let mean: Vec<f64> =
        (0..weights).map(|at| taken.iter().map(|(_, row)| row[at]).sum::<f64>() / 5.0).collect();
    let close = |found: &[f32], expected: &[f64]| {
        found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5)
    };
    assert!(close(kept.swa.as_ref().unwrap(), &mean), "all five are in the mean");
    assert!(close(kept.ema.as_ref().unwrap(), &ema));
    let chunked = {
        let mut chunked = cohort(&text, 1);
        chunked.advance(u64::MAX, u64::MAX).unwrap();
        chunked
    };
    assert_eq!(chunked.lanes()[0].keeper.as_ref(), Some(keeper), "whatever the chunks");
    trained.restart().unwrap();
    assert_eq!(trained.lanes()[0].keeper.as_ref().unwrap().kept().taken, 0);
}

#[test]
fn snapshots_every_span_are_edited_with_the_experiment_and_absent_when_not_asked_for() {
    let mut trained = cohort(MOONS, 1);
    assert!(trained.lanes().iter().all(|lane| lane.keeper.is_none()));
    let with = |when: &str| {
        MOONS.replacen("[[run]]", &format!("[snapshots]\nwhen = \"{when}\"\nkeep = 9\n[[run]]"), 1)
    };
    trained.advance(25, u64::MAX).unwrap();
    trained.revise(revision(&with("30"), 1), Mode::Live).unwrap();
    trained.advance(100, u64::MAX).unwrap();
    trained.revise(revision(&with("25%"), 2), Mode::Live).unwrap();
    trained.advance(u64::MAX, u64::MAX).unwrap();
    for lane in trained.lanes() {
        let kept = lane.keeper.as_ref().unwrap().kept();
        let updates: Vec<u64> = kept.snapshots.iter().map(|snapshot| snapshot.update).collect();
        assert_eq!(updates, [30, 60, 90, 150, 200]);
        assert_eq!((&kept.swa, &kept.ema), (&None, &None));
    }
    trained.revise(revision(MOONS, 3), Mode::Live).unwrap();
    assert!(trained.lanes().iter().all(|lane| lane.keeper.is_none()));
}
