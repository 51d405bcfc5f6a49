//! From a schedule as written to a [`Curve`]: spans become ticks, and everything is checked.

use std::sync::Arc;

use super::body::{Body, Sequence};
use super::check::{self, MAX_RATE};
use super::cyclic::{Amplitude, Cyclic};
use super::descent::{Descent, Shape};
use super::kind::{self, Kind, Part, Table};
use super::node::{Climb, Fall, Node};
use super::one_cycle::{Anneal, OneCycle};
use super::points::{Interpolation, Points};
use super::restarts::Restarts;
use super::{Clamp, Clock, Cooldown, Curve, Ramp, Schedule, ScheduleError, Span, Tick, Warmup};

/// How deep sequences and products may be nested.
const MAX_DEPTH: usize = 16;
/// The least distance of two control points, in ticks.
const MIN_DISTANCE: f64 = 1e-6;

impl Schedule {
    /// The schedule with every length known.
    ///
    /// Lengths are rounded to whole ticks, at least one. `over` left out is what is left of the run
    /// after the warmup and before the cooldown; inside a part of a sequence, what is left of the part.
    /// Under `tick = "epoch"` a schedule and all within it count epochs. A clock without updates
    /// counts as one update.
    ///
    /// # Errors
    /// Names the first field that holds what it may not: a number out of its range, a length of
    /// nothing, a period shorter than a tick, an empty list, control points out of order, a part
    /// without a length before the last or with one at the end, more than 16 levels.
    pub fn resolve(&self, clock: Clock) -> Result<Curve, ScheduleError> {
        let updates = clock.updates.max(1);
        let run = Frame {
            clock: Clock { updates, updates_per_epoch: clock.updates_per_epoch.max(1) },
            updates_per_tick: 1,
            tick: Tick::Update,
            ticks: updates,
            path: String::new(),
            depth: 1,
        };
        Ok(Curve::new(run.node(self)?, updates))
    }
}

/// The stretch that a schedule is resolved for.
struct Frame {
    clock: Clock,
    tick: Tick,
    updates_per_tick: u64,
    /// The stretch's length.
    ticks: u64,
    /// What goes in front of a field's name in an error: empty, or such as `parts[1].`.
    path: String,
    depth: usize,
}

type Resolved<T> = Result<T, ScheduleError>;

impl Frame {
    fn node(&self, schedule: &Schedule) -> Resolved<Node> {
        if self.depth > MAX_DEPTH {
            let field = self.path.trim_end_matches('.');
            return Err(ScheduleError::new(
                field,
                format!("{} levels deep", self.depth),
                format!("at most {MAX_DEPTH} levels"),
            ));
        }
        // Within a schedule that counts epochs everything counts epochs, as PyTorch's composed
        // schedulers do when they are stepped once an epoch.
        let stride = match (self.tick, schedule.tick) {
            (Tick::Update, Tick::Epoch) => self.clock.updates_per_epoch,
            _ => 1,
        };
        let own = Self {
            tick: if stride > 1 { Tick::Epoch } else { self.tick },
            updates_per_tick: self.updates_per_tick * stride,
            ticks: self.ticks.div_ceil(stride),
            path: self.path.clone(),
            ..*self
        };
        schedule.kind.check().map_err(|error| own.located(error))?;
        let warmup = schedule.warmup.as_ref().map(|warmup| own.climb(warmup)).transpose()?;
        let cooldown = schedule.cooldown.as_ref().map(|cooldown| own.fall(cooldown)).transpose()?;
        let clamp = schedule.clamp.map(|clamp| own.clamp(clamp)).transpose()?;

        let lead = warmup.as_ref().map_or(0, |climb| climb.over);
        let tail = cooldown.as_ref().map_or(0, |fall| fall.over);
        let ticks = own.ticks.saturating_sub(lead).saturating_sub(tail).max(1);
        let body = Self { ticks, path: own.path.clone(), ..own }.body(&schedule.kind)?;

        let mut node = Node { stride, warmup, body, cooldown: None, clamp };
        if let Some(climb) = &mut node.warmup {
            climb.top = node.body.at(0);
        }
        node.cooldown = cooldown.map(|fall| Fall { top: node.before_cooldown(fall.start), ..fall });
        Ok(node)
    }

    fn climb(&self, warmup: &Warmup) -> Resolved<Climb> {
        let over = self.ticks_of("warmup.over", warmup.over)?;
        self.ramp("warmup.from", warmup.from, warmup.shape)?;
        Ok(Climb { over, low: warmup.from, top: 0.0, shape: warmup.shape })
    }

