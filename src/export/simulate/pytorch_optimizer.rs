//! `pytorch_optimizer`'s `REXScheduler` (4.1.0), whose first update runs at the smallest rate.

/// `REXScheduler` with a smallest rate of 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rex {
    pub max_lr: f64,
    pub total_steps: u64,
}

impl Rex {
    /// The rate update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        if update == 0 || update >= self.total_steps {
            return 0.0;
        }
        let left = 1.0 - update as f64 / self.total_steps as f64;
        self.max_lr * (left / (0.5 + 0.5 * left))
    }
}
