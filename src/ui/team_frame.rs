//! How the members of a team stand, as the interface shows it.

use std::sync::Arc;

use crate::engine::LaneView;
use crate::telemetry::{Bucket, Column, GroupColumn, Store, is_member};

/// Columns of a map of losses.
pub const COLUMNS: usize = 120;

/// The clients or workers that train a lane.
#[derive(Clone, Debug)]
pub struct TeamFrame {
    /// The first members, each with its losses.
    pub members: Vec<MemberFrame>,
    /// Updates that a column of losses stands for.
    pub width: f64,
    /// The newest of what is measured of all of them.
    pub spread: Option<f64>,
    pub drift: Option<f64>,
    pub cosine: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct MemberFrame {
    pub name: String,
    /// The mean loss in each of [`COLUMNS`]; nothing where it had no part.
    pub losses: Vec<Option<f64>>,
    /// The newest distance between two averages.
    pub way: Option<f64>,
}

/// The team of a lane; nothing where it trains alone.
pub fn of_lane(lane: &LaneView) -> Option<TeamFrame> {
    let store = &lane.store;
    let names: Vec<&Arc<str>> = store.groups().filter(|name| is_member(name)).collect();
    if names.is_empty() {
        return None;
    }
    let width = (lane.update as f64 / COLUMNS as f64).max(1.0);
    let newest = |column| Some(store.series(column).at(lane.update.saturating_sub(1))?.value);
    let member = |name: &&Arc<str>| MemberFrame {
        name: name.replace(':', " "),
        losses: losses(store, name, (lane.update, width)),
        way: store.group(name, GroupColumn::Way).and_then(|way| Some(way.at(lane.update)?.value)),
    };
    Some(TeamFrame {
        members: names.iter().map(member).collect(),
        width,
        spread: newest(Column::LossSpread),
        drift: newest(Column::MemberDrift),
        cosine: newest(Column::MemberCosine),
    })
}

fn losses(store: &Store, name: &str, (updates, width): (u64, f64)) -> Vec<Option<f64>> {
    let mut buckets: Vec<Bucket> = Vec::new();
    if let Some(series) = store.group(name, GroupColumn::TrainLoss) {
        series.view(0..=updates, 2 * COLUMNS, &mut buckets);
    }
    let mut sums = [(0.0, 0.0); COLUMNS];
    for bucket in buckets.iter().filter(|bucket| bucket.mean.is_finite()) {
        let at = |update: u64| ((update as f64 / width) as usize).min(COLUMNS - 1);
        for (sum, count) in &mut sums[at(bucket.first_update)..=at(bucket.last_update)] {
            (*sum, *count) = (*sum + bucket.mean, *count + 1.0);
        }
    }
    sums.map(|(sum, count)| (count > 0.0).then(|| sum / count)).to_vec()
}
