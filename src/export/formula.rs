//! A schedule as a formula of the update's index.

use crate::schedule::formula::{Function, Term as Expression};
use crate::schedule::kind::{self, After, Anneal, Bent, Decay, Triangles};
use crate::schedule::lowered::{Lowered, Slope};
use crate::schedule::{Clock, Curve, Joins, Kind, Ramp, Schedule};

use Expression::{Number, Tick};

/// The most pieces a formula is written in.
const MAX_PIECES: usize = 40;
/// The most updates at which a formula is compared with the curve it stands for.
const SAMPLES: u64 = 4096;

/// The formula of a schedule, where it has a short one that gives the curve's values.
pub fn of(schedule: &Schedule, curve: &Curve, clock: Clock) -> Option<Expression> {
    let formula = node(&Lowered::new(schedule, clock), Tick)?;
    let peak = curve.range().1;
    let agrees = sampled(clock.updates)
        .all(|update| (formula.at(update as f64) - curve.at(update)).abs() <= 1e-10 * peak);
    agrees.then_some(formula)
}

/// At most 4,096 updates of a run, its last among them.
pub fn sampled(updates: u64) -> impl Iterator<Item = u64> {
    let step = updates.div_ceil(SAMPLES).max(1);
    (0..updates).step_by(usize::try_from(step).unwrap_or(usize::MAX)).chain(updates.checked_sub(1))
}

/// The value of `node` at the tick `e` of what is around it.
fn node(node: &Lowered<'_>, e: Expression) -> Option<Expression> {
    let e = if node.stride > 1 { (e / node.stride as f64).call(Function::Floor) } else { e };
    let mut value = match node.warmup {
        None => body(node, e.clone())?,
        Some(slope) => {
            let over = slope.over as f64;
            let meets = if slope.joins == Joins::Into { over } else { 0.0 };
            let top = match node.kind {
                Kind::Tanh(kind) if meets == 0.0 => kind.peak,
                _ => body(node, Number(meets))?.at(meets),
            };
            let after = body(node, e.clone() - slope.lead() as f64)?;
            e.clone().below(over, top * climb(slope, e.clone()), after)
        }
    };
    if let Some((start, slope)) = node.cooldown {
        let top = value_at(node, start)?;
        let elapsed = (e.clone() - start as f64).min(slope.over as f64);
        value = e.below(start as f64, value, top * climb(slope, slope.over as f64 - elapsed));
    }
    if let Some(clamp) = node.clamp {
        value = value.max(clamp.min).min(clamp.max);
    }
    Some(value)
}

/// The value at a node's own tick, before its cooldown and clamp.
fn value_at(node: &Lowered<'_>, tick: u64) -> Option<f64> {
    Some(self::node(&node.before_cooldown(), Tick)?.at(tick as f64))
}

/// The share of a climb at `elapsed` of its ticks.
fn climb(Slope { over, low, shape, .. }: Slope, elapsed: Expression) -> Expression {
    let share = elapsed.clone() / over as f64;
    match shape {
        Ramp::Linear => low + (1.0 - low) * share,
        Ramp::Cosine => low + (1.0 - low) * (1.0 - share.cos_pi()) / 2.0,
        Ramp::Exponential => Number(low).power(1.0 - share),
        Ramp::Quadratic => low + (1.0 - low) * share.power(2.0),
        Ramp::OneMinusSqrt => low + (1.0 - low) * (1.0 - (1.0 - share).call(Function::Sqrt)),
        Ramp::Logarithmic => low + (1.0 - low) * (elapsed.call(Function::Log1p) / (over as f64).ln_1p()),
    }
}

/// From `peak` to `floor` as `left` falls from 1 to 0.
fn between(peak: f64, floor: f64, left: Expression) -> Expression {
    floor + (peak - floor) * left
}

/// `(1 + cos πp) / 2`
fn half_cosine(share: Expression) -> Expression {
    (1.0 + share.cos_pi()) / 2.0
}

/// The share of a descent that is done.
fn done(e: Expression, over: f64) -> Expression {
    e.min(over) / over
}

