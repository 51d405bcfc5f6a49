//! A kind resolved: lengths are ticks, choices are made, and the value of any tick is closed form.

use std::sync::Arc;

use super::check::MAX_RATE;
use super::cyclic::Cyclic;
use super::descent::Descent;
use super::node::Node;
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
        over: u64,
    },
    Descent(Descent),
    /// A cosine that climbs again past `over`, with period `2·over`.
    Wave {
        peak: f64,
        floor: f64,
        over: u64,
    },
    Restarts(Restarts),
    OneCycle(OneCycle),
    Cyclic(Cyclic),
    InverseSqrt {
        peak: f64,
        timescale: f64,
    },
    Power {
        peak: f64,
        timescale: f64,
        exponent: f64,
    },
    /// `scale` includes the width's factor.
    Noam {
        scale: f64,
        warmup: u64,
    },
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
            Self::Exponential { peak, gamma } => peak * gamma.powf(tick as f64),
            Self::Linear { peak, to, over, .. } if tick >= *over => peak * to,
            Self::Linear { peak, from, to, over } => peak * (from + (to - from) * tick as f64 / *over as f64),
            Self::Descent(descent) => descent.at(tick),
            Self::Wave { peak, floor, over } => {
                let share = (tick % over.saturating_mul(2)) as f64 / *over as f64;
                let height = f64::midpoint(1.0, (std::f64::consts::PI * share).cos());
                floor + (peak - floor) * height
            }
            Self::Restarts(restarts) => restarts.at(tick),
            Self::OneCycle(cycle) => cycle.at(tick),
            Self::Cyclic(cyclic) => cyclic.at(tick),
            Self::InverseSqrt { peak, timescale } => peak * (timescale / (tick as f64 + timescale)).sqrt(),
            Self::Power { peak, timescale, exponent } => {
                peak * (1.0 + tick as f64 / timescale).powf(-exponent)
            }
            Self::Noam { scale, warmup } => {
                let step = tick as f64 + 1.0;
                scale * step.powf(-0.5).min(step * (*warmup as f64).powf(-1.5))
            }
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
