//! What goes wrong in a recording is found and explained; what does not is not.

use std::f64::consts::PI;
use std::fmt::Write as _;

use anneal_studio::analysis::detect::Kind;
use anneal_studio::analysis::recorded::{Recorded, diagnose, jumps};

use super::*;

/// A log of 100 rows, ten updates apart, with these rates and losses.
fn written(rate: impl Fn(u32) -> f64, loss: impl Fn(u32) -> f64) -> Log {
    let mut text = "step,lr,loss\n".to_owned();
    for row in 0..100 {
        writeln!(text, "{},{},{}", 10 * row, rate(row), loss(row)).unwrap();
    }
    log(&text)
}

fn cosine(row: u32, rows: u32) -> f64 {
    5e-5 * (1.0 + (PI * f64::from(row) / f64::from(rows)).cos())
}

fn falling(row: u32) -> f64 {
    2.0 / (1.0 + f64::from(row) / 10.0)
}

fn found(log: &Log) -> Vec<Recorded> {
    diagnose(only(log))
}

#[test]
fn a_rate_that_begins_again_at_a_resume_is_found_and_explained() {
    let resumed = written(|row| if row < 50 { cosine(row, 100) } else { cosine(row - 50, 100) }, falling);
    let all = found(&resumed);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].kind, all[0].update), (Kind::CheckpointMismatch, 500));
    assert!(
        all[0].sentence.contains("jumps up from")
            && all[0].sentence.contains("resumed with a fresh scheduler"),
        "{}",
        all[0].sentence
    );
    // With its warmup it falls to nothing first.
    let warm = |row: u32| if row < 10 { 1e-5 * f64::from(row) } else { cosine(row - 10, 90) * 0.5 + 5e-5 };
    let resumed = written(|row| if row < 50 { warm(row) } else { warm(row - 50) }, falling);
    let all = jumps(only(&resumed));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].at == 500 && all[0].to == 0.0 && all[0].repeats, "{all:?}");
}

#[test]
fn a_log_that_goes_back_says_so_beside_its_jump() {
    let mut text = "step,lr,loss\n".to_owned();
    for row in 0..60 {
        writeln!(text, "{},{},{}", 10 * row, cosine(row, 100), falling(row)).unwrap();
    }
    for row in 40..100 {
        writeln!(text, "{},{},{}", 10 * row, cosine(row - 40, 100), falling(row)).unwrap();
    }
    let log = log(&text);
    let all = found(&log);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].update, 400);
    assert!(all[0].sentence.contains("The log goes back from update 590 there"), "{}", all[0].sentence);
}

#[test]
fn schedules_are_no_jumps() {
    type Rate = fn(u32) -> f64;
    let schedules: [(&str, Rate); 9] = [
        ("cosine", |row| cosine(row, 100)),
        ("steps", |row| 0.1 * 0.1_f64.powi((row / 30) as i32)),
        ("staircase warmup", |row| 0.01 * f64::from((row / 10 + 1).min(5))),
        ("restarts", |row| cosine(row % 25, 25)),
        ("growing restarts", |row| {
            if row < 14 {
                cosine(row, 14)
            } else if row < 42 {
                cosine(row - 14, 28)
            } else {
                cosine(row - 42, 58)
            }
        }),
        ("two cycles", |row| cosine(row % 50, 50)),
        ("warmup", |row| if row < 5 { 2e-5 * f64::from(row) } else { cosine(row - 5, 95) }),
        (
            "one cycle",
            |row| if row < 30 { 1e-3 * f64::from(row) } else { 0.03 * f64::from(100 - row) / 70.0 },
        ),
        ("constant, then decay", |row| 0.1 * f64::from((100 - row).min(20)) / 20.0),
    ];
    for (name, rate) in schedules {
        let log = written(rate, falling);
        assert_eq!(jumps(only(&log)), [], "{name}");
        assert_eq!(found(&log), [], "{name}");
    }
}

#[test]
fn a_loss_that_is_lost_is_found_where_it_is() {
    let log = written(|row| cosine(row, 100), |row| if row >= 37 { f64::NAN } else { falling(row) });
    let all = found(&log);
    assert_eq!((all[0].kind, all[0].update), (Kind::Divergence, 370), "{all:?}");
    assert!(all[0].sentence.contains("at update 370 the loss is NaN"), "{}", all[0].sentence);
    let exploding =
        written(|row| cosine(row, 100), |row| if row >= 50 { f64::from(row) } else { falling(row) });
    assert!(
        found(&exploding)
            .iter()
            .any(|found| found.kind == Kind::Divergence && (500..540).contains(&found.update))
    );
}

#[test]
fn a_validation_that_rises_again_is_an_overfitting_gap() {
    let mut text = "epoch,train_loss,eval_loss,eval_top1,lr\n".to_owned();
    for epoch in 0..60_u32 {
        let (train, eval) = (2.0 * 0.9_f64.powi(epoch as i32), 1.0 + (f64::from(epoch) - 20.0).abs() / 20.0);
        let top1 = 70.0 - (f64::from(epoch) - 20.0).abs();
        writeln!(text, "{epoch},{train},{eval},{top1},{}", cosine(epoch, 60)).unwrap();
    }
    let log = log(&text);
    let all = found(&log);
    assert!(
        all.iter().any(|found| found.kind == Kind::OverfittingGap && found.sentence.contains("at epoch")),
        "{all:?}"
    );
}

#[test]
fn the_command_line_prints_series_and_findings_and_refuses_what_it_cannot_read() {
    use crate::command_line::{anneal, text};
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboard/resumed");
    let done = anneal(&["diagnose", &path.to_string_lossy(), "--json"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(value["series"]["learning_rate"]["points"], 10);
    assert_eq!(value["series"]["train/loss"]["first"], 2.0);
    assert_eq!(value["findings"][0]["kind"], "checkpoint_mismatch");
    assert_eq!(value["findings"][0]["update"], 40);
    assert!(text(&done.stderr).contains("values that the log writes again"), "{}", text(&done.stderr));
    let table = anneal(&["diagnose", &path.to_string_lossy()]);
    assert!(
        text(&table.stdout).contains("train/loss") && text(&table.stdout).contains("Checkpoint mismatch")
    );
    let without_window = anneal(&[&path.to_string_lossy()]);
    assert!(without_window.status.success(), "{}", text(&without_window.stderr));
    assert!(
        text(&without_window.stderr).contains("no studio")
            && text(&without_window.stdout).contains("train/loss")
    );
    for bad in ["Cargo.toml", "src/schedule", "no such file"] {
        let done = anneal(&["diagnose", bad]);
        assert_eq!(done.status.code(), Some(2), "{bad}");
        assert!(text(&done.stderr).starts_with(&format!("anneal: {bad}: ")), "{}", text(&done.stderr));
    }
    let charts = anneal(&["diagnose", &case("wandb_two_runs.csv").to_string_lossy(), "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&charts.stdout).unwrap();
    assert_eq!(value["runs"][1]["series"]["learning_rate"]["last"], 0.3);
}
