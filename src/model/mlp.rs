//! Fully connected layers, fused: forward, loss and backward of one lane in one call.

use candle_core::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rand_chacha::ChaCha8Rng;

use super::init::normal_fill;
use super::kernel::math;
use super::kernel::matmul::{Left, Right, Start, multiply, multiply_spread};
use super::kernel::padded;
use super::kernel::rows::{add_rows, copy, narrow, transpose, widen};
use super::kernel::scratch::{Scratch, cut};
use super::kernel::softmax::room_len;
use super::readout::{Answer, Job, read_out};
use super::{Batch, Inputs, Model, Parameter, Score, Targets};
use crate::experiment::{Activation, Loss};

/// A multilayer perceptron: `y = x W + b` a layer, an activation between layers.
pub struct Mlp {
    layers: Vec<Layer>,
    activation: Activation,
    loss: Loss,
    parameters: Vec<Parameter>,
    arch: Arch,
}

/// One matrix and bias, and where they lie in the row.
#[derive(Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    weight: usize,
    bias: usize,
}

impl Layer {
    fn weight<'a>(&self, row: &'a [f32]) -> &'a [f32] {
        &row[self.weight..self.weight + self.inputs * self.outputs]
    }

    fn bias<'a>(&self, row: &'a [f32]) -> &'a [f32] {
        &row[self.bias..self.bias + self.outputs]
    }

    /// Whether rows of the weight matrix are whole vectors and can be used where they lie.
    fn aligned(&self) -> bool {
        self.outputs == padded(self.outputs)
    }
}

impl Mlp {
    /// Layers of `sizes[0]` inputs, hidden sizes, and the last size as outputs.
    pub fn new(sizes: &[usize], activation: Activation, loss: Loss) -> Self {
        let mut layers = Vec::new();
        let mut parameters = Vec::new();
        let mut offset = 0;
        for (at, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (weight, bias) = (offset, offset + inputs * outputs);
            offset = bias + outputs;
            layers.push(Layer { inputs, outputs, weight, bias });
            parameters.push(Parameter {
                name: format!("layer{at}.weight"),
                shape: vec![inputs, outputs],
                offset: weight,
                layer: at,
            });
            parameters.push(Parameter {
                name: format!("layer{at}.bias"),
                shape: vec![outputs],
                offset: bias,
                layer: at,
            });
        }
        Self { layers, activation, loss, parameters, arch: Arch::new() }
    }

    /// The widest layer, input and output included.
    fn widest(&self) -> usize {
        self.layers.iter().map(|layer| padded(layer.outputs)).max().unwrap_or(0)
    }

    fn needs_slopes(&self) -> bool {
        self.activation == Activation::Gelu
    }
}

