//! `anneal plateau`: a rule replayed over a metric that was logged.

use serde_json::Value;

use crate::command_line::{anneal, text};

const FILE: &str = "anneal = 1\nname = \"rules\"\n[data]\nname = \"moons\"\n[model]\nkind = \"mlp\"\nhidden = [4]\n[train]\n\
                    updates = \"10ep\"\n[[run]]\nname = \"plain\"\noptimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = \
                    1.0 }\n[[run]]\nname = \"watched\"\noptimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = 1.0 }\n\
                    plateau = { metric = \"val_loss\", factor = 0.5, patience = 2 }\n";

fn replay(log: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("rules.toml"), FILE).unwrap();
    std::fs::write(path("log.csv"), log).unwrap();
    let (file, metric) = (path("rules.toml"), path("log.csv"));
    let output = anneal(&[&["plateau", &file, "--metric", &metric], more].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn rates(log: &str, more: &[&str]) -> Vec<f64> {
    let (code, stdout, stderr) = replay(log, &[&["--json"], more].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let whole: Value = serde_json::from_str(&stdout).unwrap();
    whole["rows"].as_array().unwrap().iter().map(|row| row["rate"].as_f64().unwrap()).collect()
}

#[test]
fn a_constant_metric_gives_pytorchs_rates() {
    // `ReduceLROnPlateau(factor=.5, patience=2)` fed a constant, the rate after each step.
    let expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25];
    let log = format!(
        "epoch,train_loss,val_loss\n{}",
        (0..7).map(|at| format!("{at},0.5,1.0\n")).collect::<String>()
    );
    assert_eq!(rates(&log, &[]), expected);
    // One column alone is the metric, whatever it is called; a table that nothing else is known of has it by its name.
    assert_eq!(rates(&format!("val_loss\n{}", "1.0\n".repeat(7)), &[]), expected);
    let strange = format!("when,who,score\n{}", "monday,me,1.0\n".repeat(7));
    assert_eq!(rates(&strange, &["--column", "score"]), expected);
    // A metric that improves is left alone.
    let falling: String = (0..7).map(|at| format!("{at},{}\n", 1.0 / f64::from(at + 1))).collect();
    assert_eq!(rates(&format!("epoch,val_loss\n{falling}"), &[]), [1.0; 7]);
}

#[test]
fn the_table_names_every_cut() {
    let log = format!("epoch,val_loss\n{}", (0..5).map(|at| format!("{at},1.0\n")).collect::<String>());
    let (code, stdout, _) = replay(&log, &[]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        lines[0].contains("run \"watched\"") && lines[0].contains("plateau rule over val_loss"),
        "{stdout}"
    );
    assert!(lines[5].ends_with("1.0 → 0.5") && !lines[4].contains('→'), "{stdout}");
}

#[test]
fn what_cannot_be_replayed_is_refused_with_the_next_step() {
    for (log, more, said) in [
        (
            "epoch,train_loss,lr\n0,1.0,0.1\n1,1.0,0.1\n",
            &[] as &[&str],
            "it has no series val_loss; write --column NAME with one of",
        ),
        (
            "epoch,val_loss\n0,1.0\n1,1.0\n",
            &["--run", "plain"],
            "run \"plain\" has no rule that watches a metric",
        ),
        ("epoch,val_loss\n0,1.0\n1,1.0\n", &["--run", "none"], "write --run NAME with one of \"watched\""),
    ] {
        let (code, stdout, stderr) = replay(log, more);
        assert!(code == Some(2) && stdout.is_empty() && stderr.contains(said), "{said}: {stderr}");
    }
}

#[test]
fn a_table_that_is_not_known_says_which_columns_there_are() {
    let strange = "when,who,score\nmonday,me,1.0\ntuesday,me,1.0\n";
    for more in [&[][..], &["--column", "scores"]] {
        let (code, stdout, stderr) = replay(strange, more);
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains("write --column NAME with one of when, who, score"), "{stderr}");
    }
}
