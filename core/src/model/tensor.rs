//! What models share in candle's operations, one leading dimension for the lanes.

use candle_core::{D, Result, Tensor};

use super::affine::Affine;
use crate::experiment::Loss;

/// The mean loss of each lane's outputs `[L, B, outputs]`, from what they are to become, of the same shape.
///
/// # Errors
/// When candle cannot run an operation.
pub fn mean_loss(loss: Loss, outputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
    match loss {
        Loss::CrossEntropy => {
            let top = outputs.max_keepdim(D::Minus1)?.detach();
            let shifted = outputs.broadcast_sub(&top)?;
            let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
            let chosen = (shifted * targets)?.sum(D::Minus1)?;
            (log_sum - chosen)?.mean(1)
        }
        Loss::Mse => (outputs - targets)?.sqr()?.sum(D::Minus1)?.mean(1)? * 0.5,
    }
}

/// The share of each lane's outputs `[L, B, outputs]` whose largest is that of what they are to become, `[L]`.
///
/// # Errors
/// When candle cannot run an operation.
pub(super) fn share_right(outputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let right = outputs.argmax(D::Minus1)?.eq(&targets.argmax(D::Minus1)?)?;
    right.to_dtype(outputs.dtype())?.mean(1)
}

/// `x W + b` of every lane, from `[L, B, inputs]` to `[L, B, outputs]`.
///
/// # Errors
/// When candle cannot run an operation.
pub(super) fn affine(rows: &Tensor, x: &Tensor, affine: Affine) -> Result<Tensor> {
    let lanes = rows.dim(0)?;
    let Affine { inputs, outputs, .. } = affine;
    let weight = rows.narrow(1, affine.range().start, inputs * outputs)?;
    let bias = rows.narrow(1, affine.weight_range().end, outputs)?;
    let product = x.matmul(&weight.reshape((lanes, inputs, outputs))?)?;
    product.broadcast_add(&bias.reshape((lanes, 1, outputs))?)
}
