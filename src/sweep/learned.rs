//! A learned controller: a small rule that hears how training goes and multiplies the rate, evolved over a population
//! on one task and tried on another.
//!
//! After each of equal stretches of the run it hears the slope of the loss, the gradient norm and the phase, and its
//! answer, between a half and twice, multiplies the rate of all that follows. What it does to a run is a list of rates, a
//! schedule like any other.

use std::sync::Arc;

use super::cma_es::CmaEs;
use super::herd::{cohort, ends, listed, losses, revision};
use super::verdict::{Verdict, cosine};
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::ids::Mode;
use crate::train::lane::Lane;
use crate::train::task::Task;

/// Equal stretches of the run, after each of which the rule answers.
const STRETCHES: u64 = 20;
/// Numbers that a rule has: a weight for each thing it hears, and one alone.
pub const WEIGHTS: usize = 4;
/// The greatest weight, on either side of nothing.
const MOST: f64 = 3.0;
/// How much a loss that falls by its own tenth in a stretch counts as.
const SLOPE: f64 = 10.0;
/// Updates between two reports.
const CHUNK: u64 = 64;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule(pub [f64; WEIGHTS]);

/// What a rule hears after a stretch, each about from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// How much the loss rose over the last stretch, as a share of itself.
    pub slope: f64,
    /// The logarithm of the gradient norm against that of the first stretch.
    pub gradient: f64,
    /// From -1 at the beginning of the run to 1 at its end.
    pub phase: f64,
}

impl Rule {
    /// The rule at a point of the unit cube.
    fn at(point: &[f64]) -> Self {
        Self(std::array::from_fn(|at| MOST * (2.0 * point.get(at).copied().unwrap_or(0.5) - 1.0)))
    }

    /// What the rate is multiplied by, between a half and twice.
    pub fn factor(&self, heard: Heard) -> f64 {
        let [slope, gradient, phase, alone] = self.0;
        let sum = slope * heard.slope + gradient * heard.gradient + phase * heard.phase + alone;
        2.0_f64.powf(sum.tanh())
    }
}

/// The means of a stretch.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    loss: f64,
    gradient: f64,
}

impl Stretch {
    /// Of what a lane has measured since it was last asked.
    fn of(lane: &Lane) -> Self {
        let rows = &lane.log.rows;
        let count = rows.len().max(1) as f64;
        let mean = |of: fn(&crate::telemetry::Row) -> f32| {
            rows.iter().map(|row| f64::from(of(row))).sum::<f64>() / count
        };
        Self { loss: mean(|row| row.train_loss), gradient: mean(|row| row.grad_norm) }
    }
}

/// What the last of these stretches says; nothing before there are two.
fn heard(stretches: &[Stretch], stretch: u64) -> Option<Heard> {
    let [first, .., before, last] = stretches else {
        let [first, last] = stretches else { return None };
        return Some(said(first, first, last, stretch));
    };
    Some(said(first, before, last, stretch))
}

fn said(first: &Stretch, before: &Stretch, last: &Stretch, stretch: u64) -> Heard {
    let bounded = |value: f64| if value.is_finite() { value.clamp(-1.0, 1.0) } else { 1.0 };
    let least = f64::MIN_POSITIVE;
    Heard {
        slope: bounded(SLOPE * (last.loss - before.loss) / before.loss.abs().max(least)),
        gradient: bounded((last.gradient.max(least) / first.gradient.max(least)).ln()),
        phase: 2.0 * stretch as f64 / STRETCHES as f64 - 1.0,
    }
}

/// The rates that rules make of a run, and what they come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub rates: Vec<f64>,
    /// The validation loss at the end; NaN where it diverged.
    pub loss: f64,
}

