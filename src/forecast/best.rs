//! The shape that a law expects to end lowest: control points that never rise, moved until nothing gains.

use crate::schedule::kind::{Interpolation, Points};
use crate::schedule::{Kind, Schedule, Span, Tick};

use super::course::Course;
use super::fit::Fit;

/// Control points, the first of which stays at the peak.
const POINTS: usize = 10;
/// Updates of the coarse run on which shapes are compared.
const COARSE: u64 = 512;
/// The first and the last move of a point, as shares of the peak.
const MOVES: (f64, f64) = (0.25, 0.002);
/// Rounds of moves, at most.
const ROUNDS: usize = 200;

/// A schedule that a law expects much of.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    pub schedule: Schedule,
    /// The loss that is expected at its end, and half the band.
    pub end: (f64, f64),
}

/// The best shape with the peak and the warmup of a run: points on straight lines, the last ones closer together,
/// because the end of a decay matters most. Found from three starts by moving one point at a time.
pub fn best_shape(fit: &Fit, like: &Schedule, course: &Course) -> Best {
    let (updates, peak) = (course.updates(), course.peak());
    let warmup = like.warmup.clone().filter(|_| like.tick == Tick::Update);
    let warm = if warmup.is_some() { course.warm().min(updates) } else { 0 };
    let places: Vec<f64> = (0..POINTS).map(place).collect();
    let coarse = updates.min(COARSE);
    let scale = updates as f64 / coarse as f64;
    let loss = |heights: &[f64]| {
        let rate = |at: u64| {
            let update = at as f64 * scale;
            if update < warm as f64 {
                return peak * update / warm as f64;
            }
            peak * height(&places, heights, (update - warm as f64) / (updates - warm).max(1) as f64)
        };
        let course = Course::new(coarse, rate).in_units(1.0, 1.0 / scale);
        fit.law.loss(&course, coarse)
    };
    let starts: [fn(f64) -> f64; 3] = [
        |at| 1.0 - at,
        |at| 0.5 * (1.0 + (std::f64::consts::PI * at).cos()),
        |at| (5.0 * (1.0 - at)).min(1.0),
    ];
    let found = starts.map(|start| descend(places.iter().map(|&at| start(at)).collect(), &loss));
    let [first, second, third] = found;
    let lower = |a: (Vec<f64>, f64), b: (Vec<f64>, f64)| if b.1 < a.1 { b } else { a };
    let (heights, _) = lower(lower(first, second), third);
    let left = 100.0 * (updates - warm) as f64 / updates as f64;
    let point = |(&at, &height): (&f64, &f64)| (Span::Percent(rounded(left * at)), rounded(height) * peak);
    let points = places.iter().zip(&heights).map(point).collect();
    let kind = Kind::Points(Points { points, interpolation: Interpolation::Linear });
    let schedule = Schedule { warmup, ..kind.into() };
    let clock = crate::schedule::Clock { updates, updates_per_epoch: updates };
    let end = schedule
        .resolve(clock)
        .map_or((f64::NAN, f64::NAN), |curve| fit.end(&Course::new(updates, |update| curve.at(update))));
    Best { schedule, end }
}

/// The share of the run at which a point lies.
fn place(at: usize) -> f64 {
    1.0 - (1.0 - at as f64 / (POINTS - 1) as f64).powf(1.5)
}

/// Three digits are what a person would draw.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn height(places: &[f64], heights: &[f64], at: f64) -> f64 {
    let after = places.partition_point(|place| *place <= at).clamp(1, places.len() - 1);
    let share = (at - places[after - 1]) / (places[after] - places[after - 1]);
    heights[after - 1] + (heights[after] - heights[after - 1]) * share.clamp(0.0, 1.0)
}

/// Moves one point after the other up and down as far as its neighbours, by less and less.
fn descend(mut heights: Vec<f64>, loss: &impl Fn(&[f64]) -> f64) -> (Vec<f64>, f64) {
    let mut best = loss(&heights);
    let mut by = MOVES.0;
    for _ in 0..ROUNDS {
        let mut gained = false;
        for at in 1..heights.len() {
            for by in [by, -by] {
                let before = heights[at];
                let least = heights.get(at + 1).copied().unwrap_or(0.0);
                heights[at] = (before + by).clamp(least, heights[at - 1]);
                let found = loss(&heights);
                if found < best {
                    best = found;
                    gained = true;
                } else {
                    heights[at] = before;
                }
            }
        }
        if !gained {
            by *= 0.5;
            if by < MOVES.1 {
                break;
            }
        }
    }
    (heights, best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Law;
    use crate::schedule::Clock;
    use crate::schedule::kind::Constant;

    #[test]
    fn it_is_at_least_as_good_as_what_people_draw() {
        let law = Law { l0: 1.9, a: 5.0, alpha: 0.4, b: 2.0, c: 4.0, beta: 0.5, gamma: 0.4 };
        let fit =
            Fit { law, others: Vec::new(), error: 0.001, seeds: None, starts: 1, agree: 1, runs: Vec::new() };
        let clock = Clock { updates: 3000, updates_per_epoch: 100 };
        let like = Schedule::from(Kind::Constant(Constant { peak: 0.1 }));
        let course = |schedule: &Schedule| {
            let curve = schedule.resolve(clock).unwrap();
            Course::new(clock.updates, |update| curve.at(update))
        };
        let best = best_shape(&fit, &like, &course(&like));
        for share in [
            |at: f64| 1.0 - at,
            |at: f64| 0.5 * (1.0 + (std::f64::consts::PI * at).cos()),
            |at: f64| (5.0 - 5.0 * at).min(1.0),
        ] {
            let drawn = Course::new(3000, |update| 0.1 * share(update as f64 / 3000.0));
            assert!(best.end.0 <= law.loss(&drawn, 3000) + 3e-3, "{best:?}");
        }
        let rates: Vec<f64> = {
            let curve = best.schedule.resolve(clock).unwrap();
            (0..3000).map(|at| curve.at(at)).collect()
        };
        assert!(rates.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12), "it never rises");
        assert!((rates[0] - 0.1).abs() < 1e-12);
    }
}
