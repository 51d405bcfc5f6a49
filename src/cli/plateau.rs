//! `anneal plateau`: what a run's controller would have made of a metric that was logged.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{Failure, output, read};
use crate::experiment::names::name_of;
use crate::experiment::{Controller, Experiment, Metric, Run};
use crate::files;
use crate::recording::{Recorder, Recording, Role, Tick};
use crate::schedule::controller::Change;
use crate::telemetry::Column;
use crate::train::control::Control;
use crate::train::task::{self, Task};

/// The largest table that is read by a column's name alone.
const MAX_BYTES: u64 = 64 << 20;

/// What `anneal plateau` is given.
#[derive(Args)]
pub struct Arguments {
    /// The experiment; its run has a `plateau` or a `greedy` rule.
    file: PathBuf,
    /// The log of the metric, a row a report.
    #[arg(long, value_name = "LOG")]
    metric: PathBuf,
    /// The metric's name in the log, where it is not the rule's own.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The run whose rule is asked.
    #[arg(long)]
    run: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A metric as it was logged.
struct Logged {
    name: String,
    tick: Tick,
    /// The place in the log, and the metric there.
    reports: Vec<(u64, f64)>,
}

/// What a report led to.
struct Row {
    at: u64,
    metric: f64,
    /// The rate that follows the report.
    rate: f64,
    change: Option<Change>,
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    let experiment = read(&args.file)?;
    let run = chosen(&experiment, args.run.as_deref())?;
    let bad = |text: String| Failure::BadFile(anyhow!(text));
    let mut control = Control::of(run).map_err(|error| Failure::BadFile(error.into()))?;
    let (Some(control), Some(metric)) = (&mut control, control_metric(run)) else {
        return Err(bad(format!(
            "run \"{}\" has no rule that watches a metric: give it a `plateau`",
            run.name
        )));
    };
    let logged = logged(&args.metric, metric, args.column.as_deref())?;
    let task = Task::new(&experiment, task::prepare(&experiment)?)?;
    let curve = run.lr.resolve(task.clock).map_err(|error| Failure::BadFile(error.into()))?;
    let per_tick = if logged.tick == Tick::Update { 1 } else { task.clock.updates_per_epoch.max(1) };
    let rows: Vec<Row> = logged
        .reports
        .iter()
        .map(|(at, metric)| {
            // A report comes at the end of its epoch, and multiplies what follows.
            let next = at.saturating_add(1).saturating_mul(per_tick);
            let change = control.report(*metric, curve.at(next.saturating_sub(1)));
            Row { at: *at, metric: *metric, rate: control.rate(curve.at(next)), change }
        })
        .collect();
    if rows.is_empty() {
        return Err(bad(format!("{}: no value of {}", args.metric.display(), logged.name)));
    }
    let first = curve.at(0);
    let text =
        if args.json { as_json(run, &logged, &rows, first)? } else { page(run, &logged, &rows, first) };
    Ok(output::print(&text)?)
}

/// The run of this name, or the only one with a rule that watches a metric.
fn chosen<'e>(experiment: &'e Experiment, name: Option<&str>) -> Result<&'e Run, Failure> {
    let watching: Vec<&Run> = experiment.runs.iter().filter(|run| control_metric(run).is_some()).collect();
    let found = match (name, watching.as_slice()) {
        (Some(name), _) => experiment.runs.iter().find(|run| run.name == name),
        (None, [only]) => Some(*only),
        (None, []) => {
            let why = "no run has a rule that watches a metric: give one a `plateau`";
            return Err(Failure::BadFile(anyhow!(why)));
        }
        (None, _) => None,
    };
    let names = || watching.iter().map(|run| format!("\"{}\"", run.name)).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Failure::BadFile(anyhow!("write --run NAME with one of {}", names())))
}

fn control_metric(run: &Run) -> Option<Metric> {
    Control::of(run).ok().flatten().and_then(|control| control.metric())
}

/// The metric's values in a log.
fn logged(path: &Path, metric: Metric, column: Option<&str>) -> Result<Logged, Failure> {
    let recorder = match Recorder::open(path) {
        Ok(recorder) => recorder,
        // A table that no dialect knows may still have the column that was asked for.
        Err(error) => {
            return by_name(path, column).map_err(|own| {
                let why = own.unwrap_or_else(|| error.to_string());
                Failure::BadFile(anyhow!("{}: {why}", path.display()))
            });
        }
    };
    for sentence in recorder.left_out().sentences() {
        output::say(format!("anneal: {sentence}"));
    }
    let mut recordings = recorder.recordings();
    let Some((name, recording)) = recordings.next() else {
        return Err(Failure::BadFile(anyhow!("{}: nothing is recorded there", path.display())));
    };
    if recordings.next().is_some() {
        output::say(format!("anneal: {} holds several runs; {name} was taken", path.display()));
    }
    of_recording(recording, metric, column)
        .map_err(|why| Failure::BadFile(anyhow!("{}: {why}", path.display())))
}

