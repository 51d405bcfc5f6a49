//! An experiment with other values at dotted paths, such as `lr.peak` or `data.batch_size`.
//!
//! The values are put into the experiment's own text and read back, so that a variant is held to everything a
//! file is held to, whatever fields there will be.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::FileError;
use super::{Experiment, OptimizerKind};
use crate::schedule::{Clock, Schedule};

/// The sections of an experiment that a path may begin with; any other path is the run's.
const SECTIONS: [&str; 3] = ["data", "model", "train"];
/// What every kind of schedule has.
const MODIFIERS: [&str; 4] = ["tick", "warmup", "cooldown", "clamp"];

/// One run of an experiment, whose values can be replaced.
#[derive(Clone, Debug)]
pub struct Base {
    /// The experiment with this run alone.
    experiment: Experiment,
    table: Table,
    origin: PathBuf,
    clock: Clock,
}

/// Why there is no such variant.
#[derive(Debug, thiserror::Error)]
pub enum VaryError {
    #[error("{path}: found {found}, allowed: {allowed}")]
    Value { path: String, found: String, allowed: String },
    #[error(transparent)]
    File(#[from] FileError),
}

impl Base {
    /// The run of this name. `origin` is the experiment's file, beside which others that it names are looked for;
    /// `clock` tells schedules that are filled in how long the run is.
    pub fn new(experiment: &Experiment, run: &str, origin: &Path, clock: Clock) -> Option<Self> {
        let run = experiment.runs.iter().find(|other| other.name == run)?.clone();
        let experiment = Experiment { runs: vec![run], sweep: None, snapshots: None, ..experiment.clone() };
        let table = experiment.to_toml().parse().ok()?;
        Some(Self { experiment, table, origin: origin.to_owned(), clock })
    }

    /// The experiment with this run alone.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The experiment with these values: kinds first, then the other fields, which the kinds must have.
    ///
    /// # Errors
    /// When a path names nothing, or a value cannot be there.
    pub fn with(&self, values: &[(&str, &Value)]) -> Result<Experiment, VaryError> {
        let mut table = match self.kinds(values)? {
            None => self.table.clone(),
            Some(experiment) => {
                experiment.to_toml().parse().map_err(|error: toml::de::Error| VaryError::Value {
                    path: "lr.kind".into(),
                    found: error.message().to_owned(),
                    allowed: "a kind that can be written down".into(),
                })?
            }
        };
        // What takes a warmup or cooldown away comes last: it may be varied in several numbers.
        let mut fields: Vec<_> = values.iter().filter(|(path, _)| !is_kind(path)).collect();
        fields.sort_by_key(|(_, value)| is_nothing(value));
        for &&(path, value) in &fields {
            set(&mut table, path, value)?;
        }
        Ok(Experiment::parse(&table.to_string(), &self.origin)?)
    }

    /// The value that the experiment has at a path, if its text says it.
    pub fn value(&self, path: &str) -> Option<Value> {
        let mut at = self.root(path)?;
        for step in steps(path) {
            at = match at {
                Value::Table(table) => table.get(step)?,
                Value::Array(items) => items.get(position(items, step)?)?,
                _ => return None,
            };
        }
        Some(at.clone())
    }

    /// What is filled in where the run's schedule gets another kind, in the file's words.
    pub fn filled(&self, kind: &str) -> Option<Vec<(&'static str, String)>> {
        let switched = self.run().switched(kind, self.clock)?;
        let said = |(name, value): (&'static str, crate::schedule::kind::Value)| {
            super::write::value(&value).map(|value| (name, value))
        };
        Some(switched.filled.into_iter().filter_map(said).collect())
    }

    fn run(&self) -> &Schedule {
        &self.experiment.runs[0].lr
    }

    /// The experiment under the kinds that are among the values, or `None` where there are none.
    fn kinds(&self, values: &[(&str, &Value)]) -> Result<Option<Experiment>, VaryError> {
        let mut changed = None;
        for &(path, value) in values.iter().filter(|(path, _)| is_kind(path)) {
            let refused = |allowed: &str| VaryError::Value {
                path: path.to_owned(),
                found: value.to_string(),
                allowed: allowed.to_owned(),
            };
            let experiment = changed.get_or_insert_with(|| self.experiment.clone());
            let run = &mut experiment.runs[0];
            let name = value.as_str().unwrap_or_default();
            if path == "lr.kind" {
                let switched = run.lr.switched(name, self.clock);
                let why =
                    "a kind of schedule that can be filled in: not points, table, sequence, product or noam";
                run.lr = switched.ok_or_else(|| refused(why))?.schedule;
            } else {
                let kind = OptimizerKind::ALL.iter().find(|(known, _)| *known == name);
                let (_, kind) = kind.ok_or_else(|| refused("the name of an optimizer"))?;
                run.optimizer = run.optimizer.converted(*kind);
            }
        }
        Ok(changed)
    }

