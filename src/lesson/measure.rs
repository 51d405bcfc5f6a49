//! What a lesson measures of a run, and how it is got: trainings that several measures share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use toml::{Table, Value};

use super::error::LessonError;
use crate::analysis::ensemble::Workbench;
use crate::analysis::sharpness::{self, Objective, Sharpness};
use crate::analysis::{side_training, statistics};
use crate::experiment::{Experiment, FileError};
use crate::schedule::Span;
use crate::telemetry::{GroupColumn, Row, Validation};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::lane::Lane;
use crate::train::task::{self, Task};

/// Steps in which a cohort's progress is told.
const PARTS: u64 = 1000;

/// A number of one run, one a seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub run: String,
    pub of: Quantity,
    #[serde(default)]
    pub when: When,
    /// The phase of the data whose held-out samples are meant, by name, of `val_accuracy` and `val_loss`; the whole data set
    /// when not given.
    pub phase: Option<String>,
    /// The stretch that `mean`, `most` and `least` look at; the whole run when not given.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Fields of the experiment (`train.weights`) or of the run (`lr.peak`) that are set for this measure.
    #[serde(default)]
    pub set: Table,
    /// Fields of the run, and values to try: the measure is of the best, by the mean over the seeds.
    #[serde(default)]
    pub best_of: BTreeMap<String, Vec<Value>>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    ValAccuracy,
    ValLoss,
    TrainLoss,
    GradNorm,
    /// How often the rate changed from one update to the next.
    RateChanges,
    /// The sharpness at the end, as a share of what the last rate and momentum allow.
    SharpnessOverLimit,
    /// Of the snapshots that were kept, as an ensemble.
    EnsembleAccuracy,
    EnsembleLoss,
    /// Of the average of the snapshots.
    SwaAccuracy,
    SwaLoss,
}

impl Quantity {
    /// Whether more is better.
    fn climbs(self) -> bool {
        matches!(self, Self::ValAccuracy | Self::EnsembleAccuracy | Self::SwaAccuracy)
    }
}

/// Which of a quantity's values.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum When {
    #[default]
    End,
    Best,
    Mean,
    Most,
}

/// A run of a lesson's experiment with fields set, and the measures that are of it.
struct Wanted<'a> {
    name: &'a str,
    measure: &'a Measure,
    run: Table,
}

