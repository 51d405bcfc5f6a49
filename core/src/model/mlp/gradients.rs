//! The gradients of weights and biases, each a sum over all samples. Cores share them by rows of the matrices,
//! so that each sum is made by one core in the samples' order.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::samples::Kept;
use super::{Layer, Mlp};
use crate::model::kernel::matmul::{Left, Right, Start, multiply};
use crate::model::kernel::padded;
use crate::model::kernel::rows::{add_rows, narrow};
use crate::model::kernel::scratch::cut;

/// Rows of all matrices, counted one matrix after the other; a bias goes with its matrix's last row.
type Rows = Range<usize>;

/// Writes the whole gradient, on `cores` cores. `own` is memory for as many.
#[inline(always)]
pub fn collect<S: Simd>(
    simd: S,
    cores: usize,
    model: &Mlp,
    kept: &Kept<'_>,
    gradient: &mut [f32],
    own: &mut [f32],
) {
    let rows = 0..model.layers.iter().map(|layer| layer.inputs).sum();
    let whole = Collect { model, kept, rows, gradient, own };
    if cores > 1 { share(simd, cores, whole) } else { whole.with_simd(simd) }
}

struct Collect<'a, 'b> {
    model: &'a Mlp,
    kept: &'a Kept<'b>,
    rows: Rows,
    /// The rows' part of the gradient.
    gradient: &'a mut [f32],
    own: &'a mut [f32],
}

fn share<S: Simd>(simd: S, cores: usize, whole: Collect<'_, '_>) {
    let Collect { model, kept, rows, gradient, own } = whole;
    let first = cores / 2;
    let cut = model.row_after(&rows, first, cores);
    if first == 0 || cut == rows.start || cut == rows.end {
        return simd.vectorize(Collect { model, kept, rows, gradient, own });
    }
    let at = model.offset_of(cut) - model.offset_of(rows.start);
    let (gradient, other_gradient) = gradient.split_at_mut(at);
    let (own, other_own) = own.split_at_mut(own.len() / cores * first);
    let half = Collect { model, kept, rows: rows.start..cut, gradient, own };
    let other = Collect { model, kept, rows: cut..rows.end, gradient: other_gradient, own: other_own };
    rayon::join(|| share(simd, first, half), || share(simd, cores - first, other));
}

impl Mlp {
    /// Each layer, and its first row of all.
    fn numbered(&self) -> impl Iterator<Item = (usize, &Layer)> {
        self.layers.iter().scan(0, |next, layer| {
            let first = *next;
            *next += layer.inputs;
            Some((first, layer))
        })
    }

    /// Where a row begins in the row of parameters.
    fn offset_of(&self, row: usize) -> usize {
        let layer = self.numbered().filter(|(first, _)| *first <= row).last();
        layer.map_or(0, |(first, layer)| layer.weight + (row - first) * layer.outputs)
    }

    /// The row at which `share` of `whole` parts of the work in these rows is done, about.
    fn row_after(&self, rows: &Rows, share: usize, whole: usize) -> usize {
        let within = |first: usize, layer: &Layer| {
            let (from, to) = (rows.start.max(first), rows.end.min(first + layer.inputs));
            from..to.max(from)
        };
        let work = |(first, layer): (usize, &Layer)| within(first, layer).len() * layer.stride();
        let mut left = self.numbered().map(work).sum::<usize>() * share / whole.max(1);
        for (first, layer) in self.numbered() {
            let inside = within(first, layer);
            let most = inside.len() * layer.stride();
            if left < most {
                // Whole tiles.
                let row = first + (inside.start - first + left / layer.stride()).next_multiple_of(8);
                return row.min(inside.end);
            }
            left -= most;
        }
        rows.end
    }
}

impl WithSimd for Collect<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { model, kept, rows, mut gradient, own } = self;
        let mut first = 0;
        for (at, layer) in model.layers.iter().enumerate() {
            let (from, to) = (rows.start.max(first) - first, rows.end.min(first + layer.inputs));
            let to = to.saturating_sub(first);
            first += layer.inputs;
            if from >= to {
                continue;
            }
            let (source, source_row) = match at.checked_sub(1) {
                Some(before) => (&*kept.layers[before].outputs, padded(layer.inputs)),
                None => (&*kept.input, layer.inputs),
            };
            let (deltas, stride) = (&*kept.layers[at].deltas, layer.stride());
            let (weight, rest) = std::mem::take(&mut gradient).split_at_mut((to - from) * layer.outputs);
            let sizes = (to - from, deltas.len() / stride, stride);
            let left = Left { data: &source[from..], row: 1, depth: source_row };
            let right = Right { data: deltas, row: stride };
            if layer.aligned() {
                multiply(simd, sizes, left, right, Start::Zero, weight, stride);
            } else {
                let wide = cut(&mut &mut *own, (to - from) * stride);
                multiply(simd, sizes, left, right, Start::Zero, wide, stride);
                narrow(wide, stride, weight, layer.outputs);
            }
            gradient = rest;
            if to < layer.inputs {
                continue;
            }
            let (bias, rest) = std::mem::take(&mut gradient).split_at_mut(layer.outputs);
            let sums = cut(&mut &mut *own, stride);
            sums.fill(0.0);
            add_rows(simd, deltas, stride, sums);
            bias.copy_from_slice(&sums[..layer.outputs]);
            gradient = rest;
        }
    }
}
