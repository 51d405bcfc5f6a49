//! Merging snapshots instead of decaying the rate (arXiv 2507.17634): a weighted mean of snapshots of a stable rate
//! weighs the updates before each of them as a decay would have.

use std::f64::consts::PI;

/// The shape of a decay from the whole rate to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// A plain mean of the snapshots.
    Linear,
    Cosine,
    OneMinusSqrt,
}

impl Decay {
    /// Every shape, by its name for people.
    pub const ALL: [(&'static str, Self); 3] =
        [("linear", Self::Linear), ("cosine", Self::Cosine), ("1-sqrt", Self::OneMinusSqrt)];

    /// What of the rate is left after a share of the way.
    pub fn left(self, share: f64) -> f64 {
        match self {
            Self::Linear => 1.0 - share,
            Self::Cosine => f64::midpoint(1.0, (PI * share).cos()),
            Self::OneMinusSqrt => 1.0 - share.sqrt(),
        }
    }

    /// The weights of so many snapshots, oldest first, whose merge stands for this decay: each is what the rate loses
    /// from one snapshot to the next. They sum to 1.
    pub fn weights(self, count: usize) -> Vec<f64> {
        let at = |place: usize| self.left(place as f64 / count as f64);
        (0..count).map(|place| at(place) - at(place + 1)).collect()
    }
}

/// The decay that merge weights stand for: how much the updates before each snapshot, and after the one before it, count,
/// as a share of the rate: the sum of the weights from that snapshot on.
pub fn stands_for(weights: &[f64]) -> Vec<f64> {
    let mut left: Vec<f64> = weights
        .iter()
        .rev()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    left.reverse();
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_mean_stands_for_a_linear_decay() {
        let weights = Decay::Linear.weights(4);
        assert_eq!(weights, [0.25; 4]);
        assert_eq!(stands_for(&weights), [1.0, 0.75, 0.5, 0.25]);
        assert!(stands_for(&[]).is_empty());
    }

    #[test]
    fn weights_of_every_shape_sum_to_one_and_give_the_shape_back() {
        for (name, decay) in Decay::ALL {
            for count in [1, 2, 7, 50] {
                let weights = decay.weights(count);
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
                assert!(weights.iter().all(|weight| *weight >= 0.0), "{name}");
                for (place, left) in stands_for(&weights).into_iter().enumerate() {
                    assert!((left - decay.left(place as f64 / count as f64)).abs() < 1e-12, "{name}");
                }
            }
        }
    }

    #[test]
    fn merging_is_a_training_whose_updates_count_by_the_decay() {
        // Weights that move by known steps, with a snapshot after every third.
        let steps: Vec<f64> = (0..12).map(|at| f64::from(at * 7 % 5) - 2.0).collect();
        let snapshot = |at: usize| steps[..3 * (at + 1)].iter().sum::<f64>();
        let weights = Decay::OneMinusSqrt.weights(4);
        let merged: f64 = weights.iter().enumerate().map(|(at, weight)| weight * snapshot(at)).sum();
        let left = stands_for(&weights);
        let decayed: f64 = steps.iter().enumerate().map(|(at, step)| left[at / 3] * step).sum();
        assert!((merged - decayed).abs() < 1e-12);
    }
}