    fn fall(&self, cooldown: &Cooldown) -> Resolved<Fall> {
        // A cooldown longer than the run is the whole run.
        let over = self.ticks_of("cooldown.over", cooldown.over)?.min(self.ticks);
        self.ramp("cooldown.to", cooldown.to, cooldown.shape)?;
        let start = self.ticks - over;
        Ok(Fall { start, over, low: cooldown.to, top: 0.0, shape: cooldown.shape })
    }

    fn ramp(&self, field: &str, low: f64, shape: Ramp) -> Resolved<()> {
        check::within(field, low, (0.0, 1.0)).map_err(|error| self.located(error))?;
        if shape == Ramp::Exponential && low == 0.0 {
            let allowed = "above 0 with the shape \"exponential\", which multiplies";
            return Err(self.error(field, "0", allowed));
        }
        Ok(())
    }

    fn clamp(&self, clamp: Clamp) -> Resolved<Clamp> {
        for (field, bound) in [("clamp.min", clamp.min), ("clamp.max", clamp.max)] {
            check::within(field, bound, (0.0, MAX_RATE)).map_err(|error| self.located(error))?;
        }
        if clamp.min > clamp.max {
            let allowed = format!("at most clamp.max, which is {:?}", clamp.max);
            return Err(self.error("clamp.min", format!("{:?}", clamp.min), allowed));
        }
        Ok(clamp)
    }

    fn body(&self, kind: &Kind) -> Resolved<Body> {
        Ok(match kind {
            Kind::Constant(kind) => Body::Constant(kind.peak),
            Kind::Step(kind) => {
                Body::Step { peak: kind.peak, every: self.period("every", kind.every)?, gamma: kind.gamma }
            }
            Kind::Multistep(kind) => Body::Multistep {
                peak: kind.peak,
                milestones: self.milestones(&kind.milestones)?,
                gamma: kind.gamma,
            },
            Kind::Exponential(kind) => Body::Exponential { peak: kind.peak, gamma: kind.gamma },
            Kind::Linear(kind) => Body::Linear {
                peak: kind.peak,
                from: kind.from,
                to: kind.to,
                over: self.rest_or("over", kind.over)?,
            },
            Kind::Polynomial(kind) => {
                self.descent(kind.peak, kind.floor, kind.over, Shape::Power(kind.power))?
            }
            Kind::Cosine(kind) if kind.after == "rebound" => {
                Body::Wave { peak: kind.peak, floor: kind.floor, over: self.rest_or("over", kind.over)? }
            }
            Kind::Cosine(kind) => self.descent(kind.peak, kind.floor, kind.over, Shape::Cosine)?,
            Kind::KDecay(kind) => self.k_decay(kind)?,
            Kind::Tanh(kind) => {
                let shape = Shape::Tanh { lower: kind.lower, upper: kind.upper };
                self.descent(kind.peak, kind.floor, kind.over, shape)?
            }
            Kind::CosineRestarts(kind) => self.restarts(kind)?,
            Kind::OneCycle(kind) => self.one_cycle(kind)?,
            Kind::Cyclic(kind) => self.cyclic(kind)?,
            Kind::InverseSqrt(kind) => Body::InverseSqrt {
                peak: kind.peak,
                timescale: self.ticks_of("timescale", kind.timescale)? as f64,
            },
            Kind::Power(kind) => Body::Power {
                peak: kind.peak,
                timescale: self.ticks_of("timescale", kind.timescale)? as f64,
                exponent: kind.exponent,
            },
            Kind::Noam(kind) => Body::Noam {
                scale: kind.scale * kind.d_model.powf(-0.5),
                warmup: self.ticks_of("warmup", kind.warmup)?,
            },
            Kind::Wsd(kind) => self.wsd(kind)?,
            Kind::Rex(kind) => self.descent(kind.peak, kind.floor, kind.over, Shape::Rex)?,
            Kind::Points(kind) => self.points(&kind.points, kind.interpolation)?,
            Kind::Listed(kind) => self.table(&kind.values)?,
            Kind::Sequence(kind) => self.sequence(&kind.parts)?,
            Kind::Product(kind) => self.product(&kind.of)?,
        })
    }

    fn descent(&self, peak: f64, floor: f64, over: Option<Span>, shape: Shape) -> Resolved<Body> {
        let over = self.rest_or("over", over)? as f64;
        Ok(Body::Descent(Descent { peak, floor, start: 0.0, over, k: 1.0, shape }))
    }

