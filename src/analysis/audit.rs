//! The audit: what schedules did for a training, against a baseline, in numbers.
//!
//! A [`Tally`] takes in a lane's rows as they come and keeps a fixed amount (and the validations), so a
//! training of any length can be audited. [`Audit::of`] turns the tallies of a finished training into the
//! tables of the report.

use super::chart::label;
use super::scenario::{Measured, Scenario};
use super::statistics::{PairedTest, deviation, mean, median, paired_t};
use crate::experiment::{Controller, Experiment, Run};
use crate::schedule::kind::Value;
use crate::telemetry::{Column, Row, Store, Validation};
use crate::train::Stopped;
use crate::train::cohort::Cohort;
use crate::train::ids::RunId;

/// A loss this many times its running average is a spike.
const SPIKE: f64 = 3.0;
/// The running average's share of the past, as in the range test.
const BETA: f64 = 0.98;
/// Updates before spikes count: the average needs some.
const SETTLED: u64 = 20;
/// Rates kept for the plot.
const MOST_RATES: usize = 1024;
/// Below this chance of a difference by luck alone it is called more than noise.
pub const SIGNIFICANT: f64 = 0.05;

/// What one lane's training comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub seed: u64,
    pub updates: u64,
    /// The last update's loss.
    pub final_train_loss: Option<f64>,
    /// Updates whose rate was not the one before.
    pub rate_changes: u64,
    pub rate_min: f64,
    pub rate_max: f64,
    pub rate_mean: f64,
    /// The mean squared distance from the mean.
    pub rate_variance: f64,
    /// The greatest finite gradient norm, before clipping.
    pub peak_grad_norm: f64,
    /// Updates whose gradient was clipped.
    pub clipped: u64,
    /// Updates whose loss was over three times the running average of those before.
    pub spikes: u64,
    pub diverged_at: Option<u64>,
    /// How early stopping ended it, where it did.
    pub stopped: Option<Stopped>,
    pub validations: Vec<Validation>,
    /// What it measured of its scenario.
    pub scenario: Measured,
    /// Wall time of the training, where it was measured.
    pub seconds: Option<f64>,
    /// The rates of evenly spaced updates, for the plot: (update, rate).
    pub rates: Vec<(u64, f64)>,
    /// The distance of those updates.
    stride: u64,
    clip: Option<f64>,
    last_rate: Option<f64>,
    average: f64,
    weight: f64,
}

impl Tally {
    /// Of a lane whose whole history is at hand.
    pub fn of(seed: u64, clip: Option<f64>, rows: &[Row]) -> Self {
        let mut tally = Self::new(seed, clip);
        rows.iter().for_each(|row| tally.update(row));
        tally
    }

    /// Of a lane's telemetry. A history so long that it is kept in groups of updates counts as one update a group
    /// where changes, spikes and the variance of the rate are concerned.
    pub fn of_store(seed: u64, clip: Option<f64>, store: &Store) -> Self {
        let column = |column| store.series(column).finest();
        let mut tally = Self::new(seed, clip);
        let measured = column(Column::Lr).zip(column(Column::TrainLoss)).zip(column(Column::GradNorm));
        for ((lr, loss), norm) in measured {
            let one = loss.count == 1;
            let mean = if loss.nonfinite > 0 { f32::NAN } else { loss.mean as f32 };
            let greatest = if one { norm.first } else { norm.max } as f32;
            tally.take(lr.first_update, lr.first, mean, greatest);
            // One group stands for all of its updates.
            let clips = clip.is_some_and(|clip| norm.mean > clip);
            tally.clipped += if one || !clips { 0 } else { u64::from(loss.count) - 1 };
            tally.updates += u64::from(loss.count) - 1;
        }
        tally.scenario = Measured::of_store(store);
        let mut accuracies = column(Column::ValAccuracy).peekable();
        for loss in column(Column::ValLoss) {
            let accuracy = accuracies.next_if(|accuracy| accuracy.last_update == loss.last_update);
            tally.validation(Validation {
                update: loss.last_update,
                loss: loss.last as f32,
                accuracy: accuracy.map(|accuracy| accuracy.last as f32),
            });
        }
        tally
    }

    /// Of a lane under this seed, with the gradient norm it is clipped to.
    pub fn new(seed: u64, clip: Option<f64>) -> Self {
        Self { seed, clip, rate_min: f64::INFINITY, stride: 1, ..Self::default() }
    }