fn body(node: &Lowered<'_>, e: Expression) -> Option<Expression> {
    Some(match node.kind {
        Kind::Constant(kind) => Number(kind.peak),
        Kind::Step(kind) => {
            let drops = (e / node.length(kind.every) as f64).call(Function::Floor);
            kind.peak * Number(kind.gamma).power(drops)
        }
        Kind::Multistep(kind) => multistep(node, kind, e)?,
        Kind::Exponential(kind) => kind.peak * Number(kind.gamma).power(e),
        Kind::Linear(kind) => {
            kind.peak * (kind.from + (kind.to - kind.from) * done(e, node.exact_or_rest(kind.over)))
        }
        Kind::Polynomial(kind) => {
            let left = (1.0 - done(e, node.exact_or_rest(kind.over))).power(kind.power);
            between(kind.peak, kind.floor, left)
        }
        Kind::Cosine(kind) => {
            let over = node.exact_or_rest(kind.over);
            let share = match kind.after {
                After::Hold => done(e, over),
                After::Rebound => e / over,
            };
            between(kind.peak, kind.floor, half_cosine(share).power(kind.power))
        }
        Kind::CosineRestarts(kind) => restarts(node, kind, e)?,
        Kind::OneCycle(kind) => one_cycle(node, kind, e),
        Kind::Cyclic(kind) => cyclic(node, kind, e),
        Kind::InverseSqrt(kind) => {
            let timescale = node.body.exact(kind.timescale);
            let fall = kind.peak * (timescale / (e + timescale)).call(Function::Sqrt);
            if kind.floor > 0.0 { fall.max(kind.floor) } else { fall }
        }
        Kind::Noam(kind) => {
            let step = e + 1.0;
            let climb = step.clone() * (node.length(kind.warmup) as f64).powf(-1.5);
            kind.scale * kind.d_model.powf(-0.5) * step.power(-0.5).min(climb)
        }
        Kind::Wsd(kind) => {
            let over = node.exact(kind.decay).min(node.ticks() as f64);
            let start = node.ticks() as f64 - over;
            let share = done(e.clone() - start, over);
            let left = match kind.shape {
                Decay::Linear => 1.0 - share,
                Decay::Cosine => half_cosine(share),
                Decay::OneMinusSqrt => 1.0 - share.call(Function::Sqrt),
                Decay::Exponential => 2.0 * Number(0.5).power(share) - 1.0,
            };
            let decay = between(kind.peak, kind.floor, left);
            if start > 0.0 { e.below(start, Number(kind.peak), decay) } else { decay }
        }
        Kind::Rex(kind) => {
            let left = 1.0 - done(e, node.exact_or_rest(kind.over));
            between(kind.peak, kind.floor, left.clone() / (0.5 + 0.5 * left))
        }
        Kind::Formula(kind) => {
            let (formula, values) = (kind.value.formula(), kind.value.values());
            formula.root().with(&e, node.ticks() as f64, values)
        }
        Kind::Sequence(_) => {
            let mut parts = node.parts().into_iter().rev();
            let (start, last) = parts.next()?;
            if parts.len() > MAX_PIECES {
                return None;
            }
            let mut end = start;
            let mut value = self::node(&last, e.clone() - start as f64)?;
            for (start, part) in parts {
                value = e.clone().below(end as f64, self::node(&part, e.clone() - start as f64)?, value);
                end = start;
            }
            value
        }
        Kind::Product(_) => {
            let mut value = Number(1.0);
            for factor in node.factors() {
                value = value * self::node(&factor, e.clone())?;
            }
            value
        }
        Kind::KDecay(kind) => {
            let share = done(e, node.exact_or_rest(kind.over)).power(kind.k);
            let left = match kind.shape {
                Bent::Cosine => half_cosine(share),
                Bent::Polynomial => (1.0 - share).power(kind.power),
            };
            between(kind.peak, kind.floor, left)
        }
        Kind::Tanh(kind) => {
            let over = node.exact_or_rest(kind.over);
            let share = e.clone() / over;
            let bent = (kind.lower * (1.0 - share.clone()) + kind.upper * share).call(Function::Tanh);
            e.below(over, between(kind.peak, kind.floor, 0.5 * (1.0 - bent)), Number(kind.floor))
        }
        Kind::Power(kind) => {
            let time = 1.0 + e / node.body.exact(kind.timescale);
            let fall = kind.peak * time.power(-kind.exponent);
            if kind.floor > 0.0 { fall.max(kind.floor) } else { fall }
        }
        // These are written as knots.
        Kind::Noise(_) | Kind::Points(_) | Kind::Listed(_) => return None,
    })
}

