//! The learning-rate range test (Smith 2015, arXiv 1506.01186): one short training under an exponentially
//! rising rate, over several seeds, and what each finder would suggest from it.
//!
//! It trains a cohort of its own, so the training it asks about goes on untouched; a test from a
//! cohort's present state says so with two fingerprints of that state.

use std::sync::Arc;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use super::statistics::{decades, log_median};
use super::suggest::{FASTAI_BETA, LIGHT_BETA, Rule, debiased, stability_limit};
use crate::experiment::{Experiment, Number, Run};
use crate::schedule::kind::{Constant, Listed, OneCycle, Part, Sequence, Table};
use crate::schedule::{Kind, Schedule, Span};
use crate::telemetry::Row;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::command::{Revision, RunId};

/// Updates between two looks at whether every seed has stopped.
const CHUNK: u64 = 16;

/// How a range test sweeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The first rate, above 0.
    pub start: f64,
    /// The rate the sweep goes up to, above the first.
    pub end: f64,
    /// Updates, from 20 on.
    pub updates: usize,
    /// Lanes, each with its own initial weights and order of the data.
    pub seeds: usize,
    /// A seed stops when its smoothed loss exceeds this many times its best (fastai and Lightning: 4).
    pub stop: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, updates: 200, seeds: 3, stop: 4.0 }
    }
}

impl Options {
    /// The rate of an update: equal factors, the end just not reached, as in fastai.
    pub fn rate(&self, update: usize) -> f64 {
        self.start * (self.end / self.start).powf(update as f64 / self.updates as f64)
    }

    fn check(&self) -> Result<(), TrainError> {
        let say = |text: &str| Err(TrainError::Task(format!("range test: {text}")));
        if !(self.start > 0.0 && self.end > self.start && self.end <= 1e6) {
            return say("the rates must rise from above 0 to at most 1e6");
        }
        if !(20..=1_000_000).contains(&self.updates) {
            return say("between 20 and 1,000,000 updates are needed");
        }
        if !(1..=256).contains(&self.seeds) {
            return say("between 1 and 256 seeds are needed");
        }
        if self.stop.is_nan() || self.stop <= 1.0 {
            return say("the stop factor must be above 1");
        }
        Ok(())
    }
}

/// What one seed showed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedCurve {
    pub seed: u64,
    pub rates: Vec<f64>,
    /// The loss of each update's batch, before the update.
    pub losses: Vec<f64>,
    /// The debiased average with beta 0.98.
    pub smooth: Vec<f64>,
    /// The debiased average with beta [`LIGHT_BETA`], which lags less.
    pub light: Vec<f64>,
    /// Whether the sweep ended before its last rate.
    pub stopped: bool,
    /// The first rate after the best at which the raw loss was back where it began, or no number.
    pub limit: Option<f64>,
}

/// A rate read off every seed's curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// One for each seed, where there is one.
    pub per_seed: Vec<Option<f64>>,
    /// Over the seeds that have one, on a logarithmic scale.
    pub median: Option<f64>,
    /// Factors of ten between the lowest and the highest.
    pub decades: Option<f64>,
}

impl Spread {
    fn of(per_seed: Vec<Option<f64>>) -> Self {
        let found: Vec<f64> = per_seed.iter().copied().flatten().collect();
        Self { median: log_median(&found), decades: decades(&found), per_seed }
    }
}

/// The state a test began from, before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untouched {
    pub before: u64,
    pub after: u64,
}

/// A finished range test.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeTest {
    /// The run's name.
    pub run: String,
    pub options: Options,
    pub curves: Vec<SeedCurve>,
    /// One for each of [`Rule::ALL`].
    pub suggestions: Vec<(Rule, Spread)>,
    /// Where training stops being stable.
    pub limit: Spread,
    /// For a test from a present state.
    pub untouched: Option<Untouched>,
}

impl RangeTest {
    /// The default suggestion, for the peak of a one-cycle schedule: [`Rule::Edge`]'s, or valley's when no
    /// seed became unstable.
    pub fn recommended(&self) -> Option<f64> {
        self.suggestion(Rule::Edge).or_else(|| self.suggestion(Rule::Valley))
    }

    /// What a rule suggests over all seeds.
    pub fn suggestion(&self, rule: Rule) -> Option<f64> {
        self.suggestions.iter().find(|(found, _)| *found == rule).and_then(|(_, spread)| spread.median)
    }
}

