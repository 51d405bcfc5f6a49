//! The unscheduled baseline: the best constant rate of a small grid, at the same budget and seeds.

use std::sync::Arc;

use super::audit::{Measure, RunRecord, Tally};
use super::statistics::mean;
use crate::experiment::{Experiment, Run};
use crate::schedule::Kind;
use crate::schedule::kind::Constant;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::command::{Revision, RunId};

/// Factors between the rates tried and the highest rate of the schedules compared.
const GRID: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// A constant rate tuned for the experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub rate: f64,
    /// Ready to be audited.
    pub record: RunRecord,
    /// Every rate tried and its mean final validation result; `None` where a seed diverged.
    pub tried: Vec<(f64, Option<f64>)>,
}

/// Trains the first run's optimizer under constant rates around the highest rate any run uses, each as
/// long and under as many seeds as the experiment says, and keeps the best by final validation accuracy
/// (loss, where there is no accuracy).
///
/// # Errors
/// When the experiment cannot be trained, or no constant rate of the grid trains to the end.
pub fn tune(experiment: &Experiment, pool: &Arc<rayon::ThreadPool>) -> Result<Baseline, TrainError> {
    let Some(first) = experiment.runs.first() else {
        return Err(TrainError::Task("a baseline needs a run to take its optimizer from".into()));
    };
    let named = |error| TrainError::Schedule { run: first.name.clone(), error };
    let probe = Cohort::new(revision(experiment.clone()), Arc::clone(pool))?;
    let clock = probe.task().clock;
    drop(probe);
    let mut peak = 0.0_f64;
    for run in &experiment.runs {
        peak = peak.max(run.lr.resolve(clock).map_err(named)?.range().1);
    }
    let constant = |rate: f64| Run {
        name: format!("constant {rate:.3e}"),
        lr: Kind::Constant(Constant { peak: rate }).into(),
        plateau: None,
        greedy: None,
        hypergradient: None,
        ..first.clone()
    };
    let runs: Vec<Run> = GRID.iter().map(|factor| constant(factor * peak)).collect();
    let mut cohort =
        Cohort::new(revision(Experiment { runs, snapshots: None, ..experiment.clone() }), Arc::clone(pool))?;
    cohort.advance(u64::MAX, u64::MAX)?;
    let records = RunRecord::all(&cohort);
    let has_accuracy = cohort.task().has_accuracy();
    let measure = if has_accuracy { Measure::Accuracy } else { Measure::Loss };
    let result = |record: &RunRecord| -> Option<f64> {
        let finals: Option<Vec<f64>> = record
            .lanes
            .iter()
            .map(|lane: &Tally| lane.last(measure).filter(|_| lane.diverged_at.is_none()))
            .collect();
        mean(&finals?).filter(|mean| mean.is_finite())
    };
    let tried: Vec<(f64, Option<f64>)> =
        GRID.iter().map(|factor| factor * peak).zip(records.iter().map(result)).collect();
    let best = records
        .into_iter()
        .zip(&tried)
        .filter_map(|(record, (rate, result))| Some((record, *rate, (*result)?)))
        .reduce(|best, next| if measure.better(next.2, best.2) { next } else { best });
    let Some((mut record, rate, _)) = best else {
        return Err(TrainError::Task(
            "no constant rate of the grid trained to the end: lower the peak and try again".into(),
        ));
    };
    record.name = "constant, tuned".into();
    Ok(Baseline { rate, record, tried })
}

fn revision(experiment: Experiment) -> Arc<Revision> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    Arc::new(Revision { generation: 0, experiment, ids })
}
