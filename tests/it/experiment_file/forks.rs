//! Forks in a file: written, read back, and refused where they cannot be.

use anneal_studio::experiment::{Experiment, Fork};
use anneal_studio::schedule::Span;

use crate::support::Fixture;

const FILE: &str = r#"anneal = 1
name = "forks"
[data]
name = "moons"
[model]
kind = "mlp"
hidden = [8]
[train]
updates = "400"
[[run]]
name = "X"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.1 }
[[run]]
name = "X, fork at 100"
fork = { of = "X", at = "100" }
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.01 }
"#;

fn error(old: &str, new: &str) -> String {
    let text = FILE.with(old, new);
    assert_ne!(text, FILE);
    Experiment::parse(&text, "out.toml").unwrap_err().to_string()
}

#[test]
fn a_fork_is_written_as_it_is_read() {
    let read = Experiment::parse(FILE, "out.toml").unwrap();
    assert_eq!(read.runs[0].fork, None);
    assert_eq!(read.runs[1].fork, Some(Fork { of: "X".into(), at: Span::Updates(100.0) }));
    let text = read.to_toml();
    assert!(text.contains("fork = { of = \"X\", at = \"100\" }"), "{text}");
    assert_eq!(Experiment::parse(&text, "out.toml").unwrap(), read);
}

#[test]
fn a_fork_may_stand_before_its_origin() {
    let (head, runs) = FILE.split_at(FILE.find("[[run]]").unwrap());
    let (first, second) = runs.split_at(runs.rfind("[[run]]").unwrap());
    let read = Experiment::parse(&format!("{head}{second}{first}"), "out.toml").unwrap();
    assert_eq!(read.runs[0].name, "X, fork at 100");
}

#[test]
fn what_no_fork_can_be_is_refused_with_its_place() {
    let unknown = error("of = \"X\"", "of = \"x\"");
    assert!(unknown.starts_with("out.toml:16:15: run \"X, fork at 100\", fork.of: found \"x\""), "{unknown}");
    assert!(unknown.contains("the name of another run, such as \"X\""), "{unknown}");
    let itself = error("of = \"X\"", "of = \"X, fork at 100\"");
    assert!(
        itself.contains("fork.of: found \"X, fork at 100\", allowed: a run that is not forked from"),
        "{itself}"
    );
    let circle = error("name = \"X\"\n", "name = \"X\"\nfork = { of = \"X, fork at 100\", at = \"50\" }\n");
    assert!(circle.contains("a run that is not forked from this one"), "{circle}");
    let late = error("at = \"100\"", "at = \"400\"");
    assert!(late.contains("fork.at: found 400, allowed: an update before the end, which is 400"), "{late}");
    let nothing = error("at = \"100\"", "at = \"0\"");
    assert!(nothing.contains("fork.at"), "{nothing}");
    let missing = error(", at = \"100\"", "");
    assert!(missing.contains("fork.at: found nothing, allowed: the updates they share"), "{missing}");
    let more = error("at = \"100\"", "at = \"100\", by = 3");
    assert!(more.contains("fork.by: found a field that does not exist here"), "{more}");
}
