//! Schedules that are formulas: as a file writes them, what they give, and what goes to other frameworks.

use std::path::Path;

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::vary::Base;
use anneal_studio::export::{Options, Target, export};
use anneal_studio::schedule::{Clock, Kind};

const CLOCK: Clock = Clock { updates: 300, updates_per_epoch: 30 };
const ROOT: &str = "value = \"peak * min((t + 1) / warm, sqrt(warm / (t + 1)))\", peak = 0.1, warm = 100";

fn text(lr: &str) -> String {
    format!(
        "anneal = 1\nname = \"formulas\"\n[data]\nname = \"moons\"\n[model]\nkind = \"mlp\"\nhidden = [4]\n[train]\n\
         updates = 300\n[[run]]\nname = \"a\"\noptimizer = {{ kind = \"sgd\" }}\nlr = {{ kind = \"formula\", {lr} }}\n"
    )
}

fn read(lr: &str) -> Experiment {
    Experiment::parse(&text(lr), "f.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn rates(experiment: &Experiment) -> Vec<f64> {
    let curve = experiment.runs[0].lr.resolve(CLOCK).unwrap_or_else(|error| panic!("{error}"));
    (0..CLOCK.updates).map(|update| curve.at(update)).collect()
}

#[test]
fn a_formula_is_read_with_its_constants_and_written_back() {
    let experiment = read(ROOT);
    let used = rates(&experiment);
    for (update, rate) in [(0, 0.001), (49, 0.05), (99, 0.1), (299, 0.1 / 3_f64.sqrt())] {
        assert!((used[update] - rate).abs() < 1e-15, "{update}: {}", used[update]);
    }
    let written = experiment.to_toml();
    assert!(
        written.contains(&format!("lr = {{ kind = \"formula\", {} }}", ROOT.replace("= 100", "= 100.0"))),
        "{written}"
    );
    assert_eq!(Experiment::parse(&written, "f.toml").unwrap(), experiment);
    // `total` is what is left to the formula, and `t` counts from its own start.
    let warmed = read("value = \"1 - t / total\", warmup = { over = \"60\" }, cooldown = { over = \"40\" }");
    let used = rates(&warmed);
    assert_eq!((used[30], used[60], used[160], used[259]), (0.5, 1.0, 0.5, 1.0 - 199.0 / 200.0));
    let staircase = rates(&read("value = \"0.5 ** t\", tick = \"epoch\""));
    assert_eq!((staircase[29], staircase[30], staircase[299]), (1.0, 0.5, 0.5_f64.powi(9)));
}

#[test]
fn mistakes_in_a_formula_are_errors_with_their_place() {
    for (lr, expected) in [
        (
            "value = \"peak * sqr(t)\", peak = 1",
            "f.toml:13:42: run \"a\", lr.value: found `sqr`, allowed: the functions abs,",
        ),
        (
            "value = \"peak *\", peak = 1",
            "f.toml:13:41: run \"a\", lr.value: found the end, allowed: a number, a name,",
        ),
        (
            "value = \"peak * t\"",
            "run \"a\", lr.peak: found nothing, allowed: a number for the formula's constant `peak`",
        ),
        (
            "value = \"peak * t\", peek = 1",
            "lr.peek: found a field that does not exist here, allowed: kind, value, tick, warmup, cooldown, clamp or peak (did \
             you mean `peak`?)",
        ),
        (
            "value = \"cooldown * t\"",
            "f.toml:13:35: run \"a\", lr.value: found a constant called `cooldown`, allowed: another name",
        ),
        ("value = 3", "lr.value: found 3, allowed: a formula in quotes"),
        ("peak = 3", "lr.value: found nothing, allowed: a formula in quotes, such as"),
        ("value = \"0.1 - t / 1000\"", "lr.value: found -0.001"),
        ("value = \"1 / (t - a)\", a = 299", "lr.value: found -0.0033"),
        ("value = \"1 / (a - t)\", a = 299", "lr.value: found inf at tick 299"),
    ] {
        let error = Experiment::parse(&text(lr), "f.toml").expect_err(lr).to_string();
        assert!(error.contains(expected), "{lr}: {error}");
    }
}

#[test]
fn constants_are_swept_by_their_names() {
    let base = Base::new(&read(ROOT), "a", Path::new("f.toml"), CLOCK).unwrap();
    let varied = base.with(&[("lr.peak", &toml::Value::Float(0.4)), ("lr.warm", &toml::Value::Float(50.0))]);
    let used = rates(&varied.unwrap());
    assert!((used[49] - 0.4).abs() < 1e-15 && (used[199] - 0.2).abs() < 1e-15);
    let sweep = "[sweep]\nrun = \"a\"\n[sweep.over]\n\"lr.peak\" = [0.1, 0.2]\n\"lr.warm\" = { from = 10, to = 100, points = 3 }\n";
    assert!(Experiment::parse(&format!("{}{sweep}", text(ROOT)), "f.toml").is_ok());
    let wrong = sweep.replace("lr.warm", "lr.worm");
    let error = Experiment::parse(&format!("{}{wrong}", text(ROOT)), "f.toml").unwrap_err().to_string();
    assert!(error.contains("(did you mean `warm`?)"), "{error}");
}

#[test]
fn another_kind_becomes_a_formula_and_the_other_way_round() {
    let schedule = &read(ROOT).runs[0].lr;
    let cosine = schedule.switched("cosine", CLOCK).unwrap().schedule;
    assert!(matches!(&cosine.kind, Kind::Cosine(kind) if kind.peak == 0.1));
    let again = cosine.switched("formula", CLOCK).unwrap().schedule;
    let (before, after) = (cosine.resolve(CLOCK).unwrap(), again.resolve(CLOCK).unwrap());
    assert!((0..300).all(|update| (before.at(update) - after.at(update)).abs() < 1e-15));
}

#[test]
fn a_formula_is_code_where_the_target_has_functions() {
    let formula = "value = \"floor + (peak - floor) * (1 + cos(pi * (t / total) ** 0.7)) / 2 if t >= warm else peak * t / \
                   warm\", peak = 0.1, floor = 0.01, warm = 20";
    let experiment = read(formula);
    let run = &experiment.runs[0];
    for target in Target::ALL {
        let made = export(&experiment, run, CLOCK, target, &Options::default()).unwrap();
        let is_code =
            ["pytorch", "lightning", "optax", "keras", "candle", "csv", "toml"].contains(&target.id);
        if is_code {
            assert!(made.deviation.of_peak < 1e-6, "{}: {:?}", target.id, made.deviation);
        }
        if ["pytorch", "lightning", "optax", "keras", "hugging_face"].contains(&target.id) {
            assert!(made.text.contains("if update >= 20:"), "{}: {}", target.id, made.text);
            assert!(made.text.contains("cos(pi * (update / 300) ** 0.7)"), "{}: {}", target.id, made.text);
            assert!(made.text.contains("from math import cos, pi"), "{}: {}", target.id, made.text);
        }
        if target.id == "candle" {
            assert!(made.text.contains("(update / 300.0_f64).powf(0.7_f64)"), "{}", made.text);
        }
    }
}
