//! A schedule resolved against a run: the value used by any update, in closed form.

use std::sync::OnceLock;

use super::landmark::{Landmark, LandmarkKind, Marks, Stage};
use super::node::Node;

/// The most landmarks a curve names.
const MAX_LANDMARKS: usize = 1000;
/// The most cycle ends a curve names: 8 MB of them.
const MAX_CYCLE_ENDS: usize = 1_000_000;
/// The most updates that are looked at to find the range.
const RANGE_SAMPLES: u64 = 1 << 16;

/// A schedule with every length known: a pure function of the update's index.
#[derive(Clone, Debug)]
pub struct Curve {
    root: Node,
    /// The run's updates.
    updates: u64,
    /// Found when first asked for.
    range: OnceLock<(f64, f64)>,
}

impl Curve {
    pub(super) fn new(root: Node, updates: u64) -> Self {
        Self { root, updates, range: OnceLock::new() }
    }

    /// The value used by update `update`, counted from 0. It is finite and not negative for any
    /// update, also long after the run.
    pub fn at(&self, update: u64) -> f64 {
        self.root.at(update)
    }

    /// The lowest and the highest value the run's updates use. Of a run of more than 65,536 updates
    /// as many are looked at, and those around the landmarks.
    pub fn range(&self) -> (f64, f64) {
        *self.range.get_or_init(|| {
            let step = self.updates.div_ceil(RANGE_SAMPLES).max(1);
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            let last = self.updates.saturating_sub(1);
            let regular = (0..self.updates).step_by(step);
            let near = self.landmarks().into_iter().flat_map(|landmark| {
                let update = landmark.update;
                [update.saturating_sub(1), update, update.saturating_add(1).min(last)]
            });
            regular
                .chain(near)
                .chain([last])
                .map(|update| self.at(update))
                .fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)))
        })
    }

    /// The momentum (or beta1) that goes with the rate of this update: `high` where the rate is low,
    /// `low` where it is high, as PyTorch cycles momentum.
    ///
    /// One-cycle and cyclic schedules, also as a part of a sequence, are followed phase by phase with
    /// the arithmetic of `OneCycleLR` and `CyclicLR`. Of any other kind it is
    /// `high - (high - low)·(rate - floor)/(peak - floor)` over the curve's own [range](Self::range),
    /// and `low` when the rate never changes, since it is then always at its peak.
    pub fn mirror(&self, update: u64, low: f64, high: f64) -> f64 {
        let momentum = self.root.mirror(update, low, high).unwrap_or_else(|| {
            let (floor, peak) = self.range();
            if peak > floor {
                high - (high - low) * ((self.at(update) - floor) / (peak - floor))
            } else {
                low
            }
        });
        momentum.max(low).min(high)
    }

    /// The updates at which something happens, in order; the first thousand where there are more.
    pub fn landmarks(&self) -> Vec<Landmark> {
        let mut marks = Marks::new(MAX_LANDMARKS, |_| true);
        self.root.mark(Stage::run(self.updates), &mut marks);
        marks.in_order()
    }

    /// The updates after which a cycle of `cosine_restarts`, `cyclic` or `one_cycle`, or a part of a
    /// sequence, ends, in order; the last of the run's `total_updates` is always among them.
    /// A curve of more than a million cycles names the first million.
    pub fn cycle_ends(&self, total_updates: u64) -> Vec<u64> {
        let mut marks = Marks::new(MAX_CYCLE_ENDS, LandmarkKind::ends_cycle);
        self.root.mark(Stage::run(total_updates), &mut marks);
        let mut ends: Vec<u64> = marks
            .in_order()
            .into_iter()
            .filter_map(|landmark| landmark.update.checked_sub(1))
            .chain(total_updates.checked_sub(1))
            .collect();
        ends.dedup();
        ends
    }
}
