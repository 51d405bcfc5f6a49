//! The lessons: what they claim is trained, and a claim that is false is found out.

use std::path::Path;
use std::sync::Arc;

use anneal_studio::lesson::{Lesson, SHIPPED, check};
use anneal_studio::train::pool;

use crate::command_line::anneal;

fn lesson(text: &str) -> Result<Lesson, String> {
    Lesson::parse(text, Path::new("mine.toml")).map_err(|error| error.to_string())
}

/// A shipped lesson with one piece of its text replaced, which has to be there.
fn changed(name: &str, from: &str, to: &str) -> String {
    let shipped = SHIPPED.iter().find(|shipped| shipped.name == name).expect("a shipped lesson");
    assert!(shipped.text.contains(from), "`{from}` is not in {name}");
    shipped.text.replacen(from, to, 1)
}

#[test]
fn every_lesson_keeps_what_it_claims_under_three_seeds() {
    let pool = Arc::new(pool(Some(2)).unwrap());
    let mut broken = Vec::new();
    for shipped in SHIPPED {
        let lesson = lesson(shipped.text).unwrap();
        let checked = check(&lesson, 3, &pool, |_, _| Ok(())).unwrap();
        assert_eq!(checked.verdicts.len(), lesson.claim.len());
        broken
            .extend(checked.verdicts.into_iter().filter(|verdict| !verdict.holds).map(|v| (shipped.name, v)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_claim_made_false_on_purpose_fails() {
    let pool = Arc::new(pool(Some(2)).unwrap());
    let text = changed("momentum-hides-a-factor", "wrong < none - 0.1", "wrong > none");
    let checked = check(&lesson(&text).unwrap(), 3, &pool, |_, _| Ok(())).unwrap();
    assert!(checked.verdicts[0].holds);
    assert!(!checked.verdicts[1].holds);
    assert_eq!(checked.verdicts[1].seeds, 0);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, text).unwrap();
    let run = anneal(&["lesson", file.to_str().unwrap(), "--check", "--threads", "2"]);
    assert_eq!(run.status.code(), Some(1));
    let line = String::from_utf8(run.stdout).unwrap();
    assert!(line.starts_with("FAILS\t") && line.contains("not so, in 0 of 3 seeds"), "{line}");
}

#[test]
fn five_lessons_ask_for_a_curve_and_say_so() {
    let asks = |shipped: &&anneal_studio::lesson::Shipped| shipped.read().unwrap().predict.drawn.is_some();
    assert_eq!(SHIPPED.iter().filter(asks).count(), 5);
    let run = anneal(&["lesson", "the-noise-floor"]);
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(
        text.contains("Draw: the validation accuracy of cosine that you expect, between 0.1 and 0.8"),
        "{text}"
    );
}

#[test]
fn the_list_is_a_name_and_a_title_a_line() {
    let run = anneal(&["lesson", "--list"]);
    assert_eq!(run.status.code(), Some(0));
    let text = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(lines.len(), SHIPPED.len());
    assert!(
        lines.iter().zip(SHIPPED).all(|((name, title), shipped)| *name == shipped.name && !title.is_empty())
    );
}

#[test]
fn a_lesson_that_asks_for_what_is_not_there_says_what_there_is() {
    let name = "momentum-hides-a-factor";
    for (from, to, part) in [
        (
            "holds = \"wrong <",
            "holds = \"wrongg <",
            "compares `wrongg`; the measures are: long, none, usual, wrong",
        ),
        (
            "holds = \"wrong < none - 0.1\"",
            "holds = \"wrong < none -\"",
            "at character 15 of the formula: the end",
        ),
        (
            "run = \"momentum 0.9\"\nsay",
            "run = \"momentum 9\"\nsay",
            "the runs are: momentum 0, momentum 0.9",
        ),
        ("none = { run = \"momentum 0\"", "none = { run = \"zero\"", "`measure.none.run` is \"zero\""),
        ("of = \"val_accuracy\"", "of = \"accuracy\"", "unknown variant `accuracy`"),
        (
            "run = \"momentum 0\", of",
            "run = \"momentum 0\", from = \"soon\", of",
            "`measure.none.from`: `soon`",
        ),
        ("lesson = 1", "lesson = 2", "this program reads version 1"),
        ("title =", "titel =", "unknown field `titel`"),
        (", right = true", "", "one that is right, found 0"),
        ("kind = \"constant\", peak = 0.3", "kind = \"constant\", peak = -1", "peak"),
    ] {
        let error = lesson(&changed(name, from, to)).unwrap_err();
        assert!(error.contains(part), "{from} -> {to}: {error}");
    }
    for (from, to, part) in [
        (
            "of = \"val_accuracy\", from",
            "of = \"accuracy\", from",
            "line 9: `predict.draw.of` is \"accuracy\"; it is one of",
        ),
        (
            "run = \"cosine\", of = \"val_accuracy\", from",
            "run = \"cos\", of = \"val_accuracy\", from",
            "the runs are: constant, cosine",
        ),
        ("to = 0.8 }", "to = 0.1 }", "`predict.draw.from` is 0.1, which is not below `to`, 0.1"),
        ("to = 0.8 }", "too = 0.8 }", "`predict.draw` has no `too`"),
        ("to = 0.8 }", "to = \"high\" }", "`predict.draw.to` is \"high\", not a number"),
    ] {
        let text = changed("the-noise-floor", from, to);
        let error = lesson(&text).unwrap_err();
        assert!(error.contains(part) && !error.contains('\n'), "{from} -> {to}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, changed("the-noise-floor", "to = 0.8 }", "to = nan }")).unwrap();
    let run = anneal(&["lesson", file.to_str().unwrap(), "--check"]);
    assert_eq!(run.status.code(), Some(2));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("line 9: `predict.draw.to` is nan") && said.trim().lines().count() == 1, "{said}");
    let run = anneal(&["lesson", "momentum"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8(run.stderr).unwrap().contains("the lessons are: too-low-is-silent"));
}
