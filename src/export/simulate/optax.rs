//! `optax.schedules` (0.2.8): pure functions of the count. jax computes them in f32 unless x64 is enabled;
//! here they are in f64.

use super::half_cosine;

/// A schedule as its function is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    Constant {
        value: f64,
    },
    Polynomial {
        init_value: f64,
        end_value: f64,
        power: f64,
        transition_steps: u64,
    },
    /// Each boundary with what it multiplies by.
    PiecewiseConstant {
        init_value: f64,
        boundaries_and_scales: Vec<(u64, f64)>,
    },
    PiecewiseInterpolate {
        cosine: bool,
        init_value: f64,
        boundaries_and_scales: Vec<(u64, f64)>,
    },
    Exponential(Exponential),
    CosineDecay {
        init_value: f64,
        decay_steps: u64,
        alpha: f64,
        exponent: f64,
    },
    /// Each later schedule starts at its boundary with count 0.
    Join {
        schedules: Vec<Self>,
        boundaries: Vec<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    pub init_value: f64,
    pub transition_steps: u64,
    pub decay_rate: f64,
    pub transition_begin: u64,
    pub staircase: bool,
}

impl Schedule {
    /// `linear_schedule`.
    pub fn linear(init_value: f64, end_value: f64, transition_steps: u64) -> Self {
        Self::Polynomial { init_value, end_value, power: 1.0, transition_steps }
    }

    /// The value at `count`.
    pub fn at(&self, count: u64) -> f64 {
        match self {
            Self::Constant { value } => *value,
            Self::Polynomial { init_value, transition_steps: 0, .. } => *init_value,
            Self::Polynomial { init_value, end_value, power, transition_steps } => {
                let left = 1.0 - count.min(*transition_steps) as f64 / *transition_steps as f64;
                (init_value - end_value) * left.powf(*power) + end_value
            }
            Self::PiecewiseConstant { init_value, boundaries_and_scales } => boundaries_and_scales
                .iter()
                .filter(|(boundary, _)| *boundary <= count)
                .fold(*init_value, |value, (_, scale)| value * scale),
            Self::PiecewiseInterpolate { cosine, init_value, boundaries_and_scales } => {
                interpolate(*cosine, *init_value, boundaries_and_scales, count)
            }
            Self::Exponential(exponential) => exponential.at(count),
            Self::CosineDecay { init_value, decay_steps, alpha, exponent } => {
                let share = count.min(*decay_steps) as f64 / *decay_steps as f64;
                init_value * ((1.0 - alpha) * half_cosine(share).powf(*exponent) + alpha)
            }
            Self::Join { schedules, boundaries } => {
                let index = boundaries.partition_point(|boundary| *boundary <= count);
                let start =
                    index.checked_sub(1).and_then(|before| boundaries.get(before)).copied().unwrap_or(0);
                schedules.get(index).map_or(0.0, |schedule| schedule.at(count - start))
            }
        }
    }
}

impl Exponential {
    fn at(&self, count: u64) -> f64 {
        let Some(elapsed) = count.checked_sub(self.transition_begin).filter(|elapsed| *elapsed > 0) else {
            return self.init_value;
        };
        let exponent = elapsed as f64 / self.transition_steps as f64;
        let exponent = if self.staircase { exponent.floor() } else { exponent };
        self.init_value * self.decay_rate.powf(exponent)
    }
}

fn interpolate(cosine: bool, init: f64, boundaries: &[(u64, f64)], count: u64) -> f64 {
    let (mut start, mut value) = (0, init);
    for (boundary, scale) in boundaries {
        let next = value * scale;
        if count < *boundary {
            let share = (count - start) as f64 / (boundary - start).max(1) as f64;
            return if cosine {
                next + (value - next) / 2.0 * ((std::f64::consts::PI * share).cos() + 1.0)
            } else {
                (next - value) * share + value
            };
        }
        (start, value) = (*boundary, next);
    }
    value
}
