//! From a schedule as written to a [`Curve`]: spans become ticks, and everything is checked.

use std::sync::Arc;

use super::body::Body;
use super::check::{self, MAX_RATE};
use super::cyclic::{Amplitude, Cyclic};
use super::descent::{Descent, Shape};
use super::formula::{Definition, Term};
use super::kind::{self, After, Bent, Decay, Interpolation, Kind, Part, Table, Triangles};
use super::lowered::{Lowered, Slope, Stretch};
use super::node::{Climb, Fall, Node};
use super::noise::Noise;
use super::one_cycle::OneCycle;
use super::piecewise::Piecewise;
use super::points::Points;
use super::restarts::Restarts;
use super::{Clamp, Clock, Curve, Joins, Ramp, Schedule, ScheduleError, Span, Tick};

/// How deep sequences and products may be nested.
const MAX_DEPTH: usize = 16;
/// How many operations looking at a formula may take.
const MAX_LOOK: u64 = 1 << 17;
/// The least distance of two control points, in ticks.
const MIN_DISTANCE: f64 = 1e-6;

impl Schedule {
    /// The schedule with every length known.
    ///
    /// Lengths are rounded to whole ticks, at least one; the lengths of descents, cycles and timescales that are
    /// written in ticks are taken as they are written, `"17.67"` updates too. `over` left out is what is left of the run
    /// after the warmup and before the cooldown; inside a part of a sequence, what is left of the part.
    /// Under `tick = "epoch"` a schedule and all within it count epochs. A clock without updates
    /// counts as one update.
    ///
    /// # Errors
    /// Names the first field that holds what it may not: a number out of its range, a length of
    /// nothing, a period shorter than a tick, an empty list, control points out of order, a part
    /// without a length before the last or with one at the end, more than 16 levels.
    pub fn resolve(&self, clock: Clock) -> Result<Curve, ScheduleError> {
        let run = Frame { stretch: Stretch::run(clock), path: String::new(), depth: 1 };
        Ok(Curve::new(run.node(self)?, run.stretch.ticks))
    }
}

/// The stretch that a schedule is resolved for, and where in the whole the schedule is.
struct Frame {
    stretch: Stretch,
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
        schedule.kind.check().map_err(|error| self.located(error))?;
        if let Some(warmup) = &schedule.warmup {
            self.ticks_of("warmup.over", warmup.over)?;
            self.ramp("warmup.from", warmup.from, warmup.shape)?;
        }
        if let Some(cooldown) = &schedule.cooldown {
            self.ticks_of("cooldown.over", cooldown.over)?;
            self.ramp("cooldown.to", cooldown.to, cooldown.shape)?;
        }
        let clamp = schedule.clamp.map(|clamp| self.clamp(clamp)).transpose()?;

        let lowered = Lowered::within(schedule, self.stretch);
        let own = Self { stretch: lowered.body, path: self.path.clone(), depth: self.depth };
        let body = own.body(&lowered)?;
        let warmup = lowered.warmup.map(|Slope { over, low, shape, joins }| {
            let meets = if joins == Joins::Into { over } else { 0 };
            let top = if meets > 0 { body.at(meets) } else { body.top() };
            Climb { over, low, top, shape, joins }
        });
        let mut node = Node { stride: lowered.stride, warmup, body, cooldown: None, clamp };
        node.cooldown = lowered.cooldown.map(|(start, Slope { over, low, shape, .. })| {
            let top = node.before_cooldown(start);
            Fall { start, over, low, top, shape }
        });
        Ok(node)
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

