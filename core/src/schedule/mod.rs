//! Schedules: pure functions of the tick.
//!
//! A [`Schedule`] is what people edit and save; its lengths are [`Span`]s. Resolved against a
//! [`Clock`] it becomes a [`Curve`], which gives the value used by any update in closed form.

mod body;
mod check;
mod choice;
pub mod controller;
pub mod curve;
mod cyclic;
mod descent;
pub mod error;
mod field;
pub mod formula;
pub mod greedy;
pub mod hypergradient;
pub mod kind;
pub mod landmark;
pub mod lowered;
mod node;
mod noise;
mod number_curve;
mod one_cycle;
mod piecewise;
pub mod plateau;
mod points;
mod ramp;
mod resolve;
mod restarts;
pub mod span;
mod switch;

pub use check::MAX_RATE;
pub use curve::Curve;
pub use error::ScheduleError;
pub use greedy::{Greedy, GreedyRule};
pub use hypergradient::Hypergradient;
pub use kind::Kind;
pub use landmark::{Landmark, LandmarkKind};
pub use number_curve::NumberCurve;
pub use piecewise::Piecewise;
pub use plateau::{Plateau, PlateauRule};
pub use span::{Clock, Span};
pub use switch::Switched;

/// A schedule as written: a kind, and modifiers around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub kind: Kind,
    pub tick: Tick,
    pub warmup: Option<Warmup>,
    pub cooldown: Option<Cooldown>,
    pub clamp: Option<Clamp>,
}

/// What a schedule counts. Within one that counts epochs, as a part or a factor, all count epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tick {
    #[default]
    Update,
    /// The epoch's index, `⌊update / updates_per_epoch⌋`: a staircase.
    Epoch,
}

/// A climb to the body's first value: `first·(from + (1 - from)·e/over)` while `e < over` for the linear shape.
/// What the body does meanwhile is how it `joins`.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    pub over: Span,
    /// The first value, as a share of the one climbed to, 0 to 1; above 0 for the exponential shape.
    pub from: f64,
    pub shape: Ramp,
    pub joins: Joins,
}

/// How a warmup and the body meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joins {
    /// The body starts from its own tick 0 when the warmup is over.
    #[default]
    Before,
    /// The body starts at once, and the warmup hides its beginning: after it the body is as far as it would be
    /// without one. The climb still goes to the body's first value, so that the rate may drop where it ends (timm's
    /// default).
    Over,
    /// The body starts at once, and the climb goes to the value that it has when the warmup is over (fvcore's
    /// `rescale_interval=False`).
    Into,
}

impl Warmup {
    /// A warmup before the body.
    #[must_use]
    pub fn new(over: Span, from: f64, shape: Ramp) -> Self {
        Self { over, from, shape, joins: Joins::Before }
    }
}

impl Joins {
    /// Every way, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 3] =
        [("before", Self::Before), ("over", Self::Over), ("into", Self::Into)];
}

/// A descent over the last ticks of the run, or of the part of a sequence: the warmup's shapes backwards.
///
/// Its end value belongs to the tick after the last, as in PyTorch's PolynomialLR: of a run of `T` ticks,
/// tick `T - over` still has the value the descent starts at, and tick `T` would have exactly `to` times it.
/// Where a cooldown is longer than the run, it is the whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub over: Span,
    /// The value at the end, as a share of the one the descent starts at, 0 to 1; above 0 for the
    /// exponential shape.
    pub to: f64,
    pub shape: Ramp,
}

/// How a warmup climbs, with `p` from 0 to 1, and a cooldown falls, with `p` from 1 to 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ramp {
    /// `p` of the way.
    #[default]
    Linear,
    /// `(1 - cos πp) / 2` of the way.
    Cosine,
    /// By the same factor every tick: `from^(1-p)`.
    Exponential,
    /// `p²` of the way.
    Quadratic,
    /// `1 - √(1-p)` of the way: ever steeper, and as a cooldown the decay `1 - √p` (arXiv 2405.18392).
    OneMinusSqrt,
    /// `ln(1 + e) / ln(1 + over)` of the way at tick `e` of `over`: steep first, then ever flatter. This is
    /// DeepSpeed's `warmup_type = "log"`, which has `ln(e) / ln(over)`, without its lag of one tick.
    Logarithmic,
}

/// Bounds on the final value, warmup and cooldown included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    pub min: f64,
    pub max: f64,
}

impl Ramp {
    /// Every ramp, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 6] = [
        ("linear", Self::Linear),
        ("cosine", Self::Cosine),
        ("exponential", Self::Exponential),
        ("quadratic", Self::Quadratic),
        ("1-sqrt", Self::OneMinusSqrt),
        ("logarithmic", Self::Logarithmic),
    ];
}

impl From<Kind> for Schedule {
    fn from(kind: Kind) -> Self {
        Self { kind, tick: Tick::Update, warmup: None, cooldown: None, clamp: None }
    }
}
