//! What a lesson measures of a run, and how it is got: trainings that several measures share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::{Table, Value};

use super::error::LessonError;
use super::forecast;
use super::history::Histories;
use super::quantity::{Measure, Quantity};
use crate::analysis::statistics;
use crate::experiment::{Experiment, FileError};
use crate::train::TrainError;

/// Steps in which a cohort's progress is told.
const PARTS: u64 = 1000;

/// A run of a lesson's experiment with fields set, and the measures that are of it.
struct Wanted<'a> {
    name: &'a str,
    measure: &'a Measure,
    run: Table,
}

/// Trains what a lesson's measures need under `seeds` seeds; the values of each, one a seed. `report` hears of updates
/// done and to do, and can end it. Data of one's own lie in `folder`.
///
/// # Errors
/// When an experiment with its fields set cannot be trained.
pub fn take(
    experiment: &Table,
    folder: &Path,
    measures: &BTreeMap<String, Measure>,
    seeds: usize,
    pool: &Arc<rayon::ThreadPool>,
    report: &dyn Fn(u64, u64) -> Result<(), TrainError>,
) -> Result<BTreeMap<String, Vec<f64>>, LessonError> {
    // Measures whose experiments differ in no more than their runs train as one cohort.
    let mut cohorts: Vec<(Table, Vec<Wanted<'_>>)> = Vec::new();
    for (name, measure) in measures {
        let (mut whole, mut own) = (experiment.clone(), run_of(experiment, &measure.run));
        for (path, value) in &measure.set {
            let first = path.split('.').next().unwrap_or_default();
            let of_the_experiment = matches!(first, "data" | "model" | "train" | "snapshots");
            set(if of_the_experiment { &mut whole } else { &mut own }, path, value.clone());
        }
        set(&mut whole, "train.replicas", Value::Integer(seeds as i64));
        let runs = combinations(&measure.best_of).into_iter().map(|values| {
            let mut run = own.clone();
            values.into_iter().for_each(|(path, value)| set(&mut run, path, value.clone()));
            Wanted { name, measure, run }
        });
        match cohorts.iter_mut().find(|(other, _)| *other == whole) {
            Some((_, wanted)) => wanted.extend(runs),
            None => cohorts.push((whole, runs.collect())),
        }
    }
    let mut tried: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    let count = cohorts.len() as u64;
    for (at, (whole, wanted)) in (0..).zip(cohorts) {
        // Each cohort counts alike: their lengths are not known before their data are read.
        let report = |done: u64, total: u64| report(at * PARTS + PARTS * done / total.max(1), count * PARTS);
        for (name, values) in train(whole, folder, &wanted, seeds, pool, &report)? {
            tried.entry(name.to_owned()).or_default().push(values);
        }
    }
    Ok(tried.into_iter().map(|(name, tries)| (name.clone(), best(tries, measures[&name].of))).collect())
}

/// The try whose mean is best.
fn best(tries: Vec<Vec<f64>>, of: Quantity) -> Vec<f64> {
    let worth = |values: &Vec<f64>| {
        let mean = statistics::mean(values).filter(|mean| mean.is_finite());
        let mean = if of.climbs() { mean } else { mean.map(|mean| -mean) };
        mean.unwrap_or(f64::NEG_INFINITY)
    };
    tries.into_iter().max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or_default()
}

/// Trains one experiment with all these runs; the values of each run's measure.
fn train<'a>(
    mut whole: Table,
    folder: &Path,
    wanted: &[Wanted<'a>],
    seeds: usize,
    pool: &Arc<rayon::ThreadPool>,
    report: &dyn Fn(u64, u64) -> Result<(), TrainError>,
) -> Result<Vec<(&'a str, Vec<f64>)>, LessonError> {
    // One training for runs that are the same but for what is measured of them.
    let mut runs: Vec<&Table> = Vec::new();
    let places: Vec<usize> = wanted
        .iter()
        .map(|wanted| {
            runs.iter().position(|run| **run == wanted.run).unwrap_or_else(|| {
                runs.push(&wanted.run);
                runs.len() - 1
            })
        })
        .collect();
    let named = |(at, run): (usize, &&Table)| {
        let mut run = (*run).clone();
        run.insert("name".into(), Value::String(format!("run {at}")));
        Value::Table(run)
    };
    whole.insert("run".into(), Value::Array(runs.iter().enumerate().map(named).collect()));
    let experiment = read_experiment(&whole, folder)?;
    let lanes = |place: usize| place * seeds..(place + 1) * seeds;
    let looks =
        wanted.iter().zip(&places).filter(|(wanted, _)| wanted.measure.of == Quantity::CriticalOverLimit);
    let looks = looks.flat_map(|(wanted, place)| lanes(*place).map(move |lane| (lane, wanted.measure)));
    let looks: Vec<_> = looks.collect();
    let mut history = Histories::train(experiment.clone(), &looks, pool, report)?;
    wanted
        .iter()
        .zip(places)
        .map(|(wanted, place)| {
            let values = if wanted.measure.of == Quantity::ForecastMiss {
                forecast::misses(&experiment, place, pool)?
            } else {
                lanes(place).map(|lane| history.value(lane, wanted.measure)).collect::<Result<_, _>>()?
            };
            Ok((wanted.name, values))
        })
        .collect()
}

/// The table of the run of this name, which is known to be there.
fn run_of(experiment: &Table, name: &str) -> Table {
    let runs = experiment.get("run").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let found = runs
        .iter()
        .filter_map(Value::as_table)
        .find(|run| run.get("name").and_then(Value::as_str) == Some(name));
    found.cloned().unwrap_or_default()
}

/// Sets a field by its dotted path, making the tables on the way.
fn set(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Every choice of one value for each path.
fn combinations(of: &BTreeMap<String, Vec<Value>>) -> Vec<Vec<(&str, &Value)>> {
    of.iter().fold(vec![Vec::new()], |found, (path, values)| {
        let extended = |before: &Vec<_>| {
            let before = before.clone();
            values.iter().map(move |value| [before.clone(), vec![(path.as_str(), value)]].concat())
        };
        found.iter().flat_map(extended).collect()
    })
}

/// The experiment that a table says; data of one's own are looked for from a folder.
pub(super) fn read_experiment(table: &Table, folder: &Path) -> Result<Experiment, FileError> {
    Experiment::parse_at(&table.to_string(), &folder.join("lesson"))
}
