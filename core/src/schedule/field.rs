//! What a kind of schedule has: its fields, what they hold, and as which Rust types.

use std::sync::Arc;

use super::Schedule;
use super::choice::Choice;
use super::formula::Definition;
use super::span::Span;

/// What a field holds, and which values it allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// A learning rate (or another optimizer number): finite, not negative. Shown on a log scale.
    Rate,
    /// A finite number between `min` and `max`.
    Number {
        min: f64,
        max: f64,
    },
    /// A length; `None` means what is left of the run.
    Span,
    Flag,
    Choice(&'static [&'static str]),
    /// Arithmetic of the tick, with constants.
    Formula,
    /// Control points `[[span, value], ...]`.
    Points,
    /// A list of rates, one a tick.
    Values,
    /// A list of positions in the run.
    Milestones,
    /// Schedules one after the other.
    Parts,
    /// Schedules multiplied.
    Factors,
}

/// A field's value, whatever its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Span(Option<Span>),
    Flag(bool),
    Choice(&'static str),
    Formula(Definition),
    Points(Vec<(Span, f64)>),
    Values(Table),
    Milestones(Vec<Span>),
    Parts(Vec<Part>),
    Factors(Vec<Schedule>),
}

/// One field of a kind.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub role: Role,
    /// `None`: the field has to be given.
    pub default: Option<Value>,
    /// One sentence for people.
    pub help: &'static str,
}

/// Rates listed one by one, perhaps read from a file named beside the experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub values: Vec<f64>,
    pub file: Option<String>,
}

/// One part of a sequence; the last has no length of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub length: Option<Span>,
    /// The phase of the data that its length is that of, by name; nothing where it has a length of its own.
    pub phase: Option<Arc<str>>,
    pub schedule: Schedule,
}

impl Part {
    /// A part with a length of its own, or without one.
    pub fn new(length: Option<Span>, schedule: Schedule) -> Self {
        Self { length, phase: None, schedule }
    }
}

/// A Rust type that a field can have.
pub(super) trait Slot: Sized {
    fn get(&self) -> Value;
    fn put(value: Value) -> Option<Self>;
}

macro_rules! slot {
    ($type:ty, $variant:ident) => {
        impl Slot for $type {
            fn get(&self) -> Value {
                Value::$variant(self.clone())
            }
            fn put(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        }
    };
}
slot!(f64, Number);
slot!(Option<Span>, Span);
slot!(bool, Flag);
slot!(Definition, Formula);
slot!(Vec<(Span, f64)>, Points);
slot!(Table, Values);
slot!(Vec<Span>, Milestones);
slot!(Vec<Part>, Parts);
slot!(Vec<Schedule>, Factors);

impl<C: Choice> Slot for C {
    fn get(&self) -> Value {
        Value::Choice(self.name())
    }
    fn put(value: Value) -> Option<Self> {
        match value {
            Value::Choice(name) => Self::named(name),
            _ => None,
        }
    }
}

impl Slot for Span {
    fn get(&self) -> Value {
        Value::Span(Some(*self))
    }
    fn put(value: Value) -> Option<Self> {
        match value {
            Value::Span(span) => span,
            _ => None,
        }
    }
}
