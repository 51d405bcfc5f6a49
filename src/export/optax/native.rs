//! A schedule in optax's own functions, where it has them.

use crate::export::simulate::optax::{Exponential, Schedule};
use crate::export::text::float;
use crate::schedule::kind::{Decay, Interpolation};
use crate::schedule::lowered::Lowered;
use crate::schedule::{Kind, Ramp};

/// The schedule that optax has for a node.
pub fn native(node: &Lowered<'_>) -> Option<Schedule> {
    if node.stride > 1 || node.clamp.is_some() {
        return None;
    }
    let mut main = body(node)?;
    if let Some(slope) = node.warmup {
        if slope.shape != Ramp::Linear {
            return None;
        }
        let top = main.at(0);
        main = joined(vec![(0, Schedule::linear(slope.low * top, top, slope.over)), (slope.over, main)]);
    }
    if let Some((start, slope)) = node.cooldown {
        if slope.shape != Ramp::Linear {
            return None;
        }
        let top = main.at(start);
        main = joined(vec![(0, main), (start, Schedule::linear(top, slope.low * top, slope.over))]);
    }
    Some(main)
}

/// Schedules one after the other, each with the count it starts at; one within another becomes flat.
fn joined(parts: Vec<(u64, Schedule)>) -> Schedule {
    let mut schedules = Vec::new();
    let mut boundaries = Vec::new();
    for (start, part) in parts {
        if start > 0 {
            boundaries.push(start);
        }
        match part {
            Schedule::Join { schedules: inner, boundaries: ends } => {
                schedules.extend(inner);
                boundaries.extend(ends.into_iter().map(|end| start + end));
            }
            part => schedules.push(part),
        }
    }
    Schedule::Join { schedules, boundaries }
}

fn body(node: &Lowered<'_>) -> Option<Schedule> {
    let alpha = |floor: f64, peak: f64| if peak > 0.0 { floor / peak } else { 0.0 };
    let cosine = |peak: f64, floor: f64, decay_steps: u64| Schedule::CosineDecay {
        init_value: peak,
        decay_steps,
        alpha: alpha(floor, peak),
        exponent: 1.0,
    };
    Some(match node.kind {
        Kind::Constant(kind) => Schedule::Constant { value: kind.peak },
        Kind::Step(kind) if kind.gamma > 0.0 => Schedule::Exponential(Exponential {
            init_value: kind.peak,
            transition_steps: node.length(kind.every),
            decay_rate: kind.gamma,
            transition_begin: 0,
            staircase: true,
        }),
        Kind::Multistep(kind) => {
            let mut drops: Vec<(u64, f64)> = Vec::new();
            let mut at: Vec<u64> =
                kind.milestones.iter().map(|span| node.position(*span).round() as u64).collect();
            at.sort_unstable();
            for milestone in at {
                match drops.last_mut() {
                    Some((last, scale)) if *last == milestone => *scale *= kind.gamma,
                    _ => drops.push((milestone, kind.gamma)),
                }
            }
            Schedule::PiecewiseConstant { init_value: kind.peak, boundaries_and_scales: drops }
        }
        Kind::Exponential(kind) if kind.gamma > 0.0 => Schedule::Exponential(Exponential {
            init_value: kind.peak,
            transition_steps: 1,
            decay_rate: kind.gamma,
            transition_begin: 0,
            staircase: false,
        }),
        Kind::Linear(kind) => {
            Schedule::linear(kind.peak * kind.from, kind.peak * kind.to, node.rest_or(kind.over))
        }
        Kind::Polynomial(kind) => Schedule::Polynomial {
            init_value: kind.peak,
            end_value: kind.floor,
            power: kind.power,
            transition_steps: node.rest_or(kind.over),
        },
        Kind::Cosine(kind) => match cosine(kind.peak, kind.floor, node.rest_or(kind.over)) {
            Schedule::CosineDecay { init_value, decay_steps, alpha, .. } => {
                Schedule::CosineDecay { init_value, decay_steps, alpha, exponent: kind.power }
            }
            line => line,
        },
        Kind::CosineRestarts(kind) if kind.cycle_warmup.is_none() => {
            let mut parts = Vec::new();
            let (mut start, mut length) = (0.0, node.length(kind.first) as f64);
            let mut peak = kind.peak;
            while start < node.ticks() as f64 {
                if parts.len() > 20 || length.fract() != 0.0 {
                    return None;
                }
                parts.push((start as u64, cosine(peak, kind.floor, length as u64)));
                start += length;
                length *= kind.mult;
                peak *= kind.peak_decay;
            }
            joined(parts)
        }
        Kind::Wsd(kind) => {
            let over = node.length(kind.decay).min(node.ticks());
            let decay = match kind.shape {
                Decay::Linear => Schedule::linear(kind.peak, kind.floor, over),
                Decay::Cosine => cosine(kind.peak, kind.floor, over),
                Decay::OneMinusSqrt | Decay::Exponential => return None,
            };
            match node.ticks() - over {
                0 => decay,
                start => joined(vec![(0, Schedule::Constant { value: kind.peak }), (start, decay)]),
            }
        }
        Kind::Sequence(_) => {
            let parts = node.parts().into_iter().map(|(start, part)| Some((start, native(&part)?)));
            joined(parts.collect::<Option<_>>()?)
        }
        Kind::Points(kind) if kind.interpolation == Interpolation::Linear => return lines(node),
        _ => return None,
    })
}

