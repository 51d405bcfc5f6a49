//! Where something happens on a curve: what the interface marks and snapshots follow.

use super::body::Body;
use super::node::Node;

/// An update at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landmark {
    /// The first update it holds for.
    pub update: u64,
    pub what: LandmarkKind,
}

/// What happens at a landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LandmarkKind {
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

impl LandmarkKind {
    pub(super) fn ends_cycle(self) -> bool {
        matches!(self, Self::Restart | Self::CycleEnd | Self::PartStart)
    }
}

/// Landmarks found so far.
pub(super) struct Marks {
    found: Vec<Landmark>,
    limit: usize,
    wanted: fn(LandmarkKind) -> bool,
}

impl Marks {
    pub fn new(limit: usize, wanted: fn(LandmarkKind) -> bool) -> Self {
        Self { found: Vec::new(), limit, wanted }
    }

    pub fn in_order(mut self) -> Vec<Landmark> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found
    }

    /// Notes a landmark if it counts; `false` says that no later one of its sort counts either.
    fn put(&mut self, stage: Stage, tick: u64, what: LandmarkKind) -> bool {
        let update = stage.update(tick);
        let counts = update < stage.end && self.found.len() < self.limit && (self.wanted)(what);
        if counts {
            self.found.push(Landmark { update, what });
        }
        counts
    }

    /// Notes a landmark at a position that may lie between two ticks or before the first.
    fn put_near(&mut self, stage: Stage, position: f64, what: LandmarkKind) {
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
        Self { start: 0, per_tick: 1, end: updates }
    }

    fn update(self, tick: u64) -> u64 {
        self.start.saturating_add(tick.saturating_mul(self.per_tick))
    }

    fn after_tick(self, tick: u64) -> Self {
        Self { start: self.update(tick), ..self }
    }

    fn until_tick(self, tick: u64) -> Self {
        Self { end: self.update(tick).min(self.end), ..self }
    }
}

