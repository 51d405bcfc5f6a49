//! The same schedule with another highest rate.

use super::detect::remedy::scale;
use crate::schedule::kind::Value;
use crate::schedule::{Clock, Schedule};

/// How far from the wanted rate the highest one may be, as a share of it.
const NEAR: f64 = 0.01;

/// The schedule with `peak` as its highest rate: where it has a field of that name and the field is its highest
/// rate, only that changes; otherwise all rates are scaled. `None` where neither reaches it, or the schedule
/// cannot be resolved.
pub fn with_peak(schedule: &Schedule, clock: Clock, peak: f64) -> Option<Schedule> {
    let highest = |schedule: &Schedule| schedule.resolve(clock).ok().map(|curve| curve.range().1);
    let reaches =
        |changed: &Schedule| highest(changed).is_some_and(|highest| (highest / peak - 1.0).abs() <= NEAR);
    let mut named = schedule.clone();
    if matches!(named.kind.get("peak"), Some(Value::Number(_))) {
        named.kind.set("peak", Value::Number(peak));
        if reaches(&named) {
            return Some(named);
        }
    }
    let by = peak / highest(schedule).filter(|highest| *highest > 0.0)?;
    let mut scaled = schedule.clone();
    scale(&mut scaled, by);
    reaches(&scaled).then_some(scaled)
}
