//! `transformers.get_scheduler` (5.23.0): `LambdaLR` multipliers, stepped once an update by the `Trainer`.

use super::half_cosine;

/// `lr_scheduler_type` with its `lr_scheduler_kwargs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Linear,
    Cosine {
        num_cycles: f64,
    },
    CosineWithRestarts {
        num_cycles: f64,
    },
    /// `lr_end` is a rate, not a share.
    Polynomial {
        lr_end: f64,
        power: f64,
    },
    Constant,
    ConstantWithWarmup,
    InverseSqrt {
        timescale: f64,
    },
    CosineWithMinLr {
        min_lr_rate: f64,
    },
    CosineWarmupWithMinLr {
        min_lr_rate: f64,
        warmup_lr_rate: Option<f64>,
    },
    WarmupStableDecay(WarmupStableDecay),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmupStableDecay {
    pub num_decay_steps: u64,
    /// One of `linear`, `cosine`, `1-sqrt`.
    pub warmup_type: &'static str,
    /// One of `linear`, `cosine`, `1-sqrt`.
    pub decay_type: &'static str,
    /// The last share of the peak, and the warmup's first.
    pub min_lr_ratio: f64,
}

/// A scheduler with what the `Trainer` passes to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduler {
    pub kind: Kind,
    pub learning_rate: f64,
    pub warmup_steps: u64,
    /// `max_steps`.
    pub training_steps: u64,
}

impl Scheduler {
    /// The rate that update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        self.learning_rate * self.multiplier(update)
    }

    fn multiplier(&self, update: u64) -> f64 {
        let (i, warmup, total) = (update as f64, self.warmup_steps as f64, self.training_steps as f64);
        let after = (total - warmup).max(1.0);
        let progress = (i - warmup) / after;
        match self.kind {
            Kind::Constant => 1.0,
            Kind::CosineWarmupWithMinLr { min_lr_rate, warmup_lr_rate } => {
                if update < self.warmup_steps {
                    return match warmup_lr_rate {
                        None => (i + 1.0) / warmup.max(1.0),
                        Some(first) => first + (1.0 - first) * i / (warmup - 1.0).max(1.0),
                    };
                }
                let height = half_cosine((i - warmup + 1.0) / after);
                (height * (1.0 - min_lr_rate) + min_lr_rate).max(0.0)
            }
            Kind::WarmupStableDecay(kind) => kind.multiplier(update, self.warmup_steps, self.training_steps),
            _ if update < self.warmup_steps => i / warmup.max(1.0),
            Kind::Linear => ((total - i) / after).max(0.0),
            Kind::Cosine { num_cycles } => half_cosine(num_cycles * 2.0 * progress).max(0.0),
            Kind::CosineWithRestarts { .. } if progress >= 1.0 => 0.0,
            Kind::CosineWithRestarts { num_cycles } => half_cosine((num_cycles * progress) % 1.0).max(0.0),
            Kind::Polynomial { lr_end, .. } if update > self.training_steps => lr_end / self.learning_rate,
            Kind::Polynomial { lr_end, power } => {
                let left = 1.0 - (i - warmup) / (total - warmup);
                ((self.learning_rate - lr_end) * left.powf(power) + lr_end) / self.learning_rate
            }
            Kind::ConstantWithWarmup => 1.0,
            Kind::InverseSqrt { timescale } => 1.0 / ((i + timescale - warmup) / timescale).sqrt(),
            Kind::CosineWithMinLr { min_lr_rate } => {
                (half_cosine(progress) * (1.0 - min_lr_rate) + min_lr_rate).max(0.0)
            }
        }
    }
}

impl WarmupStableDecay {
    fn multiplier(&self, update: u64, warmup: u64, total: u64) -> f64 {
        let stable_end = total.saturating_sub(self.num_decay_steps).max(warmup);
        let share = if update < warmup {
            let progress = update as f64 / warmup.max(1) as f64;
            match self.warmup_type {
                "cosine" => half_cosine(1.0 - progress),
                "1-sqrt" => 1.0 - (1.0 - progress).sqrt(),
                _ => progress,
            }
        } else if update < stable_end {
            return 1.0;
        } else if update < stable_end + self.num_decay_steps {
            let progress = (update - stable_end) as f64 / self.num_decay_steps.max(1) as f64;
            match self.decay_type {
                "cosine" => half_cosine(progress),
                "1-sqrt" => 1.0 - progress.sqrt(),
                _ => 1.0 - progress,
            }
        } else {
            return self.min_lr_ratio;
        };
        (share * (1.0 - self.min_lr_ratio) + self.min_lr_ratio).max(0.0)
    }
}
