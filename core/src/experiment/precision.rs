//! With how few bits numbers are kept.

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
        Rounding::Stochastic if weights == WeightFormat::F32 => {
            Err(node.error("\"nearest\", or weights = \"bf16\" or \"f16\" beside it: f32 is what they are trained in"))
        }
        rounding => Ok(rounding),
    }
}
