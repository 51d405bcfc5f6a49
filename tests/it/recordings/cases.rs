//! Each kind of log that people have, in a small file with its right values.

use super::*;

fn first(recorder: &Recorder) -> Recording {
    recorder.recordings().next().expect("a recording").1.clone()
}

/// The dialect, the rates and what the ticks count.
fn is(name: &str, dialect: &str, tick: Tick, right: &[(u64, f64)]) -> Recorder {
    let recorder = open(&case(name));
    assert_eq!(recorder.claim().unwrap().dialect.name, dialect, "{name}");
    let recording = first(&recorder);
    assert_eq!((recording.tick, rates(&recording)), (tick, right.to_vec()), "{name}");
    recorder
}

#[test]
fn an_old_trainer_state_is_a_log() {
    let right = [(10, 1e-4), (20, 2e-4), (30, 1e-4)];
    let recorder = is("trainer_state_old.json", "Hugging Face trainer_state.json", Tick::Update, &right);
    assert_eq!(points(&first(&recorder), "loss"), [(10, 2.0), (20, 1.9), (30, 1.8)]);
    assert_eq!(first(&recorder).epochs_done(), Some(0.3));
}

#[test]
fn printed_dictionaries_are_a_log_of_rows() {
    let right = [(0, 6.7e-6), (1, 1.3e-5), (2, 2e-5)];
    let recorder = is("hf_stdout_log.txt", "Hugging Face Trainer output", Tick::Row, &right);
    assert!(
        recorder.left_out().to_string().contains("do not number their updates"),
        "{}",
        recorder.left_out()
    );
}

#[test]
fn empty_cells_and_repeated_steps_are_normal_to_lightning() {
    let right = [(49, 1e-3), (99, 9e-4), (149, 8e-4), (199, 7e-4)];
    let recorder = is("lightning_metrics.csv", "Lightning metrics.csv", Tick::Update, &right);
    assert!(recorder.left_out().is_empty(), "{}", recorder.left_out());
    let recording = first(&recorder);
    assert_eq!(recording.column(Column::ValLoss).unwrap().points.len(), 2);
    assert_eq!(recording.column(Column::TrainLoss).unwrap().points.len(), 4);
}

#[test]
fn a_step_that_is_repeated_is_one_point() {
    is("log_repeated_steps.csv", "table", Tick::Update, &[(0, 0.1), (1, 0.09)]);
}

#[test]
fn the_values_of_tensorboard_s_table_are_those_that_its_file_is_named_after() {
    let right = [(0, 1e-3), (10, 9e-4), (20, 8e-4)];
    is("tensorboard_lr.csv", "TensorBoard CSV", Tick::Update, &right);
}

#[test]
fn yolo_s_rows_are_epochs_with_a_rate_for_each_group() {
    let recorder = is("yolov5_results.csv", "YOLO results.csv", Tick::Epoch, &[(0, 0.0033), (1, 0.0066)]);
    assert_eq!(points(&first(&recorder), "x/lr1"), [(0, 0.0033), (1, 0.0066)]);
}

#[test]
fn every_run_of_a_chart_is_a_recording() {
    let recorder =
        is("wandb_two_runs.csv", "Weights & Biases CSV", Tick::Update, &[(0, 1e-3), (10, 9e-4), (20, 8e-4)]);
    let names: Vec<String> = recorder.recordings().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b"]);
    let (_, second) = recorder.recordings().nth(1).unwrap();
    assert_eq!(rates(second), [(0, 0.1), (10, 0.2), (20, 0.3)]);
}