/// Trains the experiment's one run under each rule, all from the same weights. Each begins with the run's own schedule,
/// raised or lowered to its peak.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn under(
    experiment: &Experiment,
    rules: &[(Rule, f64)],
    (prepared, pool): (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Vec<Made>, TrainError> {
    let Some(run) = experiment.runs.first() else { return Ok(Vec::new()) };
    let task = Task::new(experiment, Arc::clone(prepared))?;
    let clock = task.clock;
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    let curve = run.lr.resolve(clock).map_err(named)?;
    let top = curve.range().1.max(f64::MIN_POSITIVE);
    let plan = |peak: f64| -> Vec<f64> { (0..clock.updates).map(|at| peak / top * curve.at(at)).collect() };
    let mut rates: Vec<Vec<f64>> = rules.iter().map(|(_, peak)| plan(*peak)).collect();
    let mut cohort = cohort(experiment, run, rates.clone(), task, pool)?;
    let mut stretches: Vec<Vec<Stretch>> = vec![Vec::new(); rules.len()];
    for stretch in 1..=STRETCHES {
        let to = clock.updates * stretch / STRETCHES;
        let from = cohort.update();
        advance(&mut cohort, to, report)?;
        if cohort.update() > from {
            for (lane, stretches) in cohort.lanes_mut().iter_mut().zip(&mut stretches) {
                stretches.push(Stretch::of(lane));
                lane.log.clear();
            }
        }
        if stretch == STRETCHES {
            break;
        }
        let done = usize::try_from(to).unwrap_or(usize::MAX);
        for (((rule, _), rates), stretches) in rules.iter().zip(&mut rates).zip(&stretches) {
            let factor = heard(stretches, stretch).map_or(1.0, |heard| rule.factor(heard));
            rates.iter_mut().skip(done).for_each(|rate| *rate *= factor);
        }
        cohort.revise(revision(experiment, run, rates.clone()), Mode::Live)?;
    }
    let losses = losses(&cohort)?;
    Ok(rates.into_iter().zip(losses).map(|(rates, loss)| Made { rates, loss }).collect())
}

fn advance(
    cohort: &mut Cohort,
    to: u64,
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let total = cohort.task().clock.updates;
    while cohort.update() < to && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update(), total)?;
        cohort.advance(to.min(cohort.update() + CHUNK), CHUNK)?;
    }
    Ok(())
}

/// A rule that was evolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Evolved {
    pub rule: Rule,
    /// Its mean validation loss over the seeds, and that of the rule that does nothing.
    pub loss: f64,
    pub idle: f64,
    /// Trainings that it took.
    pub trainings: usize,
}

