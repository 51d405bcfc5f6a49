//! Controllers against the traces in `tests/golden/controllers.json`, which `controllers.py` beside it made
//! with transformers' and PyTorch's own classes.

use anneal_studio::schedule::controller::{Change, Mode, ThresholdMode};
use anneal_studio::schedule::greedy::{Greedy, GreedyRule};
use anneal_studio::schedule::hypergradient::{AdamDirection, Hypergradient, adam_alignment};
use anneal_studio::schedule::plateau::{Plateau, PlateauRule};
use anneal_studio::vector::dot;
use serde_json::Value;

const GOLDEN: &str = include_str!("../golden/controllers.json");

fn entries(rule: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let entries = golden["entries"].as_array().unwrap();
    let found: Vec<Value> = entries.iter().filter(|entry| entry["rule"] == rule).cloned().collect();
    assert!(!found.is_empty());
    found
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// The rate after each report, and the change it made. `base` gives the schedule's own rate at a report.
macro_rules! replay {
    ($controller:expr, $metrics:expr, $base:expr) => {{
        let (mut controller, base) = ($controller, $base);
        let report = |(report, metric): (u64, &f64)| -> (f64, Option<Change>) {
            let base = base(report);
            let change = controller.report(*metric, base);
            (controller.rate(base), change)
        };
        (0..).zip($metrics).map(report).collect::<Vec<_>>()
    }};
}

fn rates(trace: &[(f64, Option<Change>)]) -> Vec<f64> {
    trace.iter().map(|(rate, _)| *rate).collect()
}

fn greedy_rule(args: &Value) -> GreedyRule {
    let default = GreedyRule::default();
    let number = |name: &str, default: f64| args[name].as_f64().unwrap_or(default);
    let count = |name: &str, default: u64| args[name].as_u64().unwrap_or(default);
    GreedyRule {
        mode: if args["mode"] == "max" { Mode::Max } else { Mode::Min },
        factor: number("factor", default.factor),
        patience: count("patience", default.patience),
        threshold: number("threshold", default.threshold),
        threshold_mode: if args["threshold_mode"] == "rel" { ThresholdMode::Rel } else { ThresholdMode::Abs },
        cooldown: count("cooldown", default.cooldown),
        warmup: count("warmup", default.warmup),
        min_lr: number("min_lr", default.min_lr),
        max_lr: number("max_lr", default.max_lr),
        eps: default.eps,
        window: (args["smooth"] == true).then(|| count("window_size", 50) as usize),
        reset_start: count("reset_start", default.reset_start),
    }
}

#[test]
fn greedy_is_transformers_to_the_last_bit() {
    let entries = entries("greedy");
    assert_eq!(entries.len(), 13);
    for entry in entries {
        let greedy = Greedy::new(greedy_rule(&entry["args"])).unwrap();
        let base = entry["lr0"].as_f64().unwrap();
        let trace = replay!(greedy, &numbers(&entry["metrics"]), |_| base);
        assert_eq!(rates(&trace), numbers(&entry["lr"]), "{}", entry["args"]);
        let mut before = base;
        for (rate, change) in trace {
            assert_eq!(change.map_or(before, |change| change.from), before);
            assert_eq!(change.map_or(before, |change| change.to), rate);
            before = rate;
        }
    }
}

#[test]
fn greedy_goes_on_from_its_saved_state() {
    let entry = &entries("greedy")[9];
    let rule = greedy_rule(&entry["args"]);
    let metrics = numbers(&entry["metrics"]);
    for stop in 0..metrics.len() {
        let mut first = Greedy::new(rule).unwrap();
        for metric in &metrics[..stop] {
            first.report(*metric, 0.1);
        }
        let text = serde_json::to_string(first.state()).unwrap();
        let second = Greedy::resume(rule, serde_json::from_str(&text).unwrap()).unwrap();
        let trace = replay!(second, &metrics[stop..], |_| 0.1);
        assert_eq!(rates(&trace), numbers(&entry["lr"])[stop..]);
    }
}

#[test]
fn greedy_multiplies_whatever_the_schedule_says() {
    let rule = GreedyRule { patience: 0, factor: 0.5, min_lr: 0.0, ..GreedyRule::default() };
    let mut greedy = Greedy::new(rule).unwrap();
    greedy.report(1.0, 0.1);
    assert_eq!((greedy.rate(1.0), greedy.rate(0.03)), (2.0, 0.06));
    greedy.report(1.0, 0.03);
    assert_eq!((greedy.rate(1.0), greedy.rate(0.1)), (1.0, 0.1));
    // A schedule at nothing stays there.
    assert_eq!(greedy.report(0.5, 0.0), None);
    assert_eq!(greedy.rate(0.0), 0.0);
}

#[test]
fn a_wrong_greedy_rule_is_refused() {
    let wrong = |rule: GreedyRule| Greedy::new(rule).unwrap_err().field;
    let rule = GreedyRule::default();
    assert_eq!(wrong(GreedyRule { factor: 1.0, ..rule }), "greedy.factor");
    assert_eq!(wrong(GreedyRule { factor: 0.0, ..rule }), "greedy.factor");
    assert_eq!(wrong(GreedyRule { min_lr: 2.0, ..rule }), "greedy.min_lr");
    assert_eq!(wrong(GreedyRule { window: Some(0), ..rule }), "greedy.window");
    assert_eq!(wrong(GreedyRule { threshold: f64::NAN, ..rule }), "greedy.threshold");
}

#[test]
fn a_smoothed_plateau_is_pytorchs_on_the_moving_average() {
    for entry in entries("smoothed_plateau") {
        let rule = PlateauRule { factor: 0.5, patience: 2, ..PlateauRule::default() };
        let smoothing = entry["smoothing"].as_f64().unwrap();
        let plateau = Plateau::new(PlateauRule { smoothing, ..rule }).unwrap();
        let metrics = numbers(&entry["metrics"]);
        let smoothed = rates(&replay!(plateau, &metrics, |_| 0.1));
        assert_eq!(smoothed, numbers(&entry["lr"]));
        assert_ne!(rates(&replay!(Plateau::new(rule).unwrap(), &metrics, |_| 0.1)), smoothed);
    }
    for smoothing in [1.0, -0.1, f64::NAN] {
        let wrong = Plateau::new(PlateauRule { smoothing, ..PlateauRule::default() }).unwrap_err();
        assert_eq!(wrong.field, "plateau.smoothing");
    }
}

#[test]
fn a_smoothed_plateau_goes_on_from_its_saved_state() {
    let rule = PlateauRule { factor: 0.5, patience: 2, smoothing: 0.6, ..PlateauRule::default() };
    let metrics = numbers(&entries("smoothed_plateau")[0]["metrics"]);
    let whole = Plateau::new(rule).unwrap();
    let expected = replay!(whole, &metrics, |_| 0.1);
    for stop in 0..metrics.len() {
        let mut first = whole;
        metrics[..stop].iter().for_each(|metric| {
            first.report(*metric, 0.1);
        });
        let text = serde_json::to_string(first.state()).unwrap();
        let second = Plateau::resume(rule, serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(replay!(second, &metrics[stop..], |_| 0.1), expected[stop..]);
    }
    // A state from before there was any smoothing.
    let old = r#"{"best":1.0,"bad":1,"cooldown_left":0,"cut_rate":1.0,"cut_base":1.0}"#;
    assert!(Plateau::resume(rule, serde_json::from_str(old).unwrap()).is_ok());
}

#[test]
fn a_metric_that_is_no_number_does_not_stay_in_the_average() {
    let rule = PlateauRule { patience: 100, smoothing: 0.5, ..PlateauRule::default() };
    let mut plateau = Plateau::new(rule).unwrap();
    for metric in [1.0, f64::NAN, 0.5] {
        plateau.report(metric, 0.1);
    }
    assert_eq!(plateau.state().best, Some(0.75));
}

#[test]
fn a_controller_follows_the_schedule_too() {
    let rule = PlateauRule { factor: 0.5, patience: 0, ..PlateauRule::default() };
    let base = |report| 0.8 / (report + 1) as f64;
    let trace = replay!(Plateau::new(rule).unwrap(), &[1.0, 1.0, 0.5], base);
    assert_eq!(rates(&trace), [0.8, 0.2, 0.8 / 3.0 * 0.5]);
}

fn quadratic(entry: &Value, mut direction: impl FnMut(&[f32], u64) -> (f64, Vec<f64>)) {
    let curvature = numbers(&entry["curvature"]);
    let mut x = numbers(&entry["x0"]);
    let base = entry["lr0"].as_f64().unwrap();
    let mut rule = Hypergradient::new(entry["beta"].as_f64().unwrap()).unwrap();
    for (update, expected) in (0..).zip(numbers(&entry["lr"])) {
        let gradient: Vec<f32> = curvature.iter().zip(&x).map(|(c, x)| (c * x) as f32).collect();
        let (alignment, step) = direction(&gradient, update);
        rule.step(alignment, base);
        let rate = rule.rate(base);
        assert!((rate - expected).abs() < 1e-6 * expected, "update {update}: {rate:?}, not {expected:?}");
        for (x, step) in x.iter_mut().zip(step) {
            *x -= rate * step;
        }
    }
    for (x, expected) in x.iter().zip(numbers(&entry["x"])) {
        assert!((x - expected).abs() < 1e-5);
    }
}

#[test]
fn sgd_hd_is_baydins() {
    let mut last = vec![0.0; 3];
    quadratic(&entries("hypergradient_sgd")[0], |gradient, _| {
        let alignment = dot(gradient, &last);
        last = gradient.to_vec();
        (alignment, gradient.iter().copied().map(f64::from).collect())
    });
}

#[test]
fn adam_hd_is_baydins() {
    let (mut m, mut v) = (vec![0.0_f32; 3], vec![0.0_f32; 3]);
    let (beta1, beta2, eps) = (0.9, 0.999, 1e-8);
    quadratic(&entries("hypergradient_adam")[0], |gradient, updates| {
        let adam = AdamDirection { beta1, beta2, eps, updates };
        let alignment = adam_alignment(gradient, &m, &v, adam);
        let t = updates as f64 + 1.0;
        let mut direction = Vec::new();
        for ((g, m), v) in gradient.iter().zip(&mut m).zip(&mut v) {
            let g = f64::from(*g);
            *m = (beta1 * f64::from(*m) + (1.0 - beta1) * g) as f32;
            *v = (beta2 * f64::from(*v) + (1.0 - beta2) * g * g) as f32;
            let corrected = f64::from(*m) / (1.0 - beta1.powf(t));
            direction.push(corrected / ((f64::from(*v) / (1.0 - beta2.powf(t))).sqrt() + eps));
        }
        (alignment, direction)
    });
}

#[test]
fn a_hypergradient_rate_never_falls_below_nothing() {
    let mut rule = Hypergradient::new(1.0).unwrap();
    rule.step(-5.0, 0.1);
    assert_eq!(rule.rate(0.1), 0.0);
    rule.step(f64::NAN, 0.1);
    assert_eq!(rule.rate(0.1), 0.0);
    rule.step(0.05, 0.1);
    assert_eq!((rule.rate(0.1), rule.rate(0.2)), (0.05, 0.1));
    rule.step(1.0, 0.0);
    assert_eq!(rule.rate(0.1), 0.05);
    assert!(Hypergradient::new(0.0).is_err() && Hypergradient::new(f64::NAN).is_err());
}