struct Pass<'a> {
    model: &'a Mlp,
    row: &'a [f32],
    batch: Batch<'a>,
    job: Job<'a>,
    cores: usize,
    scratch: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = Score;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Score {
        let Self { model, row, batch, mut job, cores, scratch } = self;
        let mut rest = scratch;
        let n = batch.rows.len();
        let Inputs::Dense { values, width } = batch.inputs else {
            return Score::default();
        };
        let input = cut(&mut rest, n * width);
        for (sample, &at) in input.chunks_exact_mut(width).zip(batch.rows) {
            let at = at as usize * width;
            copy(&values[at..at + width], sample);
        }
        // The activations of each layer, cut in turn; slopes where the output does not tell them.
        let mut outputs: [&mut [f32]; MAX_LAYERS] = std::array::from_fn(|_| Default::default());
        let mut slopes: [&mut [f32]; MAX_LAYERS] = std::array::from_fn(|_| Default::default());
        let last = model.layers.len() - 1;
        for (at, layer) in model.layers.iter().enumerate() {
            let stride = padded(layer.outputs);
            let (before, after) = outputs.split_at_mut(at);
            let source: &[f32] = if at == 0 { input } else { before[at - 1] };
            let source_row = if at == 0 { width } else { padded(layer.inputs) };
            after[0] = cut(&mut rest, n * stride);
            let out = &mut *after[0];
            let sizes = (n, layer.inputs, stride);
            let left = Left { data: source, row: source_row, depth: 1 };
            if layer.aligned() {
                let right = Right { data: layer.weight(row), row: stride };
                product(simd, cores, sizes, left, right, Start::Row(layer.bias(row)), out, stride);
            } else {
                // This memory is free again after the product: it is cut from a copy of `rest`.
                let mut spare = &mut *rest;
                let weight = cut(&mut spare, layer.inputs * stride);
                let bias = cut(&mut spare, stride);
                widen(layer.weight(row), layer.outputs, weight, stride);
                widen(layer.bias(row), layer.outputs, bias, stride);
                let right = Right { data: weight, row: stride };
                product(simd, cores, sizes, left, right, Start::Row(bias), out, stride);
            }
            if at < last {
                if model.needs_slopes() {
                    slopes[at] = cut(&mut rest, n * stride);
                }
                activate(simd, model.activation, after[0], slopes[at]);
            }
        }

        let classes = model.layers[last].outputs;
        let logits = &mut *outputs[last];
        let score = {
            let mut spare = &mut *rest;
            let room = cut(&mut spare, room_len(classes));
            let answer = |at: usize| Answer::of(batch.targets, batch.rows[at]);
            read_out(simd, logits, classes, answer, (model.loss, 1.0 / n as f32), &mut job, room)
        };
        let Job::Gradient(gradient) = &mut job else {
            return score;
        };

        // Backward: what arrives at a layer's outputs replaces them.
        for at in (0..model.layers.len()).rev() {
            let layer = model.layers[at];
            let stride = padded(layer.outputs);
            let (before, after) = outputs.split_at_mut(at);
            let arriving: &[f32] = after[0];
            let source: &[f32] = if at == 0 { input } else { before[at - 1] };
            let source_row = if at == 0 { width } else { padded(layer.inputs) };
            let (weight, bias) =
                gradient[layer.weight..layer.bias + layer.outputs].split_at_mut(layer.bias - layer.weight);
            let mut spare = &mut *rest;
            let sizes = (layer.inputs, n, stride);
            let left = Left { data: source, row: 1, depth: source_row };
            let right = Right { data: arriving, row: stride };
            if layer.aligned() {
                product(simd, cores, sizes, left, right, Start::Zero, weight, stride);
                bias.fill(0.0);
                add_rows(simd, arriving, stride, bias);
            } else {
                let wide = cut(&mut spare, layer.inputs * stride);
                product(simd, cores, sizes, left, right, Start::Zero, wide, stride);
                narrow(wide, stride, weight, layer.outputs);
                let wide = cut(&mut spare, stride);
                wide.fill(0.0);
                add_rows(simd, arriving, stride, wide);
                bias.copy_from_slice(&wide[..layer.outputs]);
            }
            if at > 0 {
                let mut spare = &mut *rest;
                let inputs = padded(layer.inputs);
                let transposed = cut(&mut spare, layer.outputs * inputs);
                transpose(layer.weight(row), layer.outputs, layer.inputs, transposed, inputs);
                let leaving = cut(&mut spare, n * inputs);
                let sizes = (n, layer.outputs, inputs);
                let left = Left { data: arriving, row: stride, depth: 1 };
                product(
                    simd,
                    cores,
                    sizes,
                    left,
                    Right { data: transposed, row: inputs },
                    Start::Zero,
                    leaving,
                    inputs,
                );
                descend(simd, model.activation, before[at - 1], slopes[at - 1], leaving);
            }
        }
        score
    }
}

/// A product on as many cores as the call may use.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "as `multiply_spread`")]
fn product<S: Simd>(
    simd: S,
    cores: usize,
    sizes: (usize, usize, usize),
    left: Left<'_>,
    right: Right<'_>,
    start: Start<'_>,
    out: &mut [f32],
    stride: usize,
) {
    if cores > 1 {
        multiply_spread(simd, cores, sizes, left, right, start, out, stride);
    } else {
        multiply(simd, sizes, left, right, start, out, stride);
    }
}

/// More layers than any experiment may have (64 hidden ones and the head).
const MAX_LAYERS: usize = 65;

/// Applies the activation in place, and keeps its slope where the output does not tell it.
#[inline(always)]
fn activate<S: Simd>(simd: S, activation: Activation, values: &mut [f32], slopes: &mut [f32]) {
    let (values, _) = S::as_mut_simd_f32s(values);
    match activation {
        Activation::Tanh => {
            for v in values {
                *v = math::tanh(simd, *v);
            }
        }
        Activation::Relu => {
            let zero = simd.splat_f32s(0.0);
            for v in values {
                // Not max: a NaN has to show.
                *v = simd.select_f32s(simd.less_than_f32s(*v, zero), zero, *v);
            }
        }
        Activation::Gelu => {
            let (slopes, _) = S::as_mut_simd_f32s(slopes);
            for (v, slope) in values.iter_mut().zip(slopes) {
                (*v, *slope) = math::gelu(simd, *v);
            }
        }
    }
}

