//! Any table whose columns of steps, rates or losses can be told by their names, and lists of rates without names.

use super::header::Header;
use super::reader::{Column, TableReader};
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::number;
use crate::recording::role::{self, Role};
use crate::recording::rows::is_step;
use crate::recording::series::Tick;
use crate::telemetry::Column as Measure;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    if !header.is_named {
        let numbers = (0..header.first.len()).all(|at| header.is_number(at));
        return match header.first.len() {
            1 if numbers => Some(Evidence::new(15, "a number a line")),
            2 if numbers => Some(Evidence::new(15, "two numbers a line")),
            3 if is_mlflow(header) => {
                Some(Evidence::new(60, "a time in milliseconds, a value and a step a line"))
            }
            _ => None,
        };
    }
    let measured = header.names.iter().enumerate().find(|(_, name)| {
        matches!(
            role::of(name).role,
            Role::Main(Measure::Lr | Measure::TrainLoss | Measure::ValLoss | Measure::ValAccuracy)
        )
    });
    let counted = header.names.iter().find(|name| is_step(name) || role::of(name).role == Role::Epoch);
    let (at, measured) = measured?;
    // A line of a program is no list of names.
    let is_name = |c: char| c.is_alphanumeric() || "_-/.:@ ()%".contains(c);
    if !header.names.iter().all(|name| name.chars().all(is_name)) {
        return None;
    }
    let below = header.first.get(at).is_none_or(|cell| cell.is_empty() || header.is_number(at));
    match (counted, below) {
        (Some(counted), true) => Some(Evidence::new(55, format!("columns `{counted}` and `{measured}`"))),
        (Some(counted), false) => Some(Evidence::new(30, format!("columns `{counted}` and `{measured}`"))),
        (None, true) if !header.first.is_empty() => Some(Evidence::new(40, format!("a column `{measured}`"))),
        (None, _) => None,
    }
}

/// Whether a line is one of MLflow's files of a metric: milliseconds since 1970, the value, the step.
fn is_mlflow(header: &Header) -> bool {
    let number = |at: usize| header.first.get(at).and_then(|cell| number::parse(cell.as_bytes()));
    let [Some(time), Some(_), Some(step)] = [0, 1, 2].map(number) else { return false };
    !header.is_named
        && header.first.len() == 3
        && time >= 1e12
        && time.fract() == 0.0
        && number::tick(step).is_some()
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    let header = head.header()?;
    if is_mlflow(header) {
        // MLflow names the file after what it holds.
        let name = if head.name() == "text" { "Value" } else { head.name() };
        let columns = ["timestamp", name, "step"].map(|name| Column::Series(name.to_owned()));
        return Some(Box::new(TableReader::new(header, columns.to_vec(), Some(Tick::Update))));
    }
    if !header.is_named {
        let names: &[&str] = if header.names.len() == 1 { &["lr"] } else { &["step", "lr"] };
        let columns = names.iter().map(|name| Column::Series((*name).to_owned())).collect();
        let tick = if names.len() == 1 { Tick::Row } else { Tick::Update };
        return Some(Box::new(TableReader::new(header, columns, Some(tick))));
    }
    let columns = header.names.iter().map(|name| match name.to_lowercase().as_str() {
        "run" | "run_name" | "run name" => Column::Run,
        "replica" => Column::Replica,
        _ => Column::Series(name.clone()),
    });
    Some(Box::new(TableReader::new(header, columns.collect(), None)))
}
