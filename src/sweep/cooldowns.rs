//! The cooldown bench: from one moment of a run at a stable rate, cooldowns of many shapes and lengths branch at once,
//! and only what comes after it is trained (arXiv 2508.01483). All end where the run ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::SweepError;
use super::herd::losses;
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::schedule::kind::Constant;
use crate::schedule::{Clock, Cooldown, Kind, Ramp, Schedule, Span};
use crate::train::TrainError;
use crate::train::checkpoint::{Forget, SavedLane};
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{LaneId, Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::Task;

/// The shapes that branch.
const SHAPES: [Ramp; 5] =
    [Ramp::Linear, Ramp::Cosine, Ramp::OneMinusSqrt, Ramp::Quadratic, Ramp::Exponential];
/// How many lengths of each shape, evenly up to all that is left of the run.
const LENGTHS: u64 = 8;
/// What a cooldown falls to, as a share of the rate: nothing, where its shape can.
const NOTHING: f64 = 0.0;
const NEXT_TO_NOTHING: f64 = 0.01;
/// Reports on the way, and updates between two looks at whether to go on.
const REPORTS: u64 = 20;
const CHUNK: u64 = 64;

/// One cooldown.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub shape: Ramp,
    /// The last updates of the run, over which the rate falls.
    pub over: u64,
    /// The validation loss, or the training loss where nothing is held out, as far as it was trained; nothing where it
    /// diverged or has not begun.
    pub loss: Option<f64>,
}

impl Branch {
    /// Its shape by its name in a file.
    pub fn name(&self) -> &'static str {
        Ramp::ALL.iter().find(|(_, shape)| *shape == self.shape).map_or("", |(name, _)| *name)
    }

    /// The schedule of a run that goes on from the branching point: this rate until it is cooled.
    pub fn schedule(&self, rate: f64) -> Schedule {
        let to = if self.shape == Ramp::Exponential { NEXT_TO_NOTHING } else { NOTHING };
        Schedule {
            cooldown: Some(Cooldown { over: Span::Updates(self.over as f64), to, shape: self.shape }),
            ..Kind::Constant(Constant { peak: rate }).into()
        }
    }
}

/// Where cooldowns branch.
#[derive(Clone, Debug)]
pub enum Origin {
    /// From a lane that trained so far.
    Saved(Arc<SavedLane>),
    /// After so many updates of the run, which are trained once.
    Update(u64),
    /// The same, after as many as [`stable_until`] says.
    Stable,
}

/// What was, or is being, trained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bench {
    /// Updates done before the branches part.
    pub at: u64,
    /// The rate there.
    pub rate: f64,
    pub branches: Vec<Branch>,
    /// Updates that were trained, of all branches and before them.
    pub trained: u64,
    /// Updates that all branches would take from scratch.
    pub from_scratch: u64,
}

impl Bench {
    /// The branch with the least loss, by its place.
    pub fn best(&self) -> Option<usize> {
        let losses = self.branches.iter().enumerate().filter_map(|(at, branch)| Some((at, branch.loss?)));
        losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }
}

/// Trains every branch side by side from one moment of a run, under its first seed. `each` sees how far they are, and
/// the share that is done.
///
/// # Errors
/// When there is nothing left of the run to cool, it cannot be trained, or `each` stops it.
pub fn branch(
    experiment: &Experiment,
    run: &str,
    origin: Origin,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    each: &mut dyn FnMut(&Bench, f64) -> Result<(), TrainError>,
) -> Result<Bench, SweepError> {
    let found = experiment.runs.iter().find(|other| other.name == run);
    let run = found.ok_or_else(|| SweepError::NoRun(run.to_owned()))?;
    let task = Task::new(experiment, Arc::clone(prepared))?;
    let clock = task.clock;
    let once = match &origin {
        Origin::Saved(_) => 0,
        Origin::Update(at) => (*at).min(clock.updates),
        Origin::Stable => stable_until(run, clock),
    };
    let saved = match origin {
        Origin::Saved(saved) => saved,
        Origin::Update(_) | Origin::Stable => {
            let all = once + clock.updates.saturating_sub(once) * (SHAPES.len() as u64 * LENGTHS);
            let mut report = |done: u64| each(&Bench::default(), done as f64 / all.max(1) as f64);
            Arc::new(trained(experiment, run, task, (once, pool), &mut report)?)
        }
    };
    let (at, rate) = (saved.state.update, saved.next_rate);
    let left = clock.updates.saturating_sub(at);
    if left < LENGTHS || !(rate > 0.0 && rate.is_finite()) {
        return Err(SweepError::Impossible(format!(
            "at update {at} of {} there is nothing left to cool: choose an earlier snapshot",
            clock.updates
        )));
    }
    let branches = branches(left);
    let before = once.min(at);
    let mut bench =
        Bench { at, rate, trained: before, from_scratch: clock.updates * branches.len() as u64, branches };
    let lanes = bench.branches.len() as u64;
    let share = |update: u64| (before + (update - at) * lanes) as f64 / (before + left * lanes) as f64;
    let mut cohort = parted(experiment, run, &bench, &saved, (prepared, pool))?;
    let mut last = vec![None; bench.branches.len()];
    for report in 1..=REPORTS {
        let to = at + left * report / REPORTS;
        while cohort.update() < to && cohort.lanes().iter().any(Lane::can_train) {
            each(&bench, share(cohort.update()))?;
            cohort.advance(to, CHUNK)?;
            for (lane, last) in cohort.lanes_mut().iter_mut().zip(&mut last) {
                *last = lane.log.rows.last().map(|row| f64::from(row.train_loss)).or(*last);
                lane.log.clear();
            }
        }
        let measured = match cohort.task().validation().next() {
            Some(_) => losses(&cohort)?.into_iter().map(Some).collect(),
            None => last.clone(),
        };
        for (branch, loss) in bench.branches.iter_mut().zip(measured) {
            branch.loss = loss.filter(|loss| loss.is_finite());
        }
        bench.trained =
            before + cohort.lanes().iter().map(|lane| lane.update.saturating_sub(at)).sum::<u64>();
        each(&bench, share(to))?;
    }
    Ok(bench)
}

