//! What a field holds when the file does not say.

use super::{BatchSize, Data, Loss, Rounding, Snapshots, Source, Train, WeightFormat, Window};
use crate::data::{ColumnUses, DatasetInfo};
use crate::schedule::Span;

impl Data {
    /// Batches of 64, all full, a fifth held out, every label true, every sample used.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            batch_size: BatchSize::Samples(64),
            drop_last: true,
            validation: 0.2,
            label_noise: 0.0,
            limit: None,
            columns: ColumnUses::new(),
            phases: Vec::new(),
        }
    }
}

impl Train {
    /// One replica under seed 0, one micro-batch an update, no clipping, the data's usual loss, weights and
    /// gradients kept whole, to the end.
    pub fn new(updates: Span, source: &Source) -> Self {
        Self {
            updates,
            seed: 0,
            replicas: 1,
            accumulate: 1,
            clip_norm: None,
            loss: Loss::usual(source),
            weights: WeightFormat::F32,
            rounding: Rounding::Nearest,
            gradients: WeightFormat::F32,
            loss_scale: None,
            stop: None,
            attack: None,
        }
    }
}

impl Loss {
    /// Squared error for a regression and for a surface (whose function is its loss), cross-entropy for classes;
    /// nothing for a table, whose answers decide.
    pub fn usual(source: &Source) -> Option<Self> {
        match source {
            Source::Shipped(_) if !source.shipped().is_some_and(DatasetInfo::is_regression) => {
                Some(Self::CrossEntropy)
            }
            Source::File { .. } => None,
            Source::Shipped(_) | Source::None => Some(Self::Mse),
        }
    }

    /// What is trained on answers that are numbers, or classes, where an experiment says this.
    pub fn of(said: Option<Self>, numbers: bool) -> Self {
        said.unwrap_or(if numbers { Self::Mse } else { Self::CrossEntropy })
    }
}

impl Window {
    /// Numbers that stand for a character when the file does not say.
    pub const EMBEDDING: usize = 16;
}

impl Snapshots {
    /// How many snapshots are kept when the file does not say.
    pub const KEEP: usize = 8;
}
