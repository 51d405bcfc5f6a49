//! Convolutions, fused: forward, loss and backward of one lane in one call.
//!
//! Images lie pixel by pixel: all samples' channels at the first pixel, then all at the second. A
//! convolution is then, for each pixel, a sum of matrix products of samples by channels, one a tap,
//! and taps outside the image are left out instead of multiplied by zeros.

mod pixels;

use candle_core::Tensor;
use pulp::{Arch, Simd};
use rand_chacha::ChaCha8Rng;

use super::affine::{Affine, Layout};
use super::blocks::{self, Blocks, Weights};
use super::init::normal_fill;
use super::kernel::matmul::{Left, Right, Start, multiply_shared};
use super::kernel::padded;
use super::kernel::rows::add_rows;
use super::kernel::scratch::{Scratch, cut};
use super::kernel::softmax::room_len;
use super::readout::{Answer, Job, read_out};
use super::resident::Resident;
use super::{Batch, Inputs, Model, Parameter, Score};
use crate::experiment::Loss;
use pixels::{Grid, TAPS};

/// Samples that go through all layers together: few enough for a core's own cache, and for several cores to have
/// some of a small batch.
const BLOCK: usize = 16;

/// 3x3 convolutions (zero padding 1) of grey images, each with bias, ReLU and 2x2 average pooling that
/// drops an odd last line, then a linear head.
///
/// Kernels are `[9 * in, out]`: tap by tap, row-major, cross-correlated, and in each tap a row an input
/// channel. The head's rows are pixels, row-major, and in each pixel the channels.
pub struct Cnn {
    stages: Vec<Stage>,
    head: Affine,
    loss: Loss,
    layout: Layout,
    arch: Arch,
}

/// Pooling leaves no pixel of the images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{convolutions} convolutions, each halving the image, leave nothing of {height}x{width} pixels: use fewer channels entries"
)]
pub struct TooSmall {
    convolutions: usize,
    height: usize,
    width: usize,
}

/// A convolution and the pooling after it.
#[derive(Clone, Copy)]
struct Stage {
    grid: Grid,
    inputs: usize,
    affine: Affine,
}

impl Stage {
    /// Numbers of one sample's outputs, before pooling.
    fn outputs_len(&self) -> usize {
        self.grid.pixels() * self.affine.stride()
    }

    /// Numbers of one sample's outputs, after pooling.
    fn pooled_len(&self) -> usize {
        self.grid.pooled().pixels() * self.affine.stride()
    }
}

impl Cnn {
    /// For grey images of `height` by `width` pixels, with a convolution for each of `channels`.
    ///
    /// # Errors
    /// When pooling leaves nothing of the image.
    pub fn new(
        (height, width): (usize, usize),
        channels: &[usize],
        outputs: usize,
        loss: Loss,
    ) -> Result<Self, TooSmall> {
        let mut layout = Layout::default();
        let mut stages = Vec::new();
        let (mut grid, mut inputs) = (Grid { height, width }, 1);
        for (at, &channels) in channels.iter().enumerate() {
            let name = format!("convolution{at}");
            // The first one's taps are its channels, see `Grid::patches`.
            let groups = if at == 0 { 1 } else { TAPS };
            let affine = layout.affine(&name, at, TAPS * inputs, channels, groups);
            stages.push(Stage { grid, inputs, affine });
            (grid, inputs) = (grid.pooled(), channels);
        }
        if grid.pixels() == 0 || stages.is_empty() {
            return Err(TooSmall { convolutions: channels.len(), height, width });
        }
        let head = layout.affine("head", stages.len(), grid.pixels() * inputs, outputs, grid.pixels());
        Ok(Self { stages, head, loss, layout, arch: Arch::new() })
    }

    /// The image that reaches the head.
    fn last(&self) -> Grid {
        self.stages.last().map_or(Grid { height: 0, width: 0 }, |stage| stage.grid.pooled())
    }

