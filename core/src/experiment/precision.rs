//! With how few bits numbers are kept.

use std::ops::Bound::{self, Excluded, Included};

use super::WeightFormat;
use super::error::FileError;
use super::node::Node;

/// Which of the two neighbours a weight is stored as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// The nearer one; of two as near, the even one.
    #[default]
    Nearest,
    /// Either, as often as the weight is nearer to it, so that what is rounded away is right on average (Gupta et al. 2015,
    /// arXiv 1502.02551).
    Stochastic,
}

impl Rounding {
    /// Both, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("nearest", Self::Nearest), ("stochastic", Self::Stochastic)];
}

/// How weights of this format are rounded.
pub(super) fn rounding(node: &Node, weights: WeightFormat) -> Result<Rounding, FileError> {
    match node.choice(&Rounding::ALL)? {
        Rounding::Stochastic if weights == WeightFormat::F32 => Err(node.error(
            "\"nearest\", or weights = \"bf16\" or \"f16\" beside it: f32 is what they are trained in",
        )),
        rounding => Ok(rounding),
    }
}

/// What the loss is multiplied by before its gradient is taken and stored in 16 bits; the stored gradient is divided by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossScale {
    /// Always this. An update whose gradient overflows is left out.
    Fixed(f64),
    Dynamic(Dynamic),
}

/// A scale that falls when a gradient overflows and grows when none did for a while, as PyTorch's `GradScaler` has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamic {
    /// The scale at the beginning, above 0.
    pub init: f64,
    /// What it is multiplied by when it grows, above 1.
    pub growth: f64,
    /// What it is multiplied by after an overflow, above 0 and below 1.
    pub backoff: f64,
    /// Updates in a row without overflow after which it grows.
    pub interval: u64,
}

impl Default for Dynamic {
    /// PyTorch's numbers.
    fn default() -> Self {
        Self { init: 65_536.0, growth: 2.0, backoff: 0.5, interval: 2000 }
    }
}

/// Scales that single precision has, above 0.
const SCALES: (Bound<f64>, Bound<f64>) = (Excluded(0.0), Included(1e30));

/// The loss scale of a file, for gradients of this format.
pub(super) fn loss_scale(node: &Node, gradients: WeightFormat) -> Result<LossScale, FileError> {
    const ALLOWED: &str = "a number, \"dynamic\", or a table, such as { init = 65536, interval = 2000 }";
    if gradients == WeightFormat::F32 {
        return Err(node.error("none, or gradients = \"f16\" beside it: gradients in f32 do not underflow"));
    }
    if node.is_str("dynamic") {
        return Ok(LossScale::Dynamic(Dynamic::default()));
    }
    if node.is_number() {
        return node.number(SCALES).map(LossScale::Fixed);
    }
    let fields = node.fields(ALLOWED)?;
    fields.only(&["init", "growth", "backoff", "interval"])?;
    let usual = Dynamic::default();
    Ok(LossScale::Dynamic(Dynamic {
        init: fields.read("init", |node| node.number(SCALES))?.unwrap_or(usual.init),
        growth: fields
            .read("growth", |node| node.number((Excluded(1.0), Included(1e6))))?
            .unwrap_or(usual.growth),
        backoff: fields
            .read("backoff", |node| node.number((Excluded(0.0), Excluded(1.0))))?
            .unwrap_or(usual.backoff),
        interval: fields.read("interval", |node| node.whole(1..=1_000_000_000))?.unwrap_or(usual.interval),
    }))
}