    fn k_decay(&self, kind: &kind::KDecay) -> Resolved<Body> {
        Ok(Body::Descent(Descent {
            peak: kind.peak,
            floor: kind.floor,
            start: 0.0,
            over: self.rest_or("over", kind.over)? as f64,
            k: kind.k,
            shape: if kind.shape == "polynomial" { Shape::Power(kind.power) } else { Shape::Cosine },
        }))
    }

    fn restarts(&self, kind: &kind::CosineRestarts) -> Resolved<Body> {
        let first = self.period("first", kind.first)?;
        let climb = kind.cycle_warmup.map_or(Ok(0), |over| self.ticks_of("cycle_warmup", over))?;
        Ok(Body::Restarts(Restarts {
            peak: kind.peak,
            floor: kind.floor,
            first,
            mult: kind.mult,
            peak_decay: kind.peak_decay,
            climb: climb.min(first - 1),
        }))
    }

    fn one_cycle(&self, kind: &kind::OneCycle) -> Resolved<Body> {
        let initial = kind.peak / kind.div_factor;
        Ok(Body::OneCycle(OneCycle {
            peak: kind.peak,
            initial,
            last: initial / kind.final_div_factor,
            over: kind.over.map_or(Ok(self.ticks), |over| self.period("over", over))?,
            pct_start: kind.pct_start,
            anneal: if kind.anneal == "linear" { Anneal::Linear } else { Anneal::Cosine },
            three_phase: kind.three_phase,
        }))
    }

    fn cyclic(&self, kind: &kind::Cyclic) -> Resolved<Body> {
        let up = self.period("up", kind.up)?;
        Ok(Body::Cyclic(Cyclic {
            floor: kind.floor,
            peak: kind.peak,
            up,
            down: kind.down.map_or(Ok(up), |down| self.period("down", down))?,
            amplitude: match kind.mode {
                "triangular2" => Amplitude::Halved,
                "exp_range" => Amplitude::Shrinking(kind.gamma),
                _ => Amplitude::Same,
            },
        }))
    }

    fn wsd(&self, kind: &kind::Wsd) -> Resolved<Body> {
        let decay = self.ticks_of("decay", kind.decay)? as f64;
        Ok(Body::Descent(Descent {
            peak: kind.peak,
            floor: kind.floor,
            start: self.ticks as f64 - decay,
            over: decay,
            k: 1.0,
            shape: match kind.shape {
                "cosine" => Shape::Cosine,
                "1-sqrt" => Shape::OneMinusSqrt,
                "exp" => Shape::Exponential,
                _ => Shape::Power(1.0),
            },
        }))
    }

    fn milestones(&self, spans: &[Span]) -> Resolved<Vec<u64>> {
        if spans.is_empty() {
            return Err(self.error("milestones", "an empty list", "at least one position"));
        }
        let mut milestones = spans
            .iter()
            .enumerate()
            .map(|(index, span)| {
                let position = self.position(&format!("milestones[{index}]"), *span)?;
                Ok(position.round() as u64)
            })
            .collect::<Resolved<Vec<u64>>>()?;
        milestones.sort_unstable();
        Ok(milestones)
    }

    fn points(&self, points: &[(Span, f64)], interpolation: &str) -> Resolved<Body> {
        if points.is_empty() {
            return Err(self.error("points", "an empty list", "at least one [position, rate]"));
        }
        let mut resolved: Vec<(f64, f64)> = Vec::with_capacity(points.len());
        for (index, (span, rate)) in points.iter().enumerate() {
            let field = format!("points[{index}]");
            let position = self.position(&field, *span)?;
            check::within(&field, *rate, (0.0, MAX_RATE)).map_err(|error| self.located(error))?;
            if resolved.last().is_some_and(|(before, _)| position < before + MIN_DISTANCE) {
                let allowed = "a position after that of the point before it";
                return Err(self.error(&field, format!("\"{span}\""), allowed));
            }
            resolved.push((position, *rate));
        }
        Ok(Body::Points(Points::new(
            &resolved,
            match interpolation {
                "cosine" => Interpolation::Cosine,
                "step" => Interpolation::Step,
                "monotone" => Interpolation::Monotone,
                _ => Interpolation::Linear,
            },
        )))
    }

