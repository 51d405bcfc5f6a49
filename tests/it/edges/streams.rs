//! Streams that are closed, full or read by nobody: the results are there, and nothing panics.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{SMALL, place, program, runs, shell};

fn has_results(out: &Path) {
    for name in ["summary.json", "report.html", "metrics.csv", "events.jsonl"] {
        assert!(fs::metadata(out.join(name)).is_ok_and(|file| file.len() > 0), "{name} is not there");
    }
    assert!(
        fs::read_to_string(out.join("events.jsonl")).unwrap().contains("Divergence"),
        "a finding to tell"
    );
}

#[test]
fn a_training_whose_words_nobody_reads_leaves_its_results() {
    let folder = place();
    let mut command = Command::new(program());
    command.args(["train", "small.toml", "--out", "unread", "--no-baseline"]).current_dir(folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    has_results(&folder.path().join("unread"));
    for (out, streams) in [("a", "2>&-"), ("b", ">&-"), ("c", ">&- 2>&-"), ("d", "<&- >&- 2>&-")] {
        runs(folder.path(), &format!("$anneal train small.toml --out {out} --no-baseline {streams}"), 0);
        has_results(&folder.path().join(out));
    }
}

#[test]
fn a_training_whose_words_find_no_room_leaves_its_results() {
    let folder = place();
    let full = "mkdir full && mount -t tmpfs -o size=4k none full && \
                dd if=/dev/zero of=full/log bs=4k count=1 status=none";
    if !shell(folder.path(), &format!("unshare -rm sh -c '{full}'")).status.success() {
        eprintln!("skipped: no mount namespace here, so no full disk to write words to");
        return;
    }
    let train = "$anneal train small.toml --out out --no-baseline";
    let line =
        |redirected: &str| format!("rm -rf full out; unshare -rm sh -c '{full} && {train} {redirected}'");
    runs(folder.path(), &line("2>> full/log"), 0);
    has_results(&folder.path().join("out"));
    // Data that find no room are a failure, after the results.
    let (_, said) = runs(folder.path(), &line(">> full/log"), 1);
    assert!(said.contains("No space left"), "{said}");
    has_results(&folder.path().join("out"));
}

#[test]
fn readers_that_have_seen_enough_end_every_command_quietly() {
    let folder = place();
    fs::write(folder.path().join("long.toml"), SMALL.replace("\"200\"", "\"200000\"")).unwrap();
    for command in [
        "$anneal schedule long.toml",
        "$anneal export --list",
        "$anneal export long.toml --run one --to csv",
        "$anneal export long.toml --run one --truth",
        "$anneal import small.toml",
        "$anneal lint small.toml",
        "$anneal --help",
    ] {
        let (_, said) = runs(folder.path(), &format!("({command}; echo $? > code) | head -c 1 > first"), 0);
        assert!(!said.contains("anneal:"), "{command}: {said}");
        assert_eq!(fs::read_to_string(folder.path().join("code")).unwrap().trim(), "0", "{command}");
        runs(
            folder.path(),
            &format!("$anneal nothing 2>&1 >&- | true; ({command}) 2>&1 >/dev/null | true"),
            0,
        );
    }
}

#[test]
fn names_and_cells_reach_no_terminal_as_orders_and_no_spreadsheet_as_formulas() {
    let folder = place();
    let evil = SMALL.replace("\"one\"", r#""red\u001b[31m\nline""#).replace("\"wild\"", "\"=1+cmd\"");
    fs::write(folder.path().join("evil.toml"), evil).unwrap();
    let (printed, said) = runs(folder.path(), "$anneal train evil.toml --out out --no-baseline", 0);
    let (scheduled, _) = runs(folder.path(), "$anneal schedule evil.toml", 0);
    for text in [&printed, &said, &scheduled] {
        assert!(!text.contains('\u{1b}'), "an escape reaches the terminal: {text:?}");
    }
    assert!(printed.contains("red\\u{1b}[31m\\nline"), "{printed}");
    assert_eq!(printed.lines().count(), 3, "a line a run: {printed}");
    let metrics = fs::read_to_string(folder.path().join("out/metrics.csv")).unwrap();
    for csv in [&scheduled, &metrics] {
        assert!(csv.contains("\n'=1+cmd,"), "a formula");
        assert!(!csv.contains("\n=1"), "a formula");
    }
    // The marked names are the runs' all the same.
    fs::remove_file(super::newest(&folder.path().join("out"))).unwrap();
    runs(folder.path(), "$anneal train evil.toml --resume out --no-baseline", 0);
    assert!(
        fs::read_to_string(folder.path().join("out/metrics.csv")).unwrap() == metrics,
        "the metrics differ"
    );
}

#[test]
fn an_error_is_short_and_quotes_no_file_that_is_not_ours() {
    let folder = place();
    let with = |path: &str| {
        SMALL
            .replace("name = \"moons\",", &format!("path = \"{path}\", label = \"kind\","))
            .replace("[8]", "[2]")
    };
    fs::write(folder.path().join("secret"), "TOP-SECRET,hunter2\nroot:x,0\n").unwrap();
    fs::write(folder.path().join("data.toml"), with("secret")).unwrap();
    let (_, said) = runs(folder.path(), "$anneal train data.toml", 2);
    assert!(!said.contains("SECRET") && !said.contains("root") && said.contains("kind"), "{said}");
    let rates = SMALL.replace("kind = \"one_cycle\", peak = 0.1", "kind = \"table\", file = \"secret\"");
    fs::write(folder.path().join("rates.toml"), rates).unwrap();
    let (_, said) = runs(folder.path(), "$anneal train rates.toml", 2);
    assert!(!said.contains("SECRET") && said.contains("line 1"), "{said}");

    let cell = "x".repeat(20 << 20);
    fs::write(folder.path().join("long.csv"), format!("{cell},b\n1,2\n")).unwrap();
    fs::write(folder.path().join("mixed.csv"), {
        let rows = (0..40).map(|at| format!("{at},{at}\n"));
        format!("kind,b\n{cell},1\n{}", rows.collect::<String>())
    })
    .unwrap();
    for table in ["long.csv", "mixed.csv"] {
        fs::write(folder.path().join("long.toml"), with(table)).unwrap();
        let (_, said) = runs(folder.path(), "$anneal train long.toml", 2);
        assert!(said.len() < 5000, "{table}: an error of {} bytes", said.len());
    }
}
