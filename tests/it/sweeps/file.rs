//! The [sweep] section: what it means, and what is said where it means nothing.

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::group::GroupRate;
use anneal_studio::experiment::sweep::{Objective, Search, Unit, Values};

use anneal_studio::experiment::vary::Base;
use anneal_studio::schedule::Clock;

use super::support::{experiment, text};

const CLOCK: Clock = Clock { updates: 60, updates_per_epoch: 10 };

const PEAK: &str = "\"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\", points = 4 }";

fn refused(sweep: &str) -> String {
    Experiment::parse(&text(sweep), "file.toml").expect_err(sweep).to_string()
}

#[test]
fn every_number_choice_and_span_of_a_run_and_its_sections_can_be_varied() {
    let axes = r#"[sweep.over]
"lr.peak" = { from = 1e-3, to = 1.0, scale = "log", points = 4 }
"lr.warmup.over" = { from = "0%", to = "50%", points = 3 }
"lr.kind" = ["cosine", "wsd", "linear"]
"lr.decay" = ["10%", "20%"]
"optimizer.momentum" = { from = 0.0, to = 0.95, points = 2 }
"data.batch_size" = { from = 16, to = 64, points = 3 }
"data.label_noise" = [0.0, 0.1]
"model.hidden" = [[8], [16, 8]]
"model.hidden.0" = { from = 4, to = 8, points = 2 }
"model.activation" = ["tanh", "relu"]
"train.clip_norm" = { from = 0.5, to = 2.0, points = 2 }
"train.updates" = { from = 20, to = 40, points = 2 }
"#;
    let sweep = experiment(axes).sweep.unwrap();
    assert_eq!(sweep.over.len(), 12);
    let unit = |path: &str| match &sweep.over.iter().find(|axis| axis.path == path).unwrap().values {
        Values::Range(range) => range.unit,
        Values::Choices(_) => panic!("{path} is a list"),
    };
    assert_eq!(unit("lr.warmup.over"), Unit::Percent);
    assert_eq!(unit("data.batch_size"), Unit::Whole);
    assert_eq!(unit("model.hidden.0"), Unit::Whole);
    assert_eq!(unit("train.clip_norm"), Unit::Number);
}

#[test]
fn a_sweep_is_written_as_it_is_read() {
    let text = format!(
        "search = \"tpe\"\ntrials = 40\nseeds = 2\nobjective = \"updates_to val_accuracy 0.9\"\n\
         prune = {{ kind = \"median\", startup = 8, after = \"25%\" }}\n[sweep.over]\n{PEAK}\n\
         \"lr.warmup.over\" = {{ from = \"0%\", to = \"50%\" }}\n\"model.hidden\" = [[8], [16, 8]]\n"
    );
    let read = experiment(&text);
    let again = Experiment::parse(&read.to_toml(), "again.toml").unwrap();
    assert_eq!(read, again);
    let sweep = read.sweep.unwrap();
    assert_eq!((sweep.search, sweep.objectives), (Search::Tpe, vec![Objective::UpdatesToAccuracy(0.9)]));
}

#[test]
fn paths_without_quotation_marks_mean_the_same() {
    let quoted = experiment(&format!("[sweep.over]\n{PEAK}\n")).sweep;
    let bare =
        experiment(&format!("[sweep.over]\n{}\n", PEAK.replace('"', "").replace("= log", "= \"log\""))).sweep;
    assert_eq!(quoted, bare);
}

#[test]
fn a_path_that_names_nothing_is_refused_with_the_nearest_name() {
    let error = refused("[sweep.over]\n\"lr.pek\" = { from = 1e-3, to = 1.0, points = 4 }\n");
    assert!(
        error.contains("file.toml:17:") && error.contains("lr.pek") && error.contains("`peak`"),
        "{error}"
    );
    let error = refused("[sweep.over]\n\"date.batch_size\" = [16]\n");
    assert!(error.contains("`data`"), "{error}");
    let error = refused("[sweep.over]\n\"train.clip_norm.deep\" = [1.0]\n");
    assert!(error.contains("train.clip_norm.deep"), "{error}");
}

