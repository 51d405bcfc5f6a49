//! A schedule for a run of another length: lengths written in updates grow or shrink with the run.

use crate::schedule::kind::{Kind, Value};
use crate::schedule::{Schedule, Span, Tick};

/// A length so long that what it becomes says by how much lengths change.
const LONG: f64 = 1e9;

/// Multiplies every length that is written in updates; epochs and shares of the run follow by themselves.
/// Listed values stay one an update.
pub fn stretch(schedule: &mut Schedule, by: f64) {
    each_length(schedule, &|span| match span {
        Span::Updates(updates) => Span::Updates((updates * by).round().max(1.0)),
        other => other,
    });
}

/// Changes every length of a schedule. Positions at the very start stay there.
pub fn each_length(schedule: &mut Schedule, span: &impl Fn(Span) -> Span) {
    // A position may be the very start, a length may not.
    let position = |at: Span| if at.amount() == 0.0 { at } else { span(at) };
    if let Some(warmup) = &mut schedule.warmup {
        warmup.over = span(warmup.over);
    }
    if let Some(cooldown) = &mut schedule.cooldown {
        cooldown.over = span(cooldown.over);
    }
    let kind = &mut schedule.kind;
    for field in Kind::fields(kind.name()).unwrap_or_default() {
        let stretched = match kind.get(field.name) {
            Some(Value::Span(Some(length))) => Value::Span(Some(span(length))),
            Some(Value::Milestones(all)) => Value::Milestones(all.into_iter().map(position).collect()),
            // Its lengths are in its text; one that counts epochs follows by itself.
            Some(Value::Formula(definition)) if schedule.tick == Tick::Update => {
                let Span::Updates(long) = span(Span::Updates(LONG)) else { continue };
                match definition.stretched(long / LONG) {
                    Some(stretched) => Value::Formula(stretched),
                    None => continue,
                }
            }
            Some(Value::Points(points)) => {
                Value::Points(points.into_iter().map(|(at, rate)| (position(at), rate)).collect())
            }
            Some(Value::Parts(mut parts)) => {
                for part in &mut parts {
                    part.length = part.length.map(span);
                    each_length(&mut part.schedule, span);
                }
                Value::Parts(parts)
            }
            Some(Value::Factors(mut factors)) => {
                factors.iter_mut().for_each(|factor| each_length(factor, span));
                Value::Factors(factors)
            }
            _ => continue,
        };
        kind.set(field.name, stretched);
    }
}
