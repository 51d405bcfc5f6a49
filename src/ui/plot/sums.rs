//! What the chosen axis below the plots asks for: the sums of the runs' rates, where it counts those.

use std::sync::Arc;

use crate::telemetry::Bucket;
use crate::train::ids::RunId;
use crate::ui::studio::Studio;

use super::along::{Along, Sum, Sums};
use super::x_axis::XAxis;

/// Looks at a planned rate, to sum it up.
const LOOKS: u64 = 1000;
/// A rate counts as at least this share of the highest: no two updates stand at one place.
const LEAST: f64 = 1e-9;

/// Where updates stand, from the runs as they are now.
pub fn along(studio: &Studio) -> Along {
    match studio.view.x_axis {
        XAxis::Log => Along::Decades,
        XAxis::Rates => {
            let sum = |run| Some((run, sum(studio, run)?));
            let runs = studio.shown().into_iter().filter_map(|row| sum(row.id)).collect();
            Along::Sums(Arc::new(Sums { lead: Some(studio.view.selected), runs }))
        }
        _ => Along::Evenly,
    }
}

/// A run's rates summed up: what was used as far as it has come, and what is planned from there.
fn sum(studio: &Studio, run: RunId) -> Option<Sum> {
    let mut sum = Sum::default();
    let lane = studio.frame.lane(run);
    let highest = studio.curve(run).map_or(0.0, |curve| curve.range().1);
    let stretch = lane.map_or(1.0, |lane| lane.stretch);
    for bucket in lane.iter().flat_map(|lane| &lane.used) {
        let Bucket { last_update, mean, .. } = *bucket;
        let rate = if mean.is_finite() { mean } else { 0.0 };
        sum.add((last_update + 1) as f64 * stretch, rate.max(LEAST * highest.max(rate)));
    }
    let updates = studio.clock().updates;
    if studio.curve(run).is_some() {
        let mut update = sum.updates() as u64;
        let step = (updates.saturating_sub(update) / LOOKS).max(1);
        while update < updates {
            let rate = studio.rate(run, update).unwrap_or_default();
            sum.add((update + step).min(updates) as f64, rate.max(LEAST * highest));
            update += step;
        }
    }
    (sum.end() > 0.0).then_some(sum)
}