/// Trains what the measures need under `seeds` seeds; the values of each, one a seed. `report` hears of updates
/// done and to do, and can end it.
///
/// # Errors
/// When an experiment with its fields set cannot be trained.
pub fn take(
    experiment: &Table,
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
        for (name, values) in train(whole, &wanted, seeds, pool, &report)? {
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
    let experiment = read_experiment(&whole, "lesson")?;
    let mut history = Histories::train(experiment, pool, report)?;
    wanted
        .iter()
        .zip(places)
        .map(|(wanted, place)| {
            let lanes = place * seeds..(place + 1) * seeds;
            let values = lanes.map(|lane| history.value(lane, wanted.measure)).collect::<Result<_, _>>()?;
            Ok((wanted.name, values))
        })
        .collect()
}

/// A finished cohort and everything that was measured of it.
struct Histories {
    cohort: Cohort,
    experiment: Experiment,
    rows: Vec<Vec<Row>>,
    validations: Vec<Vec<Validation>>,
}

impl Histories {
    fn train(
        experiment: Experiment,
        pool: &Arc<rayon::ThreadPool>,
        report: &dyn Fn(u64, u64) -> Result<(), TrainError>,
    ) -> Result<Self, TrainError> {
        let prepared = task::prepare(&experiment)?;
        let mut cohort = side_training::cohort(experiment.clone(), &prepared, pool)?;
        let lanes = cohort.lanes().len();
        let (mut rows, mut validations) = (vec![Vec::new(); lanes], vec![Vec::new(); lanes]);
        side_training::train(&mut cohort, report, |cohort| {
            for (at, lane) in cohort.lanes().iter().enumerate() {
                rows[at].extend_from_slice(&lane.log.rows);
                validations[at].extend(lane.log.validations());
            }
        })?;
        Ok(Self { cohort, experiment, rows, validations })
    }

    fn value(&mut self, at: usize, measure: &Measure) -> Result<f64, TrainError> {
        let clock = self.cohort.task().clock;
        let position = |text: &Option<String>, otherwise: u64| {
            text.as_ref()
                .and_then(|text| Span::parse_position(text).ok())
                .map_or(otherwise, |span| span.updates(clock).round() as u64)
        };
        let window = position(&measure.from, 0)..position(&measure.to, clock.updates);
        let of_rows = |number: fn(&Row) -> f64| {
            let values = self.rows[at].iter().filter(|row| window.contains(&row.update)).map(number);
            choose(values, measure.when, measure.of)
        };
        let of_validations = |number: fn(&Validation) -> f64| {
            let values = self.validations[at].iter().filter(|row| window.contains(&row.update)).map(number);
            choose(values, measure.when, measure.of)
        };
        let absent = f64::NAN;
        let phases = &self.experiment.data.phases;
        let phase = measure.phase.as_ref();
        let phase =
            phase.map(|name| phases.iter().position(|phase| *phase.name == **name).unwrap_or(phases.len()));
        let column = match measure.of {
            Quantity::ValAccuracy => Some(GroupColumn::ValAccuracy),
            Quantity::ValLoss => Some(GroupColumn::ValLoss),
            _ => None,
        };
        if let Some((phase, column)) = phase.zip(column) {
            let rows = self.rows[at].iter().filter(|row| window.contains(&row.update));
            let values = rows.filter_map(|row| row.groups.get(column, row.groups.len() + phase));
            return Ok(choose(values, measure.when, measure.of));
        }
        Ok(match measure.of {
            Quantity::TrainLoss => of_rows(|row| row.train_loss.into()),
            Quantity::GradNorm => of_rows(|row| row.grad_norm.into()),
            Quantity::ValLoss => of_validations(|validation| validation.loss.into()),
            Quantity::ValAccuracy => {
                of_validations(|validation| validation.accuracy.map_or(f64::NAN, Into::into))
            }
            Quantity::RateChanges => {
                self.rows[at].windows(2).filter(|pair| pair[0].lr != pair[1].lr).count() as f64
            }
            Quantity::SharpnessOverLimit => self.sharpness(at)?,
            Quantity::EnsembleAccuracy => self.ensemble(at).map_or(absent, |(_, accuracy)| accuracy),
            Quantity::EnsembleLoss => self.ensemble(at).map_or(absent, |(loss, _)| loss),
            Quantity::SwaAccuracy => self.average(at).map_or(absent, |(_, accuracy)| accuracy),
            Quantity::SwaLoss => self.average(at).map_or(absent, |(loss, _)| loss),
        })
    }

    fn lane(&self, at: usize) -> &Lane {
        &self.cohort.lanes()[at]
    }

    fn sharpness(&self, at: usize) -> Result<f64, TrainError> {
        let (lane, task) = (self.lane(at), self.cohort.task());
        let weights = self.cohort.weights(lane.id)?.unwrap_or_default();
        let mut objective = Objective::new(task, None);
        let found = Sharpness::new(weights.len(), 0).estimate(&mut objective, &weights, 1e-3, 200).sharpness;
        let last = self.rows[at].last();
        let (rate, momentum) = last.map_or((f64::NAN, 0.0), |row| (row.lr, row.momentum));
        Ok(found / sharpness::limit(rate, momentum))
    }

    /// The loss and accuracy of weights that were kept: the snapshots' ensemble.
    fn ensemble(&self, at: usize) -> Option<(f64, f64)> {
        let mut bench = self.bench()?;
        let kept = self.lane(at).keeper.as_ref()?.kept();
        let chosen = kept.snapshots.iter().map(|snapshot| bench.add("", None, &snapshot.weights));
        let chosen: Vec<usize> = chosen.collect::<Result<_, _>>().ok()?;
        let measures = bench.ensemble(&chosen).ok()?;
        Some((measures.nll.unwrap_or(measures.loss), measures.accuracy?))
    }

    /// The same of the snapshots' average.
    fn average(&self, at: usize) -> Option<(f64, f64)> {
        let mut bench = self.bench()?;
        let weights = self.lane(at).keeper.as_ref()?.kept().swa.as_deref()?;
        let added = bench.add("", None, weights).ok()?;
        let measures = bench.members()[added].measures;
        Some((measures.nll.unwrap_or(measures.loss), measures.accuracy.unwrap_or(f64::NAN)))
    }

    fn bench(&self) -> Option<Workbench> {
        let task = Task::new(&self.experiment, Arc::clone(&self.cohort.task().prepared)).ok()?;
        Workbench::new(task).ok()
    }
}

/// The one of the values that is asked for; NaN where there is none.
fn choose(values: impl Iterator<Item = f64>, when: When, of: Quantity) -> f64 {
    let values: Vec<f64> = values.collect();
    let largest = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
    match when {
        When::End => values.last().copied().unwrap_or(f64::NAN),
        When::Mean => statistics::mean(&values).unwrap_or(f64::NAN),
        When::Most => largest(&values),
        When::Best if of.climbs() => largest(&values),
        When::Best => values.iter().copied().fold(f64::NAN, f64::min),
    }
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

/// The experiment that a table says.
pub(super) fn read_experiment(table: &Table, origin: &str) -> Result<Experiment, FileError> {
    Experiment::parse(&table.to_string(), origin)
}
