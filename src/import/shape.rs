//! Short ways to write the schedules that importers make.

use crate::schedule::kind::{
    After, Constant, Cosine, CosineRestarts, Decay, Kind, Linear, Part, Polynomial, Sequence, Wsd,
};
use crate::schedule::{Ramp, Schedule, Span, Tick, Warmup};

pub fn constant(peak: f64) -> Schedule {
    Kind::Constant(Constant { peak }).into()
}

pub fn cosine(peak: f64, floor: f64, over: Option<Span>, after: After) -> Schedule {
    Kind::Cosine(Cosine { peak, floor, over, after }).into()
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

/// The schedules one after the other, all but the last with their lengths.
pub fn sequence(before: Vec<(Span, Schedule)>, last: Schedule) -> Schedule {
    let before = before.into_iter().map(|(length, schedule)| Part { length: Some(length), schedule });
    let last = Part { length: None, schedule: last };
    Kind::Sequence(Sequence { parts: before.chain([last]).collect() }).into()
}

/// The schedule after a warmup; a length of nothing leaves it as it is.
pub fn warmed(schedule: Schedule, over: Span, from: f64, shape: Ramp) -> Schedule {
    let warmup = (over.amount() > 0.0).then_some(Warmup { over, from: from.clamp(0.0, 1.0), shape });
    Schedule { warmup, ..schedule }
}

pub fn ticking(schedule: Schedule, tick: Tick) -> Schedule {
    Schedule { tick, ..schedule }
}
