//! Update rules, a file each: the fused one for lanes on the CPU, the same in candle's operations, and its tests.
//!
//! What is said of an optimizer apart from its arithmetic is a row of the table in `experiment::optimizer`.

mod adagrad;
mod adam;
#[cfg(test)]
mod golden;
mod lanes;
mod lion;
mod numbers;
mod rmsprop;
mod row;
mod schedule_free;
mod sgd;
#[cfg(test)]
mod tests;
mod vector;

use candle_core::{Result, Tensor};

pub use lanes::Lanes;
pub use numbers::Numbers;
pub use row::{Applied, MOST_BUFFERS, Part, Row};
pub use vector::{add, norm, scale};

use crate::experiment::{Optimizer, OptimizerKind};
use crate::vector::dot;

/// How an optimizer updates weights.
pub trait Rule: Sync {
    /// How many buffers it keeps beside the weights, each as long as they are; at most [`MOST_BUFFERS`].
    fn buffers(&self, numbers: &Numbers) -> usize;

    /// How many numbers it remembers from update to update beside its buffers; they begin at 0.
    fn scalars(&self) -> usize {
        0
    }

    /// Prepares the buffers, which are 0, for updates from these weights on.
    fn start(&self, _numbers: &Numbers, _weights: &[f32], _buffers: &mut [&mut [f32]; MOST_BUFFERS]) {}

    /// The buffer that holds the weights at which gradients are taken, where those are not the trained ones.
    fn ahead(&self) -> Option<usize> {
        None
    }

    /// The buffer that is a running mean of squared gradients.
    fn second_moment(&self) -> Option<usize> {
        None
    }

    /// Whether each weight's update depends on that weight's own past alone.
    fn is_elementwise(&self) -> bool {
        true
    }

    /// The gradient along the last update's direction (arXiv 1703.04782); asked only where the table says
    /// `has_hypergradient`.
    fn alignment(&self, _numbers: &Numbers, gradient: &[f32], buffers: &[&mut [f32]; MOST_BUFFERS]) -> f64 {
        dot(gradient, buffers[0])
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

/// The rule of a kind.
pub fn rule(kind: OptimizerKind) -> &'static dyn Rule {
    match kind {
        OptimizerKind::Sgd => &sgd::Sgd,
        OptimizerKind::Adam => &adam::Adam { decoupled: false },
        OptimizerKind::AdamW => &adam::Adam { decoupled: true },
        OptimizerKind::RmsProp => &rmsprop::RmsProp,
        OptimizerKind::Adagrad => &adagrad::Adagrad,
        OptimizerKind::Lion => &lion::Lion,
        OptimizerKind::ScheduleFreeSgd => &schedule_free::ScheduleFree { adaptive: false },
        OptimizerKind::ScheduleFreeAdamW => &schedule_free::ScheduleFree { adaptive: true },
    }
}

/// The buffers that an optimizer's rule keeps.
pub fn buffers(optimizer: &Optimizer) -> usize {
    rule(optimizer.kind).buffers(&Numbers::fixed(optimizer, 0.0, 0))
}

/// `count` buffers that follow one another in the rest of a row; those a rule does not have are empty.
pub fn split(mut count: usize, width: usize, buffers: &mut [f32]) -> [&mut [f32]; MOST_BUFFERS] {
    let mut rest = buffers;
    [(); MOST_BUFFERS].map(|()| {
        let length = if count > 0 { width.min(rest.len()) } else { 0 };
        count = count.saturating_sub(1);
        let (one, others) = std::mem::take(&mut rest).split_at_mut(length);
        rest = others;
        one
    })
}
