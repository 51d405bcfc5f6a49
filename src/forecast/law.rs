//! The multi-power law (arXiv 2503.12811, ICLR 2025): a loss from the schedule alone.
//!
//! ```text
//! L(t) = L0 + A·S(t)^-α − B·Σ_k (η_{k-1} − η_k)·G(η_k^-γ·S_k(t)),   G(x) = 1 − (C·x + 1)^-β
//! ```
//!
//! `S(t)` is the sum of the rates of the updates before `t`, the warmup's included, and `S_k(t)` that of the updates
//! from `k` on. The first two terms are what a constant rate comes to; the third is what each fall of the rate gives
//! back, the sooner the more has been trained since.

use serde::Serialize;

use super::course::Course;

/// The law's numbers, for rates as the optimizer uses them and sums over updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Law {
    /// The loss that is left in the end.
    #[serde(rename = "L0")]
    pub l0: f64,
    #[serde(rename = "A")]
    pub a: f64,
    pub alpha: f64,
    #[serde(rename = "B")]
    pub b: f64,
    #[serde(rename = "C")]
    pub c: f64,
    pub beta: f64,
    pub gamma: f64,
}

/// Numbers of a law.
pub const NUMBERS: usize = 7;

impl Law {
    /// The loss after the first so many updates of a course; of nothing trained it is that of the least sum.
    pub fn loss(&self, course: &Course, updates: u64) -> f64 {
        let spread: Vec<f64> = course.drops().iter().map(|drop| drop.rate.powf(-self.gamma)).collect();
        self.loss_at(course, &spread, course.sum(updates))
    }

    /// The losses after so many updates each.
    pub fn losses(&self, course: &Course, updates: &[u64]) -> Vec<f64> {
        let spread: Vec<f64> = course.drops().iter().map(|drop| drop.rate.powf(-self.gamma)).collect();
        updates.iter().map(|&updates| self.loss_at(course, &spread, course.sum(updates))).collect()
    }

    /// `spread` is `η_k^-γ` of each fall.
    fn loss_at(&self, course: &Course, spread: &[f64], sum: f64) -> f64 {
        let mut given_back = 0.0;
        for (drop, spread) in course.drops().iter().zip(spread) {
            let since = sum - drop.before;
            if since > 0.0 {
                given_back += drop.by * (1.0 - (-self.beta * (self.c * spread * since).ln_1p()).exp());
            }
        }
        self.l0 + self.a * sum.max(f64::MIN_POSITIVE).powf(-self.alpha) - self.b * given_back
    }

    /// The loss at a place and its derivatives by each number, in the order of the fields.
    pub(super) fn gradient(&self, course: &Course, spread: &[f64], sum: f64) -> (f64, [f64; NUMBERS]) {
        let (mut given_back, mut by_c, mut by_beta, mut by_gamma) = (0.0, 0.0, 0.0, 0.0);
        for (drop, spread) in course.drops().iter().zip(spread) {
            let since = sum - drop.before;
            if since > 0.0 {
                let y = self.c * spread * since;
                // Twice as fast as `ln_1p`, and what is lost where `y` is small is nothing beside 1.
                let log = (1.0 + y).ln();
                let left = (-self.beta * log).exp();
                given_back += drop.by * (1.0 - left);
                by_beta += drop.by * left * log;
                let slope = drop.by * self.beta * left / (1.0 + y) * y;
                by_c += slope;
                by_gamma -= slope * drop.rate.ln();
            }
        }
        let sum = sum.max(f64::MIN_POSITIVE);
        let power = sum.powf(-self.alpha);
        let loss = self.l0 + self.a * power - self.b * given_back;
        let gradient = [
            1.0,
            power,
            -self.a * power * sum.ln(),
            -given_back,
            -self.b * by_c / self.c,
            -self.b * by_beta,
            -self.b * by_gamma,
        ];
        (loss, gradient)
    }

    /// The same law for rates divided by `rate` and sums divided by `sum` turned into one for plain ones.
    pub(super) fn in_plain_units(self, rate: f64, sum: f64) -> Self {
        Self {
            a: self.a * sum.powf(self.alpha),
            b: self.b / rate,
            c: self.c * rate.powf(self.gamma) / sum,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const LAW: Law = Law { l0: 1.2, a: 0.9, alpha: 0.4, b: 3.0, c: 20.0, beta: 0.5, gamma: 0.3 };

    fn course() -> Course {
        Course::new(400, |update| if update < 250 { 0.05 } else { 0.05 * (400 - update) as f64 / 150.0 })
    }

    #[test]
    fn it_is_the_sum_over_every_update() {
        // Short enough for every fall to be a stretch of its own.
        let rates: Vec<f64> = (0..120).map(|at| 0.1 * (1.0 - f64::from(at) / 130.0)).collect();
        let course = Course::new(120, |update| rates[update as usize]);
        for t in [10_usize, 55, 120] {
            let total: f64 = rates[..t].iter().sum();
            let mut expected = LAW.l0 + LAW.a * total.powf(-LAW.alpha);
            for k in 1..t {
                let since: f64 = rates[k..t].iter().sum();
                let x = rates[k].powf(-LAW.gamma) * since;
                expected -= LAW.b * (rates[k - 1] - rates[k]) * (1.0 - (LAW.c * x + 1.0).powf(-LAW.beta));
            }
            assert!((LAW.loss(&course, t as u64) - expected).abs() < 1e-12, "{t}");
        }
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let course = course();
        let numbers = |law: &Law| [law.l0, law.a, law.alpha, law.b, law.c, law.beta, law.gamma];
        let of =
            |n: [f64; 7]| Law { l0: n[0], a: n[1], alpha: n[2], b: n[3], c: n[4], beta: n[5], gamma: n[6] };
        for updates in [100, 260, 400] {
            let spread: Vec<f64> = course.drops().iter().map(|drop| drop.rate.powf(-LAW.gamma)).collect();
            let (loss, gradient) = LAW.gradient(&course, &spread, course.sum(updates));
            assert!((loss - LAW.loss(&course, updates)).abs() < 1e-12);
            for (at, derivative) in gradient.into_iter().enumerate() {
                let moved = |by: f64| {
                    let mut moved = numbers(&LAW);
                    moved[at] += by;
                    of(moved).loss(&course, updates)
                };
                let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!(
                    (slope - derivative).abs() < 1e-6 * derivative.abs().max(1.0),
                    "{at}: {slope}, {derivative}"
                );
            }
        }
    }

    #[test]
    fn units_do_not_matter() {
        let course = course();
        let (rate, sum) = (0.05, 13.0);
        let scaled = course.in_units(rate, sum);
        for updates in [50, 300, 400] {
            let plain = LAW.in_plain_units(rate, sum).loss(&course, updates);
            assert!((LAW.loss(&scaled, updates) - plain).abs() < 1e-12);
        }
    }
}
