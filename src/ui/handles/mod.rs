//! Handles on a schedule's curve: where they are, and what dragging one changes.
//!
//! Pure functions; the rate plot makes widgets of them.

mod drag;
mod pencil;
mod place;
#[cfg(test)]
mod tests;

pub use drag::{add_point, drag, remove_point};
pub use pencil::{Fitness, fitted};
pub use place::handles;

use crate::schedule::{Clock, Curve, Joins, Schedule};

/// How often a formula is looked at to find its top.
const LOOKS: f64 = 500.0;

/// The body's first update.
fn start(schedule: &Schedule, clock: Clock) -> f64 {
    let leads = schedule.warmup.as_ref().filter(|warmup| warmup.joins == Joins::Before);
    leads.map_or(0.0, |warmup| warmup.over.updates(clock))
}

/// The update at which the warmup ends.
fn warmup_end(schedule: &Schedule, clock: Clock) -> f64 {
    schedule.warmup.as_ref().map_or(0.0, |warmup| warmup.over.updates(clock))
}

/// The update at which the body's last stretch ends: where the cooldown begins, if there is one.
fn end(schedule: &Schedule, clock: Clock) -> f64 {
    let cooldown = schedule.cooldown.as_ref().map_or(0.0, |cooldown| cooldown.over.updates(clock));
    (clock.updates as f64 - cooldown).max(start(schedule, clock))
}

/// Where a curve is highest between two updates, as far as some hundred looks tell.
fn top(curve: &Curve, from: f64, to: f64) -> (f64, f64) {
    let step = ((to - from) / LOOKS).max(1.0);
    let count = ((to - from) / step).max(0.0) as u64;
    let places = (0..=count).map(|index| (from + index as f64 * step).round()).filter(|at| *at < to.max(1.0));
    let values = places.map(|at| (at, curve.at(at as u64)));
    values.fold((from, 0.0), |best, found| if found.1 > best.1 { found } else { best })
}

/// Which part of a schedule a handle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandleId {
    Peak,
    Floor,
    /// The first value of a line or a cycle that does not start at its peak.
    Start,
    /// The last value of a line, a cycle or an exponential.
    End,
    WarmupFrom,
    WarmupEnd,
    CooldownStart,
    CooldownEnd,
    /// The first drop of a step schedule.
    Every,
    /// The level after the first drop.
    Drop,
    Milestone(usize),
    /// The end of the first cycle.
    Cycle,
    /// The second cycle's peak.
    NextPeak,
    /// The end of the second cycle.
    Growth,
    /// The middle of a polynomial.
    Bend,
    Timescale,
    DecayStart,
    Point(usize),
    /// The end of a part of a sequence.
    Part(usize),
}

/// A place on the rate plot that can be dragged.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    pub id: HandleId,
    /// What it sets, for people.
    pub name: String,
    /// Where it is.
    pub update: f64,
    pub rate: f64,
    /// Whether a drag along each axis changes anything.
    pub moves_update: bool,
    pub moves_rate: bool,
    /// What it is set to, in the schedule's own terms.
    pub value: String,
}
