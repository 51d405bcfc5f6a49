//! A schedule's lengths in ticks: the one place where spans are rounded.
//!
//! [`Schedule::resolve`] checks the fields and builds its curve from these numbers, and exports write the same
//! numbers into other frameworks' terms.

use super::{Clamp, Clock, Joins, Kind, Ramp, Schedule, Span, Tick};

/// The ticks that a schedule is given, and what a tick is.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// How many there are, at least one.
    pub ticks: u64,
    /// What a tick counts.
    pub tick: Tick,
    pub updates_per_tick: u64,
    clock: Clock,
}

impl Stretch {
    /// A whole run. A clock without updates counts as one update.
    pub fn run(clock: Clock) -> Self {
        let updates = clock.updates.max(1);
        let clock = Clock { updates, updates_per_epoch: clock.updates_per_epoch.max(1) };
        Self { ticks: updates, tick: Tick::Update, updates_per_tick: 1, clock }
    }

    /// The stretch in ticks of a schedule that counts `tick`, and how many ticks of this one are in one of those.
    ///
    /// Within a schedule that counts epochs everything counts epochs, as PyTorch's composed schedulers do when they
    /// are stepped once an epoch.
    fn counted_by(self, tick: Tick) -> (Self, u64) {
        let stride = match (self.tick, tick) {
            (Tick::Update, Tick::Epoch) => self.clock.updates_per_epoch,
            _ => 1,
        };
        let own = Self {
            ticks: self.ticks.div_ceil(stride),
            tick: if tick == Tick::Epoch { tick } else { self.tick },
            updates_per_tick: self.updates_per_tick * stride,
            ..self
        };
        (own, stride)
    }

    /// A stretch of another length.
    pub fn of(self, ticks: u64) -> Self {
        Self { ticks, ..self }
    }

    /// A position in ticks, not rounded.
    pub fn position(self, span: Span) -> f64 {
        span.updates(self.clock) / self.updates_per_tick as f64
    }

    /// A length in whole ticks, at least one.
    pub fn length(self, span: Span) -> u64 {
        self.position(span).round().max(1.0) as u64
    }

    /// A length in whole ticks, or all there are.
    pub fn rest_or(self, span: Option<Span>) -> u64 {
        span.map_or(self.ticks, |span| self.length(span))
    }

    /// A length that need not be whole. One that is written in ticks is taken as it is written; what stands for a
    /// number of ticks, as a share of the run does, is rounded to whole ones, at least one.
    pub fn exact(self, span: Span) -> f64 {
        match (self.tick, span) {
            (Tick::Update, Span::Updates(_)) | (Tick::Epoch, Span::Epochs(_)) => self.position(span),
            _ => self.length(span) as f64,
        }
    }
}

/// A schedule within the stretch it is resolved for.
#[derive(Clone, Debug)]
pub struct Lowered<'a> {
    pub kind: &'a Kind,
    /// Ticks of the schedule around it in one of its own.
    pub stride: u64,
    pub warmup: Option<Slope>,
    /// The tick it starts at, and the slope.
    pub cooldown: Option<(u64, Slope)>,
    pub clamp: Option<Clamp>,
    /// What is left to the body.
    pub body: Stretch,
}

/// A warmup or cooldown.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    /// Its ticks.
    pub over: u64,
    /// The share at its far end.
    pub low: f64,
    pub shape: Ramp,
    /// A cooldown comes after the body, as a warmup usually comes before it.
    pub joins: Joins,
}

impl Slope {
    /// The ticks of a warmup that pass before the body begins.
    pub fn lead(&self) -> u64 {
        if self.joins == Joins::Before { self.over } else { 0 }
    }
}

impl<'a> Lowered<'a> {
    /// A schedule that is the whole run's.
    pub fn new(schedule: &'a Schedule, clock: Clock) -> Self {
        Self::within(schedule, Stretch::run(clock))
    }

    /// A schedule in a stretch of the ticks around it.
    pub fn within(schedule: &'a Schedule, around: Stretch) -> Self {
        let (own, stride) = around.counted_by(schedule.tick);
        let warmup = schedule.warmup.as_ref().map(|warmup| Slope {
            over: own.length(warmup.over),
            low: warmup.from,
            shape: warmup.shape,
            joins: warmup.joins,
        });
        // A cooldown longer than the stretch is all of it.
        let cooldown = schedule.cooldown.as_ref().map(|cooldown| {
            let over = own.length(cooldown.over).min(own.ticks);
            (own.ticks - over, Slope { over, low: cooldown.to, shape: cooldown.shape, joins: Joins::Before })
        });
        let lead = warmup.map_or(0, |slope| slope.lead());
        let tail = cooldown.map_or(0, |(_, slope)| slope.over);
        let body = own.of(own.ticks.saturating_sub(lead).saturating_sub(tail).max(1));
        Self { kind: &schedule.kind, stride, warmup, cooldown, clamp: schedule.clamp, body }
    }

    /// The ticks left to the body.
    pub fn ticks(&self) -> u64 {
        self.body.ticks
    }

    /// A length in whole ticks, at least one.
    pub fn length(&self, span: Span) -> u64 {
        self.body.length(span)
    }

    /// A length in whole ticks, or what is left.
    pub fn rest_or(&self, span: Option<Span>) -> u64 {
        self.body.rest_or(span)
    }

    /// A length that need not be whole, at least one tick.
    pub fn exact(&self, span: Span) -> f64 {
        self.body.exact(span).max(1.0)
    }

    /// A length that need not be whole, at least one tick, or what is left.
    pub fn exact_or_rest(&self, span: Option<Span>) -> f64 {
        span.map_or(self.body.ticks as f64, |span| self.exact(span))
    }

    /// A position in ticks, not rounded.
    pub fn position(&self, span: Span) -> f64 {
        self.body.position(span)
    }

    /// The stretches of a sequence's parts, each with the tick it starts at: a part without a length has what is
    /// left.
    pub fn stretches(&self) -> Vec<(u64, Stretch)> {
        let Kind::Sequence(sequence) = self.kind else { return Vec::new() };
        let mut start: u64 = 0;
        let stretch = |part: &super::kind::Part| {
            let left = self.body.ticks.saturating_sub(start).max(1);
            let ticks = part.length.map_or(left, |length| self.length(length));
            let begins = start;
            start = start.saturating_add(ticks);
            (begins, self.body.of(ticks))
        };
        sequence.parts.iter().map(stretch).collect()
    }

    /// The parts of a sequence, each with the tick it starts at.
    pub fn parts(&self) -> Vec<(u64, Self)> {
        let Kind::Sequence(sequence) = self.kind else { return Vec::new() };
        let parts = sequence.parts.iter().zip(self.stretches());
        parts.map(|(part, (start, stretch))| (start, Self::within(&part.schedule, stretch))).collect()
    }

    /// The factors of a product.
    pub fn factors(&self) -> Vec<Self> {
        let Kind::Product(product) = self.kind else { return Vec::new() };
        product.of.iter().map(|factor| Self::within(factor, self.body)).collect()
    }

    /// The schedule up to its cooldown, in its own ticks.
    pub fn before_cooldown(&self) -> Self {
        Self { stride: 1, cooldown: None, clamp: None, ..self.clone() }
    }

    /// Whether it is its body alone, counted in the ticks around it.
    pub fn is_plain(&self) -> bool {
        self.stride == 1 && self.warmup.is_none() && self.cooldown.is_none() && self.clamp.is_none()
    }
}