/// Straight lines between control points on whole updates.
fn lines(node: &Lowered<'_>) -> Option<Schedule> {
    let Kind::Points(kind) = node.kind else {
        return None;
    };
    let points: Vec<(f64, f64)> =
        kind.points.iter().map(|(span, rate)| (node.position(*span), *rate)).collect();
    if points.len() > 20 || points.iter().any(|(at, _)| at.fract() != 0.0) {
        return None;
    }
    let mut parts = Vec::new();
    if let Some((at, rate)) = points.first().filter(|(at, _)| *at > 0.0) {
        parts.push((0, Schedule::linear(*rate, *rate, *at as u64)));
    }
    for pair in points.windows(2) {
        if let [(start, from), (end, to)] = pair {
            parts.push((*start as u64, Schedule::linear(*from, *to, (end - start) as u64)));
        }
    }
    Some(joined(parts))
        .filter(|schedule| !matches!(schedule, Schedule::Join { schedules, .. } if schedules.is_empty()))
}

/// The call that makes a schedule.
pub fn written(schedule: &Schedule, indent: usize) -> String {
    let pairs = |pairs: &[(u64, f64)]| {
        let shown: Vec<String> = pairs.iter().map(|(at, scale)| format!("{at}: {}", float(*scale))).collect();
        format!("{{{}}}", shown.join(", "))
    };
    match schedule {
        Schedule::Constant { value } => format!("optax.constant_schedule({})", float(*value)),
        Schedule::Polynomial { init_value, end_value, power: 1.0, transition_steps } => {
            format!(
                "optax.linear_schedule({}, {}, {transition_steps})",
                float(*init_value),
                float(*end_value)
            )
        }
        Schedule::Polynomial { init_value, end_value, power, transition_steps } => format!(
            "optax.polynomial_schedule({}, {}, {}, {transition_steps})",
            float(*init_value),
            float(*end_value),
            float(*power)
        ),
        Schedule::PiecewiseConstant { init_value, boundaries_and_scales } => format!(
            "optax.piecewise_constant_schedule({}, {})",
            float(*init_value),
            pairs(boundaries_and_scales)
        ),
        Schedule::PiecewiseInterpolate { cosine, init_value, boundaries_and_scales } => format!(
            "optax.piecewise_interpolate_schedule(\"{}\", {}, {})",
            if *cosine { "cosine" } else { "linear" },
            float(*init_value),
            pairs(boundaries_and_scales)
        ),
        Schedule::Exponential(exponential) => format!(
            "optax.exponential_decay({}, {}, {}, transition_begin={}, staircase={})",
            float(exponential.init_value),
            exponential.transition_steps,
            float(exponential.decay_rate),
            exponential.transition_begin,
            if exponential.staircase { "True" } else { "False" }
        ),
        Schedule::CosineDecay { init_value, decay_steps, alpha, exponent } => {
            let power =
                if *exponent == 1.0 { String::new() } else { format!(", exponent={}", float(*exponent)) };
            let (init, alpha) = (float(*init_value), float(*alpha));
            format!("optax.cosine_decay_schedule({init}, {decay_steps}, alpha={alpha}{power})")
        }
        Schedule::Join { schedules, boundaries } => {
            let margin = "    ".repeat(indent + 1);
            let outer = "    ".repeat(indent);
            let lines: String = schedules
                .iter()
                .map(|part| format!("{margin}    {},\n", written(part, indent + 2)))
                .collect();
            format!("optax.join_schedules(\n{margin}[\n{lines}{margin}],\n{margin}{boundaries:?},\n{outer})")
        }
    }
}
