//! A kind resolved: lengths are ticks, choices are made, and the value of any tick is closed form.

use std::sync::Arc;

use super::check::MAX_RATE;
use super::cyclic::Cyclic;
use super::descent::Descent;
use super::formula::Term;
use super::node::Node;
use super::noise::Noise;
use super::one_cycle::OneCycle;
use super::piecewise::Piecewise;
use super::points::Points;
use super::restarts::Restarts;

/// The body of a resolved schedule, a function of its own tick from 0.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Constant(f64),
    Step {
        peak: f64,
        every: u64,
        gamma: f64,
    },
    /// `milestones` in increasing order.
    Multistep {
        peak: f64,
        milestones: Vec<u64>,
        gamma: f64,
    },
    Exponential {
        peak: f64,
        gamma: f64,
    },
    Linear {
        peak: f64,
        from: f64,
        to: f64,
        over: f64,
    },
    Descent(Descent),
    /// A cosine that climbs again past `over`, with period `2·over`.
    Wave {
        peak: f64,
        floor: f64,
        over: f64,
        power: f64,
    },
    Restarts(Restarts),
    OneCycle(OneCycle),
    Cyclic(Cyclic),
    InverseSqrt {
        peak: f64,
        timescale: f64,
        floor: f64,
    },
    Power {
        peak: f64,
        timescale: f64,
        exponent: f64,
        floor: f64,
    },
    /// `scale` includes the width's factor.
    Noam {
        scale: f64,
        warmup: u64,
    },
    Noise(Noise),
    /// Without constants.
    Formula(Arc<Term>),
    Points(Points),
    Table(Arc<[f64]>),
    /// Parts one after the other, each seeing its own tick from 0.
    Sequence(Piecewise<Box<Node>>),
    Product(Vec<Node>),
}

/// `peak` times a factor that may grow without end, at most the largest rate.
fn scaled(peak: f64, factor: f64) -> f64 {
    (peak * factor.min(MAX_RATE)).min(MAX_RATE)
}

impl Body {
    pub fn at(&self, tick: u64) -> f64 {
        match self {
            Self::Constant(peak) => *peak,
            Self::Step { peak, every, gamma } => scaled(*peak, gamma.powf((tick / every) as f64)),
            Self::Multistep { peak, milestones, gamma } => {
                let passed = milestones.partition_point(|milestone| *milestone <= tick);
                scaled(*peak, gamma.powf(passed as f64))
            }
            Self::Exponential { peak, gamma } => scaled(*peak, gamma.powf(tick as f64)),
            Self::Linear { peak, to, over, .. } if tick as f64 >= *over => peak * to,
            Self::Linear { peak, from, to, over } => peak * (from + (to - from) * tick as f64 / over),
            Self::Descent(descent) => descent.at(tick),
            Self::Wave { peak, floor, over, power } => {
                let share = (tick as f64 % (2.0 * over)) / over;
                let height = f64::midpoint(1.0, (std::f64::consts::PI * share).cos());
                floor + (peak - floor) * if *power == 1.0 { height } else { height.powf(*power) }
            }
            Self::Restarts(restarts) => restarts.at(tick),
            Self::OneCycle(cycle) => cycle.at(tick),
            Self::Cyclic(cyclic) => cyclic.at(tick),
            Self::InverseSqrt { peak, timescale, floor } => {
                (peak * (timescale / (tick as f64 + timescale)).sqrt()).max(*floor)
            }
            Self::Power { peak, timescale, exponent, floor } => {
                (peak * (1.0 + tick as f64 / timescale).powf(-exponent)).max(*floor)
            }
            Self::Noam { scale, warmup } => {
                let step = tick as f64 + 1.0;
                scale * step.powf(-0.5).min(step * (*warmup as f64).powf(-1.5))
            }
            // Far from the run a formula may give anything, NaN too.
            Self::Formula(term) => {
                let value = term.at(tick as f64);
                if value > 0.0 { value.min(MAX_RATE) } else { 0.0 }
            }
            Self::Noise(noise) => noise.at(tick),
            Self::Points(points) => points.at(tick),
            Self::Table(values) => usize::try_from(tick)
                .ok()
                .and_then(|tick| values.get(tick))
                .or(values.last())
                .copied()
                .unwrap_or(0.0),
            Self::Sequence(parts) => {
                let (start, part) = parts.piece(tick);
                part.at(tick - start)
            }
            // A product of very large rates stays a number.
            Self::Product(factors) => {
                factors.iter().fold(1.0, |product, factor| (product * factor.at(tick)).min(f64::MAX))
            }
        }
    }

    /// What a warmup before it climbs to.
    pub fn top(&self) -> f64 {
        match self {
            Self::Descent(descent) => descent.top(),
            body => body.at(0),
        }
    }

    /// Momentum by the kind's own phases, for the kinds that have them.
    pub fn mirror(&self, tick: u64, low: f64, high: f64) -> Option<f64> {
        match self {
            Self::OneCycle(cycle) => Some(cycle.mirror(tick, low, high)),
            Self::Cyclic(cyclic) => Some(cyclic.mirror(tick, low, high)),
            Self::Sequence(parts) => {
                let (start, part) = parts.piece(tick);
                part.mirror(tick - start, low, high)
            }
            _ => None,
        }
    }
}