    fn root(&self, path: &str) -> Option<&Value> {
        match path.split('.').next() {
            Some(section) if SECTIONS.contains(&section) => self.table.get(section),
            _ => self.table.get("run")?.as_array()?.first(),
        }
    }
}

/// Puts a value at its path.
fn set(table: &mut Table, path: &str, value: &Value) -> Result<(), VaryError> {
    let wrong = |allowed: &str| VaryError::Value {
        path: path.to_owned(),
        found: "a path that leads nowhere".into(),
        allowed: allowed.to_owned(),
    };
    let steps: Vec<&str> = steps(path).collect();
    let (Some((last, way)), false) = (steps.split_last(), steps.contains(&"")) else {
        return Err(wrong("the dotted path of a field, such as lr.peak"));
    };
    let mut at = match path.split('.').next() {
        Some(section) if SECTIONS.contains(&section) => {
            table.entry(section).or_insert_with(|| Value::Table(Table::new()))
        }
        _ => match table.get_mut("run").and_then(Value::as_array_mut).and_then(|runs| runs.first_mut()) {
            Some(run) => run,
            None => return Err(wrong("a run to change")),
        },
    };
    // A climb or fall of no length is none.
    if let ([.., modifier @ ("warmup" | "cooldown")], "over", true) = (way, *last, is_nothing(value)) {
        for step in &way[..way.len() - 1] {
            at = enter(at, step).ok_or_else(|| wrong("a field inside a table or a list"))?;
        }
        if let Some(table) = at.as_table_mut() {
            table.remove(*modifier);
        }
        return Ok(());
    }
    for step in way {
        at = enter(at, step).ok_or_else(|| wrong("a field inside a table or a list"))?;
    }
    match at {
        Value::Table(table) => {
            table.insert((*last).to_owned(), value.clone());
        }
        Value::Array(items) => {
            let at = position(items, last).ok_or_else(|| wrong("a place in the list, counted from 0"))?;
            items[at] = value.clone();
        }
        _ => return Err(wrong("a field inside a table or a list")),
    }
    Ok(())
}

/// Whether the kinds `lr` or `optimizer` of an experiment have the field of this path; anything else counts as had.
pub fn has_field(experiment: &Experiment, path: &str) -> bool {
    let mut steps = path.split('.');
    let (Some(first), Some(second), Some(run)) = (steps.next(), steps.next(), experiment.runs.first()) else {
        return true;
    };
    match first {
        "lr" => second == "kind" || MODIFIERS.contains(&second) || run.lr.kind.get(second).is_some(),
        "optimizer" => {
            let is_option = run.optimizer.kind.options().iter().any(|option| option.name == second);
            second == "kind" || is_option || run.optimizer.get(second).is_some()
        }
        _ => true,
    }
}

/// Paths that decide which other paths there are.
pub fn is_kind(path: &str) -> bool {
    matches!(path, "lr.kind" | "optimizer.kind")
}

/// Whether a path is that of a seed.
pub fn is_seed(path: &str) -> bool {
    path.rsplit('.').next() == Some("seed")
}

/// The steps below the section that a path begins with, or below the run.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let skipped = usize::from(path.split('.').next().is_some_and(|first| SECTIONS.contains(&first)));
    path.split('.').skip(skipped)
}

/// What is at a step; a table that is not there yet begins.
fn enter<'t>(at: &'t mut Value, step: &str) -> Option<&'t mut Value> {
    match at {
        Value::Table(table) => Some(table.entry(step).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(items) => {
            let at = position(items, step)?;
            items.get_mut(at)
        }
        _ => None,
    }
}

/// An entry of a list, by its number from 0, by its name or, of a group, by what it matches.
fn position(items: &[Value], step: &str) -> Option<usize> {
    let is = |item: &Value, field: &str| item.get(field).and_then(Value::as_str) == Some(step);
    let named = |item: &Value| is(item, "name") || is(item, "match");
    let number = step.parse().ok().filter(|at| *at < items.len());
    number.or_else(|| items.iter().position(named))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Integer(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::String(text) => text.trim_end_matches("ep").trim_end_matches('%').trim().parse() == Ok(0.0),
        _ => false,
    }
}
