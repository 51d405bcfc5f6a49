//! Lanes in one update, as the tensor rules see them.

use candle_core::{Device, Result, Tensor};

use super::numbers::Numbers;
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
    /// The weight decay of each weight, `[L, P]`, where a lane's weights have different ones.
    pub decays: Option<&'a Tensor>,
    pub device: &'a Device,
    /// The rates that the rule makes of the lanes', where it makes others of them.
    pub effective_lr: Vec<Option<f64>>,
}

impl Lanes<'_> {
    /// The same lanes with other numbers, some of their columns and, where those have their own, other scalars.
    pub fn columns_of<'b>(
        &'b mut self,
        numbers: &'b [Numbers],
        parameters: &'b [Parameter],
        (rates, decays): (Option<&'b Tensor>, Option<&'b Tensor>),
        scalars: Option<&'b mut [Vec<f64>]>,
    ) -> Lanes<'b> {
        let scalars = scalars.unwrap_or(&mut *self.scalars);
        let effective_lr = vec![None; numbers.len()];
        Lanes { numbers, scalars, parameters, rates, decays, device: self.device, effective_lr }
    }

    /// The options, which the lanes have in common.
    pub fn options<const N: usize>(&self) -> [bool; N] {
        self.numbers.first().map_or([false; N], Numbers::options)
    }

    /// What `make` makes of every lane's numbers and of what the rule remembers of it.
    pub fn each<T>(&mut self, mut make: impl FnMut(&Numbers, &mut [f64]) -> T) -> Vec<T> {
        self.numbers.iter().zip(&mut *self.scalars).map(|(n, scalars)| make(n, scalars)).collect()
    }

    /// Columns `[L, 1]` of what `each` gives for every lane.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn columns<const N: usize>(&self, each: impl Fn(&Numbers) -> [f64; N]) -> Result<[Tensor; N]> {
        self.send(&self.numbers.iter().map(each).collect::<Vec<_>>())
    }

    /// Columns `[L, 1]` of a row of numbers a lane. They go to the device together: each on its own would be a wait of
    /// its own.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn send<const N: usize>(&self, rows: &[[f64; N]]) -> Result<[Tensor; N]> {
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

    /// What `update` makes of the columns of each matrix and vector, `[L, n]`, side by side again.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn by_parameter<const N: usize>(
        &self,
        rows: [&Tensor; N],
        mut update: impl FnMut(&Parameter, [&Tensor; N]) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let own = |parameter: &Parameter| {
            let columns = rows.map(|row| row.narrow(1, parameter.offset, parameter.len()));
            let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
            update(parameter, std::array::from_fn(|at| &columns[at]))
        };
        Tensor::cat(&self.parameters.iter().map(own).collect::<Result<Vec<_>>>()?, 1)
    }

    /// The gradient with weight decay in it.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn coupled(&self, gradient: &Tensor, weights: &Tensor, decay: &Tensor) -> Result<Tensor> {
        gradient + weights.broadcast_mul(self.decays.unwrap_or(decay))?
    }

    /// `w (1 - lr·decay)`, for the rules that shrink weights apart from the gradient.
    ///
    /// # Errors
    /// When the tensor library fails.
    pub fn shrunk(&self, weights: &Tensor, lr: &Tensor, decay: &Tensor) -> Result<Tensor> {
        weights - (weights * lr.broadcast_mul(self.decays.unwrap_or(decay))?)?
    }
}
