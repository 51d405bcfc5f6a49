//! Some windows of a batch on their way through all layers and back.
//!
//! A row is a position of a window. Each of a layer's two parts, attention and feed-forward, is a
//! function of `input`, and `x` is the residual stream around it.

use pulp::Simd;

use super::{Layer, NormLayer, Transformer};
use crate::model::affine::Affine;
use crate::model::blocks::Weights;
use crate::model::kernel::attention::{Heads, Projections};
use crate::model::kernel::layer_norm::{self, normalise, scale_and_shift};
use crate::model::kernel::matmul::{Left, Right, Start, multiply_shared};
use crate::model::kernel::rows::{add, add_rows};
use crate::model::kernel::scratch::cut;
use crate::model::kernel::softmax::room_len;
use crate::model::kernel::{WIDTH, padded};

/// How long the pieces of a block are, in numbers.
#[derive(Clone, Copy)]
pub struct Sizes {
    windows: usize,
    layers: usize,
    heads: Heads,
    rows: usize,
    /// Numbers of one row of activations.
    stride: usize,
    /// Numbers of one row inside the feed-forward layer.
    hidden: usize,
    /// Numbers of one row of logits.
    logits: usize,
}

impl Sizes {
    pub fn new(model: &Transformer, windows: usize) -> Self {
        let width = model.size.width;
        Self {
            windows,
            layers: model.size.layers,
            heads: model.heads(),
            rows: windows * model.size.context,
            stride: padded(width),
            hidden: padded(4 * width),
            logits: model.head.stride(),
        }
    }

    /// Activations, and as much more as attention reads past the last row.
    fn activations(&self) -> usize {
        self.rows * self.stride + WIDTH
    }

    /// What a norm keeps.
    fn normed(&self) -> usize {
        2 * self.rows * self.stride + lines(self.rows)
    }

    fn attention(&self) -> usize {
        self.normed()
            + 3 * self.activations()
            + self.windows * (self.heads.probabilities_len() + self.heads.turned_len())
    }

    fn layer(&self) -> usize {
        self.attention() + self.normed() + self.rows * self.hidden
    }

    /// All that [`Block::cut`] cuts.
    pub fn total(&self) -> usize {
        let activations = self.activations();
        self.layers * self.layer()
            + self.normed()
            + 6 * activations
            + lines(self.heads.room())
            + self.rows * self.hidden
            + self.rows * self.logits
            + room_len(self.logits)
    }
}

/// Whole cache lines.
fn lines(numbers: usize) -> usize {
    numbers.next_multiple_of(16)
}

/// A block's activations and gradients.
pub struct Block<'a> {
    sizes: Sizes,
    /// What each layer keeps for the way back, see [`Kept`] and [`Attended`].
    layers: &'a mut [f32],
    /// What the last norm keeps, and the head's input.
    last: &'a mut [f32],
    stream: Stream<'a>,
    /// What leaves the head; on the way back, its gradient.
    pub logits: &'a mut [f32],
    pub room: &'a mut [f32],
}

/// What passes through the layers.
struct Stream<'a> {
    /// The residual stream; on the way back, its gradient.
    x: &'a mut [f32],
    /// What a layer's part adds to the stream; on the way back, the gradient at its input.
    part: &'a mut [f32],
    /// The gradient at what was mixed.
    mixed: &'a mut [f32],
    /// The gradients at queries, keys and values.
    projected: Projected<'a>,
    /// The gradient inside a feed-forward layer.
    hidden: &'a mut [f32],
    room: &'a mut [f32],
}

/// The input of a layer's part, and what its norm keeps.
struct Kept<'a> {
    input: &'a mut [f32],
    normal: &'a mut [f32],
    inverse: &'a mut [f32],
}

impl<'a> Kept<'a> {
    #[inline(always)]
    fn cut(sizes: Sizes, rest: &mut &'a mut [f32]) -> Self {
        Self {
            input: cut(rest, sizes.rows * sizes.stride),
            normal: cut(rest, sizes.rows * sizes.stride),
            inverse: cut(rest, sizes.rows),
        }
    }

    /// `x` normalised, in the place of `y`.
    #[inline(always)]
    fn norm<S: Simd>(&mut self, simd: S, norm: NormLayer, wide: &[f32], width: usize, x: &[f32]) {
        normalise(simd, width, x, self.normal, self.inverse);
        scale_and_shift(simd, self.normal, norm.gain.values(wide), norm.bias.values(wide), self.input);
    }

