//! How far a schedule is from a log, and numbers rounded where that costs nothing.

use super::{EXACT, Fit, Sample};
use crate::numbers::round_to;
use crate::schedule::kind::{Role, Value};
use crate::schedule::{Clock, Kind, Schedule, Span};

/// The clock of a log: it says nothing of epochs.
fn clock(total: u64) -> Clock {
    Clock { updates: total.max(1), updates_per_epoch: total.max(1) }
}

/// `None` where the schedule cannot be.
pub fn deviation(schedule: &Schedule, samples: &[Sample], total: u64, top: f64) -> Option<Fit> {
    let curve = schedule.resolve(clock(total)).ok()?;
    let mut fit = Fit { kind: schedule.kind.name(), max: 0.0, at: 0, rms: 0.0, rows: samples.len() };
    let mut squares = 0.0;
    for sample in samples {
        let off = (curve.at(sample.update) - sample.rate).abs() / top;
        squares += off * off;
        if off > fit.max {
            (fit.max, fit.at) = (off, sample.update);
        }
    }
    fit.rms = (squares / samples.len().max(1) as f64).sqrt();
    fit.rms.is_finite().then_some(fit)
}

/// The schedule's curve over a stretch, for the samples in it.
pub fn curve_of(kind: Kind, samples: &[Sample], total: u64) -> Option<Vec<f64>> {
    let curve = Schedule::from(kind).resolve(clock(total)).ok()?;
    Some(samples.iter().map(|sample| curve.at(sample.update)).collect())
}

/// The same schedule with numbers of few digits, as long as it fits as well.
pub fn tidied(schedule: Schedule, samples: &[Sample], total: u64, top: f64) -> Schedule {
    let mut schedule = rounded(schedule, samples, total, top);
    let Some(before) = deviation(&schedule, samples, total, top) else { return schedule };
    let allowed = before.rms * 1.001 + EXACT;
    let fits =
        |schedule: &Schedule| deviation(schedule, samples, total, top).is_some_and(|fit| fit.rms <= allowed);
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        let Some(Value::Number(number)) = schedule.kind.get(field.name) else { continue };
        // A floor of next to nothing is none.
        let zero = matches!(field.role, Role::Rate).then_some(0.0);
        for rounded in zero.into_iter().chain((1..=12).map(|digits| round_to(number, digits))) {
            let mut tried = schedule.clone();
            if tried.kind.set(field.name, Value::Number(rounded)) && fits(&tried) {
                schedule = tried;
                break;
            }
        }
    }
    if let Some(warmup) = schedule.warmup.clone() {
        for from in [0.0].into_iter().chain((1..=12).map(|digits| round_to(warmup.from, digits))) {
            let tried = crate::schedule::Warmup { from, ..warmup.clone() };
            let tried = Schedule { warmup: Some(tried), ..schedule.clone() };
            if fits(&tried) {
                schedule = tried;
                break;
            }
        }
    }
    // A length of the whole run goes without saying.
    if let Some(Value::Span(Some(Span::Updates(_)))) = schedule.kind.get("over") {
        let mut tried = schedule.clone();
        if tried.kind.set("over", Value::Span(None)) && fits(&tried) {
            schedule = tried;
        }
    }
    schedule
}

/// All numbers with as few digits, where that fits better: what was searched for is a little off in all of
/// them together.
fn rounded(schedule: Schedule, samples: &[Sample], total: u64, top: f64) -> Schedule {
    let Some(before) = deviation(&schedule, samples, total, top) else { return schedule };
    let with = |digits: usize| {
        let mut tried = schedule.clone();
        for field in Kind::fields(tried.kind.name()).unwrap_or_default() {
            if let Some(Value::Number(number)) = tried.kind.get(field.name) {
                let is_none = matches!(field.role, Role::Rate) && number < 1e-6 * top;
                let number = if is_none { 0.0 } else { round_to(number, digits) };
                tried.kind.set(field.name, Value::Number(number));
            }
        }
        if let Some(warmup) = &mut tried.warmup {
            warmup.from = round_to(warmup.from, digits);
        }
        tried
    };
    let fits = |tried: &Schedule| {
        deviation(tried, samples, total, top)
            .is_some_and(|fit| fit.rms <= before.rms && fit.max <= before.max)
    };
    (1..=6).map(with).find(fits).unwrap_or(schedule)
}
