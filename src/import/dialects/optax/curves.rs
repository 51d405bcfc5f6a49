//! Pieces of optax' curves, by the count.

use std::f64::consts::PI;

pub(super) fn climb(count: f64, init: f64, peak: f64, over: f64) -> f64 {
    if over <= 0.0 { peak } else { init + (peak - init) * count.clamp(0.0, over) / over }
}

pub(super) fn cosine(count: f64, init: f64, over: f64, alpha: f64, exponent: f64) -> f64 {
    let wave = 0.5 * (1.0 + (PI * count.clamp(0.0, over) / over).cos());
    init * ((1.0 - alpha) * wave.powf(exponent) + alpha)
}

pub(super) fn between(knots: &[(f64, f64)], count: f64, is_cosine: bool) -> f64 {
    for pair in knots.windows(2) {
        let [(from, a), (to, b)] = pair else { continue };
        if count < *to && to > from {
            let share = (count - from) / (to - from);
            return if is_cosine {
                (b - a) / 2.0 * (1.0 - (PI * share).cos()) + a
            } else {
                (b - a) * share + a
            };
        }
    }
    knots.last().map_or(0.0, |(_, value)| *value)
}
