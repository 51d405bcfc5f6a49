//! Which rates workers use whose schedulers everybody steps once an update, as frameworks were measured to.

use anneal_studio::experiment::Experiment;
use anneal_studio::schedule::Clock;
use serde_json::Value;

/// What PyTorch, accelerate and DeepSpeed used, by `tests/golden/scheduler_steps.py`.
const GOLDEN: &str = include_str!("../../golden/scheduler_steps.json");

const LINEAR: &str = r#"
anneal = 1
name = "workers"
data = { name = "digits" }
model = { kind = "mlp", hidden = [4] }
train = { updates = "12" }
[[run]]
name = "sgd"
optimizer = { kind = "sgd" }
lr = { kind = "linear", peak = 0.1, from = 1.0, to = 0.0 }
"#;

#[test]
fn accelerate_steps_a_schedule_as_often_as_there_are_workers_and_the_others_once() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let workers = golden["workers"].as_u64().unwrap();
    let clock = Clock { updates: golden["updates"].as_u64().unwrap(), updates_per_epoch: 12 };
    let experiment = Experiment::parse(LINEAR, "a.toml").unwrap();
    let curve = experiment.runs[0].lr.resolve(clock).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let times = if case["framework"] == "accelerate" { workers } else { 1 };
        let rates: Vec<f64> = serde_json::from_value(case["rates"].clone()).unwrap();
        for (update, rate) in (0..).zip(rates) {
            let tick = update * times;
            let ours = if tick < clock.updates { curve.at(tick) } else { 0.0 };
            assert!((rate - ours).abs() < 1e-12, "{} {update}: {rate} {ours}", case["framework"]);
        }
    }
}
