//! The curvature along a run: sharpness against its limit, and the critical sharpness of real updates.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::sharpness::{Objective, Sharpness, critical_sharpness, limit};
use crate::train::ids::LaneId;
use crate::train::lane::Lane;
use crate::train::plan::Plan;
use crate::train::task::Task;

/// Looks along a whole run.
const POINTS: u64 = 120;
/// The most training samples of a look: all of a full batch, where that is no more,
const ALL: usize = 512;
/// of smaller batches so many,
const BATCHES: usize = 4;
/// but no fewer than this.
const FEWEST: usize = 64;
/// The relative change below which an estimate is done.
const TOLERANCE: f64 = 1e-3;
/// A critical step is looked for around the last one, unless that was so many times shorter than the rate.
const FARTHEST: f64 = 16.0;
/// The most products of the first estimate, and of those that begin where the last one ended.
const COLD: usize = 60;
const WARM: usize = 5;

/// The curvature of the training loss where a lane was after some updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curvature {
    /// Updates done.
    pub update: u64,
    /// The rate of the next update.
    pub rate: f64,
    /// The largest Hessian eigenvalue.
    pub sharpness: f64,
    /// What plain or heavy-ball gradient descent is stable below: `2/rate`, `2(1+m)/rate` with momentum.
    pub limit: f64,
    /// `2/step` of the smallest step along the next update that raises the loss of its batch, where smaller
    /// ones lower it; `2/rate` is its limit.
    pub critical: Option<f64>,
}

/// Looks at the curvature piece by piece.
pub(super) struct Prober {
    samples: usize,
    stride: u64,
    updates: u64,
    /// Power iterations along the first updates made once more, and along what is trained.
    along: [Sharpness; 2],
    cold: [bool; 2],
    /// A lane to make the next update with.
    ahead: Lane,
    under_way: Option<UnderWay>,
    trail: BTreeMap<u64, Curvature>,
    newest: Option<u64>,
}

/// A look that is not finished.
struct UnderWay {
    found: Curvature,
    parameters: Vec<f32>,
    /// What a rate of one would subtract in the next update, and the samples it is made of.
    ahead: Option<(Vec<f32>, Vec<u32>)>,
    /// Which power iteration it is.
    which: usize,
    products: usize,
}

impl Prober {
    pub fn new(task: &Task, lane: LaneId, plan: &Arc<Plan>) -> Self {
        let whole = task.batch * task.accumulate == task.samples;
        let few = (task.batch * BATCHES).max(FEWEST);
        let width = task.model.width();
        Self {
            samples: if whole { ALL } else { few.min(ALL) }.min(task.samples),
            stride: (task.clock.updates / POINTS).max(1),
            updates: task.clock.updates,
            along: [0, 1].map(|_| Sharpness::new(width, task.seed)),
            cold: [true; 2],
            ahead: Lane::new(lane, Arc::new(Arc::clone(plan).into()), task),
            under_way: None,
            trail: BTreeMap::new(),
            newest: None,
        }
    }

    /// What was seen of the first `done` updates, in order.
    pub fn trail(&self, done: u64) -> Vec<Curvature> {
        self.trail.range(..=done).map(|(_, seen)| *seen).collect()
    }

    /// Takes over what another saw before `update` updates were done.
    pub fn inherit(&mut self, other: &Self, update: u64) {
        self.trail = other.trail.range(..update).map(|(at, seen)| (*at, *seen)).collect();
        self.newest = other.newest.filter(|at| *at < update);
    }

    /// Forgets what was seen after `update` updates or more.
    pub fn forget_from(&mut self, update: u64) {
        self.trail.split_off(&update);
        self.newest = self.newest.filter(|at| *at < update);
        self.under_way = self.under_way.take().filter(|under_way| under_way.found.update < update);
    }

    /// Until where a lane's curvature means something: not after the last update, nor where weights are no numbers.
    fn end(&self, lane: &Lane) -> u64 {
        lane.update.min(self.updates.saturating_sub(1)).min(lane.diverged_at.unwrap_or(u64::MAX))
    }

