//! burn's learning-rate schedulers (burn-optim 0.22.1), stepped before each update.

use super::half_cosine;

/// A scheduler's configuration. Linear, cosine and exponential ones need a first rate above 0 and at most 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Scheduler {
    Constant(f64),
    Linear {
        initial: f64,
        last: f64,
        iterations: u64,
    },
    Cosine {
        initial: f64,
        min: f64,
        iterations: u64,
    },
    Exponential {
        initial: f64,
        gamma: f64,
    },
    Step {
        initial: f64,
        gamma: f64,
        size: u64,
    },
    Noam {
        factor: f64,
        warmup: u64,
        model_size: u64,
    },
    /// Each later scheduler starts at its milestone.
    Sequential {
        schedulers: Vec<Self>,
        milestones: Vec<u64>,
    },
}

impl Scheduler {
    /// The rate update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        let i = update as f64;
        match self {
            Self::Constant(rate) => *rate,
            Self::Linear { initial, last, iterations } => {
                if update >= *iterations {
                    *last
                } else {
                    initial + (last - initial) * i / *iterations as f64
                }
            }
            // It climbs again past its end.
            Self::Cosine { initial, min, iterations } => {
                min + (initial - min) * half_cosine(i / *iterations as f64)
            }
            Self::Exponential { initial, gamma } => initial * gamma.powf(i),
            Self::Step { initial, gamma, size } => initial * gamma.powf((update / size) as f64),
            Self::Noam { factor, warmup, model_size } => {
                let step = i + 1.0;
                let climb = step * (*warmup as f64).powf(-1.5);
                factor * (*model_size as f64).powf(-0.5) * step.powf(-0.5).min(climb)
            }
            Self::Sequential { schedulers, milestones } => {
                let index = milestones.partition_point(|milestone| *milestone <= update);
                let start =
                    index.checked_sub(1).and_then(|before| milestones.get(before)).copied().unwrap_or(0);
                schedulers.get(index).map_or(0.0, |scheduler| scheduler.at(update - start))
            }
        }
    }
}