    /// The gradient at what was normalised, in the place of that at the norm.
    #[inline(always)]
    fn norm_back<S: Simd>(
        &self,
        simd: S,
        norm: NormLayer,
        wide: &[f32],
        width: usize,
        gradient: &mut [f32],
        gradients: &mut [f32],
    ) {
        let gain = norm.gain.values(wide);
        let (gain_gradient, bias_gradient) = norm.gain.with_next(norm.bias, gradients);
        let (normal, inverse) = (&*self.normal, &*self.inverse);
        layer_norm::backward(simd, width, gradient, normal, inverse, gain, gain_gradient, bias_gradient);
    }
}

/// What attention keeps besides.
struct Attended<'a> {
    projected: Projected<'a>,
    probabilities: &'a mut [f32],
    /// The mixed values, turned: a row a column, window by window.
    mixed: &'a mut [f32],
}

impl<'a> Attended<'a> {
    #[inline(always)]
    fn cut(sizes: Sizes, rest: &mut &'a mut [f32]) -> Self {
        Self {
            projected: Projected {
                queries: cut(rest, sizes.activations()),
                keys: cut(rest, sizes.activations()),
                values: cut(rest, sizes.activations()),
            },
            probabilities: cut(rest, sizes.windows * sizes.heads.probabilities_len()),
            mixed: cut(rest, sizes.windows * sizes.heads.turned_len()),
        }
    }
}

/// Queries, keys and values of all windows, or their gradients.
struct Projected<'a> {
    queries: &'a mut [f32],
    keys: &'a mut [f32],
    values: &'a mut [f32],
}

impl Projected<'_> {
    /// From a window on.
    #[inline(always)]
    fn from(&self, at: usize) -> Projections<'_> {
        Projections { queries: &self.queries[at..], keys: &self.keys[at..], values: &self.values[at..] }
    }
}

/// `out = x W + b`.
#[inline(always)]
fn apply<S: Simd>(simd: S, affine: Affine, wide: &[f32], x: Left<'_>, rows: usize, out: &mut [f32]) {
    let stride = affine.stride();
    let weight = Right { data: affine.weight(wide), row: stride };
    let bias = Start::Row(affine.bias(wide));
    multiply_shared(simd, (rows, affine.inputs, stride), x, weight, bias, out, stride);
}

/// Adds the gradients of `W` and `b` to those in wide memory, from the input (as it is multiplied:
/// transposed) and the gradient at the output.
#[inline(always)]
fn collect<S: Simd>(simd: S, affine: Affine, gradients: &mut [f32], x: Left<'_>, gradient: &[f32]) {
    let stride = affine.stride();
    let (weight, bias) = affine.both(gradients);
    let right = Right { data: gradient, row: stride };
    let sizes = (affine.inputs, gradient.len() / stride, stride);
    multiply_shared(simd, sizes, x, right, Start::Sum, weight, stride);
    add_rows(simd, gradient, stride, bias);
}

/// The gradient at the input, from that at the output.
#[inline(always)]
fn apply_back<S: Simd>(
    simd: S,
    affine: Affine,
    turned: &[f32],
    gradient: &[f32],
    start: Start<'_>,
    out: &mut [f32],
) {
    let (from, to) = (affine.stride(), padded(affine.inputs));
    let left = Left { data: gradient, row: from, depth: 1 };
    let right = Right { data: affine.turned(turned), row: to };
    let sizes = (gradient.len() / from, affine.outputs, to);
    multiply_shared(simd, sizes, left, right, start, out, to);
}

/// Takes negative numbers to 0.
#[inline(always)]
fn relu<S: Simd>(simd: S, values: &mut [f32]) {
    let zero = simd.splat_f32s(0.0);
    for v in S::as_mut_simd_f32s(values).0 {
        // Not max: a NaN has to show.
        *v = simd.select_f32s(simd.less_than_f32s(*v, zero), zero, *v);
    }
}

/// Takes a gradient to 0 where ReLU's output is.
#[inline(always)]
fn relu_back<S: Simd>(simd: S, outputs: &[f32], gradient: &mut [f32]) {
    let zero = simd.splat_f32s(0.0);
    let (outputs, _) = S::as_simd_f32s(outputs);
    for (y, g) in outputs.iter().zip(S::as_mut_simd_f32s(gradient).0) {
        *g = simd.select_f32s(simd.greater_than_f32s(*y, zero), *g, zero);
    }
}

impl<'a> Block<'a> {
    #[inline(always)]
    pub fn cut(model: &Transformer, windows: usize, rest: &mut &'a mut [f32]) -> Self {
        let sizes = Sizes::new(model, windows);
        let rows = sizes.rows;
        let activations = rows * sizes.stride;
        Self {
            sizes,
            layers: cut(rest, sizes.layers * sizes.layer()),
            last: cut(rest, sizes.normed()),
            stream: Stream {
                x: cut(rest, activations),
                part: cut(rest, activations),
                mixed: cut(rest, sizes.activations()),
                projected: Projected {
                    queries: cut(rest, activations),
                    keys: cut(rest, activations),
                    values: cut(rest, activations),
                },
                hidden: cut(rest, rows * sizes.hidden),
                room: cut(rest, sizes.heads.room()),
            },
            logits: cut(rest, rows * sizes.logits),
            room: cut(rest, room_len(sizes.logits)),
        }
    }

