//! Recordings: logs of other programs are read as what they are, or refused with a reason.

mod cases;
mod diagnosis;
mod following;
mod hostile;
mod printed;
mod readers;
mod real;

use std::path::{Path, PathBuf};

use anneal_studio::recording::{Log, Recorder, Recording, Role, Tick, read_text};
use anneal_studio::telemetry::Column;

fn log(text: &str) -> Log {
    read_text("a log", text.as_bytes()).unwrap_or_else(|error| panic!("{text:.200}: {error}"))
}

fn only(log: &Log) -> &Recording {
    assert_eq!(log.recordings.len(), 1, "{:?}", log.recordings.iter().map(|it| &it.name).collect::<Vec<_>>());
    &log.recordings[0]
}

/// The points of a series by its name in the file.
fn points(recording: &Recording, name: &str) -> Vec<(u64, f64)> {
    let found = recording.series.iter().find(|named| named.name == name);
    let named = found.unwrap_or_else(|| {
        let names: Vec<&str> = recording.series.iter().map(|named| named.name.as_str()).collect();
        panic!("no {name} among {names:?}")
    });
    named.points.finest().map(|bucket| (bucket.last_update, bucket.last)).collect()
}

fn rates(recording: &Recording) -> Vec<(u64, f64)> {
    let rate = recording.rate().expect("a rate").name.clone();
    points(recording, &rate)
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/logs").join(name)
}

fn open(path: &Path) -> Recorder {
    Recorder::open(path).unwrap_or_else(|error| panic!("{error}"))
}
