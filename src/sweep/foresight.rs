//! Pruning by forecast: a trial is given up where its end is foreseen to be worse than one that was reached.
//!
//! The law of `forecast` is fitted to the better half of the finished trials that differ in their schedules alone, with
//! their warmups as a rise, so that it holds for several peaks. It forecasts a trial's end twice: from the schedule
//! alone, and moved to where the trial is. Both must be worse, by more than twice what they missed of the runs of the
//! fit: schedules that decay late stay, because the law knows what their decay gives back.

use std::collections::HashMap;

use super::cohorts::Setting;
use super::space::{Chosen, Space};
use super::steps::{Racing, STEPS};
use super::trial::{Status, Trial};
use crate::experiment::vary::is_seed;
use crate::forecast::{self, Course, LEAST_RUNS, Law, Measured};
use crate::schedule::Clock;

/// Finished trials that a law is fitted to, at most: more make it slower and no better.
const MOST_RUNS: usize = 16;
/// Deviations on the better side of a forecast.
const DEVIATIONS: f64 = 2.0;

/// What is to be said of a sweep that prunes by forecast: where one law does not hold for all trials.
pub fn note(space: &Space) -> Option<String> {
    let run = space.base().experiment().runs.first()?;
    if !forecast::alike(run, run) {
        return Some("nothing is pruned: the run's rates do not follow from its schedule alone, so they are not forecast".to_owned());
    }
    let paths: Vec<&str> = space.axes().iter().map(|axis| axis.path.as_str()).collect();
    let others: Vec<&str> = paths.into_iter().filter(|path| changes_law(path)).collect();
    let others = (!others.is_empty()).then(|| others.join(", "))?;
    Some(format!(
        "a forecast follows from the schedule alone: trials are forecast from {LEAST_RUNS} finished ones or more that share their {others}"
    ))
}

/// What is known of the trials so far.
pub struct Foresight {
    /// The first step at which anything is given up.
    from: u64,
    /// The trials that race.
    courses: HashMap<usize, Met>,
    /// Those that one law holds for, by what they have in common.
    likes: HashMap<String, Like>,
    /// The best end so far.
    reached: f64,
}

/// A trial's schedule.
#[derive(Clone)]
struct Met {
    /// Everything but its schedule and its seed.
    alike: String,
    course: Course,
}

/// Trials that differ in their schedules alone.
#[derive(Default)]
struct Like {
    clock: Option<Clock>,
    /// How many came to their end, and the best of them, the best first.
    finished: usize,
    best: Vec<Finished>,
    /// The law, and how many were finished when it was fitted.
    fitted: Option<(usize, Option<Fitted>)>,
}

/// A trial that came to its end.
struct Finished {
    course: Course,
    /// How bad it was after each step, and at the end.
    losses: Vec<f64>,
}

impl Finished {
    fn end(&self) -> f64 {
        self.losses.last().copied().unwrap_or(f64::INFINITY)
    }
}

/// A law, and how far it is from the runs that it was fitted to.
struct Fitted {
    law: Law,
    /// Over their ways and at their ends, whichever is more.
    alone: f64,
    /// At their ends, had the law been moved to where they were after each step.
    moved: Vec<f64>,
}

impl Foresight {
    pub fn new(from: u64) -> Self {
        Self { from, courses: HashMap::new(), likes: HashMap::new(), reached: f64::INFINITY }
    }

    /// Looks at the schedules of trials before they are trained.
    pub fn meet(&mut self, trials: &[(usize, Chosen)], setting: &mut Setting) {
        for (trial, values) in trials {
            let alike = alike(values);
            let like = self.likes.entry(alike.clone()).or_default();
            if let Some(course) = course(values, setting, &mut like.clock) {
                self.courses.insert(*trial, Met { alike, course });
            }
        }
    }

    /// Keeps how a trial ended.
    pub fn tell(&mut self, trial: &Trial, badness: f64) {
        let Some(Met { alike, course }) = self.courses.remove(&trial.trial) else { return };
        let mut losses: Vec<f64> = trial.curve.iter().map(|(_, badness)| *badness).collect();
        losses.push(badness);
        let is_whole = trial.status == Status::Complete && losses.len() == STEPS as usize;
        if is_whole && losses.iter().all(|loss| loss.is_finite()) {
            self.reached = self.reached.min(badness);
            let like = self.likes.entry(alike).or_default();
            like.finished += 1;
            // Of equals the earlier stays before the later.
            let at = like.best.partition_point(|other| other.end() <= badness);
            like.best.insert(at, Finished { course, losses });
            like.best.truncate(MOST_RUNS);
        }
    }

