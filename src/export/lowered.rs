//! A schedule with its lengths in whole ticks, rounded as [`Schedule::resolve`] does.

use crate::schedule::{Clamp, Clock, Kind, Ramp, Schedule, Span, Tick};

/// One schedule, within the stretch it is resolved for.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub kind: &'a Kind,
    /// Ticks of the schedule around it in one of its own.
    pub stride: u64,
    pub warmup: Option<Slope>,
    /// The tick it starts at, and the slope.
    pub cooldown: Option<(u64, Slope)>,
    pub clamp: Option<Clamp>,
    /// The ticks left to the body.
    pub ticks: u64,
    clock: Clock,
    counts_epochs: bool,
    updates_per_tick: u64,
}

/// A warmup or cooldown.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    pub over: u64,
    /// The share at its far end.
    pub low: f64,
    pub shape: Ramp,
}

impl<'a> Node<'a> {
    pub fn new(schedule: &'a Schedule, clock: Clock) -> Self {
        let clock =
            Clock { updates: clock.updates.max(1), updates_per_epoch: clock.updates_per_epoch.max(1) };
        Self::within(schedule, clock, clock.updates, 1, false)
    }

    fn within(
        schedule: &'a Schedule,
        clock: Clock,
        ticks: u64,
        updates_per_tick: u64,
        counts_epochs: bool,
    ) -> Self {
        let stride = if schedule.tick == Tick::Epoch && !counts_epochs { clock.updates_per_epoch } else { 1 };
        let ticks = ticks.div_ceil(stride);
        let mut node = Self {
            kind: &schedule.kind,
            stride,
            warmup: None,
            cooldown: None,
            clamp: schedule.clamp,
            ticks,
            clock,
            counts_epochs: counts_epochs || stride > 1,
            updates_per_tick: updates_per_tick * stride,
        };
        node.warmup = schedule.warmup.as_ref().map(|warmup| Slope {
            over: node.length(warmup.over),
            low: warmup.from,
            shape: warmup.shape,
        });
        node.cooldown = schedule.cooldown.as_ref().map(|cooldown| {
            let over = node.length(cooldown.over).min(ticks);
            (ticks - over, Slope { over, low: cooldown.to, shape: cooldown.shape })
        });
        let lead = node.warmup.map_or(0, |slope| slope.over);
        let tail = node.cooldown.map_or(0, |(_, slope)| slope.over);
        node.ticks = ticks.saturating_sub(lead).saturating_sub(tail).max(1);
        node
    }

    /// A length in whole ticks, at least one.
    pub fn length(&self, span: Span) -> u64 {
        self.position(span).round().max(1.0) as u64
    }

    /// A length in whole ticks, or what is left.
    pub fn rest_or(&self, span: Option<Span>) -> u64 {
        span.map_or(self.ticks, |span| self.length(span))
    }

    /// A position in ticks, not rounded.
    pub fn position(&self, span: Span) -> f64 {
        span.updates(self.clock) / self.updates_per_tick as f64
    }

    /// The parts of a sequence, each with the tick it starts at.
    pub fn parts(&self) -> Vec<(u64, Self)> {
        let Kind::Sequence(sequence) = self.kind else {
            return Vec::new();
        };
        let mut start: u64 = 0;
        let mut parts = Vec::new();
        for part in &sequence.parts {
            let left = self.ticks.saturating_sub(start).max(1);
            let ticks = part.length.map_or(left, |length| self.length(length));
            parts.push((start, self.child(&part.schedule, ticks)));
            start = start.saturating_add(ticks);
        }
        parts
    }

    /// The factors of a product.
    pub fn factors(&self) -> Vec<Self> {
        let Kind::Product(product) = self.kind else {
            return Vec::new();
        };
        product.of.iter().map(|factor| self.child(factor, self.ticks)).collect()
    }

    fn child(&self, schedule: &'a Schedule, ticks: u64) -> Self {
        Self::within(schedule, self.clock, ticks, self.updates_per_tick, self.counts_epochs)
    }

    /// The node up to its cooldown, in its own ticks.
    pub fn before_cooldown(&self) -> Self {
        Self { stride: 1, cooldown: None, clamp: None, ..self.clone() }
    }

    /// Whether it is its body alone, counted in the ticks around it.
    pub fn is_plain(&self) -> bool {
        self.stride == 1 && self.warmup.is_none() && self.cooldown.is_none() && self.clamp.is_none()
    }
}
