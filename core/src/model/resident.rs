//! A data set on a device: it lies there once, and an update sends only which samples it takes.

use candle_core::{DType, Device, Result, Tensor};

use super::{Batch, Inputs, Targets};

/// The numbers of a whole data set.
pub struct Resident {
    /// `[N, width]`; nothing for text, of which an update sends the characters it reads.
    inputs: Option<Tensor>,
    /// What each sample is to become, `[N, outputs]`: classes as a 1 among 0s. For text, each character so.
    targets: Tensor,
}

impl Resident {
    /// The data set that a batch is of, for a model of so many outputs. Its rows do not matter.
    ///
    /// # Errors
    /// When the device has no room for it.
    pub fn new(data: Batch<'_>, outputs: usize, device: &Device, dtype: DType) -> Result<Self> {
        let tensor = |numbers: Vec<f32>, width: usize| {
            let rows = numbers.len() / width.max(1);
            Tensor::from_vec(numbers, (rows, width), device)?.to_dtype(dtype)
        };
        let inputs = match data.inputs {
            Inputs::Dense { values, width } => Some(tensor(values.to_vec(), width)?),
            Inputs::Characters { .. } => None,
        };
        let one_hot = |classes: &mut dyn Iterator<Item = usize>| {
            let number = |class| (0..outputs).map(move |output| f32::from(u8::from(output == class)));
            tensor(classes.flat_map(number).collect(), outputs)
        };
        let targets = match data.targets {
            Targets::Classes(labels) => one_hot(&mut labels.iter().map(|label| *label as usize)),
            Targets::Values { values, width } => tensor(values.to_vec(), width),
            Targets::NextCharacter => one_hot(&mut (0..outputs)),
        };
        Ok(Self { inputs, targets: targets? })
    }

    /// Samples that are there already: inputs `[N, width]`, and what they are to become, `[N, outputs]`.
    pub fn of(inputs: Tensor, targets: Tensor) -> Self {
        Self { inputs: Some(inputs), targets }
    }

    /// The inputs, sample after sample.
    ///
    /// # Errors
    /// When the data set is a text, or candle fails.
    pub fn inputs<T: candle_core::WithDType>(&self) -> Result<Vec<T>> {
        let Some(inputs) = &self.inputs else { candle_core::bail!("a text has no dense inputs") };
        inputs.flatten_all()?.to_vec1()
    }

    /// Every lane's inputs, `[L, B, width]`, and what they are to become, `[L, B, outputs]`.
    ///
    /// # Errors
    /// When the lanes' batches differ in length, or the data set is a text.
    pub fn gather(&self, batches: &[Batch<'_>]) -> Result<(Tensor, Tensor)> {
        let Some(inputs) = &self.inputs else { candle_core::bail!("a text has no dense inputs") };
        let samples = batches.first().map_or(0, |batch| batch.rows.len());
        let rows: Vec<u32> = batches.iter().flat_map(|batch| batch.rows).copied().collect();
        let rows = Tensor::from_vec(rows, batches.len() * samples, inputs.device())?;
        let of =
            |table: &Tensor| table.index_select(&rows, 0)?.reshape((batches.len(), samples, table.dim(1)?));
        Ok((of(inputs)?, of(&self.targets)?))
    }

    /// Characters, each as a 1 among 0s, `[C, outputs]`.
    ///
    /// # Errors
    /// When the device cannot hold them.
    pub fn characters(&self, characters: Vec<u32>) -> Result<Tensor> {
        let count = characters.len();
        self.targets.index_select(&Tensor::from_vec(characters, count, self.targets.device())?, 0)
    }
}
