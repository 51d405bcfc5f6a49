//! Lanes in one update, as the tensor rules see them.

use candle_core::{Device, Result, Tensor};

use super::Numbers;
use crate::model::Parameter;

/// Lanes of one optimizer that make an update together.
pub struct Lanes<'a> {
    pub numbers: &'a [Numbers],
    /// What the rule remembers of each lane beside its buffers.
    pub scalars: &'a mut [Vec<f64>],
    /// How the weights lie in a row.
    pub parameters: &'a [Parameter],
    /// What each weight's rate is multiplied by, `[L, P]`, where a lane's weights have different rates.
    pub rates: Option<&'a Tensor>,
    pub device: &'a Device,
}

impl Lanes<'_> {
    /// Columns `[L, 1]` of what `each` gives for every lane. They go to the device together: each on its own would be
    /// a wait of its own.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn columns<const N: usize>(&self, each: impl Fn(&Numbers) -> [f64; N]) -> Result<[Tensor; N]> {
        let rows: Vec<[f64; N]> = self.numbers.iter().map(each).collect();
        let values = (0..N).flat_map(|at| rows.iter().map(move |row| row[at] as f32));
        let sent = Tensor::from_vec(values.collect::<Vec<_>>(), (N, rows.len(), 1), self.device)?;
        let columns = (0..N).map(|at| sent.get(at)).collect::<Result<Vec<_>>>()?;
        columns.try_into().map_err(|_| candle_core::Error::Msg("as many columns as were asked for".into()))
    }

    /// A rate `[L, 1]` as each weight has it, `[L, P]`.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn rate(&self, rate: &Tensor, weights: &Tensor) -> Result<Tensor> {
        match self.rates {
            Some(rates) => rates.broadcast_mul(rate),
            None => rate.broadcast_as(weights.shape()),
        }
    }

    /// The gradient with weight decay in it.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn coupled(&self, gradient: &Tensor, weights: &Tensor, decay: &Tensor) -> Result<Tensor> {
        gradient + weights.broadcast_mul(decay)?
    }

    /// `w (1 - lr·decay)`, for the rules that shrink weights apart from the gradient.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn shrunk(&self, weights: &Tensor, lr: &Tensor, decay: &Tensor) -> Result<Tensor> {
        weights - (weights * lr.broadcast_mul(decay)?)?
    }
}
