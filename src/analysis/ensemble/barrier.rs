//! The loss along a straight line between two sets of weights.

use serde::Serialize;

use super::Measures;

/// A line of weights between two snapshots, its ends included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Barrier {
    /// From 0, all of the first, to 1, all of the second.
    pub shares: Vec<f64>,
    pub losses: Vec<f64>,
    pub accuracies: Option<Vec<f64>>,
    /// The most by which the loss exceeds the straight line between the ends' losses, at least 0
    /// (Entezari et al. 2022, arXiv 2110.06296).
    pub height: f64,
}

/// Measures `points` sets of weights, at least the two ends.
pub fn between(a: &[f32], b: &[f32], points: usize, measure: impl Fn(&[f32]) -> Measures) -> Barrier {
    let last = points.max(2) - 1;
    let shares: Vec<f64> = (0..=last).map(|at| at as f64 / last as f64).collect();
    let measures: Vec<Measures> = shares
        .iter()
        .map(|&share| {
            let share = share as f32;
            let weights: Vec<f32> = a.iter().zip(b).map(|(a, b)| a * (1.0 - share) + b * share).collect();
            measure(&weights)
        })
        .collect();
    let losses: Vec<f64> = measures.iter().map(|measures| measures.loss).collect();
    // There are at least two points.
    let (first, end) = (losses[0], losses[last]);
    let height = shares
        .iter()
        .zip(&losses)
        .map(|(share, loss)| loss - (first * (1.0 - share) + end * share))
        .fold(0.0, f64::max);
    let accuracies = measures.iter().map(|measures| measures.accuracy).collect();
    Barrier { shares, losses, accuracies, height }
}
