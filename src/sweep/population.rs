//! Population based training (arXiv 1711.09846, DeepMind 2017): runs that train side by side, of which the
//! worst now and then go on from the weights of the best with another rate. What it finds is a schedule: the rates
//! that the winner's weights were trained with, its lineage.

use std::sync::Arc;

use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::random::{Stream, below, rng};
use crate::schedule::kind::{After, Cosine, Listed, Table};
use crate::schedule::{Kind, Schedule, Tick};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{Mode, Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::Task;

/// Equal stretches of the run, after each of which members copy.
const STRETCHES: u64 = 20;
/// The share of members that copy, and that are copied.
const TURNOVER: f64 = 0.25;
/// What a copied rate is multiplied by: one or the other.
const EXPLORE: [f64; 2] = [0.8, 1.25];

/// One member at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The highest rate that it began with.
    pub peak: f64,
    /// The rate of every update that its weights were trained with, whoever's they were then.
    pub lineage: Vec<f64>,
    /// The updates after which it took another member's weights, and whose.
    pub copied: Vec<(u64, usize)>,
    /// The validation loss at its end; nothing where it diverged.
    pub loss: Option<f64>,
}

/// Members that were bred.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    pub members: Vec<Member>,
}

impl Population {
    /// The member that ended with the least validation loss, by its number.
    pub fn best(&self) -> Option<usize> {
        let losses = self.members.iter().enumerate().filter_map(|(at, member)| Some((at, member.loss?)));
        losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }
}

/// A schedule that is a list of rates.
pub fn listed(rates: Vec<f64>) -> Schedule {
    Kind::Listed(Listed { values: Table { values: rates, file: None } }).into()
}

/// Breeds a population of the experiment's one run. Every member begins with the same weights and sees the same
/// batches; only rates differ, the first ones as `peaks` say: the run's own schedule, raised or lowered. So the
/// winner's lineage, trained alone under the same seed, comes to the same weights. `report` hears of updates done
/// and in all.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn breed(
    experiment: &Experiment,
    peaks: &[f64],
    seed: u64,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Population, TrainError> {
    let Some(run) = experiment.runs.first() else { return Ok(Population { members: Vec::new() }) };
    let task = Task::new(experiment, Arc::clone(prepared))?;
    let clock = task.clock;
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    let curve = run.lr.resolve(clock).map_err(named)?;
    let top = curve.range().1.max(f64::MIN_POSITIVE);
    let mut factors: Vec<f64> = peaks.iter().map(|peak| peak / top).collect();
    let plan = |factor: f64| -> Vec<f64> { (0..clock.updates).map(|at| factor * curve.at(at)).collect() };
    let mut members: Vec<Member> = factors
        .iter()
        .zip(peaks)
        .map(|(&factor, &peak)| Member { peak, lineage: plan(factor), copied: Vec::new(), loss: None })
        .collect();
    let mut cohort = cohort(experiment, run, rates(&members), task, pool)?;
    let mut draw = rng(seed, Stream::Population);
    let turnover = ((members.len() as f64 * TURNOVER) as usize).max(usize::from(members.len() > 1));
    for stretch in 1..=STRETCHES {
        let to = clock.updates * stretch / STRETCHES;
        while cohort.update() < to && cohort.lanes().iter().any(Lane::can_train) {
            report(cohort.update(), clock.updates)?;
            cohort.advance(to, CHUNK)?;
            cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
        }
        let losses = losses(&cohort)?;
        if stretch == STRETCHES {
            for (member, loss) in members.iter_mut().zip(&losses) {
                member.loss = Some(*loss).filter(|loss| loss.is_finite());
            }
            break;
        }
        let mut order: Vec<usize> = (0..members.len()).collect();
        // No number comes last, and of equals the first is the better.
        order.sort_by(|&a, &b| key(losses[a]).total_cmp(&key(losses[b])));
        let (best, worst) = (order[..turnover].to_vec(), order[members.len() - turnover..].to_vec());
        let mut heirs = Vec::new();
        for heir in worst {
            let parent = best[below(&mut draw, best.len())];
            let factor = factors[parent] * EXPLORE[below(&mut draw, EXPLORE.len())];
            if parent == heir {
                continue;
            }
            factors[heir] = factor;
            let done = usize::try_from(to).unwrap_or(usize::MAX);
            let mut lineage = members[parent].lineage.clone();
            let ahead = lineage.iter_mut().zip(0..clock.updates).skip(done);
            ahead.for_each(|(rate, at)| *rate = factor * curve.at(at));
            members[heir].lineage = lineage;
            members[heir].copied.push((to, parent));
            heirs.push((heir, parent));
        }
        copy(&mut cohort, experiment, run, &members, &heirs)?;
    }
    Ok(Population { members })
}

/// Updates between two reports.
const CHUNK: u64 = 64;

