//! Batches as candle tensors, one leading dimension for the lanes.

use candle_core::{D, DType, Device, Result, Tensor};

use super::affine::Affine;
use super::{Batch, Inputs, Targets};
use crate::experiment::Loss;

/// The inputs of every lane's batch, `[L, B, width]`.
///
/// # Errors
/// When candle cannot build the tensor.
pub fn inputs(batches: &[Batch<'_>], device: &Device, dtype: DType) -> Result<Tensor> {
    let (mut flat, mut shape) = (Vec::new(), (batches.len(), 0, 0));
    for batch in batches {
        let Inputs::Dense { values, width } = batch.inputs else {
            candle_core::bail!("text has no dense inputs");
        };
        shape = (batches.len(), batch.rows.len(), width);
        for &row in batch.rows {
            flat.extend_from_slice(&values[row as usize * width..(row as usize + 1) * width]);
        }
    }
    Tensor::from_vec(flat, shape, device)?.to_dtype(dtype)
}

/// What every lane's batch is to become, `[L, B, outputs]`: classes as one number of 1 among 0s.
///
/// # Errors
/// When candle cannot build the tensor.
pub fn targets(batches: &[Batch<'_>], outputs: usize, device: &Device, dtype: DType) -> Result<Tensor> {
    let mut flat = Vec::new();
    for batch in batches {
        for &row in batch.rows {
            let row = row as usize;
            match batch.targets {
                Targets::Classes(labels) => {
                    flat.extend((0..outputs).map(|class| f32::from(u8::from(labels[row] as usize == class))));
                }
                Targets::Values { values, width } => {
                    flat.extend_from_slice(&values[row * width..(row + 1) * width]);
                }
                Targets::NextCharacter => candle_core::bail!("text has no dense targets"),
            }
        }
    }
    let samples = batches.first().map_or(0, |batch| batch.rows.len());
    Tensor::from_vec(flat, (batches.len(), samples, outputs), device)?.to_dtype(dtype)
}

/// The mean loss of each lane's outputs `[L, B, outputs]`.
///
/// # Errors
/// When candle cannot run an operation.
pub fn mean_loss(loss: Loss, outputs: &Tensor, batches: &[Batch<'_>]) -> Result<Tensor> {
    match loss {
        Loss::CrossEntropy => cross_entropy(outputs, batches),
        Loss::Mse => {
            let targets = targets(batches, outputs.dim(D::Minus1)?, outputs.device(), outputs.dtype())?;
            (outputs - targets)?.sqr()?.sum(D::Minus1)?.mean(1)? * 0.5
        }
    }
}

/// Mean cross-entropy of each lane's logits `[L, B, classes]`.
///
/// # Errors
/// When candle cannot run an operation.
pub fn cross_entropy(logits: &Tensor, batches: &[Batch<'_>]) -> Result<Tensor> {
    let one_hot = targets(batches, logits.dim(D::Minus1)?, logits.device(), logits.dtype())?;
    cross_entropy_with(logits, &one_hot)
}

/// As [`cross_entropy`], with the classes of all lanes one after the other.
///
/// # Errors
/// When candle cannot run an operation.
pub fn cross_entropy_of(logits: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let width = logits.dim(D::Minus1)?;
    let mut one_hot = vec![0_f32; classes.len() * width];
    for (row, class) in one_hot.chunks_exact_mut(width).zip(classes) {
        row[*class as usize] = 1.0;
    }
    let one_hot = Tensor::from_vec(one_hot, logits.shape(), logits.device())?.to_dtype(logits.dtype())?;
    cross_entropy_with(logits, &one_hot)
}

fn cross_entropy_with(logits: &Tensor, one_hot: &Tensor) -> Result<Tensor> {
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&top)?;
    let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
    let chosen = (shifted * one_hot)?.sum(D::Minus1)?;
    (log_sum - chosen)?.mean(1)
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
