//! Curves through control points.

use std::f64::consts::PI;

use super::choice::Interpolation;

/// Control points in order of position; their first and last values are held outside them.
#[derive(Clone, Debug)]
pub(super) struct Points {
    knots: Vec<Knot>,
    interpolation: Interpolation,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    /// The position, in ticks.
    pub at: f64,
    pub value: f64,
    /// The curve's slope there; used by the monotone interpolation alone.
    slope: f64,
}

impl Points {
    /// A curve through `points`, whose positions increase.
    pub fn new(points: &[(f64, f64)], interpolation: Interpolation) -> Self {
        let mut knots: Vec<Knot> = points.iter().map(|&(at, value)| Knot { at, value, slope: 0.0 }).collect();
        if interpolation == Interpolation::Monotone {
            set_slopes(&mut knots);
        }
        Self { knots, interpolation }
    }

    pub fn positions(&self) -> impl Iterator<Item = f64> {
        self.knots.iter().map(|knot| knot.at)
    }

    pub fn at(&self, tick: u64) -> f64 {
        let tick = tick as f64;
        let (before, after) = self.knots.split_at(self.knots.partition_point(|knot| knot.at <= tick));
        match (before.last(), after.first()) {
            (Some(left), Some(right)) => self.between(left, right, tick),
            (Some(only), None) | (None, Some(only)) => only.value,
            (None, None) => 0.0,
        }
    }

    fn between(&self, left: &Knot, right: &Knot, tick: f64) -> f64 {
        let width = right.at - left.at;
        let t = (tick - left.at) / width;
        let rise = right.value - left.value;
        let value = match self.interpolation {
            Interpolation::Step => left.value,
            Interpolation::Linear => left.value + rise * t,
            Interpolation::Cosine => left.value + rise * (1.0 - (PI * t).cos()) / 2.0,
            Interpolation::Monotone => {
                let u = 1.0 - t;
                left.value * (1.0 + 2.0 * t) * u * u
                    + right.value * t * t * (3.0 - 2.0 * t)
                    + width * t * u * (left.slope * u - right.slope * t)
            }
        };
        // Rounding must not leave the two values either.
        value.clamp(left.value.min(right.value), left.value.max(right.value))
    }
}

/// Slopes that keep each piece between its two values: means of the neighbouring secants, zero at
/// extrema, and scaled back where `α² + β² > 9`.
fn set_slopes(knots: &mut [Knot]) {
    let secants: Vec<f64> = knots
        .windows(2)
        .map(|pair| match pair {
            [left, right] => (right.value - left.value) / (right.at - left.at),
            _ => 0.0,
        })
        .collect();
    for (index, knot) in knots.iter_mut().enumerate() {
        let before = index.checked_sub(1).and_then(|index| secants.get(index)).copied();
        let after = secants.get(index).copied();
        knot.slope = match (before, after) {
            (Some(before), Some(after)) if before * after > 0.0 => f64::midpoint(before, after),
            (Some(_), Some(_)) | (None, None) => 0.0,
            (Some(secant), None) | (None, Some(secant)) => secant,
        };
    }
    for (index, &secant) in secants.iter().enumerate() {
        let Some([left, right]) = knots.get_mut(index..index + 2) else {
            continue;
        };
        if secant == 0.0 {
            left.slope = 0.0;
            right.slope = 0.0;
            continue;
        }
        let (alpha, beta) = (left.slope / secant, right.slope / secant);
        let steepness = alpha.hypot(beta);
        if steepness > 3.0 {
            left.slope = 3.0 / steepness * alpha * secant;
            right.slope = 3.0 / steepness * beta * secant;
        }
    }
}