    /// Takes in one update, with its validation where it has one.
    pub fn update(&mut self, row: &Row) {
        self.take(row.update, row.lr, row.train_loss, row.grad_norm);
        self.scenario.update(row);
        if let Some(validation) = row.validation() {
            self.validation(validation);
        }
    }

    /// Takes in what one update measured.
    fn take(&mut self, update: u64, lr: f64, loss: f32, grad_norm: f32) {
        self.updates += 1;
        let loss = f64::from(loss);
        self.final_train_loss = Some(loss);
        self.rate_changes += u64::from(self.last_rate.is_some_and(|last| last != lr));
        self.last_rate = Some(lr);
        self.rate_min = self.rate_min.min(lr);
        self.rate_max = self.rate_max.max(lr);
        // Welford's recurrence, with the variance of what was seen so far.
        let (count, before) = (self.updates as f64, self.rate_mean);
        self.rate_mean += (lr - before) / count;
        self.rate_variance += ((lr - before) * (lr - self.rate_mean) - self.rate_variance) / count;
        if update.is_multiple_of(self.stride.max(1)) {
            self.rates.push((update, lr));
            if self.rates.len() > MOST_RATES {
                self.stride = self.stride.max(1) * 2;
                let stride = self.stride;
                self.rates.retain(|(update, _)| update.is_multiple_of(stride));
            }
        }
        let norm = f64::from(grad_norm);
        if norm.is_finite() {
            self.peak_grad_norm = self.peak_grad_norm.max(norm);
        }
        self.clipped += u64::from(self.clip.is_some_and(|clip| norm > clip));
        if !loss.is_finite() {
            self.diverged_at.get_or_insert(update);
            return;
        }
        self.spikes += u64::from(self.updates > SETTLED && loss > SPIKE * self.average / self.weight);
        self.average = BETA * self.average + (1.0 - BETA) * loss;
        self.weight = BETA * self.weight + (1.0 - BETA);
    }

    /// Takes in one validation.
    fn validation(&mut self, validation: Validation) {
        self.validations.push(validation);
    }

    /// The last validation's loss and accuracy.
    ///
    /// Where early stopping put the best weights back, that is theirs.
    pub fn last(&self, metric: Measure) -> Option<f64> {
        let stopped = self.stopped.as_ref().filter(|stopped| stopped.restored);
        let end = stopped.and_then(|stopped| stopped.best).map_or(u64::MAX, |(_, updates)| updates);
        let last = self.validations.iter().rev().find(|validation| validation.update < end);
        last.and_then(|validation| metric.of(validation))
    }

    /// The best of all validations.
    pub fn best(&self, metric: Measure) -> Option<f64> {
        let found = self.validations.iter().filter_map(|v| metric.of(v)).filter(|value| value.is_finite());
        found.reduce(|best, next| if metric.better(next, best) { next } else { best })
    }

    /// Updates done when a validation was first as good as the target.
    pub fn updates_to(&self, metric: Measure, target: f64) -> Option<u64> {
        let reached = |v: &&Validation| {
            metric.of(v).is_some_and(|value| !metric.better(target, value) && value.is_finite())
        };
        self.validations.iter().find(reached).map(|v| v.update + 1)
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Loss,
    Accuracy,
}

impl Measure {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "validation loss",
            Self::Accuracy => "validation accuracy",
        }
    }

    fn of(self, validation: &Validation) -> Option<f64> {
        match self {
            Self::Loss => Some(validation.loss.into()),
            Self::Accuracy => validation.accuracy.map(Into::into),
        }
    }

    /// Whether the first is better than the second.
    pub fn better(self, first: f64, second: f64) -> bool {
        match self {
            Self::Loss => first < second,
            Self::Accuracy => first > second,
        }
    }
}

/// A run's lanes and what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    pub name: String,
    /// The schedule in a few words.
    pub schedule: String,
    /// One a seed.
    pub lanes: Vec<Tally>,
}

impl RunRecord {
    /// A run and what its lanes come to.
    pub fn new(run: &Run, lanes: Vec<Tally>) -> Self {
        Self { name: run.name.clone(), schedule: describe(run), lanes }
    }

