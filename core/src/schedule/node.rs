//! A body and its modifiers.
//!
//! A sequence or a product is a body that holds nodes again, so this file and `body` import each other: the only
//! circle of imports in the program.

use super::body::Body;
use super::{Clamp, Joins, Ramp};

/// A resolved schedule: a function of its parent's tick.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The parent's ticks in one tick of this schedule: an epoch's updates, or 1.
    pub stride: u64,
    pub warmup: Option<Climb>,
    pub body: Body,
    pub cooldown: Option<Fall>,
    pub clamp: Option<Clamp>,
}

/// A resolved warmup: from `low·top` at tick 0 to `top` at tick `over`.
#[derive(Clone, Debug)]
pub(super) struct Climb {
    pub over: u64,
    pub low: f64,
    pub top: f64,
    pub shape: Ramp,
    pub joins: Joins,
}

/// A resolved cooldown: from `top` at tick `start` to `low·top` at tick `start + over`, and on.
#[derive(Clone, Debug)]
pub(super) struct Fall {
    pub start: u64,
    pub over: u64,
    pub low: f64,
    pub top: f64,
    pub shape: Ramp,
}

impl Climb {
    /// The ticks before the body's own tick 0: all of the warmup's, or none.
    pub fn lead(&self) -> u64 {
        if self.joins == Joins::Before { self.over } else { 0 }
    }

    /// The body's tick whose value is climbed to.
    fn meets(&self) -> u64 {
        if self.joins == Joins::Into { self.over } else { 0 }
    }

    fn share(&self, tick: u64) -> f64 {
        self.shape.climb(self.low, tick, self.over)
    }
}

impl Fall {
    /// The share of `top` that is left at `tick`, `None` before the start.
    fn share(&self, tick: u64) -> Option<f64> {
        let elapsed = tick.checked_sub(self.start)?.min(self.over);
        Some(self.shape.climb(self.low, self.over - elapsed, self.over))
    }
}

impl Node {
    pub fn at(&self, tick: u64) -> f64 {
        let tick = tick / self.stride;
        let value = match &self.cooldown {
            Some(fall) => match fall.share(tick) {
                Some(share) => fall.top * share,
                None => self.before_cooldown(tick),
            },
            None => self.before_cooldown(tick),
        };
        match self.clamp {
            Some(Clamp { min, max }) => value.max(min).min(max),
            None => value,
        }
    }

    /// The value at the node's own `tick`, as if there were no cooldown and no clamp.
    pub fn before_cooldown(&self, tick: u64) -> f64 {
        match &self.warmup {
            Some(climb) if tick < climb.over => climb.top * climb.share(tick),
            Some(climb) => self.body.at(tick - climb.lead()),
            None => self.body.at(tick),
        }
    }

    /// Momentum by the body's own phases, where it has them. A warmup leads from `high` to the
    /// body's first momentum as the rate climbs, a cooldown back to `high` as it falls.
    pub fn mirror(&self, tick: u64, low: f64, high: f64) -> Option<f64> {
        let tick = tick / self.stride;
        if let Some(fall) = &self.cooldown
            && let Some(share) = fall.share(tick)
        {
            let start = self.mirror_before_cooldown(fall.start, low, high)?;
            return Some(high - (high - start) * share);
        }
        self.mirror_before_cooldown(tick, low, high)
    }

    fn mirror_before_cooldown(&self, tick: u64, low: f64, high: f64) -> Option<f64> {
        match &self.warmup {
            Some(climb) if tick < climb.over => {
                let first = self.body.mirror(climb.meets(), low, high)?;
                Some(high - (high - first) * climb.share(tick))
            }
            Some(climb) => self.body.mirror(tick - climb.lead(), low, high),
            None => self.body.mirror(tick, low, high),
        }
    }
}