impl Node {
    /// Notes the node's landmarks, those of its structure first, so that a limit cuts details.
    pub fn mark(&self, stage: Stage, marks: &mut Marks) {
        let mut stage = Stage { per_tick: stage.per_tick.saturating_mul(self.stride), ..stage };
        if let Some(fall) = &self.cooldown {
            marks.put(stage, fall.start, LandmarkKind::CooldownStart);
            stage = stage.until_tick(fall.start);
        }
        if let Some(climb) = &self.warmup {
            marks.put(stage, climb.over, LandmarkKind::WarmupEnd);
            stage = stage.after_tick(climb.lead());
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
            | Self::Power { .. }
            | Self::Noise(_)
            | Self::Formula(_)
            | Self::Table(_) => {}
            Self::Step { every, .. } => each(*every, |tick| marks.put(stage, tick, LandmarkKind::Drop)),
            Self::Multistep { milestones, .. } => {
                for milestone in milestones {
                    marks.put(stage, *milestone, LandmarkKind::Drop);
                }
            }
            Self::Linear { over, .. } => marks.put_near(stage, *over, LandmarkKind::Phase),
            Self::Descent(descent) => {
                if descent.start > 0.0 {
                    marks.put_near(stage, descent.start, LandmarkKind::Phase);
                }
                marks.put_near(stage, descent.start + descent.over, LandmarkKind::Phase);
            }
            Self::Wave { over, .. } => {
                every(*over, |at| marks.put(stage, first_from(at), LandmarkKind::Phase));
            }
            Self::Restarts(restarts) => {
                let mut cycle = 1.0;
                let top = |cycle: f64| first_from(restarts.start(cycle)).saturating_add(restarts.climb);
                if restarts.climb > 0 {
                    marks.put(stage, top(0.0), LandmarkKind::Phase);
                }
                while marks.put(stage, first_from(restarts.start(cycle)), LandmarkKind::Restart) {
                    if restarts.climb > 0 {
                        marks.put(stage, top(cycle), LandmarkKind::Phase);
                    }
                    cycle += 1.0;
                }
            }
            Self::OneCycle(cycle) => {
                marks.put(stage, cycle.over, LandmarkKind::CycleEnd);
                for end in cycle.turns() {
                    marks.put_near(stage, end, LandmarkKind::Phase);
                }
            }
            Self::Cyclic(cyclic) => every(cyclic.up + cyclic.down, |end| {
                marks.put(stage, first_from(end - cyclic.down), LandmarkKind::Phase);
                marks.put(stage, first_from(end), LandmarkKind::Restart)
            }),
            Self::Noam { warmup, .. } => {
                marks.put(stage, *warmup - 1, LandmarkKind::Phase);
            }
            Self::Points(points) => {
                for position in points.positions() {
                    marks.put_near(stage, position, LandmarkKind::ControlPoint);
                }
            }
            Self::Sequence(parts) => {
                for start in parts.turns() {
                    marks.put(stage, start, LandmarkKind::PartStart);
                }
                for (ticks, part) in parts.pieces(u64::MAX) {
                    part.mark(stage.until_tick(ticks.end).after_tick(ticks.start), marks);
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

/// The first tick at or after a position.
fn first_from(position: f64) -> u64 {
    // The margin forgives the rounding of thirds and their like.
    (position - 1e-9).ceil().max(0.0) as u64
}

/// Calls `put` with every multiple of a length for as long as it wants more.
fn every(length: f64, mut put: impl FnMut(f64) -> bool) {
    let mut count = 1.0;
    while put(count * length) {
        count += 1.0;
    }
}

/// Calls `put` with every multiple of `ticks` for as long as it wants more.
fn each(ticks: u64, mut put: impl FnMut(u64) -> bool) {
    let mut tick = ticks;
    while put(tick) {
        tick = tick.saturating_add(ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{
        Anneal, Constant, CosineRestarts, Cyclic, Decay, Interpolation, Kind, Noam, OneCycle, Part, Points,
        Sequence, Step, Triangles, Wsd,
    };
    use super::super::{Clock, Cooldown, Curve, Ramp, Schedule, Span, Tick, Warmup};
    use super::LandmarkKind::{
        self, ControlPoint, CooldownStart, CycleEnd, Drop, PartStart, Phase, Restart, WarmupEnd,
    };

    fn resolve(schedule: impl Into<Schedule>, updates: u64) -> Curve {
        schedule.into().resolve(Clock { updates, updates_per_epoch: 10 }).unwrap()
    }

    fn landmarks(curve: &Curve) -> Vec<(u64, LandmarkKind)> {
        curve.landmarks().into_iter().map(|landmark| (landmark.update, landmark.what)).collect()
    }

    fn updates(count: u32) -> Span {
        Span::Updates(f64::from(count))
    }

    fn restarts(first: Span, mult: f64) -> Schedule {
        let kind = CosineRestarts { peak: 1.0, floor: 0.0, first, mult, peak_decay: 1.0, cycle_warmup: None };
        Kind::CosineRestarts(kind).into()
    }

    fn one_cycle(over: Option<Span>, three_phase: bool) -> Schedule {
        Kind::OneCycle(OneCycle {
            peak: 1.0,
            over,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            anneal: Anneal::Cosine,
            three_phase,
        })
        .into()
    }

    #[test]
    fn restarts_follow_the_warmup_and_stop_at_the_cooldown() {
        let schedule = Schedule {
            warmup: Some(Warmup::new(updates(5), 0.0, Ramp::Linear)),
            cooldown: Some(Cooldown { over: updates(20), to: 0.0, shape: Ramp::Linear }),
            ..restarts(updates(10), 2.0)
        };
        let curve = resolve(schedule, 100);
        let expected = [(5, WarmupEnd), (15, Restart), (35, Restart), (75, Restart)];
        assert_eq!(landmarks(&curve)[..4], expected);
        assert_eq!(landmarks(&curve)[4..], [(80, CooldownStart)]);
        assert_eq!(curve.cycle_ends(100), [14, 34, 74, 99]);
    }

    #[test]
    fn five_equal_cycles_end_five_times() {
        let ends = resolve(restarts(Span::Updates(400.0), 1.0), 2000).cycle_ends(2000);
        assert_eq!(ends, [399, 799, 1199, 1599, 1999]);
    }

    #[test]
    fn a_cycle_that_is_over_before_the_run_ends_there() {
        let curve = resolve(one_cycle(Some(updates(50)), true), 100);
        assert_eq!(landmarks(&curve), [(14, Phase), (28, Phase), (50, CycleEnd)]);
        assert_eq!(curve.cycle_ends(100), [49, 99]);
        assert_eq!(resolve(one_cycle(None, false), 100).cycle_ends(100), [99]);
    }

    #[test]
    fn cyclic_turns_and_restarts() {
        let kind = Kind::Cyclic(Cyclic {
            floor: 0.0,
            peak: 1.0,
            up: updates(4),
            down: Some(updates(6)),
            mode: Triangles::Equal,
            gamma: 1.0,
        });
        let curve = resolve(kind, 21);
        assert_eq!(landmarks(&curve), [(4, Phase), (10, Restart), (14, Phase), (20, Restart)]);
        assert_eq!(curve.cycle_ends(21), [9, 19, 20]);
    }

    #[test]
    fn epochs_count_in_updates() {
        let step = Kind::Step(Step { peak: 1.0, every: Span::Epochs(3.0), gamma: 0.1 });
        let curve = resolve(Schedule { tick: Tick::Epoch, ..step.into() }, 100);
        assert_eq!(landmarks(&curve), [(30, Drop), (60, Drop), (90, Drop)]);
        assert_eq!(curve.cycle_ends(100), [99]);
    }

    #[test]
    fn parts_cut_what_is_within_them() {
        let part = |length, schedule| Part::new(length, schedule);
        let constant = Kind::Constant(Constant { peak: 1.0 }).into();
        let parts = vec![
            part(Some(updates(25)), restarts(updates(10), 1.0)),
            part(Some(updates(15)), constant),
            part(None, restarts(updates(40), 1.0)),
        ];
        let curve = resolve(Kind::Sequence(Sequence { parts }), 100);
        let expected = [(10, Restart), (20, Restart), (25, PartStart), (40, PartStart), (80, Restart)];
        assert_eq!(landmarks(&curve), expected);
        assert_eq!(curve.cycle_ends(100), [9, 19, 24, 39, 79, 99]);
    }

    #[test]
    fn descents_peaks_and_points_are_marked() {
        let wsd = Kind::Wsd(Wsd { peak: 1.0, floor: 0.0, decay: Span::Percent(20.0), shape: Decay::Linear });
        assert_eq!(landmarks(&resolve(wsd, 100)), [(80, Phase)]);
        let noam = Kind::Noam(Noam { scale: 1.0, d_model: 512.0, warmup: updates(40) });
        let curve = resolve(noam, 100);
        assert_eq!(landmarks(&curve), [(39, Phase)]);
        assert_eq!(curve.range().1, curve.at(39));
        let points = vec![(Span::Updates(0.0), 0.1), (Span::Percent(50.0), 1.0)];
        let points = Kind::Points(Points { points, interpolation: Interpolation::Linear });
        assert_eq!(landmarks(&resolve(points, 100)), [(0, ControlPoint), (50, ControlPoint)]);
    }

    #[test]
    fn their_number_is_bounded_and_structure_comes_first() {
        let schedule = Schedule {
            warmup: Some(Warmup::new(updates(5), 0.0, Ramp::Linear)),
            cooldown: Some(Cooldown { over: updates(5), to: 0.0, shape: Ramp::Linear }),
            ..restarts(updates(1), 1.0)
        };
        let curve = resolve(schedule, 1_000_000);
        let landmarks = landmarks(&curve);
        assert_eq!(landmarks.len(), 1000);
        assert!(landmarks.contains(&(5, WarmupEnd)));
        assert!(landmarks.contains(&(999_995, CooldownStart)));
        assert_eq!(curve.cycle_ends(1_000_000).len(), 999_990);
        let endless = resolve(restarts(updates(1), 1.0), u64::MAX);
        assert_eq!(endless.cycle_ends(u64::MAX).len(), 1_000_001);
    }
}