    /// The stream's beginning: each character's embedding and its position's.
    #[inline(always)]
    pub fn embed(&mut self, model: &Transformer, wide: &[f32], tokens: &[u8], windows: &[u32]) {
        let (width, context) = (model.size.width, model.size.context);
        for (at, x) in self.stream.x.chunks_exact_mut(self.sizes.stride).enumerate() {
            let (window, position) = (windows[at / context] as usize, at % context);
            let token = usize::from(tokens[window + position]);
            let token = &model.tokens.values(wide)[token * width..][..width];
            let position = &model.positions.values(wide)[position * width..][..width];
            for ((x, token), position) in x.iter_mut().zip(token).zip(position) {
                *x = token + position;
            }
            x[width..].fill(0.0);
        }
    }

    /// Adds the gradients of the embeddings.
    #[inline(always)]
    pub fn embed_back(&self, model: &Transformer, tokens: &[u8], windows: &[u32], gradients: &mut [f32]) {
        let (width, context) = (model.size.width, model.size.context);
        for (at, x) in self.stream.x.chunks_exact(self.sizes.stride).enumerate() {
            let (window, position) = (windows[at / context] as usize, at % context);
            let token = usize::from(tokens[window + position]);
            for (table, at) in [(model.tokens, token), (model.positions, position)] {
                for (g, x) in table.values_mut(gradients)[at * width..][..width].iter_mut().zip(x) {
                    *g += x;
                }
            }
        }
    }

    #[inline(always)]
    pub fn forward<S: Simd>(&mut self, simd: S, model: &Transformer, wide: &[f32]) {
        let (sizes, width) = (self.sizes, model.size.width);
        for (layer, memory) in model.layers.iter().zip(self.layers.chunks_exact_mut(sizes.layer())) {
            let (attention, mut feed_forward) = memory.split_at_mut(sizes.attention());
            let mut attention = attention;
            for part in 0..2 {
                let rest = if part == 0 { &mut attention } else { &mut feed_forward };
                let mut kept = Kept::cut(sizes, rest);
                if model.last.is_some() {
                    kept.norm(simd, layer.norms[part], wide, width, self.stream.x);
                } else {
                    kept.input.copy_from_slice(self.stream.x);
                }
                let left = Left { data: kept.input, row: sizes.stride, depth: 1 };
                if part == 0 {
                    let mut kept = Attended::cut(sizes, rest);
                    self.stream.attend(simd, sizes, layer, wide, left, &mut kept);
                } else {
                    let hidden = cut(rest, sizes.rows * sizes.hidden);
                    apply(simd, layer.up, wide, left, sizes.rows, hidden);
                    relu(simd, hidden);
                    let left = Left { data: hidden, row: sizes.hidden, depth: 1 };
                    apply(simd, layer.down, wide, left, sizes.rows, self.stream.part);
                }
                add(simd, self.stream.part, self.stream.x);
                if model.last.is_none() {
                    normalise(simd, width, self.stream.x, kept.normal, kept.inverse);
                    let NormLayer { gain, bias } = layer.norms[part];
                    scale_and_shift(simd, kept.normal, gain.values(wide), bias.values(wide), self.stream.x);
                }
            }
        }
        let mut last = Kept::cut(sizes, &mut &mut *self.last);
        match model.last {
            Some(norm) => last.norm(simd, norm, wide, width, self.stream.x),
            None => last.input.copy_from_slice(self.stream.x),
        }
        let left = Left { data: last.input, row: sizes.stride, depth: 1 };
        apply(simd, model.head, wide, left, sizes.rows, self.logits);
    }

