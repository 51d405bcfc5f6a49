//! The schedule nearest to a logged rate: every kind is tried with parameters estimated from the log, its
//! rates by least squares, the rest by searching one number after the other.

mod candidates;
mod measure;
mod trace;

use std::fmt;

use self::measure::{deviation, tidied};
use super::ImportError;
use crate::schedule::kind::{Constant, Interpolation, Kind, Listed, Points, Table};
use crate::schedule::{Schedule, Span};

/// A rate that update `update` used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub update: u64,
    pub rate: f64,
}

/// How well a schedule fits a log; deviations are shares of the log's highest rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The kind that was found, by its name in an experiment file.
    pub kind: &'static str,
    /// The largest deviation, and the update where it is.
    pub max: f64,
    pub at: u64,
    /// The root of the mean squared deviation.
    pub rms: f64,
    /// The rows that were compared.
    pub rows: usize,
}

impl Fit {
    /// Whether what it deviates by is rounding.
    pub(super) fn is_exact(&self) -> bool {
        self.max <= EXACT
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| if share < 1e-8 { 0.0 } else { 100.0 * share };
        write!(
            f,
            "the nearest schedule is {}: it deviates by {:.2e} % of the highest rate (root mean square), at most \
             {:.2e} % at update {}",
            self.kind,
            percent(self.rms),
            percent(self.max),
            self.at
        )
    }
}

/// What was found.
pub(super) struct Found {
    pub name: String,
    pub schedule: Schedule,
    pub fit: Fit,
}

/// A kind that deviates by more is not called the schedule any more.
const FITS: f64 = 0.02;
/// Fewer samples are kept as they are.
const FEW: usize = 8;
/// How near control points have to come, and how many there may be.
const TRACED: f64 = 0.002;
const MAX_POINTS: usize = 256;
/// The longest list of rates.
const MAX_TABLE: u64 = 4096;
/// What a further parameter has to improve a fit by, as a factor.
const PARAMETER: f64 = 1.2;
/// Deviations below this are rounding.
const EXACT: f64 = 1e-9;

/// # Errors
/// When there is no sample.
pub(super) fn nearest(samples: &[Sample], total: u64) -> Result<Found, ImportError> {
    let top = samples.iter().map(|sample| sample.rate).fold(0.0, f64::max);
    if samples.is_empty() {
        return Err(ImportError::Log("it has no rows".to_owned()));
    }
    if top == 0.0 {
        return Ok(found(Kind::Constant(Constant { peak: 0.0 }).into(), samples, total, 1.0));
    }
    let best = candidates::all(samples, total, top)
        .into_iter()
        .filter_map(|candidate| {
            let fit = deviation(&candidate.schedule, samples, total, top)?;
            let score = fit.rms.max(EXACT) * PARAMETER.powi(candidate.parameters);
            Some((score, candidate.schedule, fit))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0));
    // Through few points almost any kind fits: only a constant is believed.
    let few = samples.len() < FEW && samples.iter().any(|sample| sample.rate != top);
    match best {
        Some((_, schedule, fit)) if fit.max <= FITS && !few => {
            Ok(found(tidied(schedule, samples, total, top), samples, total, top))
        }
        _ => Ok(found(drawn(samples, total, top), samples, total, top)),
    }
}

/// Control points along the samples.
pub(super) fn traced(samples: &[Sample], total: u64) -> Found {
    let top = samples.iter().map(|sample| sample.rate).fold(f64::MIN_POSITIVE, f64::max);
    found(points(samples, top), samples, total, top)
}

/// The rates themselves, one of each update.
pub(super) fn listed(samples: &[Sample], total: u64) -> Found {
    let top = samples.iter().map(|sample| sample.rate).fold(f64::MIN_POSITIVE, f64::max);
    let values = samples.iter().map(|sample| sample.rate).collect();
    found(Kind::Listed(Listed { values: Table { values, file: None } }).into(), samples, total, top)
}

fn found(schedule: Schedule, samples: &[Sample], total: u64, top: f64) -> Found {
    let kind = schedule.kind.name();
    let nothing = Fit { kind, max: 0.0, at: 0, rms: 0.0, rows: samples.len() };
    let fit = deviation(&schedule, samples, total, top).unwrap_or(nothing);
    let warm = if schedule.warmup.is_some() { "warmup + " } else { "" };
    Found { name: format!("{warm}{kind} from a log"), schedule, fit }
}

/// Control points along the samples; few samples are all of them.
fn points(samples: &[Sample], top: f64) -> Schedule {
    let tolerance = if samples.len() < FEW { 0.0 } else { TRACED * top };
    let points = trace::points(samples, tolerance, MAX_POINTS);
    Kind::Points(Points {
        points: points.iter().map(|it| (Span::Updates(it.update as f64), it.rate)).collect(),
        interpolation: Interpolation::Linear,
    })
    .into()
}

/// A curve that no kind has: control points, or where they are too many the rates themselves.
fn drawn(samples: &[Sample], total: u64, top: f64) -> Schedule {
    let points = points(samples, top);
    let is_whole = samples.len() as u64 == total && total <= MAX_TABLE;
    let near = deviation(&points, samples, total, top).is_some_and(|fit| fit.max <= 2.0 * TRACED);
    if near || !is_whole {
        return points;
    }
    listed(samples, total).schedule
}
