//! Inputs changed so that a model errs, by the gradient of its loss along them, in candle's operations.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::task::Task;
use crate::experiment::Attack;
use crate::model::resident::Resident;
use crate::model::{Batch, Inputs, Model, Score, Targets};

/// Held-out samples that are attacked, at most: the first ones of their shuffled order.
const MOST: usize = 256;

/// Every lane's batch of `data`, attacked where its weights are its row of `weights`, `[L, P]`: the samples one after the
/// other, lane by lane. They are stepped along the sign of the gradient, and back to within `eps` of where they were.
///
/// # Errors
/// When candle fails, or the data is a text.
pub fn attacked(
    model: &dyn Model,
    attack: &Attack,
    weights: &Tensor,
    data: &Resident,
    batches: &[Batch<'_>],
) -> Result<Resident> {
    let (begun, targets) = data.gather(batches)?;
    let (begun, targets) = (begun.flatten_to(1)?, targets.flatten_to(1)?);
    let (low, high) = ((&begun - attack.eps)?, (&begun + attack.eps)?);
    let rows = rows(batches);
    let own: Vec<Batch<'_>> =
        batches.iter().zip(&rows).map(|(batch, rows)| Batch { rows, ..*batch }).collect();
    let weights = weights.detach();
    let (steps, length) = attack.steps();
    let mut changed = begun;
    for _ in 0..steps {
        let inputs = Var::from_tensor(&changed)?;
        let known = Resident::of(inputs.as_tensor().clone(), targets.clone());
        // The lanes do not touch each other, so the gradient of the sum is each lane's own.
        let gradients = model.loss_tensor(&weights, &known, &own)?.sum_all()?.backward()?;
        let Some(gradient) = gradients.get(inputs.as_tensor()) else { break };
        let sign = (gradient.gt(0.0)?.to_dtype(gradient.dtype())?
            - gradient.lt(0.0)?.to_dtype(gradient.dtype())?)?;
        changed = (changed + (sign * length)?)?.maximum(&low)?.minimum(&high)?.detach();
    }
    Ok(Resident::of(changed, targets))
}

/// Where the samples of each batch are among attacked ones.
pub fn rows(batches: &[Batch<'_>]) -> Vec<Vec<u32>> {
    let mut next = 0..;
    batches.iter().map(|batch| next.by_ref().take(batch.rows.len()).collect()).collect()
}

/// Samples of a batch with other inputs.
pub struct Attacked {
    inputs: Vec<f32>,
    width: usize,
    targets: Own,
    rows: Vec<u32>,
}

enum Own {
    Classes(Vec<u32>),
    Values { values: Vec<f32>, width: usize },
}

impl Attacked {
    /// The samples of a batch, attacked where the model's weights are `parameters`.
    ///
    /// # Errors
    /// When candle fails, or the batch is of a text.
    pub fn of(task: &Task, attack: &Attack, parameters: &[f32], batch: Batch<'_>) -> Result<Self> {
        let Inputs::Dense { values, width } = batch.inputs else {
            candle_core::bail!("characters cannot be changed a little");
        };
        let mut inputs = Vec::with_capacity(batch.rows.len() * width);
        for row in batch.rows {
            inputs.extend_from_slice(
                values.get(*row as usize * width..(*row as usize + 1) * width).unwrap_or_default(),
            );
        }
        let rows = || batch.rows.iter().map(|row| *row as usize);
        let targets = match batch.targets {
            Targets::Classes(labels) => {
                Own::Classes(rows().filter_map(|row| labels.get(row).copied()).collect())
            }
            Targets::Values { values, width } => {
                let of = |row: usize| values.get(row * width..(row + 1) * width).unwrap_or_default();
                Own::Values { values: rows().flat_map(of).copied().collect(), width }
            }
            Targets::NextCharacter => candle_core::bail!("characters cannot be changed a little"),
        };
        let rows = (0..batch.rows.len() as u32).collect();
        let mut own = Self { inputs, width, targets, rows };
        let weights = Tensor::from_slice(parameters, (1, parameters.len()), &Device::Cpu)?;
        let known = Resident::new(own.batch(), task.model.outputs(), &Device::Cpu, DType::F32)?;
        own.inputs = attacked(&*task.model, attack, &weights, &known, &[own.batch()])?.inputs()?;
        Ok(own)
    }

    /// The samples as a batch.
    pub fn batch(&self) -> Batch<'_> {
        let targets = match &self.targets {
            Own::Classes(labels) => Targets::Classes(labels),
            Own::Values { values, width } => Targets::Values { values, width: *width },
        };
        Batch { inputs: Inputs::Dense { values: &self.inputs, width: self.width }, targets, rows: &self.rows }
    }
}

/// How well attacked held-out samples are predicted.
///
/// # Errors
/// When candle fails.
pub fn robustness(
    task: &Task,
    attack: &Attack,
    parameters: &[f32],
    mut score: impl FnMut(Batch<'_>) -> Score,
) -> Result<Score> {
    let mut all = Score::default();
    for batch in task.some_held_out(MOST) {
        all = all.plus(score(Attacked::of(task, attack, parameters, batch)?.batch()));
    }
    Ok(all)
}
