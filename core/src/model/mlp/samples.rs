//! Samples on their way through all layers, and their gradients on the way back to each layer's outputs. No
//! sample has to do with another here, so cores can share them.

use pulp::{Simd, WithSimd};

use super::input::Source;
use super::{Layer, Mlp};
use crate::experiment::Activation;
use crate::model::kernel::matmul::{Left, Right, Start, multiply};
use crate::model::kernel::rows::widen;
use crate::model::kernel::scratch::cut;
use crate::model::kernel::softmax::room_len;
use crate::model::kernel::transpose::transpose;
use crate::model::kernel::{math, padded};
use crate::model::readout::{Job, read_out};
use crate::model::{Model, Targets};

/// More layers than any experiment may have (64 hidden ones and the head).
const MAX_LAYERS: usize = 65;

/// What samples are at one layer, a row a sample.
#[derive(Default)]
pub struct At<'a> {
    /// What leaves it; nothing at the head.
    pub outputs: &'a mut [f32],
    /// The slopes of its activation, where what leaves it does not tell them.
    slopes: &'a mut [f32],
    /// The gradient at its sums `x W + b`. At the head these are the sums themselves first.
    pub deltas: &'a mut [f32],
}

/// What samples are everywhere.
pub struct Kept<'a> {
    pub input: &'a mut [f32],
    /// The gradient at the input, a padded row a sample, where characters are embedded.
    pub input_deltas: &'a mut [f32],
    pub layers: [At<'a>; MAX_LAYERS],
    pub losses: &'a mut [f32],
}

/// Numbers of a [`Kept`] of so many samples.
pub fn kept_len(model: &Mlp, samples: usize) -> usize {
    let lines = |numbers: usize| numbers.next_multiple_of(16);
    let each = if model.needs_slopes() { 3 } else { 2 };
    let layers: usize = model.layers.iter().map(|layer| each * lines(samples * layer.stride())).sum();
    let input = lines(samples * model.inputs()) + lines(samples * model.input_deltas());
    layers + input + lines(samples)
}

impl Mlp {
    /// Numbers of the gradient at a sample's input, where that is wanted.
    fn input_deltas(&self) -> usize {
        if self.embedding.is_some() { padded(self.inputs()) } else { 0 }
    }
}

/// Numbers that a core needs besides.
pub fn own_len(model: &Mlp) -> usize {
    // A layer's weights in whole vectors, or transposed.
    let layers = model.layers.iter().map(|layer| (padded(layer.inputs) + 1) * layer.stride());
    layers.max().unwrap_or(0).max(room_len(model.outputs()))
}

