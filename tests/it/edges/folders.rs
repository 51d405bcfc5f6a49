//! A training's folder: one writer, whatever its name, and files that say what they are.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{SMALL, names, newest, place, program, runs, shell, trained};

#[test]
fn the_same_folder_under_another_name_is_the_same_folder() {
    let folder = trained();
    let out = folder.path().join("out");
    let whole = fs::read_to_string(out.join("metrics.csv")).unwrap();
    runs(folder.path(), "ln -s out link", 0);
    for other in ["./out", "link", "out/../out", "$PWD/out"] {
        fs::remove_file(newest(&out)).unwrap();
        runs(folder.path(), &format!("$anneal train small.toml --resume out --out {other} --no-baseline"), 0);
        let now = fs::read_to_string(out.join("metrics.csv")).unwrap();
        assert!(now == whole, "--out {other}: {} lines of {}", now.lines().count(), whole.lines().count());
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

fn metrics(folder: &Path) -> String {
    fs::read_to_string(folder.join("out/metrics.csv")).unwrap()
}

/// Goes back to the checkpoint before the last, so that there is something left to train.
fn cut_off(folder: &Path) {
    fs::remove_file(newest(&folder.join("out"))).unwrap();
}

const RESUME: &str = "$anneal train small.toml --resume out --no-baseline";

#[test]
fn a_line_of_the_metrics_that_is_not_as_it_was_written_is_refused_by_its_number() {
    let folder = trained();
    cut_off(folder.path());
    let file = folder.path().join("out/metrics.csv");
    let whole = metrics(folder.path());
    let lines: Vec<&str> = whole.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let with = |at: usize, line: String| {
        let mut lines = lines.clone();
        lines[at - 1] = &line;
        joined(&lines)
    };
    let without = {
        let mut lines = lines.clone();
        lines.remove(104);
        joined(&lines)
    };
    // The first digit behind a point is another one.
    let other = |line: &str| {
        let at = line.find('.').unwrap() + 1;
        let digit = if line[at..].starts_with('1') { "2" } else { "1" };
        format!("{}{digit}{}", &line[..at], &line[at + 1..])
    };
    for (damaged, place) in [
        (with(105, lines[104].replacen(',', "x", 1)), "line 105"),
        (with(105, lines[104].replacen("0.", "0..", 1)), "line 105"),
        (without, "line 105"),
        (with(105, format!("{}\n{}", lines[104], lines[104])), "line 106"),
        (with(105, lines[104].replacen("one", "two", 1).replacen("wild", "two", 1)), "line 105"),
        // A digit that nobody sees is another; then two are.
        (with(105, lines[104].replacen("0.", "0.1", 1)), "line 105"),
        (with(105, other(lines[104])), "line 105"),
        (with(105, other(lines[104])).replacen(lines[49], &other(lines[49]), 1), "checksum"),
        (String::new(), "no column"),
        (lines[0].to_owned() + "\n", "line 1"),
        (joined(&lines[1..]), "no column"),
        (joined(&lines[..200]), "line 200"),
        (whole[..whole.len() / 2].to_owned(), "line "),
        ("\0".repeat(3 << 20), "no column"),
    ] {
        fs::write(&file, &damaged).unwrap();
        let (_, said) = runs(folder.path(), RESUME, 1);
        assert!(said.contains("metrics.csv") && said.contains(place), "{place}: {said}");
        assert!(fs::read_to_string(&file).unwrap() == damaged, "a refused file was changed");
    }
    fs::remove_file(&file).unwrap();
    let (_, said) = runs(folder.path(), RESUME, 1);
    assert!(said.contains("no metrics.csv") && said.contains("--out"), "{said}");
    // What a kill leaves behind, lines of the future and half of one, is no damage.
    fs::write(&file, format!("{}\none,0,19", whole.trim_end())).unwrap();
    runs(folder.path(), RESUME, 0);
    assert!(metrics(folder.path()) == whole);
}

#[test]
fn a_training_goes_on_in_another_folder_with_its_whole_past() {
    let folder = trained();
    let whole = metrics(folder.path());
    cut_off(folder.path());
    runs(folder.path(), &format!("{RESUME} --out other"), 0);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("other/metrics.csv") == whole && read("other/events.jsonl") == read("out/events.jsonl"));
    // Without the past it begins where the past ended, says so, and can be gone on with all the same.
    fs::remove_file(folder.path().join("out/metrics.csv")).unwrap();
    let (_, said) = runs(folder.path(), &format!("{RESUME} --out late"), 0);
    assert!(said.contains("no metrics of the first 190 updates"), "{said}");
    assert_eq!(read("late/metrics.csv").lines().count(), 1 + 2 * 10);
    runs(folder.path(), "$anneal train small.toml --resume late --no-baseline", 0);
    assert_eq!(read("late/metrics.csv").lines().count(), 1 + 2 * 10);
}

/// A training that takes a while.
fn long(folder: &Path) -> Child {
    fs::write(folder.join("long.toml"), SMALL.replace("\"200\"", "\"2000000\"")).unwrap();
    let mut command = Command::new(program());
    command.args(["train", "long.toml", "--out", "out", "--no-baseline"]).current_dir(folder);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (experiment, checkpoints) = (folder.join("out/experiment.toml"), folder.join("out/checkpoints"));
    let is_its_own = || fs::read_to_string(&experiment).is_ok_and(|text| text.contains("2000000"));
    while !is_its_own() || names(&checkpoints).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_folder_has_one_writer_who_is_named_and_none_after_a_kill() {
    let folder = place();
    let mut first = long(folder.path());
    runs(folder.path(), "ln -s out link", 0);
    for second in [
        "$anneal train long.toml --resume out",
        "$anneal train small.toml --out out",
        "$anneal train small.toml --out ./link/",
    ] {
        let (_, said) = runs(folder.path(), second, 1);
        let who = format!("process {}", first.id());
        assert!(said.contains(&who) && said.contains("anneal train") && said.contains("is in use"), "{said}");
    }
    // Reading is everybody's.
    runs(folder.path(), "$anneal ensemble out; test $? = 1", 0);
    first.kill().unwrap();
    first.wait().unwrap();
    runs(folder.path(), "$anneal train small.toml --out out --no-baseline", 0);
    assert!(
        !names(&folder.path().join("out")).iter().any(|name| name.starts_with('.')),
        "nothing is left over"
    );
}

#[test]
fn a_folder_never_says_more_than_what_was_trained_in_it() {
    let folder = trained();
    let out = folder.path().join("out");
    let mut other = long(folder.path());
    let there = names(&out);
    for name in ["summary.json", "report.html"] {
        assert!(!there.iter().any(|there| there == name), "{name} of the training before is still there");
    }
    assert!(fs::read_to_string(out.join("experiment.toml")).unwrap().contains("2000000"));
    other.kill().unwrap();
    other.wait().unwrap();
    // A resume ends what the end of the training before said, too, but only once it is sure to go on.
    let folder = trained();
    let end = || names(&folder.path().join("out")).iter().any(|name| name == "summary.json");
    fs::write(folder.path().join("other.toml"), SMALL.replace("[8]", "[9]")).unwrap();
    runs(folder.path(), "$anneal train other.toml --resume out", 1);
    assert!(end());
    shell(folder.path(), "mkdir out/checkpoints/update-000000000195.safetensors");
    cut_off(folder.path());
    runs(folder.path(), RESUME, 0);
    assert!(end());
}

#[test]
fn findings_events_and_seconds_of_a_resumed_training_are_those_of_all_of_it() {
    let folder = place();
    // Cuts, spikes, rounded weights: all that detectors remember.
    let text = SMALL.replace("\"200\"", "\"400\", weights = \"bf16\"")
        + r#"[[run]]
name = "cut"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e30 }
plateau = { metric = "train_loss", factor = 0.1, patience = 0 }
[[run]]
name = "thrash"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.5 }
plateau = { metric = "train_loss", factor = 0.5, patience = 0, threshold = 0.5 }
[[run]]
name = "tiny"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e-6 }
"#;
    fs::write(folder.path().join("small.toml"), text).unwrap();
    let (_, whole) = runs(folder.path(), "$anneal train small.toml --out out --no-baseline", 0);
    let events = || fs::read_to_string(folder.path().join("out/events.jsonl")).unwrap();
    let summary = || -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join("out/summary.json")).unwrap()).unwrap()
    };
    let (told, all) = (events(), metrics(folder.path()));
    let seconds = |summary: &serde_json::Value| summary["runs"][0]["seconds"].as_f64().unwrap();
    let before = seconds(&summary());
    for left in [3, 2, 1] {
        while names(&folder.path().join("out/checkpoints")).len() > left {
            cut_off(folder.path());
        }
        let (_, said) = runs(folder.path(), RESUME, 0);
        let findings = |said: &str| -> Vec<String> {
            said.lines().filter(|line| line.starts_with("anneal: \"")).map(str::to_owned).collect()
        };
        assert_eq!(findings(&said), findings(&whole));
        assert_eq!(events(), told);
        assert!(metrics(folder.path()) == all);
        let summary = summary();
        let (updates, rate) = (&summary["runs"][0]["updates"], &summary["runs"][0]["updates_per_second"]);
        assert!(seconds(&summary) > before / 4.0, "the seconds before the stop count");
        let product = rate.as_f64().unwrap() * seconds(&summary);
        assert!((product / updates.as_f64().unwrap() - 1.0).abs() < 1e-6);
    }
    assert!(told.contains("Plateau thrash") && told.contains("Divergence"), "{told}");
}
