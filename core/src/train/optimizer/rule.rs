//! What every update rule says of itself.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, MOST_BUFFERS, Row};
use super::step::Step;
use crate::vector::dot;

/// How an optimizer updates weights.
pub trait Rule: Sync {
    /// How many buffers it keeps beside the weights, each as long as they are; at most [`MOST_BUFFERS`].
    fn buffers(&self, numbers: &Numbers) -> usize;

    /// How many numbers it remembers from update to update beside its buffers.
    fn scalars(&self) -> usize {
        0
    }

    /// Prepares buffers and scalars, which are 0, for updates from these weights on.
    fn start(&self, _numbers: &Numbers, _weights: &[f32], _memory: Memory<'_>) {}

    /// The buffer that holds the weights at which gradients are taken, where those are not the trained ones.
    fn ahead(&self) -> Option<usize> {
        None
    }

    /// The buffer that is a running mean of squared gradients.
    fn second_moment(&self) -> Option<usize> {
        None
    }

    /// Whether each weight's update depends on that weight's own past alone.
    fn is_elementwise(&self, _numbers: &Numbers) -> bool {
        true
    }

    /// Whether parts of a row can be updated each on their own, with a count of steps and scalars of their own.
    fn is_separable(&self) -> bool {
        true
    }

    /// The gradient along the last update's direction (arXiv 1703.04782); asked only where the table says
    /// `has_hypergradient`.
    fn alignment(&self, _numbers: &Numbers, gradient: &[f32], buffers: &[&mut [f32]; MOST_BUFFERS]) -> f64 {
        dot(gradient, buffers[0])
    }

    /// One weight's update on a graphics adapter, for lanes whose parts all have the same rate; `scalars` go on as in
    /// an update. Nothing where a weight's update is not its own alone, or nobody has written it in WGSL.
    fn step(&self, _numbers: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        None
    }

    /// Updates a lane's row.
    fn update(&self, row: Row<'_>) -> Applied;

    /// The weights `[L, P]` after one update of all lanes, by the same rule; `buffers` are replaced by what they are
    /// after it.
    ///
    /// # Errors
    /// When the tensor library fails.
    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        weights: &Tensor,
        gradient: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor>;
}

/// What a rule remembers from update to update.
pub struct Memory<'a> {
    /// Each as long as the weights; those the rule does not have are empty.
    pub buffers: [&'a mut [f32]; MOST_BUFFERS],
    pub scalars: &'a mut [f64],
}