/// Evolves a rule by covariance matrix adaptation: the mean validation loss over `seeds` seeds, at the run's own peak, is what counts.
///
/// # Errors
/// As [`under`].
pub fn evolve(
    experiment: &Experiment,
    (generations, seeds): (usize, usize),
    data: (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Evolved, TrainError> {
    let idle = Rule([0.0; WEIGHTS]);
    let peak = peak(experiment, data.0)?;
    let count = CmaEs::population(WEIGHTS);
    let mut search = CmaEs::new(WEIGHTS, experiment.train.seed);
    let mut best = (idle, f64::INFINITY);
    let mut idles = 0.0;
    let total = (generations * seeds) as u64;
    for generation in 0..generations {
        let trials = generation * count..(generation + 1) * count;
        let points: Vec<Vec<f64>> = trials.map(|trial| search.ask(trial)).collect();
        let mut rules: Vec<(Rule, f64)> = points.iter().map(|point| (Rule::at(point), peak)).collect();
        rules.push((idle, peak));
        let mut sums = vec![0.0; rules.len()];
        for seed in 0..seeds {
            let seeded = with_seed(experiment, seed as u64);
            let step = (generation * seeds + seed) as u64;
            let made = under(&seeded, &rules, data, &mut |_, _| report(step, total))?;
            sums.iter_mut().zip(&made).for_each(|(sum, made)| *sum += made.loss / seeds as f64);
        }
        idles = sums.pop().unwrap_or(f64::NAN);
        for (point, sum) in points.iter().zip(sums) {
            let badness = if sum.is_finite() { sum } else { f64::INFINITY };
            if badness < best.1 {
                best = (Rule::at(point), badness);
            }
            search.tell(badness);
        }
    }
    let trainings = generations * seeds * (count + 1);
    Ok(Evolved { rule: best.0, loss: best.1, idle: idles, trainings })
}

/// The highest rate of the experiment's one run.
fn peak(experiment: &Experiment, prepared: &Arc<Prepared>) -> Result<f64, TrainError> {
    let clock = Task::new(experiment, Arc::clone(prepared))?.clock;
    let Some(run) = experiment.runs.first() else { return Ok(0.0) };
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    Ok(run.lr.resolve(clock).map_err(named)?.range().1)
}

/// The experiment under another seed; the data are split as they were.
fn with_seed(experiment: &Experiment, by: u64) -> Experiment {
    let mut seeded = experiment.clone();
    seeded.train.seed = experiment.train.seed.wrapping_add(by);
    seeded
}

/// Tries a rule on a task it was not evolved on, against the best cosine of as many peaks: both peaks are chosen under the experiment's seed, and both judged under others.
/// `None` where every training diverged.
///
/// # Errors
/// As [`under`].
pub fn judge(
    experiment: &Experiment,
    rule: Rule,
    peaks: &[f64],
    seeds: usize,
    data: (&Arc<Prepared>, &Arc<rayon::ThreadPool>),
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Option<(Verdict, Vec<f64>)>, TrainError> {
    let Some(run) = experiment.runs.first() else { return Ok(None) };
    let rules: Vec<(Rule, f64)> = peaks.iter().map(|peak| (rule, *peak)).collect();
    let made = under(experiment, &rules, data, report)?;
    let least = |losses: Vec<f64>| {
        let found = losses.into_iter().zip(peaks).filter(|(loss, _)| loss.is_finite());
        found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, peak)| *peak)
    };
    let named =
        |at: usize, peak: f64| Run { name: format!("run {at}"), lr: cosine(run, peak), ..run.clone() };
    let rivals: Vec<Run> = peaks.iter().enumerate().map(|(at, peak)| named(at, *peak)).collect();
    let found = ends(experiment, rivals, experiment.train.seed, 1, data, report)?;
    let own = least(made.iter().map(|made| made.loss).collect());
    let rival = least(found.into_iter().map(|ends| ends[0]).collect());
    let (Some(own), Some(rival)) = (own, rival) else { return Ok(None) };
    let mut lineage = Vec::new();
    for seed in 1..=seeds as u64 {
        let made = under(&with_seed(experiment, seed), &[(rule, own)], data, report)?;
        lineage.extend(made.first().map(|made| made.loss));
    }
    let seed = experiment.train.seed.wrapping_add(1);
    let cosine =
        ends(experiment, vec![named(0, rival)], seed, seeds, data, report)?.pop().unwrap_or_default();
    let rates = made.into_iter().zip(peaks).find(|(_, peak)| **peak == own).map(|(made, _)| made.rates);
    Ok(Some((Verdict { lineage, cosine, peak: rival }, rates.unwrap_or_default())))
}

/// What a rule made of a run, as its schedule.
pub fn schedule(rates: Vec<f64>) -> crate::schedule::Schedule {
    listed(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_answers_between_a_half_and_twice_and_one_of_nothing_leaves_the_rate() {
        let heard = |slope, gradient, phase| Heard { slope, gradient, phase };
        let idle = Rule([0.0; WEIGHTS]);
        assert_eq!(idle.factor(heard(1.0, -1.0, 0.3)), 1.0);
        let late = Rule([0.0, 0.0, -3.0, 0.0]);
        assert!(late.factor(heard(0.0, 0.0, 1.0)) < 0.51 && late.factor(heard(0.0, 0.0, -1.0)) > 1.98);
        for corner in [[3.0; WEIGHTS], [-3.0; WEIGHTS]] {
            let factor = Rule(corner).factor(heard(1.0, 1.0, 1.0));
            assert!((0.5..=2.0).contains(&factor), "{factor}");
        }
        assert_eq!(Rule::at(&[0.5; WEIGHTS]), idle);
    }

    #[test]
    fn what_is_heard_is_bounded_whatever_was_measured() {
        let stretch = |loss, gradient| Stretch { loss, gradient };
        assert_eq!(heard(&[stretch(1.0, 1.0)], 1), None);
        let fell = heard(&[stretch(2.0, 1.0), stretch(1.9, 0.5)], 2).unwrap();
        assert!((fell.slope + 0.5).abs() < 1e-9 && (fell.gradient - 0.5_f64.ln()).abs() < 1e-9);
        assert!((fell.phase + 0.8).abs() < 1e-9);
        for odd in [f64::NAN, f64::INFINITY, 0.0, -1e300] {
            let heard = heard(&[stretch(1.0, 1.0), stretch(odd, odd), stretch(odd, odd)], 20).unwrap();
            let all = [heard.slope, heard.gradient, heard.phase];
            assert!(all.iter().all(|value| (-1.0..=1.0).contains(value)), "{odd}: {heard:?}");
        }
    }
}