/// Replaces a layer's outputs with the gradient at what went into its activation.
#[inline(always)]
fn descend<S: Simd>(simd: S, activation: Activation, outputs: &mut [f32], slopes: &[f32], arriving: &[f32]) {
    let (outputs, _) = S::as_mut_simd_f32s(outputs);
    let (arriving, _) = S::as_simd_f32s(arriving);
    let zero = simd.splat_f32s(0.0);
    match activation {
        Activation::Tanh => {
            for (y, g) in outputs.iter_mut().zip(arriving) {
                *y = simd.mul_f32s(*g, simd.negate_mul_add_e_f32s(*y, *y, simd.splat_f32s(1.0)));
            }
        }
        Activation::Relu => {
            for (y, g) in outputs.iter_mut().zip(arriving) {
                *y = simd.select_f32s(simd.greater_than_f32s(*y, zero), *g, zero);
            }
        }
        Activation::Gelu => {
            let (slopes, _) = S::as_simd_f32s(slopes);
            for ((y, g), slope) in outputs.iter_mut().zip(arriving).zip(slopes) {
                *y = simd.mul_f32s(*g, *slope);
            }
        }
    }
}

impl Mlp {
    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, scratch: &mut Scratch) -> Score {
        let cores = scratch.cores;
        self.arch.dispatch(Pass { model: self, row, batch, job, cores, scratch: scratch.all() })
    }
}

impl Model for Mlp {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    fn initialise(&self, rng: &mut ChaCha8Rng, row: &mut [f32]) {
        let gain = if self.activation == Activation::Tanh { 1.0 } else { 2.0 };
        for layer in &self.layers {
            let (weight, bias) = (layer.weight..layer.bias, layer.bias..layer.bias + layer.outputs);
            normal_fill(rng, &mut row[weight], gain / layer.inputs as f64);
            row[bias].fill(0.0);
        }
    }

    fn scratch(&self, samples: usize) -> Scratch {
        let lines = |n: usize| n.next_multiple_of(16);
        let inputs = self.layers.first().map_or(0, |layer| layer.inputs);
        let kept: usize = self.layers.iter().map(|layer| lines(samples * padded(layer.outputs))).sum();
        let slopes = if self.needs_slopes() { kept } else { 0 };
        // The largest of what one layer borrows: a padded copy of its weights, or a transposed one and what leaves it.
        let borrowed = self.layers.iter().map(|layer| {
            lines(padded(layer.inputs) * padded(layer.outputs))
                + lines(padded(layer.outputs))
                + lines(samples * padded(layer.inputs))
        });
        let borrowed = borrowed.max().unwrap_or(0).max(room_len(self.outputs()));
        Scratch::new(lines(samples * inputs) + kept + slopes + borrowed + self.widest())
    }

    fn gradient(&self, row: &[f32], batch: Batch<'_>, gradient: &mut [f32], scratch: &mut Scratch) -> f32 {
        (self.pass(row, batch, Job::Gradient(gradient), scratch).mean_loss()) as f32
    }

    fn score(&self, row: &[f32], batch: Batch<'_>, scratch: &mut Scratch) -> Score {
        self.pass(row, batch, Job::Score, scratch)
    }

    fn predict(&self, row: &[f32], batch: Batch<'_>, predictions: &mut [f32], scratch: &mut Scratch) {
        let classes = matches!(batch.targets, Targets::Classes(_));
        self.pass(row, batch, Job::Predict { outputs: predictions, classes }, scratch);
    }

    fn loss_tensor(&self, rows: &Tensor, batches: &[Batch<'_>]) -> candle_core::Result<Tensor> {
        let (lanes, _) = rows.dims2()?;
        let mut x = super::tensor::inputs(batches, rows.device(), rows.dtype())?;
        let last = self.layers.len() - 1;
        for (at, layer) in self.layers.iter().enumerate() {
            let weight = rows.narrow(1, layer.weight, layer.inputs * layer.outputs)?.reshape((
                lanes,
                layer.inputs,
                layer.outputs,
            ))?;
            let bias = rows.narrow(1, layer.bias, layer.outputs)?.reshape((lanes, 1, layer.outputs))?;
            x = x.matmul(&weight)?.broadcast_add(&bias)?;
            if at < last {
                x = match self.activation {
                    Activation::Tanh => x.tanh()?,
                    Activation::Relu => x.relu()?,
                    Activation::Gelu => x.gelu_erf()?,
                };
            }
        }
        super::tensor::mean_loss(self.loss, &x, batches)
    }

    fn flops(&self, samples: usize) -> f64 {
        let forward: usize = self.layers.iter().map(|layer| layer.inputs * layer.outputs).sum();
        let first = self.layers.first().map_or(0, |layer| layer.inputs * layer.outputs);
        // Forward, the weights' gradients, and the inputs' of every layer but the first.
        2.0 * samples as f64 * (3 * forward - first) as f64
    }
}
