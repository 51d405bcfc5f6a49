//! Initial weights.

use rand_chacha::ChaCha8Rng;

use crate::random::normal;

/// Fills a matrix with normal numbers of mean 0 and the given variance.
pub fn normal_fill(rng: &mut ChaCha8Rng, weights: &mut [f32], variance: f64) {
    let deviation = variance.sqrt();
    for weight in weights {
        *weight = (normal(rng) * deviation) as f32;
    }
}
