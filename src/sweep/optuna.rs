//! Trials in the format of Optuna's journal storage, so that Optuna and its dashboard read a sweep.
//!
//! A line is one operation. A study is created once; every trial is created finished, by one line.

use serde_json::{Map, Value, json};

use super::trial::{Status, Trial};
use crate::experiment::Sweep;
use crate::experiment::sweep::{Axis, Unit, Values};

const CREATE_STUDY: u8 = 0;
const SET_STUDY_USER_ATTR: u8 = 2;
const CREATE_TRIAL: u8 = 4;
const COMPLETE: u8 = 1;
const PRUNED: u8 = 2;
const FAIL: u8 = 3;
const MINIMIZE: u8 = 1;
const MAXIMIZE: u8 = 2;
/// Who writes; Optuna asks this of every line.
const WORKER: &str = "anneal";

/// The lines before the first trial.
pub fn study(name: &str, sweep: &Sweep) -> Vec<Value> {
    let direction = |is_maximised| if is_maximised { MAXIMIZE } else { MINIMIZE };
    let directions: Vec<u8> =
        sweep.objectives.iter().map(|objective| direction(objective.is_maximised())).collect();
    let mut lines = vec![json!({
        "op_code": CREATE_STUDY, "worker_id": WORKER, "study_name": name, "directions": directions,
    })];
    let names: Vec<String> = sweep.objectives.iter().map(|objective| objective.name()).collect();
    let mut attribute = |key: &str, value: Value| {
        lines.push(json!({
            "op_code": SET_STUDY_USER_ATTR, "worker_id": WORKER, "study_id": 0, "user_attr": { key: value },
        }));
    };
    attribute("run", sweep.run.as_str().into());
    attribute("objective", names.join(", ").into());
    let units: Map<String, Value> = sweep.over.iter().filter_map(unit).collect();
    if !units.is_empty() {
        attribute("units", Value::Object(units));
    }
    lines
}

/// The unit of an axis of spans, whose numbers Optuna sees without it.
fn unit(axis: &Axis) -> Option<(String, Value)> {
    let Values::Range(range) = &axis.values else { return None };
    let unit = match range.unit {
        Unit::Number | Unit::Whole => return None,
        Unit::Updates => "updates",
        Unit::Epochs => "epochs",
        Unit::Percent => "percent of the run",
    };
    Some((axis.path.clone(), unit.into()))
}

/// The line of a trial that is done.
pub fn trial(trial: &Trial, sweep: &Sweep) -> Value {
    let mut distributions = Map::new();
    let mut params = Map::new();
    for (path, value) in &trial.values {
        let Some(axis) = sweep.over.iter().find(|axis| axis.path == *path) else { continue };
        let (distribution, number) = parameter(&axis.values, value);
        // Optuna wants a distribution as a text of JSON.
        distributions.insert(path.clone(), distribution.to_string().into());
        params.insert(path.clone(), number.into());
    }
    let known: Option<Vec<f64>> = trial.objectives.iter().copied().collect();
    let (state, known) = match (trial.status, known) {
        (Status::Complete, Some(known)) => (COMPLETE, Some(known)),
        (Status::Pruned, _) => (PRUNED, None),
        _ => (FAIL, None),
    };
    let (value, values) = match known.as_deref() {
        Some([one]) => (json!(one), Value::Null),
        Some(several) => (Value::Null, json!(several)),
        None => (Value::Null, Value::Null),
    };
    let sign = if sweep.objectives.first().is_some_and(|first| first.is_maximised()) { -1.0 } else { 1.0 };
    let curve = trial.curve.iter().filter(|(_, badness)| badness.is_finite());
    let curve: Map<String, Value> =
        curve.map(|(step, badness)| (step.to_string(), json!(sign * badness))).collect();
    json!({
        "op_code": CREATE_TRIAL, "worker_id": WORKER, "study_id": 0, "datetime_start": null,
        "state": state, "value": value, "values": values, "distributions": distributions, "params": params,
        "user_attrs": { "trial": trial.trial, "status": trial.status, "updates": trial.updates },
        "system_attrs": {}, "intermediate_values": curve,
    })
}

/// A parameter's distribution and its value, in Optuna's inner numbers: a choice is its position.
fn parameter(values: &Values, value: &toml::Value) -> (Value, f64) {
    match values {
        Values::Range(range) => {
            let number = range.number_of(value).unwrap_or(range.from);
            let (low, high, log) = (range.from, range.to, range.log);
            let distribution = match range.unit {
                Unit::Whole => {
                    let attributes = json!({ "log": log, "step": 1, "low": low as i64, "high": high as i64 });
                    json!({ "name": "IntDistribution", "attributes": attributes })
                }
                _ => {
                    let attributes = json!({ "step": null, "low": low, "high": high, "log": log });
                    json!({ "name": "FloatDistribution", "attributes": attributes })
                }
            };
            (distribution, number)
        }
        Values::Choices(choices) => {
            let at = choices.iter().position(|choice| choice == value).unwrap_or(0);
            let plain = |choice: &toml::Value| match choice {
                toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => {
                    Value::String(choice.to_string())
                }
                other => serde_json::to_value(other).unwrap_or_default(),
            };
            let choices: Vec<Value> = choices.iter().map(plain).collect();
            (json!({ "name": "CategoricalDistribution", "attributes": { "choices": choices } }), at as f64)
        }
    }
}
