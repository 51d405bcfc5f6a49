//! A file that grows is read on.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

use super::*;

fn losses(recorder: &Recorder) -> Vec<(u64, f64)> {
    points(recorder.recordings().next().expect("a recording").1, "loss")
}

#[test]
fn lines_that_are_added_are_read_and_half_a_line_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    fs::write(&path, "step,loss\n0,3\n1,2\n").unwrap();
    let mut recorder = open(&path);
    assert!(!recorder.poll().unwrap(), "nothing was added");
    let add =
        |text: &str| OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    add("2,1.5\n3,1.");
    assert!(recorder.poll().unwrap());
    add("25\n4,1\n");
    assert!(recorder.poll().unwrap());
    assert_eq!(losses(&recorder), [(0, 3.0), (1, 2.0), (2, 1.5), (3, 1.25), (4, 1.0)]);
}

#[test]
fn a_file_that_is_written_anew_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trainer_state.json");
    let state = |rows: &str| format!("{{\"log_history\": [{rows}], \"max_steps\": 9}}");
    fs::write(&path, state("{\"loss\": 2, \"step\": 1}")).unwrap();
    let mut recorder = open(&path);
    fs::write(&path, state("{\"loss\": 2, \"step\": 1}, {\"loss\": 1, \"step\": 2}")).unwrap();
    assert!(recorder.poll().unwrap());
    assert_eq!(losses(&recorder), [(1, 2.0), (2, 1.0)]);
    fs::remove_file(&path).unwrap();
    assert!(recorder.poll().is_err());
    assert_eq!(losses(&recorder).len(), 2, "what was read stays");
}

#[test]
fn an_event_file_that_a_resumed_training_adds_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboard/resumed");
    let name = |number: u8| format!("events.out.tfevents.{number}");
    fs::copy(real.join(name(1)), folder.path().join(name(1))).unwrap();
    let mut recorder = open(folder.path());
    let first = recorder.recordings().next().unwrap().1.length();
    assert_eq!(first, 61);
    // First the frame of the new file's beginning only, then all of it.
    let whole = fs::read(real.join(name(2))).unwrap();
    fs::write(folder.path().join(name(2)), &whole[..50]).unwrap();
    recorder.poll().unwrap();
    fs::write(folder.path().join(name(2)), &whole).unwrap();
    assert!(recorder.poll().unwrap());
    let (_, recording) = recorder.recordings().next().unwrap();
    assert_eq!((recording.length(), &recording.rewinds[..]), (91, &[(40, 60)][..]));
    assert!(!recorder.poll().unwrap());
}

#[test]
fn a_million_rows_are_read_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let mut text = String::from("step,lr,loss,grad_norm\n");
    for step in 0..1_000_000_u32 {
        writeln!(
            text,
            "{},{:.6},{:.4},1.5",
            10 * step,
            0.1 - f64::from(step) * 1e-8,
            2.0 / f64::from(step + 1)
        )
        .unwrap();
    }
    fs::write(&path, text).unwrap();
    let recorder = open(&path);
    let (_, recording) = recorder.recordings().next().unwrap();
    let rate = &recording.rate().unwrap().points;
    assert_eq!((rate.len(), recording.length()), (1_000_000, 9_999_991));
    let bytes: usize = recording.series.iter().map(|named| named.points.bytes()).sum();
    assert!(bytes < 32 << 20, "{bytes} bytes");
    assert!(recorder.left_out().is_empty(), "{}", recorder.left_out());
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = Recorder::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("no file in this folder is a log"), "{error}");
    let empty = folder.path().join("empty.csv");
    fs::write(&empty, "\n\n").unwrap();
    assert!(Recorder::open(&empty).err().unwrap().to_string().contains("there is nothing in it"));
    assert!(
        Recorder::open(&folder.path().join("missing.csv"))
            .err()
            .unwrap()
            .to_string()
            .contains("cannot be read")
    );
    #[cfg(unix)]
    {
        let error = Recorder::open("/dev/zero".as_ref()).err().unwrap().to_string();
        assert!(error.contains("neither a regular file nor a folder"), "{error}");
    }
}
