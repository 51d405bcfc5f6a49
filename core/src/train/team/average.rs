//! The mean of what members send, and how they stand to it. Sums are made in the order of members, in double precision.

use rayon::prelude::*;

/// A number as weights are stored: in single precision, or in double where a rule is held against other programs.
pub trait Stored: Copy + Send + Sync {
    fn wide(self) -> f64;
    fn of(wide: f64) -> Self;
}

impl Stored for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn of(wide: f64) -> Self {
        wide as Self
    }
}

impl Stored for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn of(wide: f64) -> Self {
        wide
    }
}

/// Weights of all members that are added up at a time: what fits into the cache.
const BLOCK: usize = 1024;

/// The mean of what members send, each with its share of the whole.
pub fn mean<F: Stored>(sent: &[&[F]], shares: &[f64], cores: usize) -> Vec<f64> {
    let mut mean = vec![0.0; sent.first().map_or(0, |weights| weights.len())];
    let sum = |(at, mean): (usize, &mut [f64])| {
        let range = at * BLOCK..at * BLOCK + mean.len();
        for (weights, share) in sent.iter().zip(shares) {
            let weights = &weights[range.clone()];
            mean.iter_mut().zip(weights).for_each(|(mean, weight)| *mean += share * weight.wide());
        }
    };
    if cores > 1 {
        mean.par_chunks_mut(BLOCK).enumerate().for_each(sum);
    } else {
        mean.chunks_mut(BLOCK).enumerate().for_each(sum);
    }
    mean
}

/// Members that are compared at a time: their sums do not wait for each other.
const AT_A_TIME: usize = 4;

/// Sums over a member's weights: its squared distance from the mean, that from where it began, and the product of its way
/// with that of the mean.
#[derive(Clone, Copy, Default)]
pub(super) struct Apart {
    pub square: f64,
    pub own: f64,
    pub along: f64,
}

/// How every member stands to where all began and to their mean.
pub(super) fn apart(sent: &[&[f32]], mean: &[f64], begun: &[f32], cores: usize) -> Vec<Apart> {
    let sums = |sent: &[&[f32]]| -> Vec<Apart> {
        match *sent {
            [a, b, c, d] => Apart::of([a, b, c, d], mean, begun).to_vec(),
            _ => sent.iter().flat_map(|weights| Apart::of([*weights], mean, begun)).collect(),
        }
    };
    if cores > 1 {
        sent.par_chunks(AT_A_TIME).flat_map_iter(sums).collect()
    } else {
        sent.chunks(AT_A_TIME).flat_map(sums).collect()
    }
}

impl Apart {
    fn of<const N: usize>(sent: [&[f32]; N], mean: &[f64], begun: &[f32]) -> [Self; N] {
        let width = mean.len().min(begun.len());
        let sent = sent.map(|weights| &weights[..width]);
        let mut sums = [Self::default(); N];
        for at in 0..width {
            let (mean, from) = (mean[at], f64::from(begun[at]));
            for (sum, weights) in sums.iter_mut().zip(sent) {
                let weight = f64::from(weights[at]);
                sum.square += (weight - mean).powi(2);
                sum.own += (weight - from).powi(2);
                sum.along += (weight - from) * (mean - from);
            }
        }
        sums
    }
}
