//! Where the members of a population train: in a cohort here, or on workers elsewhere, to the same bits.

mod elsewhere;
pub(super) mod stretch;

pub use elsewhere::There;

use std::sync::Arc;

use super::SweepError;
use super::words::Whole;
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::schedule::kind::{Listed, Table};
use crate::schedule::{Kind, Schedule};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{Mode, Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::Task;

/// Updates between two reports.
const CHUNK: u64 = 64;

/// Hears of updates done and in all; an error stops everything.
pub type Report<'a> = dyn FnMut(u64, u64) -> Result<(), TrainError> + 'a;

/// Members that train side by side, each under a list of rates of its own.
pub trait Herd {
    /// Trains every member up to this update under its rates; their validation losses, NaN where one diverged.
    ///
    /// # Errors
    /// When the experiment cannot be trained, `report` stops it, or where they train fails.
    fn advance(
        &mut self,
        rates: &[Vec<f64>],
        to: u64,
        report: &mut Report<'_>,
    ) -> Result<Vec<f64>, SweepError>;

    /// Gives each heir the weights and the state of its parent, as pairs of the two, and all the rates ahead.
    ///
    /// # Errors
    /// As [`Herd::advance`].
    fn copy(&mut self, rates: &[Vec<f64>], heirs: &[(usize, usize)]) -> Result<(), SweepError>;

    /// All that the members' next updates depend on.
    ///
    /// # Errors
    /// When their weights cannot be read.
    fn states(&self) -> Result<Vec<Whole>, SweepError>;

    /// Puts members that have not trained yet where others were after so many updates, with all the rates.
    ///
    /// # Errors
    /// As [`Herd::advance`], and when these are no states of theirs.
    fn put(&mut self, rates: &[Vec<f64>], states: Vec<Whole>, done: u64) -> Result<(), SweepError>;

    /// The validation losses at the end of runs under these lists of rates, one a seed from `seed` on.
    ///
    /// # Errors
    /// As [`Herd::advance`].
    fn ends(
        &mut self,
        rates: &[Vec<f64>],
        seed: u64,
        seeds: usize,
        report: &mut Report<'_>,
    ) -> Result<Vec<Vec<f64>>, SweepError>;
}

/// Members in a cohort of this process.
pub struct Here<'a> {
    experiment: &'a Experiment,
    run: &'a Run,
    prepared: &'a Arc<Prepared>,
    pool: &'a Arc<rayon::ThreadPool>,
    cohort: Option<Cohort>,
}

impl<'a> Here<'a> {
    /// Of the experiment's one run.
    pub fn new(
        experiment: &'a Experiment,
        run: &'a Run,
        (prepared, pool): (&'a Arc<Prepared>, &'a Arc<rayon::ThreadPool>),
    ) -> Self {
        Self { experiment, run, prepared, pool, cohort: None }
    }

    /// The members' lanes, at update 0 where they have not trained yet.
    fn lanes(&mut self, rates: &[Vec<f64>]) -> Result<&mut Cohort, TrainError> {
        Ok(match &mut self.cohort {
            Some(cohort) => cohort,
            none => {
                let task = Task::new(self.experiment, Arc::clone(self.prepared))?;
                none.insert(cohort(self.experiment, self.run, rates.to_vec(), task, self.pool)?)
            }
        })
    }
}

impl Herd for Here<'_> {
    fn advance(
        &mut self,
        rates: &[Vec<f64>],
        to: u64,
        report: &mut Report<'_>,
    ) -> Result<Vec<f64>, SweepError> {
        let cohort = self.lanes(rates)?;
        grow(cohort, to, report)?;
        Ok(losses(cohort)?)
    }

    fn copy(&mut self, rates: &[Vec<f64>], heirs: &[(usize, usize)]) -> Result<(), SweepError> {
        let Some(cohort) = self.cohort.as_mut().filter(|_| !heirs.is_empty()) else { return Ok(()) };
        let mut rows = Vec::new();
        for &(_, parent) in heirs {
            let mut row = Vec::new();
            cohort.copy_row(parent, &mut row)?;
            rows.push((row, cohort.lanes()[parent].state()));
        }
        cohort.revise(revision(self.experiment, self.run, rates.to_vec()), Mode::Live)?;
        for (&(heir, _), (row, state)) in heirs.iter().zip(rows) {
            let named = |error| TrainError::Schedule { run: self.run.name.clone(), error };
            cohort.lanes_mut()[heir].restore(&state).map_err(named)?;
            cohort.set_row(heir, row)?;
        }
        Ok(())
    }

    fn states(&self) -> Result<Vec<Whole>, SweepError> {
        let Some(cohort) = &self.cohort else { return Ok(Vec::new()) };
        Ok((0..cohort.lanes().len()).map(|at| whole_of(cohort, at)).collect::<Result<_, _>>()?)
    }

    fn put(&mut self, rates: &[Vec<f64>], states: Vec<Whole>, _: u64) -> Result<(), SweepError> {
        let run = self.run;
        let cohort = self.lanes(rates)?;
        states.iter().enumerate().try_for_each(|(at, state)| restore(cohort, at, state, run))
    }

    fn ends(
        &mut self,
        rates: &[Vec<f64>],
        seed: u64,
        seeds: usize,
        report: &mut Report<'_>,
    ) -> Result<Vec<Vec<f64>>, SweepError> {
        let runs = runs(self.run, rates.to_vec());
        Ok(ends(self.experiment, runs, seed, seeds, (self.prepared, self.pool), report)?)
    }
}

