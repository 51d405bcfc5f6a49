//! Cautious steps (arXiv 2411.16085): weights whose step goes against their gradient stay, the others go further.
//!
//! In each matrix or vector the steps that agree in sign with the gradient are divided by their share of all, which
//! counts as at least 1e-3.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;

/// The least share of agreeing steps.
const LEAST: f64 = 1e-3;

/// The step where it agrees with the gradient; otherwise 0.
#[inline(always)]
pub fn agreeing(step: f32, gradient: f32) -> f32 {
    // A NaN agrees, so that it is seen.
    if step * gradient <= 0.0 { 0.0 } else { step }
}

/// What a matrix's agreeing steps are multiplied by; the others are 0.
pub fn scale_up(steps: &[f32]) -> f64 {
    let agreeing = steps.iter().filter(|step| **step != 0.0).count();
    1.0 / (agreeing as f64 / steps.len() as f64).max(LEAST)
}

/// The cautious ones of steps `[L, P]`.
///
/// # Errors
/// When the tensor library fails.
pub fn cautious_tensor(lanes: &Lanes<'_>, steps: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    lanes.by_parameter([steps, gradient], |_, [steps, gradient]| {
        let against = (steps * gradient)?.le(0.0)?.to_dtype(steps.dtype())?;
        let agreeing = (1.0 - against)?;
        let share = agreeing.mean_keepdim(1)?.maximum(LEAST)?;
        (steps * agreeing)?.broadcast_div(&share)
    })
}
