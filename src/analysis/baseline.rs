//! The unscheduled baseline: the best constant rate of a small grid, at the same budget and seeds.

use std::sync::Arc;

use super::audit::{Audit, Measure, RunRecord, Tally};
use super::side_training;
use super::statistics::mean;
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::jobs::Progress;
use crate::schedule::kind::Constant;
use crate::schedule::{Clock, Kind};
use crate::train::TrainError;
use crate::train::errand::{Errand, Promise};
use crate::train::lane::Lane;
use crate::train::task::Task;

/// Factors between the rates tried and the highest rate of the schedules compared. Those of [`FIRST`] are tried
/// first; the others only while the best rate so far is the lowest or the highest tried.
const GRID: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
const FIRST: std::ops::Range<usize> = 4..7;

/// A constant rate tuned for the experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub rate: f64,
    /// Ready to be audited.
    pub record: RunRecord,
    /// Every rate tried, rising, and its mean final validation result; `None` where a seed diverged.
    pub tried: Vec<(f64, Option<f64>)>,
}

impl Baseline {
    /// The audit of runs against this constant rate, which becomes the first line. Its updates cost what those of
    /// the runs do, so it is given their time.
    pub fn audit(mut self, title: &str, records: Vec<RunRecord>) -> Audit {
        let seconds = records.iter().flat_map(|record| &record.lanes).find_map(|lane| lane.seconds);
        self.record.lanes.iter_mut().for_each(|lane| lane.seconds = seconds);
        let all = std::iter::once(self.record).chain(records).collect();
        Audit { tried: self.tried, ..Audit::of(title, all, 0) }
    }
}

/// What a rate came to.
struct Trial {
    record: RunRecord,
    rate: f64,
    result: Option<f64>,
}

/// Trains the first run's optimizer under constant rates around the highest rate that a run of this optimizer
/// uses, each as long and under as many seeds as the experiment says, and keeps the best by final
/// validation accuracy (loss, where there is no accuracy). The grid grows until rates on both sides of the
/// best one are worse, or it ends. `each` sees what was measured as it comes, with the rate's run.
///
/// # Errors
/// When the experiment cannot be trained, holds no samples out, no constant rate of the grid trains to the end,
/// or nobody waits any more.
pub fn tune(
    experiment: &Experiment,
    prepared: &Arc<Prepared>,
    pool: &Arc<rayon::ThreadPool>,
    progress: &Progress,
    mut each: impl FnMut(&Run, &Lane),
) -> Result<Baseline, TrainError> {
    let task = Task::new(experiment, Arc::clone(prepared))?;
    let first =
        experiment.runs.first().ok_or_else(|| refused("there is no run to take an optimizer from"))?;
    if prepared.held_out() == 0 {
        return Err(refused("no samples are held out to compare constant rates on"));
    }
    let peak = peak(experiment, first, task.clock)?;
    let measure = if task.has_accuracy() { Measure::Accuracy } else { Measure::Loss };
    let mut trials: Vec<Trial> = Vec::new();
    let (mut low, mut high) = (FIRST.start, FIRST.end);
    let mut next = FIRST;
    let best = loop {
        let rates: Vec<f64> = GRID[next.clone()].iter().map(|factor| factor * peak).collect();
        let (before, all) = (trials.len() as u64, (trials.len() + rates.len()) as u64);
        let report =
            |done: u64, total: u64| Ok(progress.report(before * total + (all - before) * done, all * total)?);
        let new = attempt(experiment, first, &rates, measure, (prepared, pool), report, &mut each)?;
        let at = if next.start < low { 0 } else { trials.len() };
        trials.splice(at..at, new);
        (low, high) = (low.min(next.start), high.max(next.end));
        let best = best(&trials, measure);
        next = match best {
            // Where all diverge, a lower rate may not.
            None if low > 0 => low - 1..low,
            Some(0) if low > 0 => low - 1..low,
            Some(at) if at + 1 == trials.len() && high < GRID.len() => high..high + 1,
            best => break best,
        };
    };
    let tried = trials.iter().map(|trial| (trial.rate, trial.result)).collect();
    let best = best.filter(|at| *at < trials.len());
    let Some(Trial { mut record, rate, .. }) = best.map(|at| trials.swap_remove(at)) else {
        return Err(refused("no constant rate of the grid trained to the end; lower the peak and try again"));
    };
    record.name = "constant, tuned".into();
    Ok(Baseline { rate, record, tried })
}