fn key(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
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

/// The rates of all members.
fn rates(members: &[Member]) -> Vec<Vec<f64>> {
    members.iter().map(|member| member.lineage.clone()).collect()
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

/// Gives each heir the row and the state of its parent, and all their new plans.
fn copy(
    cohort: &mut Cohort,
    experiment: &Experiment,
    run: &Run,
    members: &[Member],
    heirs: &[(usize, usize)],
) -> Result<(), TrainError> {
    if heirs.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for &(_, parent) in heirs {
        let mut row = Vec::new();
        cohort.copy_row(parent, &mut row)?;
        rows.push((row, cohort.lanes()[parent].state()));
    }
    cohort.revise(revision(experiment, run, rates(members)), Mode::Live)?;
    for (&(heir, _), (row, state)) in heirs.iter().zip(rows) {
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        cohort.lanes_mut()[heir].restore(&state).map_err(named)?;
        cohort.set_row(heir, row)?;
    }
    Ok(())
}

/// Two schedules under the same seeds: their ends, and whether one is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The validation losses of the lineage trained alone from scratch, one a seed.
    pub lineage: Vec<f64>,
    /// Those of the best cosine of as many peaks, under the same seeds.
    pub cosine: Vec<f64>,
    /// The peak of that cosine.
    pub peak: f64,
}

impl Verdict {
    /// The mean difference, lineage minus cosine, and its standard error over the seeds.
    pub fn difference(&self) -> Option<(f64, f64)> {
        let differences: Vec<f64> = self.lineage.iter().zip(&self.cosine).map(|(a, b)| a - b).collect();
        let count = differences.len() as f64;
        if differences.len() < 2 || differences.iter().any(|it| !it.is_finite()) {
            return None;
        }
        let mean = differences.iter().sum::<f64>() / count;
        let variance = differences.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Some((mean, (variance / count).sqrt()))
    }

    /// In words. Better or worse is what lies beyond two standard errors.
    pub fn sentence(&self) -> String {
        let seeds = self.lineage.len();
        let Some((mean, error)) = self.difference() else {
            return "one of the trainings diverged, so the population's schedule and the cosine cannot be compared".to_owned();
        };
        let word = match mean {
            _ if mean.abs() <= 2.0 * error => "as good as",
            _ if mean < 0.0 => "better than",
            _ => "worse than",
        };
        format!(
            "trained alone from scratch under {seeds} seeds, the population's schedule is {word} the best cosine of as \
             many trainings (peak {:.3e}): {mean:+.4} ± {error:.4} in validation loss",
            self.peak
        )
    }
}

/// Trains cosines at each of the peaks as often as the population has members and takes the best, then it and the
/// lineage alone under other seeds.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn judge(
    experiment: &Experiment,
    lineage: &[f64],
    peaks: &[f64],
    seeds: usize,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Option<Verdict>, TrainError> {
    let Some(run) = experiment.runs.first() else { return Ok(None) };
    let cosine = |peak: f64| cosine(run, peak);
    let named = |at: usize, lr: Schedule| Run { name: format!("run {at}"), lr, ..run.clone() };
    let rivals: Vec<Run> = peaks.iter().enumerate().map(|(at, peak)| named(at, cosine(*peak))).collect();
    let found = ends(experiment, rivals, experiment.train.seed, 1, (prepared, pool), report)?;
    let best = found.iter().zip(peaks).filter(|(ends, _)| ends[0].is_finite());
    let Some((_, &peak)) = best.min_by(|a, b| a.0[0].total_cmp(&b.0[0])) else { return Ok(None) };
    let two = vec![named(0, listed(lineage.to_vec())), named(1, cosine(peak))];
    // Seeds that neither was chosen under.
    let seed = experiment.train.seed.wrapping_add(1);
    let mut both = ends(experiment, two, seed, seeds, (prepared, pool), report)?;
    let cosine = both.pop().unwrap_or_default();
    let lineage = both.pop().unwrap_or_default();
    Ok(Some(Verdict { lineage, cosine, peak }))
}

/// A cosine with this peak, after the run's own warmup.
pub(super) fn cosine(run: &Run, peak: f64) -> Schedule {
    let warmup = run.lr.warmup.clone().filter(|_| run.lr.tick == Tick::Update);
    Schedule {
        warmup,
        ..Kind::Cosine(Cosine { peak, floor: 0.0, over: None, after: After::Hold, power: 1.0 }).into()
    }
}

/// The validation losses of runs at their ends, one a seed; NaN where a run diverged.
pub(super) fn ends(
    experiment: &Experiment,
    runs: Vec<Run>,
    seed: u64,
    seeds: usize,
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Vec<Vec<f64>>, TrainError> {
    let ids = (0..runs.len() as u32).map(RunId).collect();
    let mut aside = Experiment { runs, sweep: None, snapshots: None, ..experiment.clone() };
    aside.train.replicas = seeds;
    // Lanes draw their weights and batches from the seed; the data are split as they were.
    aside.train.seed = seed;
    let mut task = Task::new(&aside, Arc::clone(prepared))?;
    task.validates_at_end_only = true;
    let total = task.clock.updates;
    let revision = Arc::new(Revision { generation: 0, experiment: aside, ids });
    let mut cohort = Cohort::with_task(revision, task, TrainDevice::cpu(Arc::clone(pool)))?;
    while cohort.update() < total && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update(), total)?;
        cohort.advance(total, CHUNK)?;
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    }
    Ok(losses(&cohort)?.chunks(seeds.max(1)).map(<[f64]>::to_vec).collect())
}
