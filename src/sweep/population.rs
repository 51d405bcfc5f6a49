//! Population based training (arXiv 1711.09846, DeepMind 2017): runs that train side by side, of which the
//! worst now and then go on from the weights of the best with another rate. What it finds is a schedule: the rates
//! that the winner's weights were trained with, its lineage.

use super::SweepError;
use super::herd::{Herd, Report};
use crate::experiment::{Experiment, Run};
use crate::random::{Stream, below, rng};
use crate::schedule::kind::{After, Cosine};
use crate::schedule::{Clock, Kind, Schedule, Tick};
use crate::train::TrainError;

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

/// Breeds a population of the experiment's one run. Every member begins with the same weights and sees the same
/// batches; only rates differ, the first ones as `peaks` say: the run's own schedule, raised or lowered. So the
/// winner's lineage, trained alone under the same seed, comes to the same weights. `herd` is where they train, and
/// `report` hears of updates done and in all.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn breed(
    experiment: &Experiment,
    peaks: &[f64],
    (seed, clock): (u64, Clock),
    herd: &mut dyn Herd,
    report: &mut Report<'_>,
) -> Result<Population, SweepError> {
    let Some(run) = experiment.runs.first() else { return Ok(Population { members: Vec::new() }) };
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
    let mut draw = rng(seed, Stream::Population);
    let turnover = ((members.len() as f64 * TURNOVER) as usize).max(usize::from(members.len() > 1));
    for stretch in 1..=STRETCHES {
        let to = clock.updates * stretch / STRETCHES;
        let losses = herd.advance(&rates(&members), to, report)?;
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
        herd.copy(&rates(&members), &heirs)?;
    }
    Ok(Population { members })
}

fn key(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}

/// The rates of all members.
fn rates(members: &[Member]) -> Vec<Vec<f64>> {
    members.iter().map(|member| member.lineage.clone()).collect()
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
    (peaks, seeds, clock): (&[f64], usize, Clock),
    herd: &mut dyn Herd,
    report: &mut Report<'_>,
) -> Result<Option<Verdict>, SweepError> {
    let Some(run) = experiment.runs.first() else { return Ok(None) };
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    let cosine = |peak: f64| -> Result<Vec<f64>, TrainError> {
        let curve = cosine(run, peak).resolve(clock).map_err(named)?;
        Ok((0..clock.updates).map(|at| curve.at(at)).collect())
    };
    let rivals = peaks.iter().map(|peak| cosine(*peak)).collect::<Result<Vec<_>, _>>()?;
    let found = herd.ends(&rivals, experiment.train.seed, 1, report)?;
    let best = found.iter().zip(peaks).filter(|(ends, _)| ends[0].is_finite());
    let Some((_, &peak)) = best.min_by(|a, b| a.0[0].total_cmp(&b.0[0])) else { return Ok(None) };
    // Seeds that neither was chosen under.
    let seed = experiment.train.seed.wrapping_add(1);
    let mut both = herd.ends(&[lineage.to_vec(), cosine(peak)?], seed, seeds, report)?;
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