    /// The runs of a cohort, as far as its lanes' logs go.
    pub fn all(cohort: &Cohort) -> Vec<Self> {
        let revision = cohort.revision();
        let (seed, clip) = (cohort.task().seed, cohort.task().clip_norm);
        let record = |(run, id): (&Run, &RunId)| {
            let lanes = cohort.lanes().iter().filter(|lane| lane.id.run == *id).map(|lane| {
                let seed = seed.wrapping_add(u64::from(lane.id.replica));
                let stopped = lane.stopped(cohort.task());
                Tally { stopped, ..Tally::of(seed, clip, &lane.log.rows) }
            });
            Self::new(run, lanes.collect())
        };
        revision.experiment.runs.iter().zip(&revision.ids).map(record).collect()
    }
}

/// A run's optimizer and schedule in a few words.
pub fn describe(run: &Run) -> String {
    let mut text = run.lr.kind.name().replace('_', " ");
    if let Some(Value::Number(peak)) = run.lr.kind.get("peak") {
        text += &format!(" {}", label(peak));
    }
    if let Some(warmup) = &run.lr.warmup {
        text += &format!(", warmup {}", warmup.over);
    }
    if let Some(cooldown) = &run.lr.cooldown {
        text += &format!(", cooldown {}", cooldown.over);
    }
    if let Some(Controller::Plateau(_)) = run.controller {
        text += ", cut on plateaus";
    }
    format!("{text}, {}", run.optimizer.kind.name())
}

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub mean: f64,
    /// The sample's standard deviation; `None` of one seed.
    pub deviation: Option<f64>,
    pub count: usize,
}

impl Summary {
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        Some(Self { mean: mean(&values)?, deviation: deviation(&values), count: values.len() })
    }
}

/// One line of the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub record: RunRecord,
    pub final_loss: Option<Summary>,
    pub best_loss: Option<Summary>,
    pub final_accuracy: Option<Summary>,
    pub best_accuracy: Option<Summary>,
    pub final_train_loss: Option<Summary>,
    /// The median over the seeds that reached the target.
    pub updates_to_target: Option<f64>,
    /// Its share of the median training time.
    pub seconds_to_target: Option<f64>,
    /// Seeds that reached the target.
    pub reached: usize,
    pub diverged: usize,
    pub spikes: u64,
    /// Against the baseline, on the measure compared.
    pub difference: Option<Difference>,
}

impl Line {
    /// What it comes to after the last update.
    pub fn last(&self, measure: Measure) -> Option<Summary> {
        match measure {
            Measure::Loss => self.final_loss,
            Measure::Accuracy => self.final_accuracy,
        }
    }

    /// The mean of it, where it is a number.
    pub fn result(&self, measure: Measure) -> Option<f64> {
        self.last(measure).map(|summary| summary.mean).filter(|mean| mean.is_finite())
    }
}

/// A run against the baseline, seed by seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Seeds both have, with a finite result.
    pub pairs: usize,
    pub mean: f64,
    /// Pairs in which the run was better than the baseline.
    pub wins: usize,
    /// With two pairs or more.
    pub test: Option<PairedTest>,
    /// What it comes to, in a sentence.
    pub verdict: String,
}

/// A finished audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// The experiment's name.
    pub title: String,
    /// What validations measure best here: accuracy where there is one.
    pub measure: Measure,
    /// What "target" means in the tables: the baseline's mean final result.
    pub target: Option<f64>,
    /// The index of the line others are compared with.
    pub baseline: usize,
    pub lines: Vec<Line>,
    /// What is unlike a plain training.
    pub scenario: Scenario,
    /// The constant rates that the baseline was chosen from, rising, with their mean final result; none where it
    /// is one of the runs.
    pub tried: Vec<(f64, Option<f64>)>,
}

impl Audit {
    /// The audit of a finished training. `baseline` is the index of the run that others are compared with;
    /// one that does not exist means the first.
    pub fn of(title: &str, records: Vec<RunRecord>, baseline: usize) -> Self {
        let baseline = if baseline < records.len() { baseline } else { 0 };
        let has_accuracy = records
            .iter()
            .flat_map(|record| &record.lanes)
            .any(|lane| lane.last(Measure::Accuracy).is_some());
        let measure = if has_accuracy { Measure::Accuracy } else { Measure::Loss };
        let base = records.get(baseline).map(|record| record.lanes.clone()).unwrap_or_default();
        let target =
            Summary::of(base.iter().map(|lane| lane.last(measure).filter(|value| value.is_finite())))
                .map(|summary| summary.mean);
        let lines = records
            .into_iter()
            .enumerate()
            .map(|(index, record)| {
                let compared = (index != baseline).then_some(base.as_slice());
                line(record, measure, target, compared)
            })
            .collect();
        let (scenario, tried) = (Scenario::default(), Vec::new());
        Self { title: title.to_owned(), measure, target, baseline, lines, scenario, tried }
    }