    fn body(&self, lowered: &Lowered) -> Resolved<Body> {
        Ok(match lowered.kind {
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
                over: self.exact_or_rest("over", kind.over)?,
            },
            Kind::Polynomial(kind) => {
                self.descent(kind.peak, kind.floor, kind.over, Shape::Power(kind.power))?
            }
            Kind::Cosine(kind) => match kind.after {
                After::Hold if kind.power == 1.0 => {
                    self.descent(kind.peak, kind.floor, kind.over, Shape::Cosine)?
                }
                After::Hold => {
                    self.descent(kind.peak, kind.floor, kind.over, Shape::CosinePower(kind.power))?
                }
                After::Rebound => Body::Wave {
                    peak: kind.peak,
                    floor: kind.floor,
                    over: self.exact_or_rest("over", kind.over)?,
                    power: kind.power,
                },
            },
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
                timescale: self.exact("timescale", kind.timescale)?,
                floor: kind.floor,
            },
            Kind::Power(kind) => Body::Power {
                peak: kind.peak,
                timescale: self.exact("timescale", kind.timescale)?,
                exponent: kind.exponent,
                floor: kind.floor,
            },
            Kind::Noam(kind) => Body::Noam {
                scale: kind.scale * kind.d_model.powf(-0.5),
                warmup: self.ticks_of("warmup", kind.warmup)?,
            },
            Kind::Wsd(kind) => self.wsd(kind)?,
            Kind::Rex(kind) => self.descent(kind.peak, kind.floor, kind.over, Shape::Rex)?,
            Kind::Formula(kind) => self.formula(&kind.value)?,
            Kind::Noise(kind) => self.noise(kind)?,
            Kind::Points(kind) => self.points(&kind.points, kind.interpolation)?,
            Kind::Listed(kind) => self.table(&kind.values)?,
            Kind::Sequence(kind) => self.sequence(&kind.parts, &lowered.stretches())?,
            Kind::Product(kind) => self.product(&kind.of)?,
        })
    }

    fn descent(&self, peak: f64, floor: f64, over: Option<Span>, shape: Shape) -> Resolved<Body> {
        let over = self.exact_or_rest("over", over)?;
        Ok(Body::Descent(Descent { peak, floor, start: 0.0, over, k: 1.0, shape }))
    }

    fn k_decay(&self, kind: &kind::KDecay) -> Resolved<Body> {
        Ok(Body::Descent(Descent {
            peak: kind.peak,
            floor: kind.floor,
            start: 0.0,
            over: self.exact_or_rest("over", kind.over)?,
            k: kind.k,
            shape: match kind.shape {
                Bent::Cosine => Shape::Cosine,
                Bent::Polynomial => Shape::Power(kind.power),
            },
        }))
    }

    fn restarts(&self, kind: &kind::CosineRestarts) -> Resolved<Body> {
        let first = self.exact_period("first", kind.first)?;
        let climb = kind.cycle_warmup.map_or(Ok(0), |over| self.ticks_of("cycle_warmup", over))?;
        Ok(Body::Restarts(Restarts {
            peak: kind.peak,
            floor: kind.floor,
            first,
            mult: kind.mult,
            peak_decay: kind.peak_decay,
            climb: climb.min((first - 1.0).floor() as u64),
        }))
    }

    fn one_cycle(&self, kind: &kind::OneCycle) -> Resolved<Body> {
        let initial = kind.peak / kind.div_factor;
        Ok(Body::OneCycle(OneCycle {
            peak: kind.peak,
            initial,
            last: initial / kind.final_div_factor,
            over: kind.over.map_or(Ok(self.stretch.ticks), |over| self.period("over", over))?,
            pct_start: kind.pct_start,
            anneal: kind.anneal,
            three_phase: kind.three_phase,
        }))
    }

    fn cyclic(&self, kind: &kind::Cyclic) -> Resolved<Body> {
        let up = self.exact_period("up", kind.up)?;
        Ok(Body::Cyclic(Cyclic {
            floor: kind.floor,
            peak: kind.peak,
            up,
            down: kind.down.map_or(Ok(up), |down| self.exact_period("down", down))?,
            amplitude: match kind.mode {
                Triangles::Equal => Amplitude::Same,
                Triangles::Halved => Amplitude::Halved,
                Triangles::Shrinking => Amplitude::Shrinking(kind.gamma),
            },
        }))
    }

    fn wsd(&self, kind: &kind::Wsd) -> Resolved<Body> {
        let decay = self.exact("decay", kind.decay)?.max(1.0);
        Ok(Body::Descent(Descent {
            peak: kind.peak,
            floor: kind.floor,
            start: self.stretch.ticks as f64 - decay,
            over: decay,
            k: 1.0,
            shape: match kind.shape {
                Decay::Linear => Shape::Power(1.0),
                Decay::Cosine => Shape::Cosine,
                Decay::OneMinusSqrt => Shape::OneMinusSqrt,
                Decay::Exponential => Shape::Exponential,
            },
        }))
    }

    fn noise(&self, kind: &kind::Noise) -> Resolved<Body> {
        let place = |field, span: Option<Span>, otherwise| {
            span.map_or(Ok(otherwise), |span| self.position(field, span))
        };
        Ok(Body::Noise(Noise {
            peak: kind.peak,
            limit: kind.limit,
            std: kind.std,
            seed: kind.seed.round() as u64,
            spread: kind.spread,
            from: place("from", kind.from, 0.0)?,
            until: place("until", kind.until, f64::INFINITY)?,
        }))
    }

    /// A formula is looked at before it is used: at every tick of a short run, at some of a long one. Elsewhere what
    /// is no rate counts as the nearest that is one, which lint tells.
    fn formula(&self, definition: &Definition) -> Resolved<Body> {
        let ticks = self.stretch.ticks;
        let term = definition.formula().root().with(&Term::Tick, ticks as f64, definition.values());
        let looks = (MAX_LOOK / term.size() as u64).clamp(64, 4096);
        let first = looks / 4;
        let step = ticks.div_ceil(looks - first).max(1);
        let spread = (0..looks).map(|index| index * step).chain([ticks - 1]);
        for tick in (0..first).chain(spread).filter(|tick| *tick < ticks) {
            let value = term.at(tick as f64);
            if !(0.0..=MAX_RATE).contains(&value) {
                let allowed = format!("a number from 0.0 to {MAX_RATE:?} at every tick");
                return Err(self.error("value", format!("{value:?} at tick {tick}"), allowed));
            }
        }
        Ok(Body::Formula(Arc::new(term)))
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

    fn points(&self, points: &[(Span, f64)], interpolation: Interpolation) -> Resolved<Body> {
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
        Ok(Body::Points(Points::new(&resolved, interpolation)))
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

    fn sequence(&self, parts: &[Part], stretches: &[(u64, Stretch)]) -> Resolved<Body> {
        let last = parts.len().saturating_sub(1);
        let mut nodes: Option<Piecewise<Box<Node>>> = None;
        for (index, (part, (start, stretch))) in parts.iter().zip(stretches).enumerate() {
            let field = format!("parts[{index}].for");
            match part.length {
                Some(length) if index == last => {
                    let allowed = "nothing: the last part lasts to the end";
                    return Err(self.error(&field, format!("\"{length}\""), allowed));
                }
                Some(length) => {
                    self.ticks_of(&field, length)?;
                }
                None if index < last => {
                    let allowed = "a length, such as \"10ep\": only the last part has none";
                    return Err(self.error(&field, "missing", allowed));
                }
                None => {}
            }
            let node = Box::new(self.within(&format!("parts[{index}]."), *stretch).node(&part.schedule)?);
            match &mut nodes {
                Some(nodes) => nodes.put(*start, node),
                None => nodes = Some(node.into()),
            }
        }
        nodes.map(Body::Sequence).ok_or_else(|| self.error("parts", "an empty list", "at least one schedule"))
    }

    fn product(&self, factors: &[Schedule]) -> Resolved<Body> {
        if factors.is_empty() {
            return Err(self.error("of", "an empty list", "at least one schedule"));
        }
        let nodes = factors
            .iter()
            .enumerate()
            .map(|(index, factor)| self.within(&format!("of[{index}]."), self.stretch).node(factor));
        Ok(Body::Product(nodes.collect::<Resolved<_>>()?))
    }

    /// The frame of a nested schedule.
    fn within(&self, path: &str, stretch: Stretch) -> Self {
        Self { stretch, path: format!("{}{path}", self.path), depth: self.depth + 1 }
    }

    /// A length in whole ticks, at least one.
    fn ticks_of(&self, field: &str, span: Span) -> Resolved<u64> {
        check::length(field, span).map_err(|error| self.located(error))?;
        Ok(self.stretch.length(span))
    }

    /// A length that need not be whole.
    fn exact(&self, field: &str, span: Span) -> Resolved<f64> {
        check::length(field, span).map_err(|error| self.located(error))?;
        Ok(self.stretch.exact(span))
    }

    /// A length that need not be whole, at least one tick, or what is left of the stretch.
    fn exact_or_rest(&self, field: &str, span: Option<Span>) -> Resolved<f64> {
        span.map_or(Ok(self.stretch.ticks as f64), |span| Ok(self.exact(field, span)?.max(1.0)))
    }

    /// A length that repeats and need not be whole.
    fn exact_period(&self, field: &str, span: Span) -> Resolved<f64> {
        self.period(field, span)?;
        Ok(self.stretch.exact(span).max(1.0))
    }

    /// A length that repeats: less than a tick would not be what was asked for.
    fn period(&self, field: &str, span: Span) -> Resolved<u64> {
        let ticks = self.ticks_of(field, span)?;
        // The margin forgives the rounding of a percentage.
        if self.stretch.position(span) < 1.0 - 1e-9 {
            let allowed = match self.stretch.tick {
                Tick::Update => "at least one update".to_owned(),
                Tick::Epoch => {
                    let updates = self.stretch.updates_per_tick;
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
        Ok(self.stretch.position(span))
    }

    fn error(&self, field: &str, found: impl Into<String>, allowed: impl Into<String>) -> ScheduleError {
        ScheduleError::new(format!("{}{field}", self.path), found, allowed)
    }

    /// An error about a field of this frame's schedule, under its whole path.
    fn located(&self, error: ScheduleError) -> ScheduleError {
        ScheduleError { field: format!("{}{}", self.path, error.field), ..error }
    }
}