    /// Whether there is no look near the place on the grid at `update`.
    pub fn wants(&self, update: u64) -> bool {
        let half = self.stride / 2;
        update.is_multiple_of(self.stride)
            && update < self.updates
            && self.trail.range(update.saturating_sub(half)..=update + half).next().is_none()
    }

    /// Whether what is trained now is worth a look.
    pub fn wants_newest(&self, lane: &Lane) -> bool {
        let spacing = (self.stride / 4).max(1);
        let end = self.end(lane);
        end == lane.update && self.newest.is_none_or(|newest| newest.abs_diff(end) >= spacing)
    }

    /// The first place on the grid, not before `from`, that was missed.
    pub fn missed(&self, from: u64, lane: &Lane) -> Option<u64> {
        let first = from.div_ceil(self.stride) * self.stride;
        (first..self.end(lane)).step_by(self.stride as usize).find(|at| self.wants(*at))
    }

    pub fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Begins a look at where a lane is; `trained` when it is what is trained, not made once more.
    pub fn begin(&mut self, task: &Task, lane: &Lane, row: &[f32], trained: bool) {
        let parameters = row[..task.model.width()].to_vec();
        let numbers = lane.numbers_after(0);
        if trained {
            self.newest = Some(lane.update);
        }
        self.under_way = Some(UnderWay {
            found: Curvature {
                update: lane.update,
                rate: numbers.lr,
                sharpness: f64::NAN,
                limit: limit(numbers.lr, numbers.momentum()),
                critical: None,
            },
            ahead: self.look_ahead(task, lane, row),
            parameters,
            which: usize::from(trained),
            products: 0,
        });
    }

    /// Makes the next update aside: what a rate of one would subtract, and the samples it is made of.
    fn look_ahead(&mut self, task: &Task, lane: &Lane, row: &[f32]) -> Option<(Vec<f32>, Vec<u32>)> {
        let rate = lane.numbers_after(0).lr;
        // The row that comes with the state has the buffers already.
        let _ = self.ahead.follow(Arc::new(Arc::clone(&lane.plan).into()));
        self.ahead.restore(&lane.state()).ok()?;
        let mut samples = self.ahead.deal_ahead(task, 0);
        samples.truncate(ALL);
        let mut after = row.to_vec();
        self.ahead.advance(task, &mut after, lane.update + 1);
        let width = task.model.width();
        let step = row[..width].iter().zip(&after[..width]);
        let direction = step.map(|(before, after)| (before - after) / rate as f32);
        (rate > 0.0).then(|| (direction.collect(), samples))
    }

    /// One piece of the look under way.
    pub fn go_on(&mut self, task: &Task) {
        let Some(mut under_way) = self.under_way.take() else { return };
        let UnderWay { found, parameters, which, products, .. } = &mut under_way;
        let mut objective = Objective::new(task, Some(self.samples));
        let most = if self.cold[*which] { COLD } else { WARM };
        let estimate = self.along[*which].estimate(&mut objective, parameters, 0.0, 1);
        let change = ((estimate.sharpness - found.sharpness) / estimate.sharpness).abs();
        found.sharpness = estimate.sharpness;
        *products += 1;
        if estimate.sharpness.is_finite() && (change.is_nan() || change > TOLERANCE) && *products < most {
            self.under_way = Some(under_way);
            return;
        }
        self.cold[under_way.which] &= !estimate.sharpness.is_finite();
        let mut found = under_way.found;
        let last = self.trail.range(..=found.update).next_back().and_then(|(_, seen)| seen.critical);
        let guess = last.map_or(found.rate, |critical| (2.0 / critical).max(found.rate / FARTHEST));
        found.critical = under_way.ahead.as_ref().and_then(|(direction, samples)| {
            objective.choose(samples);
            critical_sharpness(&mut objective, &under_way.parameters, direction, guess)
        });
        self.trail.insert(found.update, found);
    }
}
