//! What enters the first layer: the numbers of a sample, or the embedded characters of a window.

use candle_core::{Result, Tensor};

use super::Mlp;
use crate::model::kernel::padded;
use crate::model::kernel::rows::copy;
use crate::model::readout::Answer;
use crate::model::resident::Resident;
use crate::model::{Batch, Inputs, Parameter, Targets};

/// A table with a row of `width` numbers for each character, at the beginning of a row of parameters.
#[derive(Clone, Copy)]
pub struct Embedding {
    /// Characters of a window.
    pub context: usize,
    pub width: usize,
    pub vocabulary: usize,
}

impl Embedding {
    pub fn parameter(&self) -> Parameter {
        Parameter { name: "tokens".into(), shape: vec![self.vocabulary, self.width], offset: 0, layer: 0 }
    }

    /// Where the table lies in a row of parameters.
    pub fn range(&self) -> std::ops::Range<usize> {
        0..self.vocabulary * self.width
    }

    /// Every lane's embedded windows, `[L, B, context * width]`, and the characters to predict as a 1 among 0s,
    /// `[L, B, vocabulary]`.
    pub fn gather(&self, rows: &Tensor, data: &Resident, batches: &[Batch<'_>]) -> Result<(Tensor, Tensor)> {
        let lanes = rows.dim(0)?;
        let (mut seen, mut next) = (Vec::new(), Vec::new());
        for (lane, batch) in batches.iter().enumerate() {
            let Inputs::Characters { tokens } = batch.inputs else {
                candle_core::bail!("an embedding reads characters");
            };
            let table = (lane * self.vocabulary) as u32;
            for &start in batch.rows {
                let (window, after) = tokens[start as usize..].split_at(self.context);
                seen.extend(window.iter().map(|token| table + u32::from(*token)));
                next.extend(after.first().map(|token| u32::from(*token)));
            }
        }
        let windows = next.len() / lanes.max(1);
        let tables = rows.narrow(1, 0, self.range().end)?.reshape((lanes * self.vocabulary, self.width))?;
        let count = seen.len();
        let seen = Tensor::from_vec(seen, count, rows.device())?;
        let x = tables.index_select(&seen, 0)?.reshape((lanes, windows, self.context * self.width))?;
        Ok((x, data.characters(next)?.reshape((lanes, windows, self.vocabulary))?))
    }
}

/// Where the numbers of samples come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// `width` numbers a sample.
    Numbers { values: &'a [f32], width: usize },
    /// A sample is the window of `tokens` that begins at its index.
    Windows { tokens: &'a [u8], table: &'a [f32], embedding: Embedding },
}

impl<'a> Source<'a> {
    /// Nothing where the model cannot read such inputs.
    pub fn of(model: &Mlp, row: &'a [f32], inputs: Inputs<'a>) -> Option<Self> {
        match (inputs, model.embedding) {
            (Inputs::Dense { values, .. }, None) => Some(Self::Numbers { values, width: model.inputs() }),
            (Inputs::Characters { tokens }, Some(embedding)) => {
                Some(Self::Windows { tokens, table: &row[embedding.range()], embedding })
            }
            _ => None,
        }
    }

    /// Writes a sample's numbers.
    #[inline(always)]
    pub fn read(&self, sample: u32, into: &mut [f32]) {
        let at = sample as usize;
        match *self {
            Self::Numbers { values, width } => copy(&values[at * width..(at + 1) * width], into),
            Self::Windows { tokens, table, embedding: Embedding { context, width, .. } } => {
                for (token, into) in tokens[at..at + context].iter().zip(into.chunks_exact_mut(width)) {
                    copy(&table[usize::from(*token) * width..][..width], into);
                }
            }
        }
    }

    /// The answer to a sample.
    #[inline(always)]
    pub fn answer(&self, targets: Targets<'a>, sample: u32) -> Answer<'a> {
        match (targets, self) {
            (Targets::NextCharacter, Self::Windows { tokens, embedding, .. }) => {
                Answer::Class(usize::from(tokens[sample as usize + embedding.context]))
            }
            _ => Answer::of(targets, sample),
        }
    }

    /// Writes the table's gradient, from that at what entered the first layer. Every sum is made in the samples'
    /// order, by one core: these are few additions beside the first layer's products.
    #[inline(always)]
    pub fn collect(&self, samples: &[u32], input_deltas: &[f32], gradient: &mut [f32]) {
        let Self::Windows { tokens, embedding: Embedding { context, width, .. }, .. } = *self else {
            return;
        };
        gradient.fill(0.0);
        for (&sample, deltas) in samples.iter().zip(input_deltas.chunks_exact(padded(context * width))) {
            let window = &tokens[sample as usize..][..context];
            for (token, deltas) in window.iter().zip(deltas.chunks_exact(width)) {
                let sums = &mut gradient[usize::from(*token) * width..][..width];
                for (sum, delta) in sums.iter_mut().zip(deltas) {
                    *sum += delta;
                }
            }
        }
    }
}
