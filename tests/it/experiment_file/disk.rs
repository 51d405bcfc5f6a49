//! Experiments on disk, and the files they name.

use std::fs;

use anneal_studio::experiment::{Experiment, FileError};
use anneal_studio::schedule::kind::{Table, Value};

use super::{FILE, read};
use crate::support::Fixture;

#[test]
fn rates_can_lie_in_a_file_beside_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("listed.toml");
    let with = |file: &str| {
        FILE.with("kind = \"constant\", peak = 0.1", &format!("kind = \"table\", file = \"{file}\""))
    };
    fs::write(&path, with("rates.csv")).unwrap();
    let message = |contents: &str| {
        fs::write(folder.path().join("rates.csv"), contents).unwrap();
        Experiment::open(&path).unwrap_err().to_string()
    };

    let missing = Experiment::open(&path).unwrap_err().to_string();
    assert!(
        missing.contains("listed.toml:19:31: run \"constant\", lr.file: found \"rates.csv\" ("),
        "{missing}"
    );
    let wrong = message("0.1, 0.2\n0.3; -4\n");
    assert!(
        wrong.contains("lr.file: found `-4` on line 2 of \"rates.csv\", allowed: a file of numbers"),
        "{wrong}"
    );
    assert!(message("\n").contains("found no number in \"rates.csv\""));
    assert!(message("0.1 nan").contains("found `nan` on line 1"));

    fs::write(folder.path().join("rates.csv"), "0.1, 0.2\n0.3; 4e-1\t5\r\n").unwrap();
    let experiment = Experiment::open(&path).unwrap();
    let table = Table { values: vec![0.1, 0.2, 0.3, 0.4, 5.0], file: Some("rates.csv".to_owned()) };
    assert_eq!(experiment.runs[0].lr.kind.get("values"), Some(Value::Values(table)));
    experiment.save(&path).unwrap();
    assert_eq!(Experiment::open(&path).unwrap(), experiment);

    let huge = fs::File::create(folder.path().join("rates.csv")).unwrap();
    huge.set_len(100 << 20).unwrap();
    let large = Experiment::open(&path).unwrap_err().to_string();
    assert!(large.contains("\"rates.csv\" (104857600 bytes are more than the 33554432 allowed)"), "{large}");
}

#[test]
fn files_that_cannot_be_read_are_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    let message = || Experiment::open(&path).unwrap_err().to_string();
    let shown = path.display();

    assert!(message().starts_with(&format!("{shown}: cannot be read: ")));
    fs::write(&path, "").unwrap();
    assert!(matches!(Experiment::open(&path), Err(FileError::Empty { .. })));
    fs::write(&path, b"anneal = 1\nname = \"\xff\"\n").unwrap();
    assert_eq!(
        message(),
        format!("{shown}:2:9: found bytes that are not UTF-8, allowed: a text file in UTF-8")
    );
    fs::File::create(&path).unwrap().set_len(100_000_000).unwrap();
    assert_eq!(
        message(),
        format!("{shown}: 100000000 bytes, allowed: an experiment file of at most 4194304 bytes")
    );
    assert!(matches!(Experiment::open(folder.path()), Err(FileError::Read { .. })));
}

#[test]
fn saving_replaces_the_file_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    let old = read(FILE);
    old.save(&path).unwrap();
    assert_eq!(Experiment::open(&path).unwrap(), old);
    let mut new = old.clone();
    new.name = "another".to_owned();
    new.save(&path).unwrap();
    assert_eq!(Experiment::open(&path).unwrap(), new);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let refused = old.save(&path).unwrap_err().to_string();
    assert!(refused.contains("e.toml: cannot be saved, the file is as it was before: "), "{refused}");
    assert_eq!(Experiment::open(&path).unwrap(), new);

    for nowhere in [path.join("e.toml"), folder.path().join("no/such/folder/e.toml")] {
        assert!(matches!(old.save(&nowhere), Err(FileError::Write { file, .. }) if file == nowhere));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn saving_keeps_a_link_and_the_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("e.toml"), folder.path().join("link.toml"));
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&path, &link).unwrap();
    read(FILE).save(&link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Experiment::open(&path).unwrap(), read(FILE));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}