    /// What leaves the head in candle's operations, `[L, B, outputs]`, and what it is to become.
    fn outputs_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let lanes = rows.dim(0)?;
        let samples = batches.first().map_or(0, |batch| batch.rows.len());
        let Grid { height, width } = self.stages[0].grid;
        let (x, targets) = data.gather(batches)?;
        let mut x = x.reshape((lanes, samples, height, width, 1))?;
        for stage in &self.stages {
            let Grid { height, width } = stage.grid;
            let framed = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
            let taps = (0..TAPS).map(|tap| framed.narrow(2, tap / 3, height)?.narrow(3, tap % 3, width));
            let patches = Tensor::cat(&taps.collect::<candle_core::Result<Vec<_>>>()?, 4)?;
            let channels = stage.affine.outputs;
            let patches = patches.reshape((lanes, samples * height * width, stage.affine.inputs))?;
            let map = super::tensor::affine(rows, &patches, stage.affine)?.relu()?;
            let Grid { height: half, width: half_width } = stage.grid.pooled();
            x = map
                .reshape((lanes, samples, height, width, channels))?
                .narrow(2, 0, 2 * half)?
                .narrow(3, 0, 2 * half_width)?
                .contiguous()?
                .reshape(&[lanes, samples, half, 2, half_width, 2, channels][..])?
                .mean(5)?
                .mean(3)?;
        }
        let outputs =
            super::tensor::affine(rows, &x.reshape((lanes, samples, self.head.inputs))?, self.head)?;
        Ok((outputs, targets))
    }
}

impl Blocks for Cnn {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn block_samples(&self) -> usize {
        BLOCK
    }

    fn losses_of_a_sample(&self) -> usize {
        1
    }

    fn block_len(&self, samples: usize) -> usize {
        let lines = |n: usize| n.next_multiple_of(16);
        let pixels = self.stages.first().map_or(0, |stage| stage.grid.pixels());
        let maps: usize =
            self.stages.iter().map(|stage| samples * (stage.outputs_len() + stage.pooled_len())).sum();
        let arriving = self.stages.iter().map(Stage::pooled_len).max().unwrap_or(0);
        lines(TAPS * pixels * samples)
            + maps
            + samples * arriving
            + samples * self.head.stride()
            + room_len(self.head.outputs)
    }

    #[inline(always)]
    fn block<S: Simd>(
        &self,
        simd: S,
        weights: Weights<'_>,
        batch: Batch<'_>,
        scale: f32,
        mut job: Job<'_>,
        losses: &mut [f32],
        mut memory: &mut [f32],
    ) -> u64 {
        let Inputs::Dense { values, width } = batch.inputs else {
            return 0;
        };
        let images = Images { values, width, rows: batch.rows };
        let mut block = Block::cut(self, images, matches!(job, Job::Gradient { .. }), &mut memory);
        block.forward(simd, self, weights.wide);
        let answer = |at: usize| Answer::of(batch.targets, batch.rows[at]);
        let (outputs, loss) = (&mut *block.outputs, (self.loss, scale));
        let room = cut(&mut memory, room_len(self.head.outputs));
        let correct = read_out(simd, outputs, self.head.outputs, answer, loss, &mut job, losses, room);
        if let Job::Gradient { into: gradients, .. } = job {
            block.backward(simd, self, weights.turned, gradients);
        }
        correct
    }
}

/// The samples of a block.
#[derive(Clone, Copy)]
struct Images<'a> {
    values: &'a [f32],
    width: usize,
    rows: &'a [u32],
}

/// More stages than any image can be halved.
const MAX_STAGES: usize = 16;

