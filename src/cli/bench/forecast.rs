//! What a forecast costs: fitting the law once, and then the curve of a schedule, as a drag asks for it each frame.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::Pace;
use crate::forecast::{Course, Law, Measured, best_shape, fit};
use crate::schedule::kind::Constant;
use crate::schedule::{Clock, Kind, Schedule};

/// Lengths of runs.
const UPDATES: [u64; 3] = [1_000, 10_000, 1_000_000];
/// Losses of each fitted run, and of a forecast.
const POINTS: u64 = 64;

#[derive(Serialize)]
pub struct Cost {
    updates: u64,
    /// Fitting the law to three runs from all starts.
    fit_milliseconds: f64,
    /// The curve of a schedule with its band, the sums of its rates included: the median.
    curve_milliseconds: f64,
    curves_per_second: f64,
    /// Finding the shape that is expected to end lowest.
    best_shape_milliseconds: f64,
}

/// Measures on `threads` threads.
///
/// # Errors
/// When the law cannot be fitted, or the system gives no threads.
pub fn run(threads: usize, pace: Pace, mut progress: impl FnMut(&str)) -> Result<Vec<Cost>> {
    let pool = crate::train::pool(Some(threads))?;
    let mut costs = Vec::new();
    for updates in UPDATES {
        progress(&format!("forecasts of {updates} updates"));
        costs.push(pool.install(|| cost(updates, pace))?);
    }
    Ok(costs)
}

fn cost(updates: u64, pace: Pace) -> Result<Cost> {
    // Sums of rates as of a run of 2,800 updates, whatever the length.
    let peak = 0.08 * 2800.0 / updates as f64;
    let law = Law { l0: 1.9, a: 3.2, alpha: 0.45, b: 4.0 * 0.08 / peak, c: 9.0, beta: 0.55, gamma: 0.35 };
    let share = |update: u64| update as f64 / updates as f64;
    let cosine = |update: u64| 0.5 * peak * (1.0 + (std::f64::consts::PI * share(update)).cos());
    let courses = [
        ("constant", Course::new(updates, |_| peak)),
        ("cosine", Course::new(updates, cosine)),
        ("step", Course::new(updates, |update| if share(update) < 0.6 { peak } else { 0.1 * peak })),
    ];
    let places: Vec<u64> = (1..=POINTS).map(|at| updates * at / POINTS).collect();
    let measured = courses.map(|(name, course)| Measured {
        name: name.to_owned(),
        updates: places.clone(),
        seeds: vec![law.losses(&course, &places)],
        course,
    });
    let start = Instant::now();
    let fit = fit(&measured)?;
    let fit_milliseconds = milliseconds(start.elapsed());
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < pace.round || times.len() < pace.rounds {
        let start = Instant::now();
        let course = Course::new(updates, cosine);
        std::hint::black_box(fit.forecast(&course, places.clone()));
        times.push(milliseconds(start.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    let curve_milliseconds = times[times.len() / 2];
    let like = Schedule::from(Kind::Constant(Constant { peak }));
    let curve = like.resolve(Clock { updates, updates_per_epoch: updates })?;
    let start = Instant::now();
    std::hint::black_box(best_shape(&fit, &like, &Course::new(updates, |update| curve.at(update))));
    let best_shape_milliseconds = milliseconds(start.elapsed());
    let curves_per_second = 1e3 / curve_milliseconds;
    Ok(Cost { updates, fit_milliseconds, curve_milliseconds, curves_per_second, best_shape_milliseconds })
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

/// The table for people.
pub fn table(costs: &[Cost]) -> String {
    let head =
        format!("{:>9}{:>13}{:>13}{:>12}{:>14}\n", "updates", "fit", "curve", "curves / s", "best shape");
    costs.iter().fold(head, |table, cost| {
        table
            + &format!(
                "{:>9}{:>10.0} ms{:>10.3} ms{:>12.0}{:>11.0} ms\n",
                cost.updates,
                cost.fit_milliseconds,
                cost.curve_milliseconds,
                cost.curves_per_second,
                cost.best_shape_milliseconds
            )
    })
}
