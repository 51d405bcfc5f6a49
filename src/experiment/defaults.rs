//! What a field holds when the file does not say.

use super::{BatchSize, Data, Loss, Snapshots, Source, Train, WeightFormat};
use crate::data::DatasetInfo;
use crate::schedule::Span;

impl Data {
    /// Batches of 64, a fifth held out, every label true, every sample used.
    pub fn new(source: Source) -> Self {
        Self { source, batch_size: BatchSize::Samples(64), validation: 0.2, label_noise: 0.0, limit: None }
    }
}

impl Train {
    /// One replica under seed 0, one micro-batch an update, no clipping, the data's usual loss, weights kept whole.
    pub fn new(updates: Span, source: &Source) -> Self {
        Self {
            updates,
            seed: 0,
            replicas: 1,
            accumulate: 1,
            clip_norm: None,
            loss: Loss::usual(source),
            weights: WeightFormat::F32,
        }
    }
}

impl Loss {
    /// Squared error for a regression and for a surface (whose function is its loss), cross-entropy for classes.
    pub fn usual(source: &Source) -> Self {
        match source {
            Source::Shipped(_) if source.shipped().is_some_and(DatasetInfo::is_regression) => Self::Mse,
            Source::Shipped(_) | Source::File { .. } => Self::CrossEntropy,
            Source::None => Self::Mse,
        }
    }
}

impl Snapshots {
    /// How many snapshots are kept when the file does not say.
    pub const KEEP: usize = 8;
}
