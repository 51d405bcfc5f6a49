//! Handles on a schedule's curve: where they are, and what dragging one changes.
//!
//! Pure functions; the rate plot makes widgets of them.

mod drag;
mod place;
#[cfg(test)]
mod tests;

pub use drag::{add_point, drag, remove_point};
pub use place::handles;

use crate::schedule::{Clock, Schedule};

/// The body's first update.
fn start(schedule: &Schedule, clock: Clock) -> f64 {
    schedule.warmup.as_ref().map_or(0.0, |warmup| warmup.over.updates(clock))
}

/// The update at which the body's last stretch ends: where the cooldown begins, if there is one.
fn end(schedule: &Schedule, clock: Clock) -> f64 {
    let cooldown = schedule.cooldown.as_ref().map_or(0.0, |cooldown| cooldown.over.updates(clock));
    (clock.updates as f64 - cooldown).max(start(schedule, clock))
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
