//! Layer normalisation (Ba, Kiros and Hinton 2016, arXiv 1607.06450) over padded rows whose padding is 0.

use pulp::Simd;

use super::padded;

/// Added to the variance, as PyTorch does by default.
pub const EPS: f32 = 1e-5;

/// Takes the mean off each row of `width` numbers and divides by the standard deviation; `inverse`
/// keeps one over it, a number a row.
#[inline(always)]
pub fn normalise<S: Simd>(simd: S, width: usize, x: &[f32], normal: &mut [f32], inverse: &mut [f32]) {
    let stride = padded(width);
    let share = 1.0 / width as f32;
    let rows = x.chunks_exact(stride).zip(normal.chunks_exact_mut(stride));
    for ((x, normal), inverse) in rows.zip(inverse) {
        let (x, _) = S::as_simd_f32s(x);
        let mut sum = simd.splat_f32s(0.0);
        for x in x {
            sum = simd.add_f32s(sum, *x);
        }
        let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) * share);
        let (vectors, _) = S::as_mut_simd_f32s(&mut *normal);
        for (x, normal) in x.iter().zip(vectors) {
            *normal = simd.sub_f32s(*x, mean);
        }
        normal[width..].fill(0.0);
        let (normal, _) = S::as_mut_simd_f32s(normal);
        let mut squares = simd.splat_f32s(0.0);
        for normal in normal.iter() {
            squares = simd.mul_add_e_f32s(*normal, *normal, squares);
        }
        *inverse = 1.0 / (simd.reduce_sum_f32s(squares) * share + EPS).sqrt();
        let scale = simd.splat_f32s(*inverse);
        for normal in normal {
            *normal = simd.mul_f32s(*normal, scale);
        }
    }
}

/// `y = normal * gain + bias`, row by row.
#[inline(always)]
pub fn scale_and_shift<S: Simd>(simd: S, normal: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32]) {
    let stride = gain.len();
    let ((gain, _), (bias, _)) = (S::as_simd_f32s(gain), S::as_simd_f32s(bias));
    for (normal, y) in normal.chunks_exact(stride).zip(y.chunks_exact_mut(stride)) {
        let ((normal, _), (y, _)) = (S::as_simd_f32s(normal), S::as_mut_simd_f32s(y));
        for (((y, normal), gain), bias) in y.iter_mut().zip(normal).zip(gain).zip(bias) {
            *y = simd.mul_add_e_f32s(*normal, *gain, *bias);
        }
    }
}

/// Turns the gradient at y into the gradient at x, and adds those of gain and bias.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "what the two functions above take and make")]
pub fn backward<S: Simd>(
    simd: S,
    width: usize,
    gradient: &mut [f32],
    normal: &[f32],
    inverse: &[f32],
    gain: &[f32],
    gain_gradient: &mut [f32],
    bias_gradient: &mut [f32],
) {
    let stride = padded(width);
    let share = 1.0 / width as f32;
    let (gain, _) = S::as_simd_f32s(gain);
    let (gain_gradient, _) = S::as_mut_simd_f32s(gain_gradient);
    let (bias_gradient, _) = S::as_mut_simd_f32s(bias_gradient);
    let rows = gradient.chunks_exact_mut(stride).zip(normal.chunks_exact(stride));
    for ((gradient, normal), inverse) in rows.zip(inverse) {
        let (normal, _) = S::as_simd_f32s(normal);
        let (vectors, _) = S::as_mut_simd_f32s(&mut *gradient);
        let (mut sum, mut along) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
        for (v, g) in vectors.iter_mut().enumerate() {
            bias_gradient[v] = simd.add_f32s(bias_gradient[v], *g);
            gain_gradient[v] = simd.mul_add_e_f32s(*g, normal[v], gain_gradient[v]);
            *g = simd.mul_f32s(*g, gain[v]);
            sum = simd.add_f32s(sum, *g);
            along = simd.mul_add_e_f32s(*g, normal[v], along);
        }
        let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) * share);
        let along = simd.splat_f32s(simd.reduce_sum_f32s(along) * share);
        let inverse = simd.splat_f32s(*inverse);
        for (g, normal) in vectors.iter_mut().zip(normal) {
            let centred = simd.sub_f32s(*g, mean);
            *g = simd.mul_f32s(simd.negate_mul_add_e_f32s(*normal, along, centred), inverse);
        }
        gradient[width..].fill(0.0);
    }
}