fn of_recording(recording: &Recording, metric: Metric, column: Option<&str>) -> Result<Logged, String> {
    let own = match metric {
        Metric::TrainLoss => Column::TrainLoss,
        Metric::ValLoss => Column::ValLoss,
        Metric::ValAccuracy => Column::ValAccuracy,
    };
    let measured = || recording.series.iter().filter(|named| named.role != Role::Epoch);
    let found = match column {
        Some(wanted) => measured().find(|named| named.name.eq_ignore_ascii_case(wanted)),
        None => recording.column(own).or_else(|| {
            // One series alone is the one that is meant.
            let mut all = measured();
            all.next().filter(|_| all.next().is_none())
        }),
    };
    let Some(named) = found else {
        let names: Vec<&str> = measured().map(|named| named.name.as_str()).collect();
        let wanted = column.unwrap_or_else(|| name_of(&Metric::ALL, &metric));
        return Err(format!(
            "it has no series {wanted}; write --column NAME with one of {}",
            names.join(", ")
        ));
    };
    if named.points.stride() > 1 {
        return Err(format!("{} has too many values to replay one by one", named.name));
    }
    let reports = named.points.finest().map(|bucket| (bucket.first_update, bucket.first)).collect();
    Ok(Logged { name: named.name.clone(), tick: recording.tick, reports })
}

/// A column of a table, a row a report.
///
/// # Errors
/// What to write instead; nothing where it is no table.
fn by_name(path: &Path, column: Option<&str>) -> Result<Logged, Option<String>> {
    let bytes = files::read(path, MAX_BYTES).map_err(|_| None)?;
    let mut table =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes.as_slice());
    let names: Vec<String> = match table.headers() {
        Ok(names) if names.len() > 1 => names.iter().map(str::to_owned).collect(),
        _ => return Err(None),
    };
    let Some(column) = column else {
        let why = "nothing says which column is the metric; write --column NAME with one of";
        return Err(Some(format!("{why} {}", names.join(", "))));
    };
    let Some(place) = names.iter().position(|name| name.eq_ignore_ascii_case(column)) else {
        return Err(Some(format!(
            "it has no column {column}; write --column NAME with one of {}",
            names.join(", ")
        )));
    };
    let mut reports = Vec::new();
    for (row, record) in table.records().enumerate() {
        let Ok(record) = record else { return Err(Some(format!("row {} is no text", row + 1))) };
        // A row without the metric reports nothing.
        if let Some(value) = record.get(place).and_then(|cell| cell.parse().ok()) {
            reports.push((row as u64, value));
        }
    }
    Ok(Logged { name: column.to_owned(), tick: Tick::Row, reports })
}

fn as_json(run: &Run, logged: &Logged, rows: &[Row], first: f64) -> Result<String, Failure> {
    let finite = |value: f64| value.is_finite().then_some(value);
    let listed: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let change = row.change.map(|change| json!({ "from": change.from, "to": change.to }));
            json!({ "at": row.at, "metric": finite(row.metric), "rate": row.rate, "change": change })
        })
        .collect();
    let whole = json!({
        "run": run.name,
        "rule": run.controller.as_ref().map(Controller::name),
        "metric": logged.name,
        "counts": logged.tick.plural(),
        "first_rate": first,
        "changes": rows.iter().filter(|row| row.change.is_some()).count(),
        "rows": listed,
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

fn page(run: &Run, logged: &Logged, rows: &[Row], first: f64) -> String {
    let rule = run.controller.as_ref().map_or("", Controller::name);
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ =
        writeln!(text, "run \"{}\": its {rule} rule over {}; it begins at {first:?}", run.name, logged.name);
    let _ = writeln!(text, "{:>9}  {:>13}  {:>13}  then", logged.tick.singular(), "metric", "rate");
    for row in rows {
        let then =
            row.change.map_or_else(String::new, |change| format!("{:?} → {:?}", change.from, change.to));
        let line = format!("{:>9}  {:>13.6e}  {:>13.6e}  {then}", row.at, row.metric, row.rate);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
