//! A schedule of ours with another future: its past stays what it was, to the bit.

use crate::schedule::kind::{Interpolation, Kind, Listed, Part, Points, Product, Sequence, Table};
use crate::schedule::{Clock, Curve, Schedule, Span};

use super::change::Future;
use super::refused::Refused;

/// The longest past or future that is written down rate by rate.
const LISTED: u64 = 1_000_000;
/// The longest past that two curves are compared at rate by rate, so that nobody waits for an answer.
const COMPARED: u64 = 200_000;

/// The schedule that is `old` before update `from`, and `future` from there on.
///
/// # Errors
/// When the future is none that a schedule can be, or the past can only be kept as a list that is too long.
pub fn splice(old: &Schedule, clock: Clock, from: u64, future: &Future) -> Result<Schedule, Refused> {
    let refused = |error: &dyn std::fmt::Display| Refused::Unreadable(format!("schedule: {error}"));
    let before = old.resolve(clock).map_err(|error| refused(&error))?;
    let keeps = |new: &Schedule| {
        let after = new.resolve(clock).ok();
        after.is_some_and(|after| {
            compared(&before, &after, from).all(|at| before.at(at).to_bits() == after.at(at).to_bits())
        })
    };
    let new = match future {
        Future::Factor(factor) => {
            let candidates = [scaled(old, from, *factor), Some(times(old, from, *factor))];
            return candidates
                .into_iter()
                .flatten()
                .find(keeps)
                .ok_or_else(|| refused(&"its past cannot be kept under a factor"));
        }
        Future::Release => {
            let why =
                "there is no scheduler to release it to: undo the change in the studio, or send a schedule";
            return Err(Refused::Conflict(why.to_owned()));
        }
        Future::Rates(rates) => listed(rates.clone()),
        Future::Points(points) => Schedule::from(Kind::Points(Points {
            points: points.iter().map(|(at, rate)| (updates(at.saturating_sub(from)), *rate)).collect(),
            interpolation: Interpolation::Linear,
        })),
        Future::Schedule { schedule, absolute: false } => (**schedule).clone(),
        Future::Schedule { schedule, absolute: true } => {
            let curve = schedule.resolve(clock).map_err(|error| refused(&error))?;
            list(&curve, from, clock.updates)?
        }
    };
    if from == 0 {
        new.resolve(clock).map_err(|error| refused(&error))?;
        return Ok(new);
    }
    // In terms that people read where the past stays the same in them, and otherwise as a list of rates.
    let candidates = [cut(old, from, &new), Some(after(old.clone(), from, new.clone()))];
    let found = match candidates.into_iter().flatten().find(keeps) {
        Some(found) => found,
        None => after(list(&before, 0, from)?, from, new),
    };
    found.resolve(clock).map_err(|error| refused(&error))?;
    Ok(found)
}

/// The updates before `from` at which two curves are compared: all of a short past; of a long one as many, and those
/// around each place where something happens on either curve.
fn compared(before: &Curve, after: &Curve, from: u64) -> impl Iterator<Item = u64> {
    let stride = (from / COMPARED).max(1);
    let marks = before.landmarks().into_iter().chain(after.landmarks()).map(|mark| mark.update);
    let around = marks.filter(move |_| stride > 1).chain([from]).flat_map(|at| at.saturating_sub(2)..at + 2);
    let regular = (0..from).step_by(usize::try_from(stride).unwrap_or(usize::MAX));
    regular.chain(around.filter(move |at| *at < from))
}

fn updates(at: u64) -> Span {
    Span::Updates(at as f64)
}

fn listed(values: Vec<f64>) -> Schedule {
    Schedule::from(Kind::Listed(Listed { values: Table { values, file: None } }))
}

/// The rates of a curve one by one.
fn list(curve: &Curve, from: u64, to: u64) -> Result<Schedule, Refused> {
    let length = to.saturating_sub(from).max(1);
    if length > LISTED {
        let why = format!("{length} rates would have to be listed, and at most {LISTED} are");
        return Err(Refused::Conflict(why));
    }
    Ok(listed((from..from + length).map(|update| curve.at(update)).collect()))
}

