//! `keras.optimizers.schedules` (3.15.1): single precision, on the count of micro-batches.

use std::f32::consts::PI;

/// A schedule as its class is built. Numbers become f32 as Keras makes them.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    Constant {
        rate: f64,
    },
    Cosine(Cosine),
    CosineRestarts {
        initial: f64,
        first_decay_steps: u64,
        t_mul: f64,
        m_mul: f64,
        alpha: f64,
    },
    /// A value holds up to and with its boundary: the drop comes one step after it.
    PiecewiseConstant {
        boundaries: Vec<u64>,
        values: Vec<f64>,
    },
    Polynomial {
        initial: f64,
        decay_steps: u64,
        end: f64,
        power: f64,
        cycle: bool,
    },
    Exponential {
        initial: f64,
        decay_steps: u64,
        decay_rate: f64,
        staircase: bool,
    },
    InverseTime {
        initial: f64,
        decay_steps: u64,
        decay_rate: f64,
    },
    /// A value for each count divided by `hold`, the last one held.
    Table {
        values: Vec<f64>,
        hold: u64,
    },
}

/// `CosineDecay`; `decay_steps` does not count the warmup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    pub initial: f64,
    pub decay_steps: u64,
    /// The last rate as a share of the one it falls from.
    pub alpha: f64,
    /// The warmup's target and steps.
    pub warmup: Option<(f64, u64)>,
}

impl Schedule {
    /// The rate at micro-batch `step`.
    pub fn at(&self, step: u64) -> f64 {
        f64::from(self.single(step))
    }

    /// The rate update `update` uses when each takes `accumulate` micro-batches: Keras evaluates its
    /// schedule at the last of them.
    pub fn at_update(&self, update: u64, accumulate: u64) -> f64 {
        self.at(update * accumulate + accumulate.saturating_sub(1))
    }

    fn single(&self, step: u64) -> f32 {
        let count = step as f32;
        match self {
            Self::Constant { rate } => *rate as f32,
            Self::Cosine(cosine) => cosine.single(count),
            Self::CosineRestarts { initial, first_decay_steps, t_mul, m_mul, alpha } => {
                let (t_mul, alpha) = (*t_mul as f32, *alpha as f32);
                let share = count / *first_decay_steps as f32;
                let (restart, share) = if t_mul == 1.0 {
                    (share.floor(), share - share.floor())
                } else {
                    let restart = ((1.0 - share * (1.0 - t_mul)).ln() / t_mul.ln()).floor();
                    let begun = (1.0 - t_mul.powf(restart)) / (1.0 - t_mul);
                    (restart, (share - begun) / t_mul.powf(restart))
                };
                let height = 0.5 * (*m_mul as f32).powf(restart) * (1.0 + (PI * share).cos());
                *initial as f32 * ((1.0 - alpha) * height + alpha)
            }
            Self::PiecewiseConstant { boundaries, values } => {
                let passed = boundaries.partition_point(|boundary| *boundary < step);
                values.get(passed).map_or(0.0, |value| *value as f32)
            }
            Self::Polynomial { initial, decay_steps, end, power, cycle } => {
                let (initial, end, mut over) = (*initial as f32, *end as f32, *decay_steps as f32);
                let count = if *cycle { count } else { count.min(over) };
                if *cycle && step > 0 {
                    over *= (count / over).ceil();
                }
                (initial - end) * (1.0 - count / over).powf(*power as f32) + end
            }
            Self::Exponential { initial, decay_steps, decay_rate, staircase } => {
                let exponent = count / *decay_steps as f32;
                let exponent = if *staircase { exponent.floor() } else { exponent };
                *initial as f32 * (*decay_rate as f32).powf(exponent)
            }
            Self::InverseTime { initial, decay_steps, decay_rate } => {
                *initial as f32 / (1.0 + *decay_rate as f32 * (count / *decay_steps as f32))
            }
            Self::Table { values, hold } => usize::try_from(step / (*hold).max(1))
                .ok()
                .and_then(|step| values.get(step))
                .or(values.last())
                .map_or(0.0, |value| *value as f32),
        }
    }
}

impl Cosine {
    fn single(&self, count: f32) -> f32 {
        let (initial, over) = (self.initial as f32, self.decay_steps as f32);
        let Some((target, steps)) = self.warmup else {
            return self.decay(count.min(over), initial);
        };
        let (target, steps) = (target as f32, steps as f32);
        let count = count.min(over + steps);
        if count < steps {
            (target - initial) * (count / steps) + initial
        } else {
            self.decay(count - steps, target)
        }
    }

    fn decay(&self, count: f32, from: f32) -> f32 {
        let height = 0.5 * (1.0 + (PI * (count / self.decay_steps as f32)).cos());
        from * ((1.0 - self.alpha) as f32 * height + self.alpha as f32)
    }
}
