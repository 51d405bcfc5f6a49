//! One trial that is done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lineage::Lineage;
use super::space::Chosen;
use crate::experiment::sweep::Objective;

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Complete,
    /// Given up early.
    Pruned,
    /// The loss of a seed became NaN or infinite.
    Diverged,
    /// It could not be trained at all.
    Failed,
}

/// A trial that is being trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    pub trial: usize,
    pub values: Chosen,
    /// As a trial's; of a member of a population its validation losses.
    pub losses: Vec<(u64, f32)>,
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub trial: usize,
    pub values: Chosen,
    pub status: Status,
    /// Updates that each seed made.
    pub updates: u64,
    /// The mean over the seeds of each objective; nothing where a seed has none.
    pub objectives: Vec<Option<f64>>,
    /// The objectives of each seed, seed after seed.
    pub seeds: Vec<Vec<Option<f64>>>,
    /// How bad it looked on the way, by steps of the run, where trials are pruned.
    pub curve: Vec<(u64, f64)>,
    /// The mean training loss of equal stretches of the run, by steps of it, over all seeds.
    pub losses: Vec<(u64, f32)>,
    /// Of a member of a population, how its weights were trained.
    pub lineage: Option<Box<Lineage>>,
}

impl Trial {
    /// How bad it is, lower is better; what has no value is infinitely bad.
    pub fn badness(&self, objectives: &[Objective]) -> f64 {
        let value =
            if self.status == Status::Complete { self.objectives.first().copied().flatten() } else { None };
        let sign = if objectives.first().is_some_and(|first| first.is_maximised()) { -1.0 } else { 1.0 };
        value.map_or(f64::INFINITY, |value| sign * value)
    }

    /// The line of `trials.jsonl`.
    pub fn as_json(&self) -> Value {
        let objective = match self.objectives.as_slice() {
            [one] => number(*one),
            several if several.iter().any(Option::is_none) => Value::Null,
            several => several.iter().map(|value| number(*value)).collect(),
        };
        let mut line = Map::new();
        line.insert("trial".into(), self.trial.into());
        line.insert("values".into(), values(&self.values));
        line.insert("seeds".into(), self.seeds.len().into());
        line.insert("objective".into(), objective);
        line.insert("status".into(), serde_json::to_value(self.status).unwrap_or_default());
        line.insert("updates".into(), self.updates.into());
        if let Some(lineage) = &self.lineage {
            line.insert("lineage".into(), serde_json::to_value(&lineage.hands).unwrap_or_default());
        }
        Value::Object(line)
    }
}

/// Values by their paths.
pub fn values(chosen: &Chosen) -> Value {
    let pair = |(path, value): &(String, toml::Value)| {
        (path.clone(), serde_json::to_value(value).unwrap_or_default())
    };
    Value::Object(chosen.iter().map(pair).collect())
}

fn number(value: Option<f64>) -> Value {
    value.map_or(Value::Null, Value::from)
}
