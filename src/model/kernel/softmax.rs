//! Softmax and cross-entropy over rows of logits.

use pulp::Simd;

use super::math::{exp, ln};
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

/// Turns rows of logits into the gradient of `scale` times the summed cross-entropy and returns the
/// sum itself (not scaled), in nats. `sums` is room for one number a row, rounded up to whole vectors.
#[inline(always)]
pub fn cross_entropy<S: Simd>(
    simd: S,
    classes: usize,
    logits: &mut [f32],
    target_of: impl Fn(usize) -> usize,
    scale: f32,
    sums: &mut [f32],
) -> f64 {
    let mut total = 0.0;
    let scales = simd.splat_f32s(scale);
    sums.fill(1.0);
    for (at, row) in logits.chunks_exact_mut(padded(classes)).enumerate() {
        let target = target_of(at);
        let logit = row[target];
        let (top, sum) = softmax_row(simd, classes, row);
        sums[at] = sum;
        total += f64::from(top - logit);
        let (vectors, _) = S::as_mut_simd_f32s(row);
        for v in vectors {
            *v = simd.mul_f32s(*v, scales);
        }
        row[target] -= scale;
    }
    // The logarithms, a vector of rows at a time; a row that is not there has the sum 1.
    let (vectors, _) = S::as_mut_simd_f32s(sums);
    let mut logs = simd.splat_f32s(0.0);
    for v in vectors {
        logs = simd.add_f32s(logs, ln(simd, *v));
    }
    total + f64::from(simd.reduce_sum_f32s(logs))
}

/// The room [`cross_entropy`] needs for `rows` rows.
pub const fn sums_len(rows: usize) -> usize {
    rows.div_ceil(WIDTH) * WIDTH
}