    /// The same, of this experiment's scenario.
    #[must_use]
    pub fn in_scenario(self, experiment: &Experiment) -> Self {
        Self { scenario: Scenario::of(experiment), ..self }
    }

    /// As [`Audit::of`], against the first run with a constant rate, or the first.
    pub fn of_runs(experiment: &Experiment, records: Vec<RunRecord>) -> Self {
        let constant = experiment.runs.iter().position(|run| run.lr.kind.name() == "constant");
        Self::of(&experiment.name, records, constant.unwrap_or(0)).in_scenario(experiment)
    }

    /// The line with the best mean of what is compared.
    pub fn best(&self) -> Option<&Line> {
        let lines = self.lines.iter().filter_map(|line| Some((line, line.result(self.measure)?)));
        let best = lines.reduce(|best, next| if self.measure.better(next.1, best.1) { next } else { best });
        best.map(|(line, _)| line)
    }
}

fn line(record: RunRecord, measure: Measure, target: Option<f64>, base: Option<&[Tally]>) -> Line {
    let lanes = &record.lanes;
    let over = |value: &dyn Fn(&Tally) -> Option<f64>| Summary::of(lanes.iter().map(value));
    let to_target = |lane: &Tally| target.and_then(|target| lane.updates_to(measure, target));
    let updates: Vec<f64> = lanes.iter().filter_map(to_target).map(|updates| updates as f64).collect();
    let seconds: Vec<f64> = lanes
        .iter()
        .filter_map(|lane| Some(lane.seconds? * to_target(lane)? as f64 / lane.updates.max(1) as f64))
        .collect();
    Line {
        final_loss: over(&|lane| lane.last(Measure::Loss)),
        best_loss: over(&|lane| lane.best(Measure::Loss)),
        final_accuracy: over(&|lane| lane.last(Measure::Accuracy)),
        best_accuracy: over(&|lane| lane.best(Measure::Accuracy)),
        final_train_loss: over(&|lane| lane.final_train_loss),
        updates_to_target: median(&updates),
        seconds_to_target: median(&seconds),
        reached: updates.len(),
        diverged: lanes.iter().filter(|lane| lane.diverged_at.is_some()).count(),
        spikes: lanes.iter().map(|lane| lane.spikes).sum(),
        difference: base.and_then(|base| difference(lanes, base, measure)),
        record,
    }
}

fn difference(lanes: &[Tally], base: &[Tally], measure: Measure) -> Option<Difference> {
    let pairs: Vec<(f64, f64)> = lanes
        .iter()
        .filter_map(|lane| {
            let other = base.iter().find(|other| other.seed == lane.seed)?;
            let pair = (lane.last(measure)?, other.last(measure)?);
            (pair.0.is_finite() && pair.1.is_finite()).then_some(pair)
        })
        .collect();
    let differences: Vec<f64> = pairs.iter().map(|(run, base)| run - base).collect();
    let mean = mean(&differences)?;
    let wins = pairs.iter().filter(|(run, base)| measure.better(*run, *base)).count();
    let test = paired_t(&differences);
    let verdict = verdict(measure, mean, wins, pairs.len(), test.as_ref());
    Some(Difference { pairs: pairs.len(), mean, wins, test, verdict })
}

/// What a difference comes to, for people who have not met a t-test.
fn verdict(measure: Measure, mean: f64, wins: usize, pairs: usize, test: Option<&PairedTest>) -> String {
    let word = if measure.better(mean, 0.0) { "Better" } else { "Worse" };
    match test {
        None => "One seed cannot tell a difference from noise: train more replicas.".to_owned(),
        Some(_) if mean == 0.0 => "No difference.".to_owned(),
        Some(test) if test.p < SIGNIFICANT => {
            format!(
                "{word} in {} of {pairs} seeds, and more than noise (p = {:.2}%).",
                if word == "Better" { wins } else { pairs - wins },
                100.0 * test.p
            )
        }
        Some(test) => format!(
            "{word} on average, but so much happens by chance {:.0} times in 100 with {pairs} seeds: it may be noise.",
            100.0 * test.p
        ),
    }
}
