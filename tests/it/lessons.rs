//! The lessons: what they claim is trained, and a claim that is false is found out.

use std::path::Path;
use std::sync::Arc;

use anneal_studio::lesson::{Checked, Lesson, SHIPPED, check, is_claimed};
use anneal_studio::train::pool;
use anneal_studio::ui::panels::lesson::stage;

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
fn every_lesson_keeps_what_it_claims_in_each_of_three_seeds() {
    let pool = Arc::new(pool(Some(2)).unwrap());
    let mut broken = Vec::new();
    for shipped in SHIPPED {
        let lesson = lesson(shipped.text).unwrap();
        let checked = check(&lesson, 3, &pool, |_, _| Ok(())).unwrap();
        assert_eq!(checked.verdicts.len(), lesson.claim.len());
        broken.extend(stale(&lesson, &checked).into_iter().map(|what| format!("{}: {what}", shipped.name)));
        let doubtful = checked.verdicts.iter().filter(|verdict| !verdict.holds || verdict.seeds < 3);
        broken.extend(doubtful.map(|verdict| format!("{}: {verdict:?}", shipped.name)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The measures whose number in the file, which is shown, is not what training here says.
fn stale(lesson: &Lesson, checked: &Checked) -> Vec<String> {
    let mut stale = Vec::new();
    for (name, measure) in &lesson.measure {
        let values = &checked.measured[name];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        match measure.measured {
            // Another processor may round otherwise, which long trainings amplify.
            Some(kept) if (kept - mean).abs() <= 0.01 + 0.05 * mean.abs() => {}
            kept => stale.push(format!("{name} is {mean:.4}, the file says {kept:?}")),
        }
    }
    stale
}

#[test]
fn a_number_that_our_run_did_not_measure_is_found_out_and_the_others_are_shown() {
    let pool = Arc::new(pool(Some(2)).unwrap());
    let right = SHIPPED.iter().find(|shipped| shipped.name == "momentum-hides-a-factor").unwrap();
    let checked = check(&right.read().unwrap(), 3, &pool, |_, _| Ok(())).unwrap();
    assert_eq!(stale(&right.read().unwrap(), &checked), Vec::<String>::new());
    let mut wrong = right.read().unwrap();
    wrong.measure.get_mut("none").unwrap().measured = Some(0.5);
    assert_eq!(stale(&wrong, &checked).len(), 1);
    let run = anneal(&["lesson", "momentum-hides-a-factor"]);
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("    our own run: none 0.9"), "{text}");
}

#[test]
fn shipped_lessons_look_at_what_the_studio_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/lessons");
    for shipped in SHIPPED {
        let file = folder.join(format!("{}.toml", shipped.name));
        assert!(is_claimed(&file), "{}", shipped.name);
        let read = Lesson::read(&file, &stage());
        assert!(read.is_ok(), "{}", read.unwrap_err());
    }
}

#[test]
fn a_lesson_of_ones_own_is_told_by_its_text_and_printed_where_there_is_no_display() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let text = changed("momentum-hides-a-factor", "title = \"Momentum hides a factor\"", "title = \"Mine\"");
    std::fs::write(&file, text).unwrap();
    assert!(is_claimed(&file));
    let run = anneal(&[file.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(0));
    assert!(String::from_utf8(run.stdout).unwrap().starts_with("Mine\n\nWhy does a rate"));
    assert!(String::from_utf8(run.stderr).unwrap().contains("no display"));

    let panel = changed("batch-and-rate", "panel = \"batch-helper\"", "panel = \"batch-help\"");
    std::fs::write(&file, panel).unwrap();
    let run = anneal(&[file.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(2));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(
        said.contains("line 24: `look.panel` is \"batch-help\" (did you mean `batch-helper`?)"),
        "{said}"
    );

    std::fs::write(&file, "anneal = 1\nname = \"not a lesson = 1\"\n").unwrap();
    assert!(
        !is_claimed(&file) && !is_claimed(folder.path()) && !is_claimed(&folder.path().join("none.toml"))
    );
}

#[test]
fn data_of_ones_own_lie_beside_the_lesson_wherever_it_is_read_from() {
    let folder = tempfile::tempdir().unwrap();
    let row =
        |at: usize| format!("{},{},{}\n", at % 7, at % 5, if at % 7 > at % 5 { "more" } else { "less" });
    let rows: String = (0..80).map(row).collect();
    std::fs::write(folder.path().join("mine.csv"), format!("a,b,which\n{rows}")).unwrap();
    let data = "data = { path = \"mine.csv\", label = \"which\", batch_size = 16 }";
    let text = changed("momentum-hides-a-factor", "data = { name = \"digits\", batch_size = 32 }", data);
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, text).unwrap();
    let checked =
        check(&Lesson::read(&file, &stage()).unwrap(), 1, &Arc::new(pool(Some(2)).unwrap()), |_, _| Ok(()));
    assert!(checked.unwrap().measured["none"][0].is_finite());
}

#[test]
fn a_picture_is_made_of_a_lesson_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, picture) = (folder.path().join("mine.toml"), folder.path().join("mine.png"));
    std::fs::write(&file, changed("momentum-hides-a-factor", "title = \"Momentum", "title = \"My momentum"))
        .unwrap();
    let (file, out) = (file.to_str().unwrap(), picture.to_str().unwrap());
    let run = anneal(&["screenshot", "--lesson", file, "--out", out, "--size", "640x480"]);
    let said = String::from_utf8(run.stderr).unwrap();
    let no_adapter =
        said.contains("no graphics adapter") && std::env::var_os("ANNEAL_REQUIRE_ADAPTER").is_none();
    assert!(no_adapter || run.status.success() && picture.is_file(), "{said}");
}

#[test]
fn what_is_wrong_in_a_lesson_is_said_with_its_line() {
    let name = "momentum-hides-a-factor";
    let text = &SHIPPED.iter().find(|shipped| shipped.name == name).unwrap().text;
    for (from, to) in [
        ("holds = \"wrong <", "holds = \"wrongg <"),
        ("run = \"momentum 0.9\"\nsay", "run = \"momentum 9\"\nsay"),
        ("usual = { run = \"momentum 0.9\"", "usual = { run = \"one\""),
        ("smoothing = \"2%\"", "smoothing = \"much\""),
        ("long = { run = \"momentum 0.99\", of = \"val_", "long = { run = \"momentum 0.99\", of = \""),
        ("title =", "titel ="),
    ] {
        let at = text.find(from).unwrap();
        let line = text[..at].lines().count() + usize::from(text[..at].ends_with('\n'));
        let error = lesson(&changed(name, from, to)).unwrap_err();
        assert!(error.starts_with(&format!("mine.toml: line {}: ", line.max(1))), "{line}, {from}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let error = lesson(&changed(name, "peak = 0.3 }", "peak = -1 }")).unwrap_err();
    let line = text[..text.find("peak = 0.3 }").unwrap()].lines().count();
    assert!(error.contains(&format!("mine.toml:{line}:")), "the experiment's place in the file: {error}");
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
