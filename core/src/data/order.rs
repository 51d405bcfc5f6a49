//! The order in which an epoch goes through the training samples.

use crate::random::{self, Stream};

/// Fills `order` with the indices `0..n`, shuffled: a pure function of seed, epoch and `n`, so any epoch
/// of any run can be dealt again without those before it. `n` counts samples, of which no data set has
/// more than `u32` can count.
pub fn epoch_order(seed: u64, epoch: u64, n: usize, order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..u32::try_from(n).unwrap_or(u32::MAX));
    random::shuffle(&mut random::rng(seed, Stream::Order { epoch }), order);
}
