//! A training's folder: one writer, whatever its name, and files that say what they are.

use std::fs;

use super::{SMALL, names, newest, place, runs, trained};

#[test]
fn the_same_folder_under_another_name_is_the_same_folder() {
    let folder = trained();
    let out = folder.path().join("out");
    let whole = fs::read_to_string(out.join("metrics.csv")).unwrap();
    runs(folder.path(), "ln -s out link", 0);
    for other in ["./out", "link", "out/../out", "$PWD/out"] {
        fs::remove_file(newest(&out)).unwrap();
        runs(folder.path(), &format!("$anneal train small.toml --resume out --out {other} --no-baseline"), 0);
        assert_eq!(fs::read_to_string(out.join("metrics.csv")).unwrap(), whole, "--out {other}");
    }
}

#[test]
fn an_experiment_in_the_folder_it_is_trained_in_stays_as_it_is() {
    let folder = place();
    let mine = format!("# my words\n{SMALL}");
    fs::write(folder.path().join("experiment.toml"), &mine).unwrap();
    runs(folder.path(), "$anneal train experiment.toml --out . --no-baseline", 0);
    assert_eq!(fs::read_to_string(folder.path().join("experiment.toml")).unwrap(), mine);
    // And so does one that is not trained, in a folder that no training made.
    let other = place();
    fs::write(other.path().join("experiment.toml"), &mine).unwrap();
    let (_, said) = runs(other.path(), "$anneal train small.toml --out . --no-baseline", 1);
    assert!(said.contains("experiment.toml"), "{said}");
    assert_eq!(fs::read_to_string(other.path().join("experiment.toml")).unwrap(), mine);
    assert!(!names(other.path()).iter().any(|name| name == "metrics.csv"), "nothing was begun");
}
