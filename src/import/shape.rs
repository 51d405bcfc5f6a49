//! Short ways to write the schedules that importers make.

use super::ImportError;
use crate::schedule::formula::Definition;
use crate::schedule::kind::{
    After, Constant, Cosine, CosineRestarts, Decay, Formula, Kind, Linear, Listed, Part, Polynomial,
    Sequence, Table, Value, Wsd,
};
use crate::schedule::{Ramp, Schedule, Span, Tick, Warmup};

pub fn constant(peak: f64) -> Schedule {
    Kind::Constant(Constant { peak }).into()
}

pub fn cosine(peak: f64, floor: f64, over: Option<Span>, after: After) -> Schedule {
    Kind::Cosine(Cosine { peak, floor, over, after, power: 1.0 }).into()
}

pub fn restarts(peak: f64, floor: f64, first: Span, mult: f64, peak_decay: f64) -> Schedule {
    let kind = CosineRestarts { peak, floor, first, mult, peak_decay, cycle_warmup: None };
    Kind::CosineRestarts(kind).into()
}

pub fn linear(peak: f64, from: f64, to: f64, over: Option<Span>) -> Schedule {
    Kind::Linear(Linear { peak, from, to, over }).into()
}

pub fn polynomial(peak: f64, power: f64, floor: f64, over: Option<Span>) -> Schedule {
    Kind::Polynomial(Polynomial { peak, power, floor, over }).into()
}

pub fn wsd(peak: f64, floor: f64, decay: Span, shape: Decay) -> Schedule {
    Kind::Wsd(Wsd { peak, floor, decay, shape }).into()
}

/// A formula with these constants.
///
/// # Errors
/// When it is none: the text is an importer's own, and its numbers are not.
pub fn written(formula: &str, constants: &[(&str, f64)]) -> Result<Schedule, ImportError> {
    let value = Definition::parse(formula, constants)
        .map_err(|error| ImportError::unsupported(formula, error.to_string()))?;
    Ok(Kind::Formula(Formula { value }).into())
}

/// The schedules one after the other, all but the last with their lengths.
pub fn sequence(before: Vec<(Span, Schedule)>, last: Schedule) -> Schedule {
    let before = before.into_iter().map(|(length, schedule)| Part::new(Some(length), schedule));
    let last = Part::new(None, last);
    Kind::Sequence(Sequence { parts: before.chain([last]).collect() }).into()
}

/// The schedule after a warmup; a length of nothing leaves it as it is.
pub fn warmed(schedule: Schedule, over: Span, from: f64, shape: Ramp) -> Schedule {
    let warmup = (over.amount() > 0.0).then_some(Warmup::new(over, from.clamp(0.0, 1.0), shape));
    Schedule { warmup, ..schedule }
}

pub fn ticking(schedule: Schedule, tick: Tick) -> Schedule {
    Schedule { tick, ..schedule }
}

pub fn table(values: Vec<f64>) -> Schedule {
    Kind::Listed(Listed { values: Table { values, file: None } }).into()
}

/// A length in updates, where epochs have so many.
pub fn updates_of(length: Span, per_epoch: f64) -> Span {
    match length {
        Span::Epochs(epochs) => Span::Updates(epochs * per_epoch),
        other => other,
    }
}

/// The schedule with all its lengths in epochs given in updates.
pub fn in_updates(schedule: &Schedule, per_epoch: f64) -> Schedule {
    with_spans(schedule, &|span| updates_of(span, per_epoch))
}

/// The schedule with every length so many times as long.
pub fn scaled(schedule: &Schedule, by: f64) -> Schedule {
    with_spans(schedule, &|span| span.with_amount(span.amount() * by))
}

/// The schedule with its lengths in updates read as epochs; it still moves with every update.
pub fn as_epochs(schedule: &Schedule) -> Schedule {
    with_spans(schedule, &|span| match span {
        Span::Updates(ticks) => Span::Epochs(ticks),
        other => other,
    })
}

/// The schedule with its lengths in updates as so many epochs, for one that was found by counting epochs.
pub fn in_epochs(schedule: &Schedule) -> Schedule {
    ticking(as_epochs(schedule), Tick::Epoch)
}

/// The schedule with every length changed.
fn with_spans(schedule: &Schedule, change: &dyn Fn(Span) -> Span) -> Schedule {
    let mut schedule = schedule.clone();
    if let Some(warmup) = &mut schedule.warmup {
        warmup.over = change(warmup.over);
    }
    if let Some(cooldown) = &mut schedule.cooldown {
        cooldown.over = change(cooldown.over);
    }
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        let changed = match schedule.kind.get(field.name) {
            Some(Value::Span(Some(span))) => Value::Span(Some(change(span))),
            Some(Value::Milestones(spans)) => Value::Milestones(spans.into_iter().map(change).collect()),
            Some(Value::Points(points)) => {
                Value::Points(points.into_iter().map(|(span, value)| (change(span), value)).collect())
            }
            Some(Value::Parts(parts)) => Value::Parts(
                parts
                    .into_iter()
                    .map(|part| Part::new(part.length.map(change), with_spans(&part.schedule, change)))
                    .collect(),
            ),
            Some(Value::Factors(of)) => {
                Value::Factors(of.iter().map(|factor| with_spans(factor, change)).collect())
            }
            _ => continue,
        };
        schedule.kind.set(field.name, changed);
    }
    schedule
}
