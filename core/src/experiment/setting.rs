//! What the runs of an experiment share, and how their numbers and schedules are checked against it.

use super::Data;
use super::error::FileError;
use super::group::Named;
use super::node::Node;
use super::optimizer::NumberInfo;
use super::read_schedule::schedule;
use crate::schedule::{Clock, Curve, Schedule, Span};

/// What the runs of an experiment share.
pub(super) struct Setting<'a> {
    pub data: &'a Data,
    /// The model's parameters.
    pub parameters: &'a [Named],
    pub updates: Span,
}

impl Setting<'_> {
    /// Clocks the run might have: how many updates its epochs have is known when the data are.
    pub(super) fn clocks(&self) -> impl Iterator<Item = Clock> {
        [100, 1, 10_000].into_iter().map(|updates_per_epoch| {
            let clock = Clock { updates: 1, updates_per_epoch };
            Clock { updates: self.updates.whole_updates(clock), ..clock }
        })
    }
}

/// The schedule in this table. It is refused only where it fails on every clock.
pub(super) fn tried(
    node: &Node,
    setting: &Setting,
    fits: impl Fn(&Curve, u64) -> Result<(), FileError>,
) -> Result<Schedule, FileError> {
    let schedule = schedule(node)?;
    let mut first = None;
    for clock in setting.clocks() {
        let tried = schedule.resolve(clock).map_err(|error| node.schedule_error(error));
        match tried.and_then(|curve| fits(&curve, clock.updates)) {
            Ok(()) => return Ok(schedule),
            Err(error) => first = first.or(Some(error)),
        }
    }
    first.map_or(Ok(schedule), Err)
}

/// A number within the bounds of an optimizer's.
pub(super) fn fixed(node: &Node, info: &NumberInfo) -> Result<f64, FileError> {
    let value = if info.open { node.number(info.min..info.max) } else { node.number(info.min..=info.max) }?;
    if info.allows(value) { Ok(value) } else { Err(node.error(format!("a number that is {}", info.range()))) }
}