#[test]
fn whatever_cannot_be_is_refused_with_its_place_and_what_may_stand_there() {
    for (sweep, place, parts) in [
        ("", "sweep.over", "nothing"),
        ("[sweep.over]\n", "sweep.over", "an empty space"),
        ("trials = 1000000000\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.trials", "1 to 1000000"),
        ("trials = 0\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.trials", "1 to 1000000"),
        ("seeds = 0\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.seeds", "whole number"),
        ("search = \"pbt\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.over", "as a range above 0"),
        ("search = \"gird\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.search", "`grid`"),
        (
            "objective = \"final_val_los\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n",
            "sweep.objective",
            "`final_val_loss`",
        ),
        (
            "objective = \"updates_to val_accuracy 2\"\n[sweep.over]\n\"lr.peak\" = [1.0]\n",
            "sweep.objective",
            "at most 1",
        ),
        ("prune = { kind = \"medain\" }\n[sweep.over]\n\"lr.peak\" = [1.0]\n", "sweep.prune", "`median`"),
        (
            "search = \"tpe\"\nobjective = [\"cost\", \"final_val_loss\"]\n[sweep.over]\n\"lr.peak\" = [1.0]\n",
            "sweep.search",
            "several",
        ),
        (
            "objective = \"final_val_accuracy\"\nprune = { kind = \"forecast\" }\n[sweep.over]\n\"lr.peak\" = [1.0]\n",
            "sweep.prune",
            "only losses are forecast",
        ),
        ("[sweep.over]\n\"lr.peak\" = []\n", "lr.peak", "empty list"),
        ("[sweep.over]\n\"lr.peak\" = [0.1, 0.1]\n", "lr.peak[1]", "once"),
        (
            "[sweep.over]\n\"lr.peak\" = { from = 1.0, to = 0.1, points = 3 }\n",
            "lr.peak.to",
            "more than `from`",
        ),
        (
            "[sweep.over]\n\"lr.peak\" = { from = 0.0, to = 0.1, scale = \"log\", points = 3 }\n",
            "lr.peak.from",
            "above 0",
        ),
        ("[sweep.over]\n\"lr.peak\" = { from = 0.1, to = 1.0 }\n", "lr.peak.points", "how many values"),
        ("[sweep.over]\n\"lr.peak\" = { from = -1.0, to = 1.0, points = 3 }\n", "lr.peak", "at least 0"),
        (
            "[sweep.over]\n\"lr.warmup.over\" = { from = \"0%\", to = \"10ep\", points = 3 }\n",
            "lr.warmup.over.to",
            "unit",
        ),
        ("[sweep.over]\n\"lr.kind\" = [\"cosine\", \"points\"]\n", "lr.kind", "filled in"),
        (
            "[sweep.over]\n\"data.batch_size\" = { from = 8, to = 64.5, points = 3 }\n",
            "data.batch_size",
            "whole numbers",
        ),
        (
            "[sweep.over]\n\"lr.peak\" = { from = 0.1, to = 1.0, points = 2000 }\n\"lr.floor\" = { from = 0.0, to = 0.1, points = 2000 }\n",
            "sweep",
            "4000000",
        ),
    ] {
        let error = refused(sweep);
        assert!(error.starts_with("file.toml:"), "{error}");
        assert!(
            error.contains(place) && error.contains(parts) && error.contains("allowed"),
            "{sweep}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn an_objective_that_is_not_measured_is_refused() {
    let without =
        text("[sweep.over]\n\"lr.peak\" = [1.0]\n").replace("validation = 0.25", "validation = 0.0");
    let error = Experiment::parse(
        &without.replace("run = \"one\"", "run = \"one\"\nobjective = \"final_val_loss\""),
        "f.toml",
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("sweep.objective") && error.contains("held out"), "{error}");
    let trained = without.replace("run = \"one\"", "run = \"one\"\nobjective = \"final_train_loss\"");
    assert!(Experiment::parse(&trained, "f.toml").is_ok());
}

#[test]
fn the_run_must_be_there_and_begin_at_its_first_update() {
    let missing = text("[sweep.over]\n\"lr.peak\" = [1.0]\n").replace("run = \"one\"", "run = \"onee\"");
    let error = Experiment::parse(&missing, "f.toml").unwrap_err().to_string();
    assert!(error.contains("sweep.run") && error.contains("\"one\", \"two\""), "{error}");
    let forked = text("[sweep.over]\n\"lr.peak\" = [1.0]\n")
        .replace("name = \"one\"", "name = \"one\"\nfork = { of = \"two\", at = \"30\" }");
    let error = Experiment::parse(&forked, "f.toml").unwrap_err().to_string();
    assert!(error.contains("from scratch"), "{error}");
}

#[test]
fn an_objective_that_nobody_wrote_must_be_measured_too() {
    let without =
        text("[sweep.over]\n\"lr.peak\" = [1.0]\n").replace("validation = 0.25", "validation = 0.0");
    let error = Experiment::parse(&without, "f.toml").unwrap_err().to_string();
    assert!(error.contains("sweep.objective") && error.contains("it is final_val_loss"), "{error}");
}

#[test]
fn up_to_four_objectives_are_weighed() {
    let several = |names: &str| text(&format!("objective = [{names}]\n[sweep.over]\n{PEAK}\n"));
    let four = "\"final_val_loss\", \"cost\", \"final_val_accuracy\", \"best_val_loss\"";
    let sweep = Experiment::parse(&several(four), "f.toml").unwrap().sweep.unwrap();
    assert_eq!(sweep.objectives.len(), 4);
    let five = format!("{four}, \"final_train_loss\"");
    let error = Experiment::parse(&several(&five), "f.toml").unwrap_err().to_string();
    assert!(error.contains("5 objectives") && error.contains("up to 4"), "{error}");
}

#[test]
fn a_group_is_named_by_what_it_matches_or_by_its_place() {
    let group = "[[run.group]]\nmatch = \"head\"\nlr = 0.5\n";
    let varied = |path: &str| {
        let with = text(&format!("[sweep.over]\n\"{path}\" = [0.1, 0.25]\n"));
        Experiment::parse(
            &with.replacen("[[run]]\nname = \"two\"", &format!("{group}[[run]]\nname = \"two\""), 1),
            "f.toml",
        )
    };
    for path in ["group.head.lr", "group.0.lr"] {
        let experiment = varied(path).unwrap_or_else(|error| panic!("{error}"));
        let base = Base::new(&experiment, "one", "f.toml".as_ref(), CLOCK).unwrap();
        let quarter = base.with(&[(path, &toml::Value::Float(0.25))]).unwrap();
        assert_eq!(quarter.runs[0].groups[0].lr, GroupRate::Factor(0.25), "{path}");
        assert_eq!(base.value(path), Some(toml::Value::Float(0.5)), "{path}");
    }
    let error = varied("group.hed.lr").unwrap_err().to_string();
    assert!(error.contains("group.hed.lr"), "{error}");
}
