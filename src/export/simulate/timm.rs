//! `timm.scheduler` (1.0.31), without its noise: pure functions of `t`, an epoch or an update.

use std::f64::consts::PI;

use super::half_cosine;

/// A scheduler's own arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Cosine {
        cycle: Cycle,
        k_decay: f64,
    },
    /// `lb` is -7 and `ub` 3 on the command line.
    Tanh {
        cycle: Cycle,
        lb: f64,
        ub: f64,
    },
    Poly {
        cycle: Cycle,
        power: f64,
        k_decay: f64,
    },
    Step {
        decay_t: f64,
        decay_rate: f64,
    },
    /// Drops one tick before each milestone.
    MultiStep {
        decay_t: Vec<u64>,
        decay_rate: f64,
    },
    Wsd(Wsd),
}

/// The cycles of cosine, tanh and poly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cycle {
    pub t_initial: u64,
    pub lr_min: f64,
    pub mul: f64,
    pub decay: f64,
    pub limit: u64,
}

impl Cycle {
    /// One cycle.
    pub fn once(t_initial: u64, lr_min: f64) -> Self {
        Self { t_initial, lr_min, mul: 1.0, decay: 1.0, limit: 1 }
    }
}

/// Warmup, stable, decay; its warmup is always in front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wsd {
    /// Stable and decay together.
    pub t_initial: u64,
    pub decay_t: u64,
    pub lr_min: f64,
    /// One of `constant`, `rsqrt`, `power`.
    pub stable_fn: &'static str,
    pub stable_timescale: f64,
    pub stable_power: f64,
    /// One of `linear`, `1-sqrt`, `cosine`, `power`, `exp`.
    pub decay_fn: &'static str,
    pub decay_power: f64,
    pub decay_ratio: f64,
}

/// A scheduler with the warmup all of them have.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduler {
    pub kind: Kind,
    pub lr: f64,
    pub warmup_t: u64,
    pub warmup_lr_init: f64,
    pub warmup_prefix: bool,
}

impl Scheduler {
    /// The rate used at tick `t`. At the first it is what the constructor sets: timm steps after a tick.
    pub fn at(&self, t: u64) -> f64 {
        if t < self.warmup_t {
            let top = match self.kind {
                // The others climb to the peak, whatever the curve is at the warmup's end.
                Kind::Tanh { .. } if !self.warmup_prefix => self.body(self.warmup_t),
                _ => self.lr,
            };
            let step = (top - self.warmup_lr_init) / self.warmup_t as f64;
            return self.warmup_lr_init + t as f64 * step;
        }
        if t == 0 {
            return self.lr;
        }
        let prefixed = self.warmup_prefix || matches!(self.kind, Kind::Wsd(_));
        self.body(if prefixed { t - self.warmup_t } else { t })
    }

    fn body(&self, t: u64) -> f64 {
        match &self.kind {
            Kind::Cosine { cycle, k_decay } => cycle.at(t, self.lr, |current, length| {
                0.5 * (1.0 + (PI * current.powf(*k_decay) / length.powf(*k_decay)).cos())
            }),
            Kind::Tanh { cycle, lb, ub } => cycle.at(t, self.lr, |current, length| {
                let share = current / length;
                0.5 * (1.0 - (lb * (1.0 - share) + ub * share).tanh())
            }),
            Kind::Poly { cycle, power, k_decay } => cycle.at(t, self.lr, |current, length| {
                (1.0 - current.powf(*k_decay) / length.powf(*k_decay)).powf(*power)
            }),
            Kind::Step { decay_t, decay_rate } => self.lr * decay_rate.powf((t as f64 / decay_t).floor()),
            Kind::MultiStep { decay_t, decay_rate } => {
                let drops = decay_t.iter().filter(|milestone| **milestone <= t + 1).count();
                self.lr * decay_rate.powf(drops as f64)
            }
            Kind::Wsd(wsd) => wsd.at(t, self.lr),
        }
    }
}

impl Cycle {
    fn at(&self, t: u64, lr: f64, height: impl Fn(f64, f64) -> f64) -> f64 {
        let (t, first) = (t as f64, self.t_initial as f64);
        let (index, length, current) = if self.mul == 1.0 {
            let index = (t / first).floor();
            (index, first, t - first * index)
        } else {
            // Python's `math.log(x, base)` is a quotient of logarithms, and misses a boundary as it does.
            let index = ((1.0 - t / first * (1.0 - self.mul)).ln() / self.mul.ln()).floor();
            let growth = self.mul.powf(index);
            (index, growth * first, t - (1.0 - growth) / (1.0 - self.mul) * first)
        };
        if index < self.limit as f64 {
            self.lr_min + (lr * self.decay.powf(index) - self.lr_min) * height(current, length)
        } else {
            self.lr_min
        }
    }
}

impl Wsd {
    fn at(&self, t: u64, lr: f64) -> f64 {
        let stable = match self.stable_fn {
            "rsqrt" => (1.0 + t as f64 / self.stable_timescale).powf(-0.5),
            "power" => (1.0 + t as f64 / self.stable_timescale).powf(-self.stable_power),
            _ => 1.0,
        };
        let stable = (lr * stable).max(self.lr_min);
        let into_decay = t as f64 - (self.t_initial as f64 - self.decay_t as f64);
        if into_decay <= 0.0 {
            return stable;
        }
        let share = (into_decay / self.decay_t as f64).min(1.0);
        let left = match self.decay_fn {
            "linear" => 1.0 - share,
            "1-sqrt" => 1.0 - share.sqrt(),
            "cosine" => half_cosine(share),
            "power" => 1.0 - share.powf(self.decay_power),
            _ => (self.decay_ratio.powf(share) - self.decay_ratio) / (1.0 - self.decay_ratio),
        };
        self.lr_min + (stable - self.lr_min) * left
    }
}