    fn table(&self, table: &Table) -> Resolved<Body> {
        if table.values.is_empty() {
            return Err(self.error("values", "an empty list", "at least one rate"));
        }
        for (index, rate) in table.values.iter().enumerate() {
            if !(0.0..=MAX_RATE).contains(rate) {
                let allowed = format!("a number from 0.0 to {MAX_RATE:?}");
                return Err(self.error(&format!("values[{index}]"), format!("{rate:?}"), allowed));
            }
        }
        Ok(Body::Table(Arc::from(table.values.as_slice())))
    }

    fn sequence(&self, parts: &[Part]) -> Resolved<Body> {
        let Some((last, before)) = parts.split_last() else {
            return Err(self.error("parts", "an empty list", "at least one schedule"));
        };
        let mut start: u64 = 0;
        let mut nodes = Vec::with_capacity(parts.len());
        for (index, part) in before.iter().enumerate() {
            let field = format!("parts[{index}].for");
            let Some(length) = part.length else {
                let allowed = "a length, such as \"10ep\": only the last part has none";
                return Err(self.error(&field, "missing", allowed));
            };
            let ticks = self.ticks_of(&field, length)?;
            let node = self.within(&format!("parts[{index}]."), ticks).node(&part.schedule)?;
            nodes.push((start, node));
            start = start.saturating_add(ticks);
        }
        let index = before.len();
        if let Some(length) = last.length {
            let allowed = "nothing: the last part lasts to the end";
            return Err(self.error(&format!("parts[{index}].for"), format!("\"{length}\""), allowed));
        }
        let rest = self.ticks.saturating_sub(start).max(1);
        nodes.push((start, self.within(&format!("parts[{index}]."), rest).node(&last.schedule)?));
        let first = Box::new(nodes.remove(0).1);
        Ok(Body::Sequence(Sequence { first, later: nodes }))
    }

    fn product(&self, factors: &[Schedule]) -> Resolved<Body> {
        if factors.is_empty() {
            return Err(self.error("of", "an empty list", "at least one schedule"));
        }
        let nodes = factors
            .iter()
            .enumerate()
            .map(|(index, factor)| self.within(&format!("of[{index}]."), self.ticks).node(factor));
        Ok(Body::Product(nodes.collect::<Resolved<_>>()?))
    }

    /// The frame of a nested schedule.
    fn within(&self, path: &str, ticks: u64) -> Self {
        let path = format!("{}{path}", self.path);
        Self { path, ticks, depth: self.depth + 1, ..*self }
    }

    /// A length in ticks, not rounded.
    fn exact_ticks(&self, span: Span) -> f64 {
        span.updates(self.clock) / self.updates_per_tick as f64
    }

    /// A length in whole ticks, at least one.
    fn ticks_of(&self, field: &str, span: Span) -> Resolved<u64> {
        check::length(field, span).map_err(|error| self.located(error))?;
        Ok(self.exact_ticks(span).round().max(1.0) as u64)
    }

    /// A length in whole ticks, or what is left of the stretch.
    fn rest_or(&self, field: &str, span: Option<Span>) -> Resolved<u64> {
        span.map_or(Ok(self.ticks), |span| self.ticks_of(field, span))
    }

    /// A length that repeats: less than a tick would not be what was asked for.
    fn period(&self, field: &str, span: Span) -> Resolved<u64> {
        let ticks = self.ticks_of(field, span)?;
        // The margin forgives the rounding of a percentage.
        if self.exact_ticks(span) < 1.0 - 1e-9 {
            let allowed = match self.tick {
                Tick::Update => "at least one update".to_owned(),
                Tick::Epoch => {
                    let updates = self.updates_per_tick;
                    format!("at least one epoch of {updates} updates, as `tick` is \"epoch\"")
                }
            };
            return Err(self.error(field, format!("\"{span}\""), allowed));
        }
        Ok(ticks)
    }

    /// A position in ticks, not rounded.
    fn position(&self, field: &str, span: Span) -> Resolved<f64> {
        check::position(field, span).map_err(|error| self.located(error))?;
        Ok(self.exact_ticks(span))
    }

    fn error(&self, field: &str, found: impl Into<String>, allowed: impl Into<String>) -> ScheduleError {
        ScheduleError::new(format!("{}{field}", self.path), found, allowed)
    }

    /// An error about a field of this frame's schedule, under its whole path.
    fn located(&self, error: ScheduleError) -> ScheduleError {
        ScheduleError { field: format!("{}{}", self.path, error.field), ..error }
    }
}
