//! The batch-size helper: how the rate should follow the batch, how large a batch still pays, and what a
//! change of batch, accumulation or world size does to a schedule.

use std::sync::Arc;

use super::detect::Remedy;
use super::sharpness::Objective;
use super::stretch::stretch;
use crate::experiment::optimizer::Steps;
use crate::experiment::{BatchSize, Experiment, Run};
use crate::random::{Stream, rng, shuffle};
use crate::schedule::{Clock, Span};
use crate::train::TrainError;
use crate::train::errand::{Errand, Promise};
use crate::train::ids::LaneId;
use crate::train::task::Task;

/// How the rate follows the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// The rate grows with the batch: for SGD, below the critical batch (Goyal et al. 2017, arXiv 1706.02677).
    Linear,
    /// The rate grows with the batch's root: for Adam (Malladi et al. 2022, arXiv 2205.10330), and the more
    /// careful choice for SGD.
    SquareRoot,
}

impl Scaling {
    /// The usual one of a run: SGD's rate follows the batch, an adaptive optimizer's its root.
    pub fn usual(run: &Run) -> Self {
        if run.optimizer.kind.info().steps == Steps::Gradient { Self::Linear } else { Self::SquareRoot }
    }

    /// What the rate is multiplied by when the samples of an update go from `from` to `to`.
    pub fn factor(self, from: u64, to: u64) -> f64 {
        let ratio = to.max(1) as f64 / from.max(1) as f64;
        match self {
            Self::Linear => ratio,
            Self::SquareRoot => ratio.sqrt(),
        }
    }
}

/// How many samples make an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Samples of a micro-batch on one machine.
    pub batch: u64,
    /// Micro-batches an update.
    pub accumulate: u64,
    /// Machines that share an update.
    pub world: u64,
}

impl Batching {
    /// Samples an update.
    pub fn samples(&self) -> u64 {
        self.batch.max(1).saturating_mul(self.accumulate.max(1)).saturating_mul(self.world.max(1))
    }
}

/// What a batching does to a training over `samples` training samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Consequence {
    pub samples_per_update: u64,
    /// Whole updates; the last short one of an epoch is dropped.
    pub updates_per_epoch: u64,
    pub updates: u64,
    pub epochs: f64,
    /// Samples seen in all.
    pub samples_seen: u64,
}

/// What is kept when the batching changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// As many epochs, so the same samples seen: the fair comparison.
    Epochs,
    /// As many updates, so more samples with a larger batch.
    Updates,
}

/// What a change of batching does to a training of `clock` under `from`; `None` when an update would then
/// need more samples than there are.
pub fn consequence(
    samples: u64,
    clock: Clock,
    from: Batching,
    to: Batching,
    keep: Keep,
) -> Option<(Consequence, Consequence)> {
    let describe = |batching: Batching, updates: u64| {
        let per_update = batching.samples();
        let updates_per_epoch = samples / per_update;
        (updates_per_epoch > 0).then(|| Consequence {
            samples_per_update: per_update,
            updates_per_epoch,
            updates,
            epochs: updates as f64 / updates_per_epoch as f64,
            samples_seen: updates.saturating_mul(per_update),
        })
    };
    let before = describe(from, clock.updates)?;
    let per_epoch = samples / to.samples();
    let updates = match keep {
        Keep::Updates => clock.updates,
        Keep::Epochs => ((before.epochs * per_epoch as f64).round() as u64).max(1),
    };
    Some((before, describe(to, updates)?))
}

/// The experiment of `samples` training samples under another batching, its length kept as asked and every rate of every
/// run scaled. `None` when an update would need more samples than there are. Lengths in the schedules that
/// are written in updates are scaled with the run; epochs and shares follow by themselves.
pub fn rebatched(
    experiment: &Experiment,
    samples: u64,
    clock: Clock,
    (from, to): (Batching, Batching),
    keep: Keep,
    scaling: Scaling,
) -> Option<Experiment> {
    let (before, after) = consequence(samples, clock, from, to, keep)?;
    let mut changed = experiment.clone();
    changed.data.batch_size = BatchSize::Samples(to.batch.max(1) as usize * to.world.max(1) as usize);
    changed.train.accumulate = to.accumulate.max(1) as usize;
    let stays = keep == Keep::Epochs && matches!(changed.train.updates, Span::Epochs(_));
    if !stays {
        changed.train.updates = Span::Updates(after.updates as f64);
    }
    let factor = scaling.factor(before.samples_per_update, after.samples_per_update);
    let longer = after.updates as f64 / before.updates.max(1) as f64;
    for run in 0..changed.runs.len() {
        stretch(&mut changed.runs[run].lr, longer);
        Remedy::ScaleRate(factor).apply(&mut changed, run);
    }
    Some(changed)
}

