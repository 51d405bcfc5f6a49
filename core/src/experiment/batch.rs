//! What an update of a scheduled batch is made of.

use crate::schedule::Clock;

/// Micro-batches of one size, whose mean gradient makes an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MicroBatches {
    /// Samples in each.
    pub samples: usize,
    /// How many an epoch has: no update is made of more.
    pub per_epoch: u64,
}

impl MicroBatches {
    /// Those of a training whose epochs have `clock.updates_per_epoch` updates of `accumulate` micro-batches.
    pub fn new(samples: usize, accumulate: usize, clock: Clock) -> Self {
        let per_epoch = clock.updates_per_epoch.saturating_mul(accumulate as u64).max(1);
        Self { samples: samples.max(1), per_epoch }
    }

    /// How many an update is made of that is to average over `wanted` samples: the nearest number, at least one.
    pub fn of(&self, wanted: f64) -> u64 {
        // The cast saturates, and NaN becomes 0.
        ((wanted / self.samples as f64).round() as u64).clamp(1, self.per_epoch)
    }

    /// The samples that such an update really averages over.
    pub fn samples_of(&self, wanted: f64) -> u64 {
        self.of(wanted).saturating_mul(self.samples as u64)
    }

    /// The samples of an epoch.
    pub fn samples_per_epoch(&self) -> u64 {
        self.per_epoch.saturating_mul(self.samples as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_has_whole_micro_batches_and_at_least_one() {
        let micro = MicroBatches::new(64, 2, Clock { updates: 1, updates_per_epoch: 10 });
        let of = |wanted| micro.of(wanted);
        assert_eq!((of(0.0), of(64.0), of(95.9), of(96.0), of(128.0)), (1, 1, 1, 2, 2));
        assert_eq!((of(1e300), of(f64::NAN), micro.samples_of(130.0)), (20, 1, 128));
        assert_eq!(micro.samples_per_epoch(), 1280);
    }
}
