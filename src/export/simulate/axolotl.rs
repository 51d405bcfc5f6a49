//! axolotl's own schedulers (0.19.0), beside those of Hugging Face: REX, a cosine with a quadratic warmup,
//! and a cosine that stays at its minimum.

use super::half_cosine;

/// A scheduler that axolotl adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheduler {
    /// `lr_scheduler: rex`. Its step index starts at 1, and its curve is `z / (0.1 + 0.9 z)`.
    Rex { max_lr: f64, min_lr: f64, total_steps: u64, warmup_steps: u64 },
    /// `lr_quadratic_warmup: true`.
    QuadraticWarmup { lr: f64, total_steps: u64, warmup_steps: u64 },
    /// `cosine_min_lr_ratio` and `cosine_constant_lr_ratio`.
    CosineConstant { lr: f64, total_steps: u64, warmup_steps: u64, min_ratio: f64, constant_ratio: f64 },
}

impl Scheduler {
    /// The rate update `update` uses.
    pub fn at(&self, update: u64) -> f64 {
        match *self {
            Self::Rex { max_lr, min_lr, total_steps, warmup_steps } => {
                let step = update + 1;
                if step <= warmup_steps {
                    return max_lr * step as f64 / warmup_steps as f64;
                }
                let (after, remaining) = (step - warmup_steps, total_steps.saturating_sub(warmup_steps));
                if after >= remaining {
                    return min_lr;
                }
                let left = (remaining - after) as f64 / remaining as f64;
                let floor = min_lr / max_lr;
                max_lr * (floor + (1.0 - floor) * (left / (0.1 + 0.9 * left)))
            }
            Self::QuadraticWarmup { lr, total_steps, warmup_steps } => {
                if update < warmup_steps {
                    return lr * (update as f64 / warmup_steps as f64).powi(2);
                }
                let over = total_steps.saturating_sub(warmup_steps).max(1) as f64;
                lr * half_cosine((update - warmup_steps) as f64 / over).max(0.0)
            }
            Self::CosineConstant { lr, total_steps, warmup_steps, min_ratio, constant_ratio } => {
                if update < warmup_steps {
                    return lr * (update as f64 / warmup_steps as f64);
                }
                let flat = (total_steps as f64 * constant_ratio) as u64;
                let over = flat.saturating_sub(warmup_steps).max(1) as f64;
                let share = update.min(flat).saturating_sub(warmup_steps) as f64 / over;
                lr * (((1.0 - min_ratio) * half_cosine(share)).max(0.0) + min_ratio)
            }
        }
    }
}
