//! The batch as a schedule: updates of several micro-batches, dealt in order, whatever else is going on.

use std::fs;

use anneal_studio::telemetry::Row;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::Mode;

use crate::command_line::{anneal, text};
use crate::support::Fixture;
use crate::training::{cohort, revision};

/// 256 samples to train on, 8 micro-batches of 32 an epoch; `RUN` is further lines of the first run.
const TEXT: &str = r#"
anneal = 1
name = "batches"
[data]
name = "moons"
batch_size = 32
limit = 256
[model]
kind = "mlp"
hidden = [8]
[train]
updates = "40"
replicas = 2
[[run]]
name = "a"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }
BATCH
[[run]]
name = "b"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01 }
"#;

fn with(batch: &str) -> String {
    TEXT.with("BATCH", batch)
}

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

fn bits(rows: &[Row]) -> Vec<[u64; 3]> {
    let bits =
        |row: &Row| [row.batch.unwrap(), row.train_loss.to_bits().into(), row.update_norm.to_bits().into()];
    rows.iter().map(bits).collect()
}

#[test]
fn a_constant_batch_is_accumulation() {
    let scheduled = trained(&with("batch = { kind = \"constant\", peak = 64 }"));
    let accumulated = trained(&with("").with("replicas = 2", "replicas = 2\naccumulate = 2"));
    for replica in 0..2 {
        let (a, b) = (&scheduled.lanes()[replica].log.rows, &accumulated.lanes()[replica].log.rows);
        assert_eq!(bits(a), bits(b));
        assert!(a.iter().all(|row| row.batch == Some(64)));
    }
    // The run beside it keeps its own batch.
    assert_eq!(bits(&scheduled.lanes()[2].log.rows), bits(&trained(&with("")).lanes()[2].log.rows));
}

#[test]
fn the_batch_is_the_nearest_number_of_micro_batches() {
    let cohort = trained(&with("batch = { kind = \"points\", points = [[\"0\", 1], [\"39\", 256]] }"));
    let experiment = &cohort.revision().experiment;
    let curve = experiment.runs[0].batch.as_ref().unwrap().resolve(cohort.task().clock).unwrap();
    let rows = &cohort.lanes()[0].log.rows;
    for row in rows {
        let micro_batches = (curve.at(row.update) / 32.0).round().max(1.0);
        assert_eq!(row.batch, Some(32 * micro_batches as u64), "update {}", row.update);
    }
    assert_eq!((rows[0].batch, rows[39].batch), (Some(32), Some(256)));
}

#[test]
fn a_growing_batch_has_the_same_bits_in_any_chunks_and_threads() {
    let text = with("batch = { kind = \"step\", peak = 32, gamma = 2, every = \"11\" }");
    let whole = trained(&text);
    for (threads, chunk) in [(1, 1), (2, 7), (3, 40)] {
        let mut again = cohort(&text, threads);
        while again.update() < 40 {
            again.advance(u64::MAX, chunk).unwrap();
        }
        for (a, b) in whole.lanes().iter().zip(again.lanes()) {
            assert_eq!(bits(&a.log.rows), bits(&b.log.rows), "{threads} threads, chunks of {chunk}");
        }
    }
}

#[test]
fn a_live_edit_of_the_batch_goes_on_where_the_data_are() {
    let mut cohort = cohort(&with(""), 1);
    cohort.advance(10, u64::MAX).unwrap();
    let edited = with("batch = { kind = \"constant\", peak = 64 }");
    let change = cohort.revise(revision(&edited, 1), Mode::Live).unwrap();
    assert_eq!((change.replanned.len(), change.reset.len()), (2, 0));
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let batches: Vec<u64> = cohort.lanes()[0].log.rows.iter().map(|row| row.batch.unwrap()).collect();
    assert_eq!((batches[9], batches[10], batches.len()), (32, 64, 40));
    // Up to the edit nothing is another.
    assert_eq!(bits(&trained(&with("")).lanes()[0].log.rows[..10]), bits(&cohort.lanes()[0].log.rows[..10]));
}

#[test]
fn a_batch_of_more_samples_than_there_are_is_refused() {
    let pool = || std::sync::Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let text = with("batch = { kind = \"linear\", peak = 64, from = 1, to = 5 }");
    let Err(error) = Cohort::new(revision(&text, 0), pool()) else { panic!("it trains") };
    let error = error.to_string();
    assert!(error.contains("run \"a\" asks for batches of up to 314 samples"), "{error}");
    assert!(error.contains("an epoch has 256 to train on"), "{error}");
    // An edit that cannot be leaves the training as it was.
    let mut cohort = cohort(&with(""), 1);
    cohort.advance(10, u64::MAX).unwrap();
    assert!(cohort.revise(revision(&text, 1), Mode::Live).is_err());
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(bits(&cohort.lanes()[0].log.rows), bits(&trained(&with("")).lanes()[0].log.rows));
}

#[test]
fn files_say_how_many_samples_an_update_averages_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let out = folder.path().join("out");
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    for batch in ["", "batch = { kind = \"constant\", peak = 96 }"] {
        fs::write(file, with(batch)).unwrap();
        let schedule = text(&anneal(&["schedule", file]).stdout);
        let trained = anneal(&["train", file, "--out", out]);
        assert!(trained.status.success(), "{}", text(&trained.stderr));
        let metrics = fs::read_to_string(format!("{out}/metrics.csv")).unwrap();
        let batches = |table: &str, run: &str| -> Vec<String> {
            let mut table = csv::Reader::from_reader(table.as_bytes());
            let at = table.headers().unwrap().iter().position(|name| name == "batch").unwrap();
            let lines = table.records().map(Result::unwrap).filter(|line| &line[0] == run);
            lines.map(|line| line[at].to_owned()).collect()
        };
        if batch.is_empty() {
            assert!(schedule.lines().next().unwrap().ends_with(",weight_decay"), "{schedule}");
            assert_eq!(batches(&metrics, "a"), vec!["32"; 80]);
            continue;
        }
        for (run, batch) in [("a", "96"), ("b", "32")] {
            // A schedule is the same for both replicas.
            for (table, lines) in [(&schedule, 40), (&metrics, 80)] {
                assert_eq!(batches(table, run), vec![batch; lines], "{run}");
            }
        }
        // A resumed training goes on in the same columns.
        let again = anneal(&["train", file, "--resume", out]);
        assert!(again.status.success(), "{}", text(&again.stderr));
        assert_eq!(fs::read_to_string(format!("{out}/metrics.csv")).unwrap(), metrics);
        let bad = file.with("x.toml", "bad.toml");
        fs::write(&bad, with(batch).with("batch_size = 32", "batch_size = \"all\"")).unwrap();
        let refused = anneal(&["lint", &bad]);
        assert!(text(&refused.stderr).contains("batch_size in samples"), "{}", text(&refused.stderr));
    }
}