    /// Adds the block's gradients to those in wide memory, and leaves the stream's beginning its own.
    #[inline(always)]
    pub fn backward<S: Simd>(
        &mut self,
        simd: S,
        model: &Transformer,
        Weights { wide, turned }: Weights<'_>,
        gradients: &mut [f32],
    ) {
        let (sizes, width) = (self.sizes, model.size.width);
        let last = Kept::cut(sizes, &mut &mut *self.last);
        let left = Left { data: last.input, row: 1, depth: sizes.stride };
        collect(simd, model.head, gradients, left, self.logits);
        apply_back(simd, model.head, turned, self.logits, Start::Zero, self.stream.x);
        if let Some(norm) = model.last {
            last.norm_back(simd, norm, wide, width, self.stream.x, gradients);
        }
        let memory = self.layers.chunks_exact_mut(sizes.layer());
        for (layer, memory) in model.layers.iter().zip(memory).rev() {
            let (attention, mut feed_forward) = memory.split_at_mut(sizes.attention());
            let mut attention = attention;
            for part in [1, 0] {
                let rest = if part == 0 { &mut attention } else { &mut feed_forward };
                let kept = Kept::cut(sizes, rest);
                if model.last.is_none() {
                    kept.norm_back(simd, layer.norms[part], wide, width, self.stream.x, gradients);
                }
                let left = Left { data: kept.input, row: 1, depth: sizes.stride };
                if part == 1 {
                    let hidden = cut(rest, sizes.rows * sizes.hidden);
                    let inside = Left { data: hidden, row: 1, depth: sizes.hidden };
                    collect(simd, layer.down, gradients, inside, self.stream.x);
                    apply_back(simd, layer.down, turned, self.stream.x, Start::Zero, self.stream.hidden);
                    relu_back(simd, hidden, self.stream.hidden);
                    collect(simd, layer.up, gradients, left, self.stream.hidden);
                    apply_back(simd, layer.up, turned, self.stream.hidden, Start::Zero, self.stream.part);
                } else {
                    let attended = Attended::cut(sizes, rest);
                    self.stream.attend_back(simd, sizes, layer, turned, gradients, left, &attended);
                }
                if model.last.is_some() {
                    kept.norm_back(simd, layer.norms[part], wide, width, self.stream.part, gradients);
                }
                add(simd, self.stream.part, self.stream.x);
            }
        }
    }
}

impl Stream<'_> {
    /// Attention's output, in `part`, from its input.
    #[inline(always)]
    fn attend<S: Simd>(
        &mut self,
        simd: S,
        sizes: Sizes,
        layer: &Layer,
        wide: &[f32],
        input: Left<'_>,
        kept: &mut Attended<'_>,
    ) {
        let Sizes { heads, rows, stride, .. } = sizes;
        let Attended { projected, probabilities, mixed } = kept;
        apply(simd, layer.queries, wide, input, rows, projected.queries);
        apply(simd, layer.keys, wide, input, rows, projected.keys);
        apply(simd, layer.values, wide, input, rows, projected.values);
        let (window, span) = (heads.context * stride, padded(heads.context));
        let turned = &mut self.room[..heads.turned_len()];
        let kept = probabilities.chunks_exact_mut(heads.probabilities_len());
        let kept = kept.zip(mixed.chunks_exact_mut(heads.turned_len()));
        for (at, ((probabilities, mixed), out)) in kept.zip(self.part.chunks_exact_mut(window)).enumerate() {
            heads.forward(simd, projected.from(at * window), probabilities, mixed, turned);
            let left = Left { data: mixed, row: 1, depth: span };
            apply(simd, layer.mixed, wide, left, heads.context, out);
        }
    }

    /// The gradient at attention's input, in `part`, from that at its output, in `x`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "a layer's part, its input, what it kept and its gradients")]
    fn attend_back<S: Simd>(
        &mut self,
        simd: S,
        sizes: Sizes,
        layer: &Layer,
        turned: &[f32],
        gradients: &mut [f32],
        input: Left<'_>,
        attended: &Attended<'_>,
    ) {
        let Sizes { heads, rows, stride, .. } = sizes;
        let (window, span) = (heads.context * stride, padded(heads.context));
        let mixed = attended.mixed.chunks_exact(heads.turned_len());
        for (mixed, gradient) in mixed.zip(self.x.chunks_exact(window)) {
            collect(simd, layer.mixed, gradients, Left { data: mixed, row: span, depth: 1 }, gradient);
        }
        apply_back(simd, layer.mixed, turned, self.x, Start::Zero, &mut self.mixed[..rows * stride]);
        let Projected { queries, keys, values } = &mut self.projected;
        for at in 0..sizes.windows {
            let (from, probabilities) = (at * window, at * heads.probabilities_len());
            let probabilities = &attended.probabilities[probabilities..][..heads.probabilities_len()];
            let gradients =
                [&mut **queries, &mut **keys, &mut **values].map(|all| &mut all[from..][..window]);
            let (projections, mixed) = (attended.projected.from(from), &self.mixed[from..]);
            heads.backward(simd, projections, probabilities, mixed, self.room, gradients);
        }
        let projected = [(layer.queries, &*queries), (layer.keys, &*keys), (layer.values, &*values)];
        for (at, (affine, gradient)) in projected.into_iter().enumerate() {
            collect(simd, affine, gradients, input, gradient);
            let start = if at == 0 { Start::Zero } else { Start::Sum };
            apply_back(simd, affine, turned, gradient, start, self.part);
        }
    }
}
