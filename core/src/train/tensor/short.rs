//! Weights and gradients in 16 bits, in candle's operations.

use candle_core::{DType, Device, Result, Tensor};

use crate::experiment::{Rounding, WeightFormat};
use crate::train::lane::{Lane, inverse};
use crate::train::optimizer::{Numbers, smallest_useful_rate};
use crate::train::task::Task;

/// How the gradients of an update are stored, and what that took of them.
pub(super) struct Stored {
    format: WeightFormat,
    /// Before they are stored they are multiplied by this, `[L, 1]`: the loss scale over the micro-batches.
    factors: Tensor,
    /// What they are multiplied by after it.
    inverses: Tensor,
    /// Numbers that became 0, and those that were not, `[L]`.
    counts: Option<(Tensor, Tensor)>,
}

impl Stored {
    /// Nothing where gradients are not rounded; `counts` are each lane's micro-batches.
    pub fn of(task: &Task, lanes: &[&mut Lane], counts: &[usize], device: &Device) -> Result<Option<Self>> {
        if task.gradients == WeightFormat::F32 {
            return Ok(None);
        }
        let scales: Vec<f32> = lanes.iter().map(|lane| lane.loss_scale()).collect();
        let column = |numbers: Vec<f32>| Tensor::from_vec(numbers, (lanes.len(), 1), device);
        let factors = scales.iter().zip(counts).map(|(scale, count)| scale * (1.0 / *count as f32));
        Ok(Some(Self {
            format: task.gradients,
            factors: column(factors.collect())?,
            inverses: column(scales.iter().map(|scale| inverse(*scale)).collect())?,
            counts: None,
        }))
    }

    /// A micro-batch's gradient as it is stored; `counted` is 0 for lanes that have no such micro-batch.
    pub fn store(&mut self, gradient: &Tensor, counted: &Tensor) -> Result<Tensor> {
        let scaled = gradient.broadcast_mul(&self.factors)?;
        let stored = in_format(&scaled, self.format)?;
        let wanted = gradient.ne(0.0)?.to_dtype(DType::F32)?;
        let lost = (stored.eq(0.0)?.to_dtype(DType::F32)? * &wanted)?;
        let count = |of: Tensor| of.sum(1)? * counted;
        let (lost, wanted) = (count(lost)?, count(wanted)?);
        self.counts = Some(match self.counts.take() {
            None => (lost, wanted),
            Some((lost_before, wanted_before)) => ((lost_before + lost)?, (wanted_before + wanted)?),
        });
        Ok(stored)
    }

    /// The sum of stored gradients, with the loss scale taken out again.
    pub fn unscaled(&self, gradient: &Tensor) -> Result<Tensor> {
        gradient.broadcast_mul(&self.inverses)
    }

    /// The share of numbers that became 0, `[L]`.
    pub fn share(&self) -> Result<Tensor> {
        match &self.counts {
            Some((lost, wanted)) => lost / wanted.maximum(1.0)?,
            None => candle_core::bail!("an update needs at least one micro-batch"),
        }
    }
}

/// Whether a number of the gradients is not finite.
pub(super) fn has_overflowed(gradient: &Tensor) -> Result<bool> {
    // 0 times it is 0, or no number.
    Ok(gradient.affine(0.0, 0.0)?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()? != 0.0)
}

fn in_format(numbers: &Tensor, format: WeightFormat) -> Result<Tensor> {
    match format {
        WeightFormat::F32 => Ok(numbers.clone()),
        WeightFormat::Bf16 => numbers.to_dtype(DType::BF16)?.to_dtype(DType::F32),
        WeightFormat::F16 => numbers.to_dtype(DType::F16)?.to_dtype(DType::F32),
    }
}

/// Of each lane's weights that were to change, the share that did not.
pub(super) fn rounded_away(exact: &Tensor, old: &Tensor, change: &Tensor) -> Result<Tensor> {
    let stayed = change.eq(0.0)?.to_dtype(DType::F32)?;
    let wanted = exact.ne(old)?.to_dtype(DType::F32)?;
    let count = wanted.sum(1)?.maximum(1.0)?;
    (stayed * wanted)?.sum(1)? / count
}

/// The weights as their format stores them. Stochastic rounding is done on this side: its bits are those of the fused
/// lanes.
pub(super) fn rounded(weights: &Tensor, task: &Task, (lanes, ahead): (&[&mut Lane], u64)) -> Result<Tensor> {
    if task.rounding == Rounding::Stochastic {
        let mut rows = weights.to_vec2::<f32>()?;
        for (row, lane) in rows.iter_mut().zip(lanes) {
            let store = lane.store(task, ahead);
            row.iter_mut().enumerate().for_each(|(at, weight)| *weight = store.round(at, *weight));
        }
        return Tensor::new(rows, weights.device());
    }
    in_format(weights, task.weights)
}

/// The smallest useful rate of each lane that measures its own at this update.
pub(super) fn smallest_rates(
    task: &Task,
    (lanes, ahead): (&[&mut Lane], u64),
    numbers: &[Numbers],
    (old, exact): (&Tensor, &Tensor),
) -> Result<Vec<Option<f64>>> {
    if !lanes.iter().any(|lane| lane.looks_at_rounding(task, ahead)) {
        return Ok(Vec::new());
    }
    let (old, exact) = (old.to_vec2::<f32>()?, exact.to_vec2::<f32>()?);
    let each = lanes.iter().zip(numbers).zip(old.into_iter().zip(exact));
    let rates = each.map(|((lane, numbers), (old, exact))| {
        let looks = lane.looks_at_rounding(task, ahead);
        looks.then(|| smallest_useful_rate(task.weights, numbers.lr, old.into_iter().zip(exact))).flatten()
    });
    Ok(rates.collect())
}
