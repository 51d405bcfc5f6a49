//! torchtitan's `LRSchedulers` (0.3.0): the warmup counts from 1, and one step is added so that the last
//! update still learns.

/// The `[lr_scheduler]` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduler {
    pub lr: f64,
    pub warmup_steps: u64,
    pub total_steps: u64,
    /// The share of the run that decays; all after the warmup when not given.
    pub decay_ratio: Option<f64>,
    /// One of `linear`, `sqrt`, `cosine`.
    pub decay_type: &'static str,
    /// The last rate as a share of `lr`.
    pub min_lr_factor: f64,
}

impl Scheduler {
    /// The rate update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        let decay = match self.decay_ratio {
            None => self.total_steps.saturating_sub(self.warmup_steps),
            // Python rounds halves to even.
            Some(ratio) => ((self.total_steps as f64 * ratio).round_ties_even() as u64)
                .min(self.total_steps.saturating_sub(self.warmup_steps)),
        };
        let stable = (self.total_steps + 1).saturating_sub(self.warmup_steps + decay);
        let share = if update < self.warmup_steps {
            (update + 1) as f64 / self.warmup_steps as f64
        } else if update < self.warmup_steps + stable {
            1.0
        } else {
            let done = (update - self.warmup_steps - stable + 1) as f64 / decay.max(1) as f64;
            let left = match self.decay_type {
                "sqrt" => 1.0 - done.sqrt(),
                "cosine" => super::half_cosine(done),
                _ => 1.0 - done,
            };
            self.min_lr_factor + (1.0 - self.min_lr_factor) * left
        };
        self.lr * share
    }
}