/// One after the other.
fn after(old: Schedule, from: u64, new: Schedule) -> Schedule {
    let parts = vec![Part::new(Some(updates(from)), old), Part::new(None, new)];
    Schedule::from(Kind::Sequence(Sequence { parts }))
}

fn is_plain(schedule: &Schedule) -> bool {
    *schedule == Schedule::from(schedule.kind.clone())
}

/// A sequence up to an update, and then something else: changes one after the other do not nest.
fn cut(old: &Schedule, from: u64, new: &Schedule) -> Option<Schedule> {
    let Kind::Sequence(sequence) = &old.kind else { return None };
    if !is_plain(old) {
        return None;
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut begun = 0;
    for part in &sequence.parts {
        let length = match part.length {
            Some(Span::Updates(length)) if length.fract() == 0.0 && length > 0.0 => Some(length as u64),
            Some(_) => return None,
            None => None,
        };
        let rest = from - begun;
        let own = length.map_or(rest, |length| length.min(rest));
        parts.push(Part::new(Some(updates(own)), part.schedule.clone()));
        begun += own;
        if begun == from {
            break;
        }
    }
    parts.push(Part::new(None, new.clone()));
    Some(Schedule::from(Kind::Sequence(Sequence { parts })))
}

/// The product with a step from 1 to the factor.
fn times(old: &Schedule, from: u64, factor: f64) -> Schedule {
    let mut of = vec![old.clone()];
    let points = match from {
        0 => vec![(updates(0), factor)],
        _ => vec![(updates(0), 1.0), (updates(from), factor)],
    };
    of.push(Schedule::from(Kind::Points(Points { points, interpolation: Interpolation::Step })));
    Schedule::from(Kind::Product(Product { of }))
}

/// The same where the schedule is such a product already: factors one after the other do not nest.
fn scaled(old: &Schedule, from: u64, factor: f64) -> Option<Schedule> {
    let Kind::Product(product) = &old.kind else { return None };
    let (last, others) = product.of.split_last()?;
    let Kind::Points(steps) = &last.kind else { return None };
    if !is_plain(old) || !is_plain(last) || steps.interpolation != Interpolation::Step {
        return None;
    }
    let mut points: Vec<(u64, f64)> = Vec::new();
    for (at, value) in &steps.points {
        let Span::Updates(at) = at else { return None };
        points.push((*at as u64, *value));
    }
    let held = points.iter().rfind(|(at, _)| *at <= from).map_or(1.0, |(_, value)| *value);
    points.iter_mut().filter(|(at, _)| *at > from).for_each(|(_, value)| *value *= factor);
    points.retain(|(at, _)| *at != from);
    points.push((from, held * factor));
    points.sort_by_key(|(at, _)| *at);
    let points = points.into_iter().map(|(at, value)| (updates(at), value)).collect();
    let last = Schedule::from(Kind::Points(Points { points, interpolation: Interpolation::Step }));
    let of = others.iter().cloned().chain([last]).collect();
    Some(Schedule::from(Kind::Product(Product { of })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::schedule_of;

    const CLOCK: Clock = Clock { updates: 1000, updates_per_epoch: 25 };
    const OLD: [&str; 6] = [
        "kind = \"cosine\"\npeak = 0.1\nwarmup = { over = \"5%\" }",
        "kind = \"wsd\"\npeak = 0.1\ndecay = \"20%\"",
        "kind = \"constant\"\npeak = 0.1\ncooldown = { over = \"10%\" }\ntick = \"epoch\"",
        "kind = \"cosine_restarts\"\npeak = 0.3\nfirst = \"70\"\nmult = 2",
        "kind = \"sequence\"\nparts = [{ for = \"400\", kind = \"linear\", peak = 0.1 }, { kind = \"cosine\", peak = 1.0 }]",
        "kind = \"table\"\nvalues = [0.3, 0.2, 0.1]",
    ];

    fn rates(schedule: &Schedule) -> Vec<f64> {
        let curve = schedule.resolve(CLOCK).expect("it resolves");
        (0..CLOCK.updates).map(|update| curve.at(update)).collect()
    }

    #[test]
    fn the_past_of_every_schedule_stays_to_the_bit_and_the_future_is_the_new_one() {
        let futures = [
            Future::Factor(0.5),
            Future::Points(vec![(600, 0.2), (900, 0.0)]),
            Future::Rates(vec![0.5, 0.25]),
            Future::Schedule { schedule: Box::new(schedule_of(OLD[0]).expect("one")), absolute: false },
            Future::Schedule { schedule: Box::new(schedule_of(OLD[1]).expect("one")), absolute: true },
        ];
        for old in OLD {
            let old = schedule_of(old).expect("a schedule");
            let before = rates(&old);
            for (from, future) in [1, 49, 50, 399, 400, 600]
                .into_iter()
                .flat_map(|from| futures.iter().map(move |future| (from, future)))
            {
                let new = splice(&old, CLOCK, from, future).expect("spliced");
                let after = rates(&new);
                let from = from as usize;
                assert_eq!(after[..from], before[..from], "{old:?} {from} {future:?}");
                let right = |at: usize| match future {
                    Future::Factor(factor) => before[at] * factor,
                    Future::Rates(rates) => *rates.get(at - from).unwrap_or(&rates[1]),
                    Future::Points(_) if at <= 600 => 0.2,
                    Future::Points(_) if at >= 900 => 0.0,
                    Future::Schedule { schedule, absolute: true } => rates(schedule)[at],
                    _ => after[at],
                };
                for (at, rate) in after.iter().enumerate().skip(from) {
                    assert!((rate - right(at)).abs() <= 1e-15, "{at}: {rate} is not {}", right(at));
                }
            }
        }
    }

    #[test]
    fn a_long_past_stays_as_well() {
        let clock = Clock { updates: 40_000_000, updates_per_epoch: 25 };
        for old in OLD {
            let old = schedule_of(old).expect("a schedule");
            let before = old.resolve(clock).expect("it resolves");
            for future in [Future::Factor(0.5), Future::Rates(vec![0.5])] {
                let from = 30_000_001;
                let Ok(new) = splice(&old, clock, from, &future) else { continue };
                let after = new.resolve(clock).expect("it resolves");
                let marks = before
                    .landmarks()
                    .into_iter()
                    .flat_map(|mark| [mark.update.saturating_sub(1), mark.update]);
                for at in (0..from).step_by(9973).chain(marks.filter(|at| *at < from)) {
                    assert_eq!(before.at(at).to_bits(), after.at(at).to_bits(), "{old:?} {at}");
                }
            }
        }
    }

    #[test]
    fn many_changes_do_not_nest_ever_deeper() {
        let mut schedule = schedule_of(OLD[0]).expect("a schedule");
        for at in 1..40 {
            schedule = splice(&schedule, CLOCK, 20 * at, &Future::Factor(0.9)).expect("a factor");
        }
        let before = rates(&schedule);
        for at in 1..40 {
            let rates = Future::Rates(vec![0.1 / f64::from(at as u32)]);
            schedule = splice(&schedule, CLOCK, 20 * at, &rates).expect("rates");
        }
        assert_eq!(rates(&schedule)[..20], before[..20]);
        let Kind::Sequence(sequence) = &schedule.kind else { panic!("a sequence, found {schedule:?}") };
        assert_eq!(sequence.parts.len(), 40);
    }

    #[test]
    fn a_release_of_ours_is_refused_with_the_way_out() {
        let old = schedule_of(OLD[0]).expect("a schedule");
        let error = splice(&old, CLOCK, 10, &Future::Release).expect_err("refused");
        assert!(error.to_string().contains("undo"), "{error}");
    }
}