/// What a block of samples is at every layer.
struct Block<'a> {
    samples: usize,
    /// The nine neighbours of every pixel, a plane each.
    patches: &'a mut [f32],
    /// What leaves each convolution's ReLU; on the way back, the gradient at what went in.
    maps: [&'a mut [f32]; MAX_STAGES],
    /// What leaves each pooling.
    pooled: [&'a mut [f32]; MAX_STAGES],
    /// What leaves the head; on the way back, its gradient.
    outputs: &'a mut [f32],
    /// The gradient at what leaves a pooling.
    arriving: &'a mut [f32],
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn cut(model: &Cnn, images: Images<'_>, trains: bool, rest: &mut &'a mut [f32]) -> Self {
        let samples = images.rows.len();
        let grid = model.stages[0].grid;
        let patches = cut(rest, TAPS * grid.pixels() * samples);
        grid.patches(images.values, images.width, images.rows, patches);
        let mut maps: [&mut [f32]; MAX_STAGES] = Default::default();
        let mut pooled: [&mut [f32]; MAX_STAGES] = Default::default();
        for (at, stage) in model.stages.iter().enumerate() {
            maps[at] = cut(rest, samples * stage.outputs_len());
            pooled[at] = cut(rest, samples * stage.pooled_len());
        }
        let largest = model.stages.iter().map(Stage::pooled_len).max().unwrap_or(0);
        let arriving = cut(rest, if trains { samples * largest } else { 0 });
        let outputs = cut(rest, samples * model.head.stride());
        Self { samples, patches, maps, pooled, outputs, arriving }
    }

    #[inline(always)]
    fn forward<S: Simd>(&mut self, simd: S, model: &Cnn, wide: &[f32]) {
        let n = self.samples;
        for (at, stage) in model.stages.iter().enumerate() {
            let stride = stage.affine.stride();
            let right = Right { data: stage.affine.weight(wide), row: stride };
            let bias = stage.affine.bias(wide);
            let map = &mut *self.maps[at];
            if at == 0 {
                let pixels = stage.grid.pixels() * n;
                let left = Left { data: self.patches, row: 1, depth: pixels };
                multiply_shared(simd, (pixels, TAPS, stride), left, right, Start::Row(bias), map, stride);
            } else {
                let source = &*self.pooled[at - 1];
                stage.grid.convolve(simd, n, source, stage.inputs, right, bias, map);
            }
            stage.grid.relu_and_pool(simd, n * stride, map, self.pooled[at]);
        }
        let last = model.stages.len() - 1;
        let (grid, channels) = (model.last(), model.stages[last].affine.outputs);
        let (stride, columns) = (model.stages[last].affine.stride(), model.head.stride());
        for pixel in 0..grid.pixels() {
            let start = if pixel == 0 { Start::Row(model.head.bias(wide)) } else { Start::Sum };
            let left = Left { data: &self.pooled[last][pixel * n * stride..], row: stride, depth: 1 };
            let weight = &model.head.weight(wide)[pixel * channels * columns..];
            let right = Right { data: weight, row: columns };
            multiply_shared(simd, (n, channels, columns), left, right, start, self.outputs, columns);
        }
    }

    /// Adds the block's gradients to those in wide memory.
    #[inline(always)]
    fn backward<S: Simd>(&mut self, simd: S, model: &Cnn, turned: &[f32], gradients: &mut [f32]) {
        let n = self.samples;
        let last = model.stages.len() - 1;
        let (grid, channels) = (model.last(), model.stages[last].affine.outputs);
        let (stride, columns) = (model.stages[last].affine.stride(), model.head.stride());
        let (weight, bias) = model.head.both(gradients);
        add_rows(simd, self.outputs, columns, bias);
        let turned_len = model.head.turned_len();
        for pixel in 0..grid.pixels() {
            let left = Left { data: &self.pooled[last][pixel * n * stride..], row: 1, depth: stride };
            let right = Right { data: self.outputs, row: columns };
            let weight = &mut weight[pixel * channels * columns..];
            multiply_shared(simd, (channels, n, columns), left, right, Start::Sum, weight, columns);
            let left = Left { data: self.outputs, row: columns, depth: 1 };
            let right = Right { data: &model.head.turned(turned)[pixel * turned_len..], row: stride };
            let arriving = &mut self.arriving[pixel * n * stride..];
            multiply_shared(
                simd,
                (n, model.head.outputs, stride),
                left,
                right,
                Start::Zero,
                arriving,
                stride,
            );
        }
        for (at, stage) in model.stages.iter().enumerate().rev() {
            let stride = stage.affine.stride();
            let map = &mut *self.maps[at];
            stage.grid.unpool(simd, n * stride, self.arriving, map);
            let (weight, bias) = stage.affine.both(gradients);
            add_rows(simd, map, stride, bias);
            if at == 0 {
                let pixels = stage.grid.pixels() * n;
                let left = Left { data: self.patches, row: pixels, depth: 1 };
                let right = Right { data: map, row: stride };
                multiply_shared(simd, (TAPS, pixels, stride), left, right, Start::Sum, weight, stride);
            } else {
                let source = &*self.pooled[at - 1];
                stage.grid.kernel_gradient(simd, n, source, stage.inputs, map, stride, weight);
                let turned = Right { data: stage.affine.turned(turned), row: padded(stage.inputs) };
                stage.grid.convolve_back(simd, n, map, stage.affine.outputs, turned, self.arriving);
            }
        }
    }
}

impl Model for Cnn {
    fn parameters(&self) -> &[Parameter] {
        &self.layout.parameters
    }

    fn outputs(&self) -> usize {
        self.head.outputs
    }

    fn initialise(&self, rng: &mut ChaCha8Rng, row: &mut [f32]) {
        for affine in self.stages.iter().map(|stage| stage.affine).chain([self.head]) {
            row[affine.range()].fill(0.0);
            normal_fill(rng, &mut row[affine.weight_range()], 2.0 / affine.inputs as f64);
        }
    }

    fn scratch_numbers(&self, samples: usize) -> (usize, usize) {
        blocks::scratch_numbers(self, samples)
    }

    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, scratch: &mut Scratch) -> Score {
        blocks::pass(self.arch, self, row, batch, job, scratch)
    }

    fn loss_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Tensor> {
        let (outputs, targets) = self.outputs_tensor(rows, data, batches)?;
        super::tensor::mean_loss(self.loss, &outputs, &targets)
    }

    fn right_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Option<Tensor>> {
        let (outputs, targets) = self.outputs_tensor(rows, data, batches)?;
        super::tensor::share_right(&outputs, &targets).map(Some)
    }

    fn most_cores(&self, samples: usize) -> usize {
        blocks::most_cores(self, samples)
    }

    fn flops(&self, samples: usize) -> f64 {
        let head = 3 * self.head.inputs * self.head.outputs;
        let stages = self.stages.iter().enumerate().map(|(at, stage)| {
            // Forward, the kernel's gradient, and the inputs' of every convolution but the first.
            let products = if at == 0 { 2 } else { 3 };
            products * stage.grid.taps_inside() * stage.inputs * stage.affine.outputs
        });
        2.0 * samples as f64 * (head + stages.sum::<usize>()) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Targets;
    use crate::model::kernel::every_width;
    use crate::random::{Stream, fill_normal, rng};

    #[test]
    fn gradients_do_not_depend_on_the_width_of_vectors() {
        let mut model = Cnn::new((8, 8), &[5, 18], 3, Loss::CrossEntropy).unwrap();
        let mut values = [0.0; 3 * 64];
        fill_normal(&mut rng(0, Stream::Generate), 1.0, &mut values);
        let inputs = Inputs::Dense { values: &values, width: 64 };
        let batch = Batch { inputs, targets: Targets::Classes(&[0, 2, 1]), rows: &[2, 0, 1, 1] };
        let mut row = vec![0.0; model.width()];
        model.initialise(&mut rng(0, Stream::Init), &mut row);
        let mut found = every_width().into_iter().map(|arch| {
            model.arch = arch;
            let mut gradient = vec![0.0; row.len()];
            let loss = model.gradient(&row, batch, &mut gradient, &mut model.scratch(batch.rows.len()));
            (loss, gradient)
        });
        let (loss, gradient) = found.next().unwrap();
        for (other_loss, other) in found {
            assert!((loss - other_loss).abs() < 1e-5);
            assert!(gradient.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
