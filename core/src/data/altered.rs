//! Data that were altered for a while.

use super::Samples;

/// Data that were altered.
#[derive(Clone, Debug, PartialEq)]
pub struct Altered {
    /// In a curriculum, in the order of their difficulty.
    pub train: Samples,
    /// Never with wrong labels.
    pub validation: Samples,
    /// The training samples with a label that is not their own, in order.
    pub mislabelled: Vec<u32>,
}
