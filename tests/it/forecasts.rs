//! Forecasts: the fit against scipy, the command, and recordings.

use std::path::Path;

use anneal_studio::experiment::Experiment;
use anneal_studio::forecast::{self, Course, Fit, Measured, fit};
use anneal_studio::schedule::Clock;
use serde_json::Value;

use crate::command_line::{anneal, text};
use crate::support::Fixture;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forecast/fit.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
}

fn course(golden: &Value, name: &str) -> Course {
    let rates = numbers(&golden["rates"][name]);
    Course::new(rates.len() as u64, |update| rates[update as usize])
}

fn fitted(golden: &Value) -> Fit {
    let updates: Vec<u64> =
        golden["updates"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    let run = |name: &str| Measured {
        name: name.to_owned(),
        course: course(golden, name),
        updates: updates.clone(),
        seeds: vec![numbers(&golden["losses"][name])],
    };
    fit(&["constant", "cosine", "step"].map(run)).unwrap()
}

/// `tests/forecast/fit.py` sums over every update and fits with scipy.
#[test]
fn the_fit_and_its_forecasts_are_those_of_scipy() {
    let golden = golden();
    let fit = fitted(&golden);
    let error = golden["error"].as_f64().unwrap();
    assert!((fit.error - error).abs() < 0.02 * error, "{} and {error}", fit.error);
    let updates: Vec<u64> =
        golden["updates"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    for (name, expected) in golden["forecasts"].as_object().unwrap() {
        let forecast = fit.forecast(&course(&golden, name), updates.clone());
        for ((found, expected), band) in forecast.losses.iter().zip(numbers(expected)).zip(&forecast.bands) {
            assert!((found - expected).abs() < 4e-3, "{name}: {found} and {expected}");
            assert!(*band > 0.0 && band.is_finite());
        }
    }
}

/// Three short runs of an experiment that trains in a moment.
const SMALL: &str = r#"
anneal = 1
name = "small"
[data]
name = "spirals"
batch_size = 32
[model]
kind = "mlp"
hidden = [16]
activation = "tanh"
[train]
updates = "600"
replicas = 2
[[run]]
name = "linear, to nothing"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "polynomial", peak = 0.05 }
[[run]]
name = "constant"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.05 }
[[run]]
name = "other optimizer"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01 }
"#;

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("small.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_command_trains_what_is_missing_and_says_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), SMALL);
    let run = |arguments: &[&str]| {
        let output = anneal(&[&["forecast", &file], arguments].concat());
        (text(&output.stdout), String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let (printed, said, code) = run(&["--json", "--fit", "constant,cosine,step"]);
    assert_eq!(code, Some(0), "{said}");
    let json: Value = serde_json::from_str(&printed).unwrap();
    for number in ["L0", "A", "alpha", "B", "C", "beta", "gamma"] {
        assert!(json["law"][number].is_f64(), "{number}");
    }
    let runs = json["runs"].as_array().unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["constant", "cosine", "step", "linear, to nothing"]);
    for run in runs {
        assert_eq!(run["fitted"], run["name"] != "linear, to nothing");
        for number in ["final_predicted", "final_actual", "band", "mean_abs_error"] {
            assert!(run[number].is_f64(), "{number} of {run}");
        }
    }
    assert!(said.contains("\"cosine\" is trained for the fit"), "{said}");
    assert!(
        said.contains("\"other optimizer\" differs from \"constant\" in more than its schedule"),
        "{said}"
    );
    assert_eq!(run(&["--json", "--fit", "constant,cosine,step"]).0, printed, "the same each time");

    // Without names there is a constant run and one that decays; the third is made.
    let (printed, said, _) = run(&["--only-fit"]);
    assert!(said.contains("\"step\" is trained for the fit"), "{said}");
    assert!(
        printed.lines().any(|line| line.starts_with("linear, to nothing") && line.contains("yes")),
        "{printed}"
    );

    for (fit, says) in [
        ("constant,cosine", "--fit names 2 runs: name three"),
        ("constant,cosine,stairs", "there is no run \"stairs\" to fit"),
        ("constant,other optimizer,step", "differ in more than their schedules"),
    ] {
        let (printed, said, code) = run(&["--fit", fit]);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_run_that_diverges_is_no_ground_for_a_forecast() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(
        folder.path(),
        &SMALL.with(
            "peak = 0.05 }\n[[run]]\nname = \"constant\"",
            "peak = 1e20 }\n[[run]]\nname = \"constant\"",
        ),
    );
    let output = anneal(&["forecast", &file, "--fit", "linear, to nothing,constant,step"]);
    assert_eq!(output.status.code(), Some(2), "a name with a comma is a name alone");
    let output = anneal(&["forecast", &file, "--fit", "linear, to nothing", "--fit", "constant,step"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("run \"linear, to nothing\" diverged"), "{said}");
}

#[test]
fn three_logs_foretell_the_next_training() {
    let golden = golden();
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let updates: Vec<u64> =
        golden["updates"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    for name in ["constant", "cosine", "step", "linear"] {
        let rates = numbers(&golden["rates"][name]);
        let losses = numbers(&golden["losses"][name]);
        let mut text = "step,learning_rate,val_loss\n".to_owned();
        for (at, rate) in rates.iter().enumerate() {
            let loss = updates.iter().position(|update| *update == at as u64 + 1);
            let loss = loss.map(|at| losses[at].to_string()).unwrap_or_default();
            text += &format!("{at},{rate},{loss}\n");
        }
        std::fs::write(logs.join(format!("{name}.csv")), text).unwrap();
    }
    let logs = logs.display().to_string();
    let output = anneal(&["forecast", &logs, "--json"]);
    let json: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4);
    let linear = runs.iter().find(|run| run["name"].as_str().unwrap().contains("linear")).unwrap();
    let fitted = runs.iter().filter(|run| run["fitted"] == true).count();
    assert_eq!(fitted, 3, "{json}");
    let expected = numbers(&golden["forecasts"]["linear"]).last().copied().unwrap();
    // The first to decay is fitted, whichever of the two that is.
    assert!((linear["final_predicted"].as_f64().unwrap() - expected).abs() < 0.01, "{linear}");

    let next =
        file(folder.path(), &SMALL.with("updates = \"600\"", "updates = \"600\"").with("0.05", "0.08"));
    let output = anneal(&["forecast", &logs, "--next", &next, "--json"]);
    let json: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let asked: Vec<&Value> =
        json["runs"].as_array().unwrap().iter().filter(|run| run["final_actual"].is_null()).collect();
    assert_eq!(asked.len(), 3, "the next runs are not trained");

    let one = format!("{logs}/constant.csv");
    let output = anneal(&["forecast", &one]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 runs are too few"), "{said}");
}

/// `tests/forecast/logged.py` fits real losses with scipy, and works out the rates by itself.
#[test]
fn logged_losses_are_fitted_as_closely_as_by_scipy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forecast");
    let golden = std::fs::read_to_string(folder.join("logged.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let log = std::fs::read_to_string(folder.join("logged.csv")).unwrap();
    let experiment = Experiment::open(folder.join("../../examples/forecast.toml")).unwrap();
    let clock = Clock { updates: 2800, updates_per_epoch: 2800 };
    let run = |name: &str| {
        let run = experiment.runs.iter().find(|run| run.name == name).unwrap();
        let (mut updates, mut seeds) = (Vec::new(), vec![Vec::new(); 3]);
        for line in log.lines().filter(|line| line.split(',').next() == Some(name)) {
            let cells: Vec<&str> = line.split(',').collect();
            updates.push(cells[1].parse().unwrap());
            let losses = seeds.iter_mut().zip(&cells[2..]);
            losses.for_each(|(seed, cell)| seed.push(cell.parse().unwrap()));
        }
        Measured { name: name.to_owned(), course: forecast::course(run, clock).unwrap(), updates, seeds }
    };
    for (name, sum) in golden["sums"].as_object().unwrap() {
        let found = run(name).course.sum(u64::MAX);
        assert!((found / sum.as_f64().unwrap() - 1.0).abs() < 1e-9, "{name}: {found} and {sum}");
    }
    let fit = fit(&["constant", "cosine", "step"].map(run)).unwrap();
    let error = golden["error"].as_f64().unwrap();
    assert!((fit.error - error).abs() < 0.02 * error, "{} and {error}", fit.error);
    let linear = run("linear");
    let foretold = fit.forecast(&linear.course, linear.updates.clone()).losses;
    for (found, expected) in foretold.iter().zip(numbers(&golden["linear"]["losses"])) {
        assert!((found - expected).abs() < 4e-3, "{found} and {expected}");
    }
}

/// Six unseen schedules each, from a constant, a cosine and a step.
#[test]
#[ignore = "trains twenty-seven runs of three to four seeds"]
fn three_runs_foretell_six_others_on_every_task() {
    for file in ["examples/forecast.toml", "tests/forecast/chars-adamw.toml", "tests/forecast/fashion14.toml"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let done = anneal(&["forecast", &path.to_string_lossy(), "--fit", "constant,cosine,step", "--json"]);
        let json: Value =
            serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
        let runs: Vec<&Value> =
            json["runs"].as_array().unwrap().iter().filter(|run| run["fitted"] == false).collect();
        assert_eq!(runs.len(), 6, "{file}");
        for run in runs {
            let mean = run["mean_abs_error"].as_f64().unwrap();
            let end = run["final_predicted"].as_f64().unwrap() - run["final_actual"].as_f64().unwrap();
            assert!(
                mean <= 0.02 && end.abs() <= 0.035,
                "{file}, {}: {mean} and {end} at the end",
                run["name"]
            );
        }
    }
}
