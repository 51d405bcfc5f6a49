//! Checkpoints that are damaged, of a newer version, or of another training: refused, with the reason.

use std::fs;
use std::path::Path;

use anneal_studio::train::checkpoint::{Checkpoint, Forget, Refusal, file_name};

use crate::support::Fixture;
use crate::training::{MOONS, cohort};

/// A checkpoint file of a small training.
fn small(folder: &Path) -> (Vec<u8>, std::path::PathBuf) {
    let mut trained = cohort(&MOONS.with("[16, 8]", "[3]"), 1);
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
    let seed = refusal(MOONS.with("seed = 3", "seed = 4"));
    assert_eq!(seed, "the checkpoint is of another experiment: another seed");
    let two = refusal(MOONS.with("peak = 0.1,", "peak = 0.2,").with("\"adamw\"\n", "\"adam\"\n"));
    assert!(two.contains("no run \"adamw\"; a new run \"adam\"") || two.contains("peak 0.1 → 0.2"), "{two}");
    let model = refusal(MOONS.with("[16, 8]", "[16, 9]").with("\"200\"", "\"300\""));
    assert_eq!(model, "the checkpoint is of another experiment: another model; another length of the run");
    let mut same = cohort(&MOONS.with("name = \"moons\"\n[data]", "name = \"renamed\"\n[data]"), 1);
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
    let text = MOONS.with("[data]\nname = \"moons\"", &format!("[data]\n{source}"));
    write(1.0);
    let mut trained = cohort(&text, 1);
    trained.advance(10, u64::MAX).unwrap();
    let checkpoint = trained.checkpoint().unwrap();
    assert!(cohort(&text, 1).restore(&checkpoint, Forget::default()).is_ok());
    let moved = folder.path().join("moved.csv");
    fs::copy(&table, &moved).unwrap();
    let elsewhere = text.with("mine.csv", "moved.csv");
    assert!(
        cohort(&elsewhere, 1).restore(&checkpoint, Forget::default()).is_ok(),
        "where it lies does not matter"
    );
    fs::write(&table, fs::read_to_string(&table).unwrap().with("\n8,1,a", "\n8,1,b")).unwrap();
    let refusal = cohort(&text, 1).restore(&checkpoint, Forget::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::OtherData), "{refusal}");
}