    /// Which of the trials, all after the same step, are given up.
    pub fn judge(&mut self, step: u64, racing: &[Racing]) -> Vec<bool> {
        if step < self.from {
            return vec![false; racing.len()];
        }
        let Self { courses, likes, reached, .. } = self;
        for met in racing.iter().filter_map(|one| courses.get(&one.trial)) {
            if let Some(like) = likes.get_mut(&met.alike) {
                like.fit();
            }
        }
        let foreseen = |one: &Racing| {
            let met = courses.get(&one.trial)?;
            let now = one.curve.last().map(|(_, badness)| *badness).filter(|now| now.is_finite())?;
            likes.get(&met.alike)?.foreseen(&met.course, step, now)
        };
        racing.iter().map(|one| foreseen(one).is_some_and(|end| end > *reached)).collect()
    }
}

impl Like {
    /// Fits the law to the better half, unless it was fitted to the same trials already.
    fn fit(&mut self) {
        if self.fitted.as_ref().is_none_or(|(finished, _)| *finished != self.finished) {
            let half = self.finished.div_ceil(2).max(LEAST_RUNS);
            self.fitted = Some((self.finished, Fitted::to(&self.best[..half.min(self.best.len())])));
        }
    }

    /// The best end that a run may still come to that is so bad after a step.
    fn foreseen(&self, course: &Course, step: u64, now: f64) -> Option<f64> {
        let fitted = self.fitted.as_ref()?.1.as_ref()?;
        let [there, end] = [step, STEPS].map(|step| fitted.law.loss(course, updates(course, step)));
        let alone = end - DEVIATIONS * fitted.alone;
        let moved = end + now - there - DEVIATIONS * fitted.moved[step as usize - 1];
        Some(alone.min(moved))
    }
}

impl Fitted {
    /// Nothing where the runs are too few, or say too little.
    fn to(runs: &[Finished]) -> Option<Self> {
        let measured = |run: &Finished| Measured {
            name: String::new(),
            course: run.course.clone(),
            updates: (1..=STEPS).map(|step| updates(&run.course, step)).collect(),
            seeds: vec![run.losses.clone()],
        };
        let measured: Vec<Measured> = runs.iter().map(measured).collect();
        let law = forecast::fit(&measured).ok()?.law;
        let missed = |run: &Measured| -> Vec<f64> {
            let losses = law.losses(&run.course, &run.updates);
            losses.iter().zip(&run.seeds[0]).map(|(law, loss)| law - loss).collect()
        };
        let missed: Vec<Vec<f64>> = measured.iter().map(missed).collect();
        let last = STEPS as usize - 1;
        let ends = deviation(missed.iter().map(|run| run[last]));
        // The law does not describe the beginning.
        let ways = deviation(missed.iter().flat_map(|run| &run[1..]).copied());
        let moved = |step: usize| deviation(missed.iter().map(|run| run[last] - run[step])).max(ways);
        Some(Self { law, alone: ways.max(ends), moved: (0..last).map(moved).collect() })
    }
}

/// The root of the mean square.
fn deviation(of: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = of.fold((0.0, 0_u32), |(sum, count), one| (sum + one * one, count + 1));
    (sum / f64::from(count.max(1))).sqrt()
}

/// Updates of a run up to a step.
fn updates(course: &Course, step: u64) -> u64 {
    (u128::from(course.updates()) * u128::from(step) / u128::from(STEPS)) as u64
}

/// The rates of a trial, where they follow from its schedule alone. Trials that are alike have one clock.
fn course(values: &Chosen, setting: &mut Setting, clock: &mut Option<Clock>) -> Option<Course> {
    let experiment = setting.space.experiment(values).ok()?;
    let run = experiment.runs.first().filter(|run| forecast::alike(run, run))?;
    if clock.is_none() {
        *clock = Some(setting.task(&experiment).ok()?.clock);
    }
    let curve = run.lr.resolve((*clock)?).ok()?;
    Some(Course::coarse((*clock)?.updates, |update| curve.at(update)).risen())
}

/// Whether runs with other values at a path follow another law: one holds for all schedules, and for all seeds.
fn changes_law(path: &str) -> bool {
    !path.starts_with("lr.") && !is_seed(path)
}

