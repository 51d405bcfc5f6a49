//! Where something happens on a curve: what the interface marks and snapshots follow.

use super::body::Body;
use super::node::Node;

/// An update at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// The first update it holds for.
    pub update: u64,
    pub what: What,
}

/// What happens at a landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The body begins.
    WarmupEnd,
    CooldownStart,
    /// A descent begins or ends, a cycle turns.
    Phase,
    /// The rate drops by a factor.
    Drop,
    /// The next cycle begins.
    Restart,
    /// The only cycle is over.
    CycleEnd,
    ControlPoint,
    /// The next part of a sequence begins.
    PartStart,
}

impl What {
    pub(super) fn ends_cycle(self) -> bool {
        matches!(self, Self::Restart | Self::CycleEnd | Self::PartStart)
    }
}

/// Landmarks found so far.
pub(super) struct Marks {
    found: Vec<Landmark>,
    limit: usize,
    wanted: fn(What) -> bool,
}

impl Marks {
    pub fn new(limit: usize, wanted: fn(What) -> bool) -> Self {
        Self {
            found: Vec::new(),
            limit,
            wanted,
        }
    }

    pub fn in_order(mut self) -> Vec<Landmark> {
        self.found.sort_by_key(|landmark| landmark.update);
        self.found.dedup();
        self.found
    }

    /// Notes a landmark if it counts; `false` says that no later one of its sort counts either.
    fn put(&mut self, stage: Stage, tick: u64, what: What) -> bool {
        let update = stage.update(tick);
        let counts = update < stage.end && self.found.len() < self.limit && (self.wanted)(what);
        if counts {
            self.found.push(Landmark { update, what });
        }
        counts
    }

    /// Notes a landmark at a position that may lie between two ticks or before the first.
    fn put_near(&mut self, stage: Stage, position: f64, what: What) {
        if position >= 0.0 {
            self.put(stage, position.round() as u64, what);
        }
    }
}

/// The stretch of a run in which a schedule acts.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    /// The update of tick 0.
    start: u64,
    /// Updates a tick.
    per_tick: u64,
    /// The first update after the stretch.
    end: u64,
}

impl Stage {
    pub fn run(updates: u64) -> Self {
        Self {
            start: 0,
            per_tick: 1,
            end: updates,
        }
    }

    fn update(self, tick: u64) -> u64 {
        self.start
            .saturating_add(tick.saturating_mul(self.per_tick))
    }

    fn from_tick(self, tick: u64) -> Self {
        Self {
            start: self.update(tick),
            ..self
        }
    }

    fn until_tick(self, tick: u64) -> Self {
        Self {
            end: self.update(tick).min(self.end),
            ..self
        }
    }
}

impl Node {
    /// Notes the node's landmarks, those of its structure first, so that a limit cuts details.
    pub fn mark(&self, stage: Stage, marks: &mut Marks) {
        let mut stage = Stage {
            per_tick: stage.per_tick.saturating_mul(self.stride),
            ..stage
        };
        if let Some(fall) = &self.cooldown {
            marks.put(stage, fall.start, What::CooldownStart);
            stage = stage.until_tick(fall.start);
        }
        if let Some(climb) = &self.warmup {
            marks.put(stage, climb.over, What::WarmupEnd);
            stage = stage.from_tick(climb.over);
        }
        self.body.mark(stage, marks);
    }
}

impl Body {
    fn mark(&self, stage: Stage, marks: &mut Marks) {
        match self {
            Self::Constant(_)
            | Self::Exponential { .. }
            | Self::InverseSqrt { .. }
            | Self::Table(_) => {}
            Self::Step { every, .. } => each(*every, |tick| marks.put(stage, tick, What::Drop)),
            Self::Multistep { milestones, .. } => {
                for milestone in milestones {
                    marks.put(stage, *milestone, What::Drop);
                }
            }
            Self::Linear { over, .. } => {
                marks.put(stage, *over, What::Phase);
            }
            Self::Descent(descent) => {
                if descent.start > 0.0 {
                    marks.put_near(stage, descent.start, What::Phase);
                }
                marks.put_near(stage, descent.start + descent.over, What::Phase);
            }
            Self::Wave { over, .. } => each(*over, |tick| marks.put(stage, tick, What::Phase)),
            Self::Restarts(restarts) => {
                let mut cycle = 1.0;
                while marks.put(stage, restarts.start(cycle) as u64, What::Restart) {
                    cycle += 1.0;
                }
            }
            Self::OneCycle(cycle) => {
                marks.put(stage, cycle.over, What::CycleEnd);
                for end in cycle.turns() {
                    marks.put_near(stage, end, What::Phase);
                }
            }
            Self::Cyclic(cyclic) => each(cyclic.total(), |tick| {
                marks.put(stage, tick - cyclic.down, What::Phase);
                marks.put(stage, tick, What::Restart)
            }),
            Self::Noam { warmup, .. } => {
                marks.put(stage, *warmup - 1, What::Phase);
            }
            Self::Points(points) => {
                for position in points.positions() {
                    marks.put_near(stage, position, What::ControlPoint);
                }
            }
            Self::Sequence(sequence) => {
                for (start, _) in &sequence.later {
                    marks.put(stage, *start, What::PartStart);
                }
                let ends = sequence
                    .later
                    .iter()
                    .map(|(start, _)| *start)
                    .chain([u64::MAX]);
                let parts = std::iter::once((0, &*sequence.first))
                    .chain(sequence.later.iter().map(|(start, part)| (*start, part)));
                for ((start, part), end) in parts.zip(ends) {
                    part.mark(stage.until_tick(end).from_tick(start), marks);
                }
            }
            Self::Product(factors) => {
                for factor in factors {
                    factor.mark(stage, marks);
                }
            }
        }
    }
}

/// Calls `put` with every multiple of `ticks` for as long as it wants more.
fn each(ticks: u64, mut put: impl FnMut(u64) -> bool) {
    let mut tick = ticks;
    while put(tick) {
        tick = tick.saturating_add(ticks);
    }
}
