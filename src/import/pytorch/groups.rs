//! The rates of an optimizer's groups of parameters, each under the schedulers of the text.

use super::super::groups::Found;
use super::super::python::{Call, Expr, Program};
use super::super::{ImportError, Imported, Options};
use crate::experiment::GroupRate;
use crate::schedule::{Clock, Schedule, Span};

/// The most groups that a sentence lists.
const LISTED: usize = 6;

/// The group whose rate the run is to have, by its place, with its rate.
pub(super) fn chosen(
    found: &Found,
    options: &Options,
    imported: &mut Imported,
) -> Result<Option<(usize, f64)>, ImportError> {
    if found.taken.is_empty() {
        return Ok(None);
    }
    let listed = || {
        let groups = found.taken.iter().take(LISTED).map(|taken| format!("{}: {}", taken.name, taken.rate));
        let more = if found.taken.len() > LISTED { ", ..." } else { "" };
        groups.collect::<Vec<_>>().join(", ") + more
    };
    let rate = |at: usize| found.taken.get(at).map_or(0.0, |taken| taken.rate);
    if let Some(wanted) = &options.group {
        let by_name = found.taken.iter().position(|taken| taken.name == *wanted);
        let by_place = wanted.parse().ok().filter(|at| *at < found.taken.len());
        let at = by_name.or(by_place).ok_or_else(|| {
            let names: Vec<&str> = found.taken.iter().map(|taken| taken.name.as_str()).collect();
            ImportError::missing("--group", format!("one of {}, or its number from 0", names.join(", ")))
        })?;
        imported.note(format!(
            "the optimizer has {} groups of parameters ({}); this is group {at} alone",
            found.taken.len(),
            listed()
        ));
        return Ok(Some((at, rate(at))));
    }
    let main = found.plan.main;
    let differs = found.taken.iter().any(|taken| Some(taken.rate) != found.taken.first().map(|it| it.rate));
    if differs {
        imported.note(format!(
            "the optimizer has {} groups of parameters ({}); the run's own rate is that of group {main} (--group takes \
             one alone)",
            found.taken.len(),
            listed()
        ));
    }
    Ok(Some((main, found.plan.rate.unwrap_or_else(|| rate(main)))))
}

/// Whether a scheduler is given a number for each group.
pub(super) fn are_listed(program: &Program, calls: &[&Call], count: usize) -> bool {
    calls.iter().any(|call| {
        let values = call.arguments.iter().skip(1).chain(call.named.iter().map(|(_, value)| value));
        let mut resolved = values.map(|value| program.resolve_at(value, call.line));
        resolved.any(|value| matches!(value, Expr::List(items) if items.len() == count))
    })
}

/// The highest rate of a schedule.
pub(super) fn highest(lr: &Schedule, length: Option<Span>) -> Option<f64> {
    Some(lr.resolve(clock(length)).ok()?.range().1)
}

fn clock(length: Option<Span>) -> Clock {
    let updates = match length {
        Some(Span::Updates(updates)) => updates,
        Some(Span::Epochs(epochs)) => epochs * 100.0,
        _ => 1000.0,
    };
    Clock { updates: updates.clamp(1.0, 1e9) as u64, updates_per_epoch: 100 }
}

/// What a group's schedule is to the run's: a factor where it is one all along.
pub(super) fn related(run: &Schedule, own: Schedule, length: Option<Span>) -> GroupRate {
    let clock = clock(length);
    let factor = || {
        let (run, own) = (run.resolve(clock).ok()?, own.resolve(clock).ok()?);
        let at = |part: u64| (clock.updates - 1) / 200 * part + part.min((clock.updates - 1) % 200);
        let places: Vec<u64> = (0..=200).map(at).chain([clock.updates - 1]).collect();
        let (top, peak) = places
            .iter()
            .map(|at| (run.at(*at), own.at(*at)))
            .fold((0.0_f64, 0.0_f64), |most, it| if it.0 > most.0 { it } else { most });
        let factor = if top > 0.0 { peak / top } else { return None };
        let is_same = |at: &u64| (own.at(*at) - factor * run.at(*at)).abs() <= 1e-9 * peak.max(top);
        places.iter().all(is_same).then(|| nice(factor))
    };
    match factor() {
        Some(factor) => GroupRate::Factor(factor),
        None => GroupRate::Schedule(Box::new(own)),
    }
}

/// The number as people write it, where it is one but for rounding.
fn nice(value: f64) -> f64 {
    let rounded = (value * 1e9).round() / 1e9;
    if (rounded - value).abs() <= 1e-12 * value.abs() { rounded } else { value }
}