impl<'a> Kept<'a> {
    #[inline(always)]
    pub fn cut(model: &Mlp, samples: usize, rest: &mut &'a mut [f32]) -> Self {
        let input = cut(rest, samples * model.inputs());
        let input_deltas = cut(rest, samples * model.input_deltas());
        let mut layers: [At<'_>; MAX_LAYERS] = std::array::from_fn(|_| At::default());
        let last = model.layers.len() - 1;
        for (at, (layer, kept)) in model.layers.iter().zip(&mut layers).enumerate() {
            let numbers = samples * layer.stride();
            kept.deltas = cut(rest, numbers);
            if at < last {
                kept.outputs = cut(rest, numbers);
                if model.needs_slopes() {
                    kept.slopes = cut(rest, numbers);
                }
            }
        }
        Self { input, input_deltas, layers, losses: cut(rest, samples) }
    }

    /// The first `samples`, and the others.
    fn split(&mut self, model: &Mlp, samples: usize) -> (Kept<'_>, Kept<'_>) {
        let (input, other_input) = self.input.split_at_mut(samples * model.inputs());
        let (input_deltas, other_deltas) = self.input_deltas.split_at_mut(samples * model.input_deltas());
        let (losses, other_losses) = self.losses.split_at_mut(samples);
        let mut layers: [At<'_>; MAX_LAYERS] = std::array::from_fn(|_| At::default());
        let mut others: [At<'_>; MAX_LAYERS] = std::array::from_fn(|_| At::default());
        let halves = layers.iter_mut().zip(&mut others).zip(&mut self.layers);
        for (layer, ((half, other), kept)) in model.layers.iter().zip(halves) {
            let numbers = samples * layer.stride();
            (half.deltas, other.deltas) = kept.deltas.split_at_mut(numbers);
            (half.outputs, other.outputs) = kept.outputs.split_at_mut(numbers.min(kept.outputs.len()));
            (half.slopes, other.slopes) = kept.slopes.split_at_mut(numbers.min(kept.slopes.len()));
        }
        let others =
            Kept { input: other_input, input_deltas: other_deltas, layers: others, losses: other_losses };
        (Kept { input, input_deltas, layers, losses }, others)
    }
}

/// Samples, and what is wanted of them.
pub struct Samples<'a> {
    pub model: &'a Mlp,
    pub row: &'a [f32],
    pub source: Source<'a>,
    pub targets: Targets<'a>,
    pub rows: &'a [u32],
    /// What the gradient of a sample's loss is multiplied by.
    pub scale: f32,
    pub job: Job<'a>,
}

impl<'a> Samples<'a> {
    fn split(self, at: usize) -> (Self, Self) {
        let (rows, others) = self.rows.split_at(at);
        let (job, other) = self.job.split(at * self.model.outputs());
        (Self { rows, job, ..self }, Self { rows: others, job: other, ..self })
    }
}

/// Takes samples through all layers on `cores` cores, and back where a gradient is wanted. `own` is memory for
/// as many cores. Returns how many were predicted right.
#[inline(always)]
pub fn through<S: Simd>(
    simd: S,
    cores: usize,
    samples: Samples<'_>,
    kept: &mut Kept<'_>,
    own: &mut [f32],
) -> u64 {
    if cores > 1 { share(simd, cores, samples, kept, own) } else { pass(simd, samples, kept, own) }
}

fn share<S: Simd>(simd: S, cores: usize, samples: Samples<'_>, kept: &mut Kept<'_>, own: &mut [f32]) -> u64 {
    let first = cores / 2;
    let at = (samples.rows.len() * first / cores.max(1)).next_multiple_of(8);
    if first == 0 || at >= samples.rows.len() {
        return simd.vectorize(Pass { samples, kept, own });
    }
    let (half, other) = kept.split(samples.model, at);
    let (own, other_own) = own.split_at_mut(own.len() / cores * first);
    let (samples, others) = samples.split(at);
    let (mut half, mut other) = (half, other);
    let (a, b) = rayon::join(
        || share(simd, first, samples, &mut half, own),
        || share(simd, cores - first, others, &mut other, other_own),
    );
    a + b
}

struct Pass<'a, 'b> {
    samples: Samples<'a>,
    kept: &'a mut Kept<'b>,
    own: &'a mut [f32],
}

impl WithSimd for Pass<'_, '_> {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        pass(simd, self.samples, self.kept, self.own)
    }
}

/// Samples on one core.
#[inline(always)]
fn pass<S: Simd>(simd: S, samples: Samples<'_>, kept: &mut Kept<'_>, own: &mut [f32]) -> u64 {
    let Samples { model, row, source, targets, rows, scale, mut job } = samples;
    let (n, width, last) = (rows.len(), model.inputs(), model.layers.len() - 1);
    for (sample, &at) in kept.input.chunks_exact_mut(width).zip(rows) {
        source.read(at, sample);
    }
    for (at, layer) in model.layers.iter().enumerate() {
        let (before, after) = kept.layers.split_at_mut(at);
        let At { outputs, slopes, deltas } = &mut after[0];
        let (source, source_row) = match before.last() {
            Some(before) => (&*before.outputs, padded(layer.inputs)),
            None => (&*kept.input, width),
        };
        let left = Left { data: source, row: source_row, depth: 1 };
        let out = if at == last { deltas } else { outputs };
        apply(simd, layer, row, left, n, out, own);
        if at < last {
            activate(simd, model.activation, out, slopes);
        }
    }
    let classes = model.outputs();
    let logits = &mut *kept.layers[last].deltas;
    let answer = |at: usize| source.answer(targets, rows[at]);
    let room = cut(&mut &mut *own, room_len(classes));
    let correct = read_out(simd, logits, classes, answer, (model.loss, scale), &mut job, kept.losses, room);
    if matches!(job, Job::Gradient { .. }) {
        for at in (1..=last).rev() {
            let (before, after) = kept.layers.split_at_mut(at);
            let At { outputs, slopes, deltas } = &mut before[at - 1];
            back(simd, &model.layers[at], row, after[0].deltas, n, deltas, own);
            descend(simd, model.activation, outputs, slopes, deltas);
        }
        if let (true, Some(first)) = (model.embedding.is_some(), model.layers.first()) {
            back(simd, first, row, kept.layers[0].deltas, n, kept.input_deltas, own);
        }
    }
    correct
}

/// `out = x W + b`.
#[inline(always)]
fn apply<S: Simd>(
    simd: S,
    layer: &Layer,
    row: &[f32],
    x: Left<'_>,
    n: usize,
    out: &mut [f32],
    own: &mut [f32],
) {
    let stride = layer.stride();
    let sizes = (n, layer.inputs, stride);
    if layer.aligned() {
        let right = Right { data: layer.weight(row), row: stride };
        return multiply(simd, sizes, x, right, Start::Row(layer.bias(row)), out, stride);
    }
    let mut rest = own;
    let weight = cut(&mut rest, layer.inputs * stride);
    let bias = cut(&mut rest, stride);
    widen(layer.weight(row), layer.outputs, weight, stride);
    widen(layer.bias(row), layer.outputs, bias, stride);
    multiply(simd, sizes, x, Right { data: weight, row: stride }, Start::Row(bias), out, stride);
}

/// The gradient at a layer's inputs, a padded row a sample, from that at its outputs.
#[inline(always)]
fn back<S: Simd>(
    simd: S,
    layer: &Layer,
    row: &[f32],
    arriving: &[f32],
    n: usize,
    deltas: &mut [f32],
    own: &mut [f32],
) {
    let inputs = padded(layer.inputs);
    let turned = cut(&mut &mut *own, layer.outputs * inputs);
    transpose(simd, layer.weight(row), layer.outputs, layer.inputs, turned, inputs);
    let left = Left { data: arriving, row: layer.stride(), depth: 1 };
    let right = Right { data: turned, row: inputs };
    multiply(simd, (n, layer.outputs, inputs), left, right, Start::Zero, deltas, inputs);
}

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

/// Turns the gradient at a layer's outputs into that at what went into its activation.
#[inline(always)]
fn descend<S: Simd>(simd: S, activation: Activation, outputs: &[f32], slopes: &[f32], gradient: &mut [f32]) {
    let (outputs, _) = S::as_simd_f32s(outputs);
    let (gradient, _) = S::as_mut_simd_f32s(gradient);
    let zero = simd.splat_f32s(0.0);
    match activation {
        Activation::Tanh => {
            for (g, y) in gradient.iter_mut().zip(outputs) {
                *g = simd.mul_f32s(*g, simd.negate_mul_add_e_f32s(*y, *y, simd.splat_f32s(1.0)));
            }
        }
        Activation::Relu => {
            for (g, y) in gradient.iter_mut().zip(outputs) {
                *g = simd.select_f32s(simd.greater_than_f32s(*y, zero), *g, zero);
            }
        }
        Activation::Gelu => {
            let (slopes, _) = S::as_simd_f32s(slopes);
            for (g, slope) in gradient.iter_mut().zip(slopes) {
                *g = simd.mul_f32s(*g, *slope);
            }
        }
    }
}
