//! DeepSpeed's JSON `scheduler` (0.19.8), stepped after each update: value `i` is of batch iteration `i - 1`.

use super::half_cosine;

/// A scheduler's `type` and `params`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheduler {
    Warmup {
        min_lr: f64,
        max_lr: f64,
        warmup: Warmup,
    },
    WarmupDecay {
        min_lr: f64,
        max_lr: f64,
        warmup: Warmup,
        total_num_steps: u64,
    },
    /// The peak is the optimizer's `lr`.
    WarmupCosine {
        lr: f64,
        warmup_min_ratio: f64,
        cos_min_ratio: f64,
        warmup: Warmup,
        total_num_steps: u64,
    },
    OneCycle(OneCycle),
    RangeTest {
        min_lr: f64,
        step_size: u64,
        step_rate: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup {
    /// `warmup_num_steps`; below 2 it is 2.
    pub steps: u64,
    /// `warmup_type`: logarithmic, its default, or linear.
    pub log: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    pub min_lr: f64,
    pub max_lr: f64,
    pub first_step_size: u64,
    pub second_step_size: u64,
    /// 0: no decay after the cycle.
    pub decay_step_size: u64,
    pub decay_lr_rate: f64,
    pub min_mom: f64,
    pub max_mom: f64,
    pub decay_mom_rate: f64,
}

impl Scheduler {
    /// The rate update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        // The constructor's value serves the first update, the first step's the second.
        let last = update.checked_sub(1);
        match *self {
            Self::Warmup { min_lr, max_lr, warmup } => match last {
                None => min_lr,
                Some(last) => min_lr + (max_lr - min_lr) * warmup.share(last).unwrap_or(1.0),
            },
            Self::WarmupDecay { min_lr, max_lr, warmup, total_num_steps } => match last {
                None => min_lr,
                Some(last) => {
                    let (total, steps) = (total_num_steps as f64, warmup.steps() as f64);
                    let share = warmup
                        .share(last)
                        .unwrap_or_else(|| ((total - last as f64) / (total - steps).max(1.0)).max(0.0));
                    min_lr + (max_lr - min_lr) * share
                }
            },
            Self::WarmupCosine { lr, warmup_min_ratio, cos_min_ratio, warmup, total_num_steps } => match last
            {
                None => 0.0,
                Some(last) => {
                    let ratio = match warmup.share(last) {
                        Some(share) => warmup_min_ratio + share * (1.0 - warmup_min_ratio),
                        None => {
                            let elapsed = (last + 1 - warmup.steps()) as f64;
                            let over = total_num_steps.saturating_sub(warmup.steps()).max(1) as f64;
                            let height = half_cosine((elapsed / over).min(1.0));
                            (cos_min_ratio + (1.0 - cos_min_ratio) * height).max(0.0)
                        }
                    };
                    lr * ratio
                }
            },
            Self::OneCycle(cycle) => cycle.at(update),
            Self::RangeTest { min_lr, step_size, step_rate } => {
                min_lr * (1.0 + step_rate * (update as f64 / step_size as f64))
            }
        }
    }
}

impl Warmup {
    fn steps(self) -> u64 {
        self.steps.max(2)
    }

    /// The share of the climb, `None` after it.
    fn share(self, last: u64) -> Option<f64> {
        let steps = self.steps();
        (last < steps).then(|| {
            if self.log {
                1.0 / (steps as f64).ln() * ((last + 1) as f64).ln()
            } else {
                last as f64 / steps as f64
            }
        })
    }
}

impl OneCycle {
    fn total(&self) -> f64 {
        (self.first_step_size + self.second_step_size) as f64
    }

    fn at(&self, update: u64) -> f64 {
        if update == 0 {
            return self.min_lr;
        }
        match self.decayed(update) {
            None => self.min_lr + (self.max_lr - self.min_lr) * self.height(update),
            Some(_) if self.decay_step_size == 0 => self.min_lr,
            Some(steps) => self.min_lr / (1.0 + self.decay_lr_rate * (steps / self.decay_step_size as f64)),
        }
    }

    /// The first beta that update `update` uses; the second is always 0.99.
    pub fn beta1(&self, update: u64) -> f64 {
        if update == 0 {
            return self.min_mom;
        }
        match self.decayed(update) {
            None => self.max_mom - (self.max_mom - self.min_mom) * self.height(update),
            Some(_) if self.decay_step_size == 0 => self.max_mom,
            Some(steps) => self.max_mom * (1.0 + self.decay_mom_rate * (steps / self.decay_step_size as f64)),
        }
    }

    /// Steps since the cycle's end, `None` within it.
    fn decayed(&self, update: u64) -> Option<f64> {
        let last = update as f64 - 1.0;
        (last >= self.total()).then(|| last - self.total() + 1.0)
    }

    fn height(&self, update: u64) -> f64 {
        let ratio = self.first_step_size as f64 / self.total();
        let passed = update as f64 / self.total();
        let x = 1.0 + passed - (1.0 + passed).floor();
        if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) }
    }
}