/// The same beside a training, for the experiment it trains.
pub fn errand() -> (Errand, Promise<Baseline>) {
    Errand::new(
        "baseline",
        |cohort| {
            let prepared = Arc::clone(&cohort.task().prepared);
            Ok((cohort.revision().experiment.clone(), prepared, Arc::clone(cohort.pool())))
        },
        |(experiment, prepared, pool), progress| tune(&experiment, &prepared, &pool, progress, |_, _| ()),
    )
}

fn refused(why: &'static str) -> TrainError {
    TrainError::Refused { work: "no baseline", why }
}

/// The highest rate of the runs with the same optimizer as `first`.
fn peak(experiment: &Experiment, first: &Run, clock: Clock) -> Result<f64, TrainError> {
    let mut peak = 0.0_f64;
    for run in experiment.runs.iter().filter(|run| run.optimizer.kind == first.optimizer.kind) {
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        peak = peak.max(run.lr.resolve(clock).map_err(named)?.range().1);
    }
    if peak > 0.0 { Ok(peak) } else { Err(refused("no run has a rate above zero")) }
}

/// Trains these constant rates side by side.
fn attempt(
    experiment: &Experiment,
    first: &Run,
    rates: &[f64],
    measure: Measure,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: impl Fn(u64, u64) -> Result<(), TrainError>,
    mut each: impl FnMut(&Run, &Lane),
) -> Result<Vec<Trial>, TrainError> {
    let run = |rate: &f64| Run {
        name: format!("constant {rate:.3e}"),
        ..side_training::scheduled(first, Kind::Constant(Constant { peak: *rate }).into())
    };
    let runs: Vec<Run> = rates.iter().map(run).collect();
    let replicas = experiment.train.replicas.max(1);
    let aside = Experiment { runs: runs.clone(), snapshots: None, ..experiment.clone() };
    let mut cohort = side_training::cohort(aside, prepared, pool)?;
    let (seed, clip) = (cohort.task().seed, cohort.task().clip_norm);
    let mut tallies: Vec<Tally> = cohort
        .lanes()
        .iter()
        .map(|lane| Tally::new(seed.wrapping_add(u64::from(lane.id.replica)), clip))
        .collect();
    side_training::train(&mut cohort, report, |cohort| {
        for ((at, lane), tally) in cohort.lanes().iter().enumerate().zip(&mut tallies) {
            lane.log.rows.iter().for_each(|row| tally.update(row));
            each(&runs[at / replicas], lane);
        }
    })?;
    let lanes = tallies.chunks(replicas);
    let trial = |((run, &rate), lanes): ((&Run, &f64), &[Tally])| Trial {
        record: RunRecord::new(run, lanes.to_vec()),
        rate,
        result: result(lanes, measure),
    };
    Ok(runs.iter().zip(rates).zip(lanes).map(trial).collect())
}

/// The mean final result over the seeds; nothing when one of them diverged.
fn result(lanes: &[Tally], measure: Measure) -> Option<f64> {
    let finals: Option<Vec<f64>> =
        lanes.iter().map(|lane| lane.last(measure).filter(|_| lane.diverged_at.is_none())).collect();
    mean(&finals?).filter(|mean| mean.is_finite())
}

/// The index of the best trial; of equals the one with the lowest rate.
fn best(trials: &[Trial], measure: Measure) -> Option<usize> {
    let found = trials.iter().enumerate().filter_map(|(at, trial)| Some((at, trial.result?)));
    let best = found.reduce(|best, next| if measure.better(next.1, best.1) { next } else { best });
    best.map(|(at, _)| at)
}