fn multistep(node: &Lowered<'_>, kind: &kind::Multistep, e: Expression) -> Option<Expression> {
    let mut milestones: Vec<f64> = kind.milestones.iter().map(|span| node.position(*span).round()).collect();
    milestones.sort_by(f64::total_cmp);
    if milestones.len() > MAX_PIECES {
        return None;
    }
    let rate = |drops: usize| Number(kind.peak * kind.gamma.powf(drops as f64));
    let last = rate(milestones.len());
    Some(
        milestones
            .iter()
            .enumerate()
            .rev()
            .fold(last, |value, (index, at)| e.clone().below(*at, rate(index), value)),
    )
}

fn restarts(node: &Lowered<'_>, kind: &kind::CosineRestarts, e: Expression) -> Option<Expression> {
    let first = node.exact(kind.first);
    let cycle = |peak: Expression, elapsed: Expression, length: f64| {
        kind.floor + (peak - kind.floor) * half_cosine(elapsed / length)
    };
    if kind.mult == 1.0 {
        let elapsed = match first.fract() == 0.0 {
            true => e.clone().remainder(first),
            // The margin of the schedule itself.
            false => e.clone() - first * (e.clone() / first + 1e-9).call(Function::Floor),
        };
        if kind.peak_decay == 1.0 {
            return Some(cycle(Number(kind.peak), elapsed, first));
        }
        let decay = Number(kind.peak_decay).power((e / first).call(Function::Floor));
        return Some(cycle(kind.peak * decay, elapsed, first));
    }
    // A piece a cycle: each begins on a whole tick.
    let growth = kind.mult - 1.0;
    let start = |index: usize| {
        let exact = first * (index as f64 * growth.ln_1p()).exp_m1() / growth;
        if first.fract() == 0.0 { (exact + 1e-6).round() } else { exact }
    };
    let cycles = (1..=MAX_PIECES).find(|index| start(*index) >= node.ticks() as f64)?;
    let piece = |index: usize| {
        let peak = kind.peak * kind.peak_decay.powf(index as f64);
        let (begin, end) = (start(index), start(index + 1));
        cycle(Number(peak), e.clone() - begin, (end - begin).max(1.0))
    };
    let last = piece(cycles - 1);
    Some(
        (0..cycles - 1)
            .rev()
            .fold(last, |value, index| e.clone().below(start(index + 1), piece(index), value)),
    )
}

fn one_cycle(node: &Lowered<'_>, kind: &kind::OneCycle, e: Expression) -> Expression {
    let over = node.rest_or(kind.over) as f64;
    let initial = kind.peak / kind.div_factor;
    let last = initial / kind.final_div_factor;
    let anneal = |from: f64, to: f64, start: f64, end: f64| {
        let share = (e.clone() - start) / (end - start);
        match kind.anneal {
            Anneal::Cosine => to + (from - to) / 2.0 * (share.cos_pi() + 1.0),
            Anneal::Linear => (to - from) * share + from,
        }
    };
    let top = kind.pct_start * over - 1.0;
    let end = over - 1.0;
    let after = if kind.three_phase {
        let turn = 2.0 * kind.pct_start * over - 2.0;
        let down = anneal(kind.peak, initial, top, turn);
        e.clone().below(turn.floor() + 1.0, down, anneal(initial, last, turn, end))
    } else {
        anneal(kind.peak, last, top, end)
    };
    let after = e.clone().below(over, after, Number(last));
    // The climb is used up to and with the tick before its fractional end.
    if top >= 0.0 {
        e.clone().below(top.floor() + 1.0, anneal(initial, kind.peak, 0.0, top), after)
    } else {
        after
    }
}

fn cyclic(node: &Lowered<'_>, kind: &kind::Cyclic, e: Expression) -> Expression {
    let up = node.exact(kind.up);
    let down = kind.down.map_or(up, |down| node.exact(down));
    let total = up + down;
    let within = e.clone().remainder(total);
    let height = within.clone().below(up, within.clone() / up, (total - within) / down);
    let scale = match kind.mode {
        Triangles::Equal => Number(1.0),
        Triangles::Halved => Number(0.5).power((e / total).call(Function::Floor)),
        Triangles::Shrinking => Number(kind.gamma).power(e),
    };
    kind.floor + (kind.peak - kind.floor) * height * scale
}
