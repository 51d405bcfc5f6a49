//! Softmax and cross-entropy over rows of logits.

use pulp::Simd;

use super::math::{exp, ln};
use super::rows::{vector, vector_mut};
use super::transpose::transpose;
use super::{WIDTH, padded};

/// Turns one padded row of logits into probabilities, padding into 0.
/// Returns the row's largest logit and the sum of exponentials relative to it.
#[inline(always)]
pub fn softmax_row<S: Simd>(simd: S, classes: usize, row: &mut [f32]) -> (f32, f32) {
    row[classes..].iter_mut().for_each(|logit| *logit = f32::NEG_INFINITY);
    let (vectors, _) = S::as_mut_simd_f32s(row);
    let mut top = simd.splat_f32s(f32::NEG_INFINITY);
    for v in vectors.iter() {
        top = simd.max_f32s(top, *v);
    }
    let top = simd.reduce_max_f32s(top);
    let mut sum = simd.splat_f32s(0.0);
    for v in vectors.iter_mut() {
        *v = exp(simd, simd.sub_f32s(*v, simd.splat_f32s(top)));
        sum = simd.add_f32s(sum, *v);
    }
    let sum = simd.reduce_sum_f32s(sum);
    let scale = simd.splat_f32s(1.0 / sum);
    for v in vectors.iter_mut() {
        *v = simd.mul_f32s(*v, scale);
    }
    (top, sum)
}

/// Turns the first `count` numbers below each other in a vector of columns of `scores`, rows of `span`, into
/// shares of `whole` in proportion to e^(`scale`·score). Returns the largest scores and the sums of
/// exponentials relative to them.
#[inline(always)]
pub fn softmax_columns<S: Simd>(
    simd: S,
    scores: &mut [f32],
    (span, count, column): (usize, usize, usize),
    scale: f32,
    whole: f32,
) -> (S::f32s, S::f32s) {
    let scale = simd.splat_f32s(scale);
    let mut top = simd.splat_f32s(f32::NEG_INFINITY);
    for row in scores.chunks_exact(span).take(count) {
        top = simd.max_f32s(top, vector::<S>(row, column));
    }
    let mut sum = simd.splat_f32s(0.0);
    for row in scores.chunks_exact_mut(span).take(count) {
        let score = vector_mut::<S>(row, column);
        *score = exp(simd, simd.mul_f32s(simd.sub_f32s(*score, top), scale));
        sum = simd.add_f32s(sum, *score);
    }
    let share = simd.div_f32s(simd.splat_f32s(whole), sum);
    for row in scores.chunks_exact_mut(span).take(count) {
        let score = vector_mut::<S>(row, column);
        *score = simd.mul_f32s(*score, share);
    }
    (top, sum)
}

/// Turns rows of logits into the gradient of `scale` times the summed cross-entropy, and leaves each row's
/// cross-entropy in `losses`, not scaled, in nats. `room` is for [`room_len`] numbers.
///
/// Rows go [`WIDTH`] at a time, turned so that samples lie along the vectors: few classes would leave most
/// of a vector empty, and no sum across one is needed.
#[inline(always)]
pub fn cross_entropy<S: Simd>(
    simd: S,
    classes: usize,
    logits: &mut [f32],
    target_of: impl Fn(usize) -> usize,
    scale: f32,
    losses: &mut [f32],
    room: &mut [f32],
) {
    let stride = padded(classes);
    let blocks = logits.chunks_mut(WIDTH * stride).zip(losses.chunks_mut(WIDTH));
    for (block, (logits, losses)) in blocks.enumerate() {
        let rows = losses.len();
        let first = block * WIDTH;
        transpose(simd, logits, stride, rows, &mut room[..classes * WIDTH], WIDTH);
        // Where each row's target is; asked once, which is also what lets the question be compiled in place.
        let mut places = [0; WIDTH];
        let mut losses_of = [0.0; WIDTH];
        for (row, (place, loss)) in places.iter_mut().zip(&mut losses_of).enumerate().take(rows) {
            *place = row * stride + target_of(first + row);
            *loss = logits[*place];
        }
        for column in (0..WIDTH).step_by(S::F32_LANES) {
            let (top, sum) = softmax_columns(simd, room, (WIDTH, classes, column), 1.0, scale);
            let loss = vector_mut::<S>(&mut losses_of, column);
            *loss = simd.add_f32s(simd.sub_f32s(top, *loss), ln(simd, sum));
        }
        losses.copy_from_slice(&losses_of[..rows]);
        room[classes * WIDTH..stride * WIDTH].fill(0.0);
        transpose(simd, room, WIDTH, stride, logits, stride);
        for place in &places[..rows] {
            logits[*place] -= scale;
        }
    }
}

/// The room [`cross_entropy`] needs for rows of so many logits.
pub const fn room_len(classes: usize) -> usize {
    padded(classes) * WIDTH
}