/// A range test from fresh weights.
///
/// # Errors
/// When there is no run of this name, an option is out of its range, or the experiment cannot be trained.
pub fn range_test(
    experiment: &Experiment,
    run: &str,
    options: &Options,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<RangeTest, TrainError> {
    let run = find(experiment, run)?;
    let cohort = sweeping(experiment, run, options, 0, pool)?;
    sweep(cohort, run, options, 0)
}

/// A range test from where a run of the cohort stands: its weights and optimizer buffers are copied, one
/// replica after the other over the seeds; the data goes on from there.
///
/// # Errors
/// As [`range_test`], and when the cohort has no such run.
pub fn range_test_from(
    cohort: &Cohort,
    run: RunId,
    options: &Options,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<RangeTest, TrainError> {
    let before = fingerprint(cohort)?;
    let revision = cohort.revision();
    let spec = revision.ids.iter().zip(&revision.experiment.runs).find(|(id, _)| **id == run);
    let all: Vec<Vec<f32>> = cohort.rows().to_vec2()?;
    let rows: Vec<(u64, Vec<f32>)> = cohort
        .lanes()
        .iter()
        .zip(all)
        .filter(|(lane, _)| lane.id.run == run)
        .map(|(lane, row)| (lane.update, row))
        .collect();
    let (Some((_, spec)), Some((update, _))) = (spec, rows.first()) else {
        return Err(TrainError::Task("range test: the run is no more; choose another".into()));
    };
    let update = *update;
    let mut copy = sweeping(&revision.experiment, spec, options, update, pool)?;
    put(copy.rows(), rows.into_iter().map(|(_, row)| row).collect())?;
    for lane in copy.lanes_mut() {
        lane.update = update;
    }
    let result = sweep(copy, spec, options, update)?;
    Ok(RangeTest { untouched: Some(Untouched { before, after: fingerprint(cohort)? }), ..result })
}

/// A number that changes when any weight, buffer or update count of the cohort does (FNV-1a, 64 bits).
///
/// # Errors
/// When the tensor library fails.
pub fn fingerprint(cohort: &Cohort) -> Result<u64, TrainError> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for lane in cohort.lanes() {
        take(&lane.update.to_le_bytes());
    }
    for number in cohort.rows().flatten_all()?.to_vec1::<f32>()? {
        take(&number.to_bits().to_le_bytes());
    }
    Ok(hash)
}

/// How a suggested rate does as the peak of a one-cycle training of the experiment's full length.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    pub rate: f64,
    pub seeds: Vec<ProofOfSeed>,
}

/// One seed of a [`Proof`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProofOfSeed {
    pub seed: u64,
    /// After the last update; without held-out samples there is none.
    pub val_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
    pub diverged_at: Option<u64>,
}

/// Trains the run under one cycle (arXiv 1708.07120, PyTorch's defaults) with this peak.
///
/// # Errors
/// As [`range_test`].
pub fn prove(
    experiment: &Experiment,
    run: &str,
    rate: f64,
    seeds: usize,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Proof, TrainError> {
    let run = find(experiment, run)?;
    let lr = Kind::OneCycle(OneCycle {
        peak: rate,
        over: None,
        pct_start: 0.3,
        div_factor: 25.0,
        final_div_factor: 1e4,
        anneal: "cos",
        three_phase: false,
    });
    let mut proof =
        Experiment { runs: vec![scheduled(run, lr.into())], snapshots: None, ..experiment.clone() };
    proof.train.replicas = seeds.max(1);
    let mut cohort = Cohort::new(alone(proof), Arc::clone(pool))?;
    cohort.advance(u64::MAX, u64::MAX)?;
    let seed = cohort.task().seed;
    let seeds = cohort.lanes().iter().map(|lane| {
        let last = lane.log.validations.last();
        ProofOfSeed {
            seed: seed.wrapping_add(u64::from(lane.id.replica)),
            val_loss: last.map(|validation| validation.loss.into()),
            val_accuracy: last.and_then(|validation| validation.accuracy).map(Into::into),
            diverged_at: lane.diverged_at,
        }
    });
    Ok(Proof { rate, seeds: seeds.collect() })
}

fn find<'a>(experiment: &'a Experiment, name: &str) -> Result<&'a Run, TrainError> {
    experiment.runs.iter().find(|run| run.name == name).ok_or_else(|| {
        let names: Vec<&str> = experiment.runs.iter().map(|run| run.name.as_str()).collect();
        TrainError::Task(format!("there is no run \"{name}\"; there are: {}", names.join(", ")))
    })
}

/// The run under another schedule and no controller.
fn scheduled(run: &Run, lr: Schedule) -> Run {
    Run { lr, plateau: None, greedy: None, hypergradient: None, ..run.clone() }
}

/// An experiment nobody edits.
fn alone(experiment: Experiment) -> Arc<Revision> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    Arc::new(Revision { generation: 0, experiment, ids })
}

