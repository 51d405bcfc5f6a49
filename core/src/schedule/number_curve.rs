//! One optimizer number over a run.

use super::Curve;

/// A number as a function of the update.
#[derive(Clone, Debug)]
pub enum NumberCurve {
    Fixed(f64),
    Curve(Curve),
    /// High where the rate is low and low where it is high (see [`Curve::mirror`]).
    Mirror {
        low: f64,
        high: f64,
    },
}

impl NumberCurve {
    /// What update `update` uses, of a run whose rate is `lr`.
    pub fn at(&self, update: u64, lr: &Curve) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Curve(curve) => curve.at(update),
            Self::Mirror { low, high } => lr.mirror(update, *low, *high),
        }
    }
}
