//! A curve through few control points: what a hand drew, or what a schedule of another kind looks like.

use crate::schedule::kind::{Interpolation, Points};
use crate::schedule::{Clock, Kind, Schedule, Span};
use crate::ui::format::round_to;

/// Updates at which a curve is compared with what it is to be.
const LOOKS: u64 = 2000;
/// Rates keep this many digits.
const DIGITS: usize = 5;

/// How near a curve has to come, and by how many control points.
#[derive(Clone, Copy, Debug)]
pub struct Fitness {
    /// As a share of the highest rate.
    pub tolerance: f64,
    /// Control points: so many at least, to have something to drag, and at most.
    pub least: usize,
    pub most: usize,
}

impl Fitness {
    /// A hand trembles.
    pub const DRAWN: Self = Self { tolerance: 0.03, least: 2, most: 12 };
    /// A conversion is to be seen nowhere.
    pub const CONVERTED: Self = Self { tolerance: 0.004, least: 4, most: 40 };
}

/// A schedule of control points whose curve is `rate`'s: a point is put where the curve is farthest off, again and
/// again. Nothing where there is no curve to follow.
pub fn fitted(rate: impl Fn(u64) -> f64, clock: Clock, fitness: Fitness) -> Option<Schedule> {
    let last = clock.updates.checked_sub(1)?.max(1);
    let step = (last / LOOKS).max(1) as usize;
    let looks = (0..=last).step_by(step).chain([last]);
    let wanted: Vec<(u64, f64)> = looks.map(|update| (update, rate(update))).collect();
    if wanted.iter().any(|(_, rate)| !rate.is_finite()) {
        return None;
    }
    let peak = wanted.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let parts = fitness.least.saturating_sub(1).max(1) as u64;
    let mut points: Vec<u64> = (0..=parts).map(|part| last * part / parts).collect();
    points.dedup();
    loop {
        let schedule = through(&points, &rate);
        let curve = schedule.resolve(clock).ok()?;
        let off = |&(update, rate): &(u64, f64)| (curve.at(update) - rate).abs();
        let worst = wanted.iter().max_by(|a, b| off(a).total_cmp(&off(b)))?;
        let at = worst.0;
        if off(worst) <= fitness.tolerance * peak || points.len() >= fitness.most || points.contains(&at) {
            return Some(schedule);
        }
        points.push(at);
        points.sort_unstable();
    }
}

/// Control points of a curve at these updates.
fn through(updates: &[u64], rate: impl Fn(u64) -> f64) -> Schedule {
    let point = |update: &u64| (Span::Updates(*update as f64), round_to(rate(*update).max(0.0), DIGITS));
    let points = updates.iter().map(point).collect();
    Kind::Points(Points { points, interpolation: Interpolation::Monotone }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::document::presets;

    const CLOCK: Clock = Clock { updates: 1000, updates_per_epoch: 50 };

    #[test]
    fn every_preset_keeps_its_shape_as_control_points() {
        for preset in presets().iter().filter(|preset| !["noise", "cyclic"].contains(&preset.kind)) {
            let before = preset.schedule(0.1, CLOCK).resolve(CLOCK).unwrap();
            let after = fitted(|update| before.at(update), CLOCK, Fitness::CONVERTED).unwrap();
            let Kind::Points(kind) = &after.kind else { panic!("{after:?}") };
            assert!(kind.points.len() <= 40, "{}: {} points", preset.name, kind.points.len());
            let after = after.resolve(CLOCK).unwrap();
            let off = (0..1000).map(|update| (before.at(update) - after.at(update)).abs());
            let off = off.fold(0.0, f64::max) / before.range().1;
            assert!(off < 0.02, "{}: off by {off}", preset.name);
        }
    }

    #[test]
    fn a_straight_line_needs_two_points_and_a_trembling_hand_few() {
        let line = fitted(|update| 0.1 - 1e-4 * update as f64, CLOCK, Fitness::DRAWN).unwrap();
        assert!(matches!(&line.kind, Kind::Points(kind) if kind.points.len() == 2), "{line:?}");
        let hand = |update: u64| {
            let x = update as f64 / 1000.0;
            0.1 * (1.0 - x).powi(2) + 1e-3 * (37.0 * x).sin()
        };
        let drawn = fitted(hand, CLOCK, Fitness::DRAWN).unwrap();
        assert!(matches!(&drawn.kind, Kind::Points(kind) if kind.points.len() <= 8), "{drawn:?}");
    }

    #[test]
    fn nothing_is_drawn_of_what_is_no_number() {
        assert_eq!(fitted(|_| f64::NAN, CLOCK, Fitness::DRAWN), None);
        let none = Clock { updates: 0, updates_per_epoch: 1 };
        assert_eq!(fitted(|_| 0.1, none, Fitness::DRAWN), None);
        let one = Clock { updates: 1, updates_per_epoch: 1 };
        assert!(fitted(|_| 0.1, one, Fitness::DRAWN).is_some());
    }
}