/// What a trial shares with those that one law holds for.
fn alike(values: &Chosen) -> String {
    let shared = values.iter().filter(|(path, _)| changes_law(path));
    format!("{:?}", shared.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::experiment::sweep::Prune;
    use crate::schedule::Span;
    use crate::sweep::pruner::Pruner;

    const LAW: Law = Law { l0: 1.9, a: 0.9, alpha: 0.5, b: 2.0, c: 40.0, beta: 0.6, gamma: 0.4 };
    const UPDATES: u64 = 2000;

    type Shape = fn(f64) -> f64;
    const CONSTANT: Shape = |_| 1.0;
    const COSINE: Shape = |share| 0.5 * (1.0 + (PI * share).cos());
    const LINEAR: Shape = |share| 1.0 - share;
    const LATE: Shape = |share| ((1.0 - share) / 0.2).min(1.0);

    /// A run's course, and what the law says it measured after each step.
    fn run(shape: Shape, peak: f64) -> (Met, Vec<f64>) {
        let course = Course::coarse(UPDATES, |update| peak * shape(update as f64 / UPDATES as f64)).risen();
        let at: Vec<u64> = (1..=STEPS).map(|step| updates(&course, step)).collect();
        let losses = LAW.losses(&course, &at);
        (Met { alike: String::new(), course }, losses)
    }

    fn trial(number: usize, losses: &[f64]) -> Trial {
        let end = losses.last().copied();
        Trial {
            trial: number,
            values: Vec::new(),
            status: Status::Complete,
            updates: UPDATES,
            objectives: vec![end],
            seeds: vec![vec![end]],
            curve: (1..STEPS).zip(losses.iter().copied()).collect(),
            losses: Vec::new(),
            lineage: None,
        }
    }

    /// The step at which each of these is given up, after runs that are done.
    fn given_up(done: usize, racing: &[(Shape, f64)]) -> (Vec<Option<u64>>, Vec<Option<u64>>) {
        let mut foresight = Foresight::new(2);
        let rule = Prune::Median { startup: 3, after: Span::Percent(10.0) };
        let mut median = Pruner::new(rule, Clock { updates: UPDATES, updates_per_epoch: 100 }).unwrap();
        let shapes = [COSINE, LINEAR, CONSTANT];
        let peaks = [0.02, 0.05, 0.08, 0.01];
        for number in 0..done {
            let (met, losses) = run(shapes[number % 3], peaks[number / 3 % 4]);
            let (done, end) = (trial(number, &losses), losses[STEPS as usize - 1]);
            foresight.courses.insert(number, met);
            foresight.tell(&done, end);
            median.tell(&done, end);
        }
        let mut curves = Vec::new();
        for (at, (shape, peak)) in racing.iter().enumerate() {
            let (met, losses) = run(*shape, *peak);
            foresight.courses.insert(100 + at, met);
            curves.push((1..STEPS).zip(losses).collect::<Vec<(u64, f64)>>());
        }
        let mut ends = (vec![None; racing.len()], vec![None; racing.len()]);
        for step in 1..STEPS {
            let shown = |at: usize| Racing { trial: 100 + at, curve: &curves[at][..step as usize] };
            let racing: Vec<Racing> = (0..curves.len()).map(shown).collect();
            let both = [foresight.judge(step, &racing), median.judge(step, &racing)];
            for (ends, pruned) in [&mut ends.0, &mut ends.1].into_iter().zip(both) {
                for (end, _) in ends.iter_mut().zip(pruned).filter(|(end, pruned)| end.is_none() && *pruned) {
                    *end = Some(step);
                }
            }
        }
        ends
    }

    #[test]
    fn the_best_that_decays_late_stays_where_a_median_gives_it_up_and_what_is_bad_goes() {
        let (foreseen, median) = given_up(12, &[(LATE, 0.15), (CONSTANT, 0.15), (COSINE, 0.004)]);
        assert!(median[0].is_some(), "it looks bad until it decays");
        assert_eq!(foreseen[0], None, "and ends as the best");
        assert!(foreseen[1].is_some_and(|step| step <= STEPS / 2), "{foreseen:?}");
        assert!(foreseen[2].is_some_and(|step| step <= STEPS / 2), "{foreseen:?}");
    }

    #[test]
    fn too_few_that_are_done_foresee_nothing() {
        let (foreseen, _) = given_up(2, &[(CONSTANT, 0.15), (COSINE, 0.004)]);
        assert_eq!(foreseen, [None, None]);
    }

    #[test]
    fn trials_of_another_law_are_left_alone() {
        let mut foresight = Foresight::new(2);
        for number in 0..6 {
            let (met, losses) = run([COSINE, LINEAR][number % 2], 0.02 + 0.01 * number as f64);
            foresight.courses.insert(number, met);
            foresight.tell(&trial(number, &losses), losses[STEPS as usize - 1]);
        }
        let (met, losses) = run(CONSTANT, 0.004);
        foresight.courses.insert(10, met.clone());
        foresight.courses.insert(11, Met { alike: "of another batch".to_owned(), ..met });
        let curve: Vec<(u64, f64)> = (1..=10).zip(losses).collect();
        let racing = [Racing { trial: 10, curve: &curve }, Racing { trial: 11, curve: &curve }];
        assert_eq!(foresight.judge(10, &racing), [true, false]);
    }
}
