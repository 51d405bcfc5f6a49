//! Logs that real programs wrote (`tests/recordings/`), against the formulas that they were written from.

use std::f64::consts::PI;

use super::*;

fn real(name: &str) -> Recorder {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name))
}

/// The rate that `tests/recordings/tensorboard_files.py` writes.
fn rate(update: u64) -> f64 {
    0.05 * (1.0 + (PI * update as f64 / 100.0).cos())
}

fn is_near(found: &[(u64, f64)], right: impl IntoIterator<Item = (u64, f64)>) {
    let right: Vec<(u64, f64)> = right.into_iter().collect();
    assert_eq!(found.len(), right.len(), "{found:?}");
    for (found, right) in found.iter().zip(right) {
        // Event files hold single precision.
        assert!(
            found.0 == right.0 && (found.1 - right.1).abs() <= 1e-7 * right.1.abs(),
            "{found:?} not {right:?}"
        );
    }
}

#[test]
fn event_files_of_pytorch_are_runs_with_their_scalars() {
    let recorder = real("tensorboard");
    assert_eq!(recorder.claim().unwrap().dialect.name, "TensorBoard event file");
    let all: Vec<(String, &Recording)> = recorder.recordings().collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plain", "resumed"]);
    let plain = all[0].1;
    is_near(&rates(plain), (0..10).map(|i| (10 * i, rate(10 * i))));
    is_near(&points(plain, "train/loss"), (0..10).map(|i| (10 * i, 2.0 / (10 * i + 1) as f64)));
    assert!(points(plain, "val/loss")[0].1.is_nan());
    let said = recorder.left_out().to_string();
    assert!(
        said.contains("1 values that are histograms") && said.contains("1 values that are texts"),
        "{said}"
    );
    // Its second file goes on from update 40 with the schedule of update 0.
    let resumed = all[1].1;
    let right = (0..4).map(|i| (10 * i, rate(10 * i))).chain((4..10).map(|i| (10 * i, rate(10 * i - 40))));
    is_near(&rates(resumed), right);
    assert_eq!(resumed.rewinds, [(40, 60)]);
}

#[test]
fn one_event_file_and_those_of_other_writers_are_read_too() {
    let one = real("tensorboard/plain/events.out.tfevents.1");
    assert_eq!(one.recordings().count(), 1);
    is_near(
        &rates(real("tensorboardx").recordings().next().unwrap().1),
        (0..10).map(|i| (10 * i, rate(10 * i))),
    );
    let tensors = real("tensors");
    let (_, recording) = tensors.recordings().next().unwrap();
    is_near(&rates(recording), (0..10).map(|i| (10 * i, rate(10 * i))));
    assert_eq!(recording.column(Column::TrainLoss).unwrap().name, "epoch_loss");
}

#[test]
fn a_cut_or_damaged_event_file_gives_what_came_before() {
    let whole = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboardx/events.out.tfevents.1"),
    )
    .unwrap();
    let all = read_text("it", &whole).unwrap();
    for end in (100..whole.len()).step_by(37) {
        if let Ok(log) = read_text("it", &whole[..end]) {
            let of = |log: &Log| points(only(log), "train/loss");
            let (some, all) = (of(&log), of(&all));
            assert_eq!(some[..], all[..some.len()]);
        }
    }
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let log = read_text("it", &damaged).unwrap();
    assert!(rates(only(&log)).len() < 10);
    assert!(log.left_out.to_string().contains("the event file is damaged after"), "{}", log.left_out);
}

#[test]
fn a_real_trainer_state_and_what_was_printed_say_the_same() {
    let state = real("trainer/trainer_state.json");
    let (_, recording) = state.recordings().next().unwrap();
    let found = rates(recording);
    let steps: Vec<u64> = found.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (1..=12).map(|i| 5 * i).collect::<Vec<_>>());
    // What is logged at step s is the rate of the update before: linear to 0.1 over 10, then a cosine to update 60.
    for (step, found) in &found {
        let update = (step - 1) as f64;
        let right =
            if update < 10.0 { 0.01 * update } else { 0.05 * (1.0 + (PI * (update - 10.0) / 50.0).cos()) };
        assert!((found - right).abs() < 1e-9, "{step}: {found} not {right}");
    }
    assert_eq!(recording.column(Column::ValLoss).unwrap().points.len(), 3);
    assert!(recording.column(Column::GradNorm).is_some());
    let printed = real("trainer/printed.txt");
    let (_, rows) = printed.recordings().next().unwrap();
    for ((_, exact), (_, shown)) in found.iter().zip(rates(rows)) {
        assert!((exact - shown).abs() <= 5e-4 * exact.max(1e-9), "{exact} {shown}");
    }
    assert_eq!(rows.epochs_done(), Some(7.5));
    let folder = real("trainer");
    assert_eq!(folder.claim().unwrap().dialect.name, "Hugging Face trainer_state.json");
    assert!(folder.left_out().to_string().contains("1 other logs in it were not"), "{}", folder.left_out());
}

#[test]
fn a_real_table_of_lightning_has_its_rates_and_losses() {
    let recorder = real("lightning/metrics.csv");
    assert_eq!(recorder.claim().unwrap().dialect.name, "Lightning metrics.csv");
    let (_, recording) = recorder.recordings().next().unwrap();
    let found = rates(recording);
    assert_eq!(
        found.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        (0..16).map(|i| 5 * i + 4).collect::<Vec<_>>()
    );
    // OneCycleLR over 80 updates with its defaults.
    for (step, found) in found {
        let (peak, update) = (0.1, step as f64);
        let (from, to, share) = if update <= 23.0 {
            (peak / 25.0, peak, update / 23.0)
        } else {
            (peak, peak / 25.0 / 1e4, (update - 23.0) / 56.0)
        };
        let right = to + (from - to) / 2.0 * (1.0 + (PI * share).cos());
        assert!((found - right).abs() < 1e-9, "{step}: {found} not {right}");
    }
    assert_eq!(recording.column(Column::ValLoss).unwrap().points.len(), 4);
    assert!(recorder.left_out().is_empty(), "{}", recorder.left_out());
}

#[test]
fn a_torch_training_resumed_with_a_fresh_scheduler_is_found_out() {
    let recorder = real("digits");
    let (_, recording) = recorder.recordings().next().unwrap();
    assert_eq!(recording.column(Column::TrainLoss).unwrap().points.len(), 430);
    let found = anneal_studio::analysis::recorded::diagnose(recording);
    let jump = found.iter().find(|found| found.sentence.starts_with("Checkpoint mismatch")).expect("a jump");
    assert_eq!(jump.update, 1040);
    assert!(jump.sentence.contains("resumed with a fresh scheduler"), "{}", jump.sentence);
}