/// An estimate of the simple gradient noise scale (McCandlish et al. 2018, arXiv 1812.06162, appendix A.1):
/// about the batch size from which larger batches stop paying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseScale {
    /// The squared norm of the true gradient, estimated without bias; noise may make it negative.
    pub signal: f64,
    /// The summed variance of a single sample's gradient.
    pub noise: f64,
}

impl NoiseScale {
    /// From the mean squared gradient norms at two batch sizes; `None` unless the second is larger and all
    /// are finite.
    pub fn of(small: usize, small_square: f64, large: usize, large_square: f64) -> Option<Self> {
        if small == 0 || large <= small || !small_square.is_finite() || !large_square.is_finite() {
            return None;
        }
        let (b, big) = (small as f64, large as f64);
        Some(Self {
            signal: (big * large_square - b * small_square) / (big - b),
            noise: (small_square - large_square) / (1.0 / b - 1.0 / big),
        })
    }

    /// The noise scale in samples; `None` where the estimate of the signal or the noise is not above zero:
    /// average more batches.
    pub fn samples(&self) -> Option<f64> {
        (self.signal > 0.0 && self.noise > 0.0).then(|| self.noise / self.signal)
    }
}

/// Estimates the noise scale at these parameters from `count` disjoint batches of `small` samples and the
/// one large batch they make together. The samples are drawn with the seed. `None` as for [`NoiseScale::of`],
/// or with fewer than two batches' worth of samples.
pub fn noise_scale(
    task: &Task,
    parameters: &[f32],
    small: usize,
    count: usize,
    seed: u64,
) -> Option<NoiseScale> {
    let small = small.max(1);
    let count = count.min(task.samples / small);
    if count < 2 {
        return None;
    }
    let mut rows: Vec<u32> = (0..task.samples as u32).collect();
    shuffle(&mut rng(seed, Stream::Noise { update: u64::MAX - 1 }), &mut rows);
    let mut objective = Objective::new(task, None);
    let mut gradient = vec![0.0; objective.width()];
    let mut mean = vec![0.0_f64; objective.width()];
    let mut squares = 0.0;
    for batch in rows.chunks_exact(small).take(count) {
        objective.choose(batch);
        objective.gradient(parameters, &mut gradient);
        for (mean, g) in mean.iter_mut().zip(&gradient) {
            *mean += f64::from(*g) / count as f64;
        }
        squares += gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>() / count as f64;
    }
    let large = mean.iter().map(|g| g * g).sum();
    NoiseScale::of(small, squares, small * count, large)
}

/// An estimate of the noise scale where a run stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Updates the run had done.
    pub update: u64,
    pub scale: NoiseScale,
    /// Gradients of a batch that it is made of.
    pub batches: usize,
}

/// Draws of [`noise_scale`] that an errand averages.
const DRAWS: u64 = 8;
/// Batches a draw, at most.
const BATCHES: usize = 256;

/// The noise scale at the present weights of a lane, from batches as small as a quarter of the training's.
pub fn errand(id: LaneId) -> (Errand, Promise<Measured>) {
    Errand::new(
        "noise scale",
        move |cohort| {
            let Some(at) = cohort.lanes().iter().position(|lane| lane.id == id) else {
                return Err(TrainError::RunGone { work: "noise scale" });
            };
            let task = cohort.task();
            let row: Vec<f32> = cohort.rows().get(at)?.to_vec1()?;
            let update = cohort.lanes()[at].update;
            let experiment = cohort.revision().experiment.clone();
            Ok((experiment, Arc::clone(&task.prepared), row, update))
        },
        |(experiment, prepared, row, update), progress| {
            let task = Task::new(&experiment, prepared)?;
            let parameters = row.get(..task.model.width()).unwrap_or(&row);
            let small = (task.batch / 4).clamp(1, (task.samples / 2).max(1));
            let mut found = Vec::new();
            for draw in 0..DRAWS {
                progress.report(draw, DRAWS)?;
                found.extend(noise_scale(&task, parameters, small, BATCHES, task.seed.wrapping_add(draw)));
            }
            let count = found.len() as f64;
            let mean = |of: fn(&NoiseScale) -> f64| found.iter().map(of).sum::<f64>() / count;
            let scale = NoiseScale { signal: mean(|one| one.signal), noise: mean(|one| one.noise) };
            if found.is_empty() {
                let why = "there are too few samples, or the gradients are NaN";
                return Err(TrainError::Refused { work: "noise scale", why });
            }
            Ok(Measured { update, scale, batches: found.len() * BATCHES.min(task.samples / small) })
        },
    )
}