/// A cohort that sweeps after `update` updates. Mirrored momentum stays at its low end, which is what
/// goes with a high rate.
fn sweeping(
    experiment: &Experiment,
    run: &Run,
    options: &Options,
    update: u64,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Cohort, TrainError> {
    options.check()?;
    let values = (0..options.updates).map(|at| options.rate(at)).collect();
    let table: Schedule = Kind::Listed(Listed { values: Table { values, file: None } }).into();
    let lr = if update == 0 {
        table
    } else {
        let before = Kind::Constant(Constant { peak: options.start }).into();
        let lead = Part { length: Some(Span::Updates(update as f64)), schedule: before };
        let parts = vec![lead, Part { length: None, schedule: table }];
        Kind::Sequence(Sequence { parts }).into()
    };
    let mut run = scheduled(run, lr);
    if let Some(name) = run.optimizer.kind.momentum_name()
        && let Some(Number::Mirror { low, .. }) = run.optimizer.get(name)
    {
        let low = *low;
        run.optimizer.set(name, Number::Fixed(low));
    }
    let mut sweep = Experiment { runs: vec![run], snapshots: None, ..experiment.clone() };
    sweep.train.replicas = options.seeds;
    sweep.train.updates = Span::Updates((update + options.updates as u64) as f64);
    Cohort::new(alone(sweep), Arc::clone(pool))
}

/// Trains the cohort to the end of the sweep, or until every seed has stopped.
fn sweep(mut cohort: Cohort, run: &Run, options: &Options, from: u64) -> Result<RangeTest, TrainError> {
    let end = from + options.updates as u64;
    let mut to = from;
    while to < end {
        to = (to + CHUNK).min(end);
        cohort.advance(to, u64::MAX)?;
        if cohort.lanes().iter().all(|lane| stop_at(&losses(&lane.log.rows), options.stop).is_some()) {
            break;
        }
    }
    let seed = cohort.task().seed;
    let curves: Vec<SeedCurve> = cohort
        .lanes()
        .iter()
        .map(|lane| curve(seed.wrapping_add(u64::from(lane.id.replica)), &lane.log.rows, options))
        .collect();
    let suggestions = Rule::ALL.map(|rule| {
        let of_seed = |curve: &SeedCurve| rule.suggest(&curve.rates, &curve.losses, options.updates);
        (rule, Spread::of(curves.iter().map(of_seed).collect()))
    });
    Ok(RangeTest {
        run: run.name.clone(),
        options: *options,
        suggestions: suggestions.into(),
        limit: Spread::of(curves.iter().map(|curve| curve.limit).collect()),
        curves,
        untouched: None,
    })
}

fn losses(rows: &[Row]) -> Vec<f64> {
    rows.iter().map(|row| f64::from(row.train_loss)).collect()
}

/// The update that ends a sweep: the smoothed loss is above `stop` times its best, or no number.
fn stop_at(losses: &[f64], stop: f64) -> Option<usize> {
    let mut best = f64::INFINITY;
    debiased(losses, FASTAI_BETA).into_iter().position(|smooth| {
        best = best.min(smooth);
        !smooth.is_finite() || smooth > stop * best
    })
}

fn curve(seed: u64, rows: &[Row], options: &Options) -> SeedCurve {
    let mut losses = losses(rows);
    let stopped = stop_at(&losses, options.stop);
    losses.truncate(stopped.map_or(losses.len(), |at| at + 1));
    let rates: Vec<f64> = rows.iter().take(losses.len()).map(|row| row.lr).collect();
    SeedCurve {
        seed,
        smooth: debiased(&losses, FASTAI_BETA),
        light: debiased(&losses, LIGHT_BETA),
        stopped: stopped.is_some(),
        limit: stability_limit(&rates, &losses),
        rates,
        losses,
    }
}

/// Overwrites the rows of a tensor `[L, width]` with these, one after the other and again from the first.
fn put(rows: &Tensor, sources: Vec<Vec<f32>>) -> candle_core::Result<()> {
    rows.inplace_op1(&Put(sources))
}

struct Put(Vec<Vec<f32>>);

impl InplaceOp1 for Put {
    fn name(&self) -> &'static str {
        "put-rows"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(numbers), Some((from, to))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("rows must be contiguous f32");
        };
        let (_, width) = layout.shape().dims2()?;
        for (row, source) in numbers[from..to].chunks_exact_mut(width.max(1)).zip(self.0.iter().cycle()) {
            let shared = width.min(source.len());
            row[..shared].copy_from_slice(&source[..shared]);
        }
        Ok(())
    }
}
