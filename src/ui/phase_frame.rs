//! What runs know of the phases of the data, as the interface shows it.

use std::sync::Arc;

use crate::engine::LaneView;
use crate::telemetry::{Bucket, Column, GroupColumn, Series, phase_of};

/// What a lane knows of one phase.
#[derive(Clone, Debug)]
pub struct PhaseFrame {
    pub name: Arc<str>,
    /// The newest score on its held-out samples.
    pub loss: Option<f64>,
    pub accuracy: Option<f64>,
    /// The greatest accuracy so far.
    pub best: Option<f64>,
    /// The curve of it that goes with the quantity on screen, if one does.
    pub curve: Vec<Bucket>,
}

/// What a lane knows of the phases; `view` makes curves of the updates on screen.
pub fn of_lane(
    lane: &LaneView,
    quantity: Option<Column>,
    view: impl Fn(&Series) -> Vec<Bucket>,
) -> Vec<PhaseFrame> {
    let store = &lane.store;
    let drawn = match quantity {
        Some(Column::ValAccuracy) => Some(GroupColumn::ValAccuracy),
        Some(Column::ValLoss) => Some(GroupColumn::ValLoss),
        _ => None,
    };
    let phase = |column_name: &Arc<str>| {
        let name = phase_of(column_name)?;
        let series = |column| store.group(column_name, column);
        let newest = |column| Some(series(column)?.at(lane.update.saturating_sub(1))?.value);
        let best = series(GroupColumn::ValAccuracy).and_then(|series| series.finite_bounds(0..=u64::MAX));
        Some(PhaseFrame {
            name: name.into(),
            loss: newest(GroupColumn::ValLoss),
            accuracy: newest(GroupColumn::ValAccuracy),
            best: best.map(|(_, greatest)| greatest),
            curve: drawn.and_then(series).map(&view).unwrap_or_default(),
        })
    };
    store.groups().filter_map(phase).collect()
}
