//! Schedules: pure functions of the tick.
//!
//! A [`Schedule`] is what people edit and save; its lengths are [`Span`]s. Resolved against a
//! [`Clock`] it becomes a [`Curve`], which gives the value used by any update in closed form.

mod body;
mod check;
pub mod curve;
mod cyclic;
mod descent;
pub mod error;
pub mod kind;
pub mod landmark;
mod node;
mod one_cycle;
pub mod plateau;
mod points;
mod ramp;
mod resolve;
mod restarts;
pub mod span;

pub use curve::Curve;
pub use error::ScheduleError;
pub use kind::Kind;
pub use landmark::{Landmark, What};
pub use plateau::{Plateau, PlateauRule};
pub use span::{Clock, Span};

/// A schedule as written: a kind, and modifiers around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub kind: Kind,
    pub tick: Tick,
    pub warmup: Option<Warmup>,
    pub cooldown: Option<Cooldown>,
    pub clamp: Option<Clamp>,
}

/// What a schedule counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tick {
    #[default]
    Update,
    /// The epoch's index: a staircase.
    Epoch,
}

/// A climb to the body's first value, before the body starts from its own tick 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    pub over: Span,
    /// The first value, as a share of the one climbed to.
    pub from: f64,
    pub shape: Ramp,
}

/// A descent over the last ticks of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub over: Span,
    /// The value at the end, as a share of the one the descent starts at.
    pub to: f64,
    pub shape: Ramp,
}

/// How a warmup climbs or a cooldown falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ramp {
    #[default]
    Linear,
    Cosine,
    Exponential,
    Quadratic,
}

/// Bounds on the final value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    pub min: f64,
    pub max: f64,
}

impl Ramp {
    /// Every ramp, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 4] = [
        ("linear", Self::Linear),
        ("cosine", Self::Cosine),
        ("exponential", Self::Exponential),
        ("quadratic", Self::Quadratic),
    ];
}

impl From<Kind> for Schedule {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            tick: Tick::Update,
            warmup: None,
            cooldown: None,
            clamp: None,
        }
    }
}
