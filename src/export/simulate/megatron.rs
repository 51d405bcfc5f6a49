//! Megatron's `OptimizerParamScheduler` (core 0.16.1), whose clock counts samples.

use super::half_cosine;

/// The scheduler's arguments; steps are samples, `iterations · global_batch_size`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduler {
    pub init_lr: f64,
    pub max_lr: f64,
    pub min_lr: f64,
    pub warmup_steps: u64,
    pub decay_steps: u64,
    /// One of `constant`, `linear`, `cosine`, `inverse-square-root`, `WSD`.
    pub style: &'static str,
    pub wsd_decay_steps: u64,
    /// One of `exponential`, `linear`, `cosine`, `minus_sqrt`.
    pub wsd_style: &'static str,
}

impl Scheduler {
    /// The rate after `samples` samples: of update `i`, `i` global batches.
    pub fn at(&self, samples: u64) -> f64 {
        let count = samples as f64;
        let warmup = self.warmup_steps as f64;
        if self.warmup_steps > 0 && samples <= self.warmup_steps {
            return self.init_lr + (self.max_lr - self.init_lr) * count / warmup;
        }
        if self.style == "constant" {
            return self.max_lr;
        }
        if samples > self.decay_steps {
            return self.min_lr;
        }
        if self.style == "inverse-square-root" {
            return (self.max_lr * warmup.max(1.0).sqrt() / count.max(1.0).sqrt()).max(self.min_lr);
        }
        let share = (count - warmup) / (self.decay_steps as f64 - warmup);
        let left = match self.style {
            "linear" => 1.0 - share,
            "cosine" => half_cosine(share),
            _ => self.wsd(samples),
        };
        self.min_lr + left * (self.max_lr - self.min_lr)
    }

    fn wsd(&self, samples: u64) -> f64 {
        let start = self.decay_steps.saturating_sub(self.wsd_decay_steps);
        if samples <= start {
            return 1.0;
        }
        let share = (samples - start) as f64 / self.wsd_decay_steps as f64;
        match self.wsd_style {
            "linear" => 1.0 - share,
            "cosine" => half_cosine(share),
            "minus_sqrt" => 1.0 - share.sqrt(),
            _ => 2.0 * 0.5f64.powf(share) - 1.0,
        }
    }
}