/// Every shape over every length, the longest all that is left.
fn branches(left: u64) -> Vec<Branch> {
    let lengths: BTreeSet<u64> = (1..=LENGTHS).map(|part| (left * part / LENGTHS).max(1)).collect();
    let of = |shape| lengths.iter().map(move |&over| Branch { shape, over, loss: None });
    SHAPES.into_iter().flat_map(of).collect()
}

/// The run after so many updates.
fn trained(
    experiment: &Experiment,
    run: &Run,
    task: Task,
    (at, pool): (u64, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64) -> Result<(), TrainError>,
) -> Result<SavedLane, SweepError> {
    // A fork needs whom it was forked from.
    let mut runs = vec![run.clone()];
    while let Some(fork) = runs.last().and_then(|run| run.fork.as_ref()) {
        let origin = experiment.runs.iter().find(|other| other.name == fork.of);
        let origin = origin.filter(|origin| runs.iter().all(|run| run.name != origin.name)).cloned();
        runs.push(origin.ok_or_else(|| SweepError::NoRun(run.name.clone()))?);
    }
    let mut cohort = cohort(experiment, runs, task, pool)?;
    while cohort.update() < at && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update())?;
        cohort.advance(at, CHUNK)?;
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    }
    let saved = cohort.save_lane(LaneId { run: RunId(0), replica: 0 })?;
    saved.ok_or_else(|| SweepError::NoRun(run.name.clone()))
}

/// A lane for each branch, where the saved one was.
fn parted(
    experiment: &Experiment,
    run: &Run,
    bench: &Bench,
    saved: &SavedLane,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
) -> Result<Cohort, SweepError> {
    let one = |(at, branch): (usize, &Branch)| Run {
        name: format!("branch {at}"),
        lr: branch.schedule(bench.rate),
        fork: None,
        controller: None,
        ..run.clone()
    };
    let runs: Vec<Run> = bench.branches.iter().enumerate().map(one).collect();
    let task = Task::new(experiment, Arc::clone(prepared))?;
    let mut cohort = cohort(experiment, runs, task, pool)?;
    let ids: Vec<LaneId> = cohort.lanes().iter().map(|lane| lane.id).collect();
    for id in ids {
        cohort.load_lane(id, saved, Forget::default())?;
    }
    Ok(cohort)
}

/// These runs under the first seed alone, validated by whoever asks.
fn cohort(
    experiment: &Experiment,
    runs: Vec<Run>,
    mut task: Task,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Cohort, TrainError> {
    task.validates_at_end_only = true;
    let ids = (0..runs.len() as u32).map(RunId).collect();
    let mut aside = Experiment { runs, sweep: None, snapshots: None, ..experiment.clone() };
    aside.train.replicas = 1;
    let revision = Arc::new(Revision { generation: 0, experiment: aside, ids });
    Cohort::with_task(revision, task, TrainDevice::cpu(Arc::clone(pool)))
}

/// The last update up to which a run trains at its highest rate, and no more of it than leaves half for cooldowns.
pub fn stable_until(run: &Run, clock: Clock) -> u64 {
    let half = clock.updates / 2;
    let Ok(curve) = run.lr.resolve(clock) else { return half };
    let top = curve.range().1;
    let is_stable = |at: &u64| curve.at(*at) >= top * (1.0 - 1e-9);
    (0..half).rev().find(is_stable).map_or(half, |at| at + 1)
}
