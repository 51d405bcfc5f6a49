//! What each framework's schedulers really do, update by update.
//!
//! A module a framework: plain values that say what its own configuration says, and functions that give
//! the rate update `i` uses under that framework's stepping. The arithmetic is the framework's, also
//! where it is recursive or single precision. `tests/golden/schedules.json` holds what the frameworks
//! themselves gave.

pub mod axolotl;
pub mod burn;
pub mod deepspeed;
pub mod fastai;
pub mod hugging_face;
pub mod keras;
pub mod megatron;
pub mod optax;
pub mod pytorch_optimizer;
pub mod timm;
pub mod torch;
pub mod torchtitan;

use std::f64::consts::PI;

/// `(1 + cos πx) / 2`: from 1 at 0 to 0 at 1.
fn half_cosine(x: f64) -> f64 {
    0.5 * (1.0 + (PI * x).cos())
}