/// All that a lane's next update depends on.
pub(super) fn whole_of(herd: &Cohort, at: usize) -> Result<Whole, TrainError> {
    let mut row = Vec::new();
    herd.copy_row(at, &mut row)?;
    Ok(Whole::new(&row, herd.lanes()[at].state()))
}

/// Puts a lane of the run where another was.
pub(super) fn restore(herd: &mut Cohort, at: usize, state: &Whole, run: &Run) -> Result<(), SweepError> {
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    herd.lanes_mut()[at].restore(&state.lane).map_err(named)?;
    Ok(herd.set_row(at, state.row()?)?)
}

/// Trains every lane that can be trained up to an update.
pub(super) fn grow(cohort: &mut Cohort, to: u64, report: &mut Report<'_>) -> Result<(), TrainError> {
    let total = cohort.task().clock.updates;
    let to = to.min(total);
    while cohort.update() < to && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update(), total)?;
        cohort.advance(to, CHUNK)?;
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    }
    Ok(())
}

/// A schedule that is a list of rates.
pub fn listed(rates: Vec<f64>) -> Schedule {
    Kind::Listed(Listed { values: Table { values: rates, file: None } }).into()
}

/// The run once under each of these lists of rates.
fn runs(run: &Run, rates: Vec<Vec<f64>>) -> Vec<Run> {
    let one = |(at, rates)| Run { name: format!("member {at}"), lr: listed(rates), ..run.clone() };
    rates.into_iter().enumerate().map(one).collect()
}

/// Lanes of the run under each of these lists of rates, from the same weights.
pub(super) fn cohort(
    experiment: &Experiment,
    run: &Run,
    rates: Vec<Vec<f64>>,
    mut task: Task,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Cohort, TrainError> {
    task.validates_at_end_only = true;
    Cohort::with_task(revision(experiment, run, rates), task, TrainDevice::cpu(Arc::clone(pool)))
}

pub(super) fn revision(experiment: &Experiment, run: &Run, rates: Vec<Vec<f64>>) -> Arc<Revision> {
    let ids = (0..rates.len() as u32).map(RunId).collect();
    let mut experiment =
        Experiment { runs: runs(run, rates), sweep: None, snapshots: None, ..experiment.clone() };
    experiment.train.replicas = 1;
    Arc::new(Revision { generation: 0, experiment, ids })
}

/// The validation losses of all lanes as they are.
pub(super) fn losses(cohort: &Cohort) -> Result<Vec<f64>, TrainError> {
    let task = cohort.task();
    let mut scratch = task.model.scratch(task.scratch_samples());
    let mut losses = Vec::new();
    for lane in cohort.lanes() {
        let weights = cohort.weights(lane.id)?.unwrap_or_default();
        let scores = task.validation().map(|batch| task.model.score(&weights, batch, &mut scratch));
        let score = scores.fold(crate::model::Score::default(), crate::model::Score::plus);
        let is_well = lane.failed.is_none() && lane.diverged_at.is_none();
        losses.push(if is_well { score.mean_loss() } else { f64::NAN });
    }
    Ok(losses)
}

/// The validation losses of runs at their ends, one a seed; NaN where a run diverged.
pub(super) fn ends(
    experiment: &Experiment,
    runs: Vec<Run>,
    seed: u64,
    seeds: usize,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut Report<'_>,
) -> Result<Vec<Vec<f64>>, TrainError> {
    let mut cohort = seeded(experiment, runs, (seed, seeds), (prepared, pool))?;
    grow(&mut cohort, u64::MAX, report)?;
    Ok(losses(&cohort)?.chunks(seeds.max(1)).map(<[f64]>::to_vec).collect())
}

/// Lanes of runs under so many seeds from a first one on.
fn seeded(
    experiment: &Experiment,
    runs: Vec<Run>,
    (seed, seeds): (u64, usize),
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
) -> Result<Cohort, TrainError> {
    let ids = (0..runs.len() as u32).map(RunId).collect();
    let mut aside = Experiment { runs, sweep: None, snapshots: None, ..experiment.clone() };
    aside.train.replicas = seeds;
    // Lanes draw their weights and batches from the seed; the data are split as they were.
    aside.train.seed = seed;
    let mut task = Task::new(&aside, Arc::clone(prepared))?;
    task.validates_at_end_only = true;
    let revision = Arc::new(Revision { generation: 0, experiment: aside, ids });
    Cohort::with_task(revision, task, TrainDevice::cpu(Arc::clone(pool)))
}
