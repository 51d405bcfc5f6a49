//! Where a range test begins, and its training under a rising rate.

use std::sync::Arc;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use super::{Options, RangeTest, SeedCurve, Spread};
use crate::analysis::side_training;
use crate::analysis::suggest::{FASTAI_BETA, LIGHT_BETA, Rule, debiased, stability_limit};
use crate::data::Prepared;
use crate::experiment::{Experiment, Number, Run};
use crate::jobs::Progress;
use crate::schedule::kind::{Constant, Listed, Part, Sequence, Table};
use crate::schedule::{Kind, Schedule, Span};
use crate::telemetry::Row;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::ids::RunId;
use crate::train::task::prepare;

/// Updates between two looks at whether every seed has stopped.
const CHUNK: u64 = 16;

/// What a range test begins from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Weights as they were before the first update.
    #[default]
    Fresh,
    /// Weights, optimizer buffers and data where the training stands.
    Here,
}

/// All that a range test needs, copied out of a training or an experiment.
pub struct Stand {
    experiment: Experiment,
    run: Run,
    prepared: Arc<Prepared>,
    pool: Arc<rayon::ThreadPool>,
    /// Updates already done.
    update: u64,
    /// Weights and buffers to begin from, one replica after the other; fresh ones where there are none.
    rows: Vec<Vec<f32>>,
}

impl Stand {
    /// At the beginning of an experiment nobody trains.
    ///
    /// # Errors
    /// When there is no run of this name, or the data cannot be read.
    pub fn fresh(
        experiment: &Experiment,
        run: &str,
        pool: &Arc<rayon::ThreadPool>,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            run: side_training::find(experiment, run)?.clone(),
            prepared: prepare(experiment)?,
            experiment: experiment.clone(),
            pool: Arc::clone(pool),
            update: 0,
            rows: Vec::new(),
        })
    }

    /// In a run of a cohort: its beginning, or where it stands.
    ///
    /// # Errors
    /// When the cohort has no such run, or the tensor library fails.
    pub fn of(cohort: &Cohort, id: RunId, start: Start) -> Result<Self, TrainError> {
        let revision = cohort.revision();
        let run = revision.ids.iter().zip(&revision.experiment.runs).find(|(found, _)| **found == id);
        let lanes = || cohort.lanes().iter().enumerate().filter(|(_, lane)| lane.id.run == id);
        let (Some((_, run)), Some((_, first))) = (run, lanes().next()) else {
            return Err(TrainError::RunGone { work: "range test" });
        };
        let here = start == Start::Here && first.update > 0;
        let row = |at: usize| cohort.rows().get(at)?.to_vec1::<f32>();
        let rows = lanes().filter(|_| here).map(|(at, _)| row(at)).collect::<candle_core::Result<_>>()?;
        Ok(Self {
            experiment: revision.experiment.clone(),
            run: run.clone(),
            prepared: Arc::clone(&cohort.task().prepared),
            pool: Arc::clone(cohort.pool()),
            update: if here { first.update } else { 0 },
            rows,
        })
    }

    /// Sweeps.
    ///
    /// # Errors
    /// When an option is out of its range, the run cannot be trained, or nobody waits any more.
    pub fn test(self, options: &Options, progress: &Progress) -> Result<RangeTest, TrainError> {
        let mut cohort = self.sweeping(options)?;
        if !self.rows.is_empty() {
            put(cohort.rows(), self.rows)?;
            cohort.lanes_mut().iter_mut().for_each(|lane| lane.update = self.update);
        }
        sweep(cohort, &self.run, options, self.update, progress)
    }

    /// A cohort that sweeps after `update` updates. Mirrored momentum stays at its low end, which is what
    /// goes with a high rate.
    fn sweeping(&self, options: &Options) -> Result<Cohort, TrainError> {
        options.check()?;
        let values = (0..options.updates).map(|at| options.rate(at)).collect();
        let table: Schedule = Kind::Listed(Listed { values: Table { values, file: None } }).into();
        let lr = if self.update == 0 {
            table
        } else {
            let before = Kind::Constant(Constant { peak: options.start }).into();
            let lead = Part::new(Some(Span::Updates(self.update as f64)), before);
            let parts = vec![lead, Part::new(None, table)];
            Kind::Sequence(Sequence { parts }).into()
        };
        let mut run = side_training::scheduled(&self.run, lr);
        if let Some(name) = run.optimizer.kind.momentum_name()
            && let Some(Number::Mirror { low, .. }) = run.optimizer.get(name)
        {
            let low = *low;
            run.optimizer.set(name, Number::Fixed(low));
        }
        let mut sweep = Experiment { runs: vec![run], snapshots: None, ..self.experiment.clone() };
        sweep.train.replicas = options.seeds;
        sweep.train.updates = Span::Updates((self.update + options.updates as u64) as f64);
        side_training::cohort(sweep, &self.prepared, &self.pool)
    }
}

/// Trains the cohort to the end of the sweep, or until every seed has stopped.
fn sweep(
    mut cohort: Cohort,
    run: &Run,
    options: &Options,
    from: u64,
    progress: &Progress,
) -> Result<RangeTest, TrainError> {
    let end = from + options.updates as u64;
    let mut to = from;
    while to < end {
        progress.report(to - from, end - from)?;
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
