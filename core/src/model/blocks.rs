//! Models that take a batch block by block: a block of samples goes through all layers and back while it is in
//! a core's own cache, and leaves a gradient of its own. Cores share the blocks of a batch.

use pulp::{Arch, Simd, WithSimd};

use super::affine::Layout;
use super::kernel::rows::add;
use super::kernel::scratch::{Memory, Scratch, cut};
use super::readout::Job;
use super::{Batch, Model, Score};

/// What a block of samples is to such a model.
pub trait Blocks: Model {
    fn layout(&self) -> &Layout;

    /// Samples that go through all layers together.
    fn block_samples(&self) -> usize;

    /// Losses that a sample has: one, or one a character.
    fn losses_of_a_sample(&self) -> usize;

    /// Numbers that a block of so many samples needs.
    fn block_len(&self, samples: usize) -> usize;

    /// Takes a block through all layers. A gradient (of `scale` times the losses' sum) is added to the job's, which
    /// is laid out as the weights are. Returns how many were predicted right.
    fn block<S: Simd>(
        &self,
        simd: S,
        weights: Weights<'_>,
        block: Batch<'_>,
        scale: f32,
        job: Job<'_>,
        losses: &mut [f32],
        memory: &mut [f32],
    ) -> u64;
}

/// A row's matrices and vectors in wide memory, and the matrices transposed where a gradient is wanted.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub wide: &'a [f32],
    pub turned: &'a [f32],
}

/// Multiplications and additions of a block below which another core's help costs more than it saves, on any machine.
const WORTH_SHARING: f64 = 5e5;

/// Working memory for batches of up to `samples`.
pub fn scratch_numbers(model: &impl Blocks, samples: usize) -> (usize, usize) {
    let lines = |numbers: usize| numbers.next_multiple_of(16);
    let Layout { wide, turned, .. } = *model.layout();
    let shared = 2 * lines(wide) + lines(turned) + lines(samples * model.losses_of_a_sample());
    (shared, lines(wide) + model.block_len(samples.min(model.block_samples())))
}

/// A core for each block, where blocks are worth it.
pub fn most_cores(model: &impl Blocks, samples: usize) -> usize {
    let block = model.block_samples();
    if model.flops(block) > WORTH_SHARING { samples.div_ceil(block).max(1) } else { 1 }
}

/// Does the job with a whole batch.
pub fn pass(
    arch: Arch,
    model: &impl Blocks,
    row: &[f32],
    batch: Batch<'_>,
    job: Job<'_>,
    scratch: &mut Scratch,
) -> Score {
    arch.dispatch(Pass { model, row, batch, job, memory: scratch.all() })
}

struct Pass<'a, M> {
    model: &'a M,
    row: &'a [f32],
    batch: Batch<'a>,
    job: Job<'a>,
    memory: Memory<'a>,
}

impl<M: Blocks> WithSimd for Pass<'_, M> {
    type Output = Score;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Score {
        let Self { model, row, batch, mut job, memory: Memory { mut shared, own, cores } } = self;
        let (layout, samples) = (model.layout(), model.block_samples());
        let gradient = job.take_gradient();
        let wide = cut(&mut shared, layout.wide);
        layout.widen(row, wide);
        let (mut turned, mut total): (&mut [f32], &mut [f32]) = Default::default();
        if gradient.is_some() {
            turned = cut(&mut shared, layout.turned);
            layout.turn(simd, row, turned);
            total = cut(&mut shared, layout.wide);
            total.fill(0.0);
        }
        let each_losses = model.losses_of_a_sample();
        let losses = cut(&mut shared, batch.rows.len() * each_losses);
        let each = own.len() / cores;
        let at_once = cores.min(most_cores(model, batch.rows.len()));
        let (weights, scale) = (Weights { wide, turned }, 1.0 / losses.len() as f32);
        let mut correct = 0;
        let waves =
            batch.rows.chunks(at_once * samples).zip(losses.chunks_mut(at_once * samples * each_losses));
        for (rows, losses) in waves {
            let (part, rest) = job.split(losses.len() * model.outputs());
            job = rest;
            let batch = Batch { rows, ..batch };
            correct +=
                share(simd, Share { model, weights, batch, scale, job: part, losses, own: &mut *own, each });
            if gradient.is_some() {
                for block in own.chunks_exact(each).take(rows.len().div_ceil(samples)) {
                    add(simd, &block[..layout.wide], total);
                }
            }
        }
        if let Some(gradient) = gradient {
            layout.narrow(total, gradient);
        }
        Score::of(losses, correct)
    }
}

/// Blocks to be worked on at once, and memory for each.
struct Share<'a, M> {
    model: &'a M,
    weights: Weights<'a>,
    batch: Batch<'a>,
    scale: f32,
    job: Job<'a>,
    losses: &'a mut [f32],
    own: &'a mut [f32],
    /// Numbers of one block's memory, its gradient first.
    each: usize,
}

fn share<S: Simd, M: Blocks>(simd: S, share: Share<'_, M>) -> u64 {
    let (model, each) = (share.model, share.each);
    let half = share.batch.rows.len().div_ceil(model.block_samples()) / 2;
    if half == 0 {
        return simd.vectorize(share);
    }
    let at = half * model.block_samples();
    let Share { weights, batch, scale, .. } = share;
    let (rows, other_rows) = batch.rows.split_at(at);
    let (losses, other_losses) = share.losses.split_at_mut(at * model.losses_of_a_sample());
    let (job, other_job) = share.job.split(losses.len() * model.outputs());
    let (own, other_own) = share.own.split_at_mut(half * each);
    let first = Share { model, weights, batch: Batch { rows, ..batch }, scale, job, losses, own, each };
    let batch = Batch { rows: other_rows, ..batch };
    let other =
        Share { model, weights, batch, scale, job: other_job, losses: other_losses, own: other_own, each };
    let (a, b) = rayon::join(|| self::share(simd, first), || self::share(simd, other));
    a + b
}

impl<M: Blocks> WithSimd for Share<'_, M> {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        let Self { model, weights, batch, scale, mut job, losses, own, each } = self;
        let mut memory = &mut own[..each];
        let gradient = cut(&mut memory, model.layout().wide);
        if let Job::Gradient { into, .. } = &mut job {
            gradient.fill(0.0);
            *into = gradient;
        }
        model.block(simd, weights, batch, scale, job, losses, memory)
    }
}
