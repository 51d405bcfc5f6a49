//! The kinds of schedule as one table: the experiment file, the inspector and the exports all read it.
//!
//! A line of `kinds!` names a kind, its fields, their roles and defaults. The macro makes a plain
//! struct of it (for the maths and the exports) and a uniform view by field name (for files and sliders).

use super::Schedule;
pub use super::choice::{After, Anneal, Bent, Choice, Decay, Interpolation, Spread, Triangles};
use super::field::Slot;
pub use super::field::{Field, Part, Role, Table, Value};
use super::formula::Definition;
use super::span::Span;

macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident $name:literal ($example:literal => $($value:literal),+) {
            $( $(#[doc = $help:literal])* $field:ident : $type:ty, $role:expr $(, or $default:expr)? ; )*
        }
    )*) => {
        $(
            $(#[doc = $doc])*
            #[doc = concat!(
                "\n\n`{ kind = \"", $name, "\", ", $example, " }` over eight updates is `", stringify!($($value),+), "`."
            )]
            #[derive(Clone, Debug, PartialEq)]
            pub struct $variant { $( $(#[doc = $help])* pub $field: $type, )* }
        )*

        /// The body of a schedule, before its modifiers.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kind { $( $variant($variant), )* }

        impl Kind {
            /// Every kind's name, in the order people meet them.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The kind's name in an experiment file.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => $name, )* }
            }

            /// The formula and its source, for people.
            pub fn about(name: &str) -> &'static str {
                match name { $( $name => concat!($($doc, "\n"),*).trim(), )* _ => "" }
            }

            /// An example of the kind of this name: its fields in an experiment file, and the rates of the eight
            /// updates of a run, rounded to three decimals.
            pub fn example(name: &str) -> Option<(&'static str, &'static [f64])> {
                match name { $( $name => Some(($example, &[$($value),+])), )* _ => None }
            }

            /// The fields of the kind of this name, or nothing when there is no such kind.
            pub fn fields(name: &str) -> Option<Vec<Field>> {
                match name {
                    $( $name => Some(vec![ $( Field {
                        name: stringify!($field).trim_start_matches("r#"),
                        role: $role,
                        default: { #[allow(unused_mut, unused_assignments, reason = "not every field has a default")] {
                            let mut default: Option<Value> = None;
                            $( default = Some(<$type as Slot>::get(&$default)); )?
                            default
                        } },
                        help: concat!("", $($help),*).trim_ascii(),
                    }, )* ]), )*
                    _ => None,
                }
            }

            /// A kind from its name and its fields' values, asked for by name in order.
            /// `None` when there is no such kind or a value has the wrong type.
            pub fn build(name: &str, mut value_of: impl FnMut(&str) -> Option<Value>) -> Option<Self> {
                match name {
                    $( $name => Some(Self::$variant($variant { $(
                        $field: <$type as Slot>::put(value_of(stringify!($field).trim_start_matches("r#"))?)?,
                    )* })), )*
                    _ => None,
                }
            }

            /// The value of the field of this name.
            fn own(&self, field: &str) -> Option<Value> {
                match self { $( Self::$variant(kind) => {
                    $( if field == stringify!($field).trim_start_matches("r#") { return Some(Slot::get(&kind.$field)); } )*
                    let _ = kind;
                    None
                } )* }
            }

            /// Sets a field; `false` when there is no such field or the value has the wrong type.
            fn set_own(&mut self, field: &str, value: Value) -> bool {
                match self { $( Self::$variant(kind) => {
                    $( if field == stringify!($field).trim_start_matches("r#") {
                        return match Slot::put(value) { Some(value) => { kind.$field = value; true } None => false };
                    } )*
                    let _ = kind;
                    false
                } )* }
            }
        }
    };
}

impl Kind {
    /// The value of the field, or of the formula's constant, of this name.
    pub fn get(&self, field: &str) -> Option<Value> {
        let constant = || self.definition()?.get(field).map(Value::Number);
        self.own(field).or_else(constant)
    }

    /// Sets a field, or a formula's constant; `false` when there is none of this name or the value has the wrong type.
    pub fn set(&mut self, field: &str, value: Value) -> bool {
        match (self, value) {
            (Self::Formula(kind), Value::Number(number)) => kind.value.set(field, number),
            (kind, value) => kind.set_own(field, value),
        }
    }

    /// The formula of kind `formula`, with its constants.
    pub fn definition(&self) -> Option<&Definition> {
        match self {
            Self::Formula(kind) => Some(&kind.value),
            _ => None,
        }
    }
}

const FACTOR: Role = Role::Number { min: 0.0, max: 1.0 };
/// What a step multiplies by, as a batch that doubles does.
const CHANGE: Role = Role::Number { min: 0.0, max: 1e3 };
const POSITIVE: Role = Role::Number { min: 1e-12, max: 1e12 };

kinds! {
    /// The same rate throughout: peak.
    Constant "constant" ("peak = 0.1" => 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1) {
        /// The rate.
        peak: f64, Role::Rate;
    }
    /// Changes by a factor at equal distances: peak·gamma^⌊e/every⌋ (PyTorch's StepLR).
    Step "step" (r#"peak = 1, every = "3""# => 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// The distance between two changes.
        every: Span, Role::Span;
        /// What each change multiplies by: below 1 a drop.
        gamma: f64, CHANGE, or 0.1;
    }
    /// Changes by a factor at chosen positions; one named twice changes twice (PyTorch's MultiStepLR).
    Multistep "multistep" (
        r#"peak = 1, milestones = ["2", "5"]"#
        => 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01
    ) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// Where the changes are.
        milestones: Vec<Span>, Role::Milestones;
        /// What each change multiplies by: below 1 a drop.
        gamma: f64, CHANGE, or 0.1;
    }
    /// Changes by the same factor every tick: peak·gamma^e (PyTorch's ExponentialLR).
    Exponential "exponential" ("peak = 1, gamma = 0.5" => 1.0, 0.5, 0.25, 0.125, 0.062, 0.031, 0.016, 0.008) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// The factor of one tick: below 1 a decay, above 1 growth.
        gamma: f64, CHANGE;
    }
    /// A straight line between two multiples of the peak (PyTorch's LinearLR).
    Linear "linear" ("peak = 1, from = 0, to = 1" => 0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875) {
        /// The rate both ends are multiples of.
        peak: f64, Role::Rate;
        /// The first multiple.
        from: f64, Role::Number { min: 0.0, max: 1e6 }, or 1.0 / 3.0;
        /// The last multiple.
        to: f64, Role::Number { min: 0.0, max: 1e6 }, or 1.0;
        /// How long the line is.
        over: Option<Span>, Role::Span, or None;
    }
    /// (peak - floor)·(1 - e/over)^power + floor (PyTorch's PolynomialLR; power 1 is linear to the floor).
    Polynomial "polynomial" ("peak = 1, power = 2" => 1.0, 0.766, 0.562, 0.391, 0.25, 0.141, 0.062, 0.016) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// 1 is a straight line, 2 bends down early.
        power: f64, Role::Number { min: 0.0, max: 100.0 }, or 1.0;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the descent is.
        over: Option<Span>, Role::Span, or None;
    }
    /// Half a cosine from peak to floor (SGDR, arXiv 1608.03983; PyTorch's CosineAnnealingLR).
    Cosine "cosine" ("peak = 1" => 1.0, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the descent is.
        over: Option<Span>, Role::Span, or None;
        /// Past the end: stay at the floor, or climb again as PyTorch does.
        after: After, Role::Choice(After::NAMES), or After::Hold;
        /// The power of what is left of the height, optax's exponent: above 1 the rate falls sooner.
        power: f64, Role::Number { min: 0.0, max: 100.0 }, or 1.0;
    }
    /// A descent that starts and ends late (k-decay, arXiv 2004.05909; timm's `k_decay`): the share p of the
    /// way counts as p^k in half a cosine or in (1 - p)^power.
    KDecay "k_decay" ("peak = 1, k = 2" => 1.0, 0.999, 0.99, 0.952, 0.854, 0.668, 0.402, 0.13) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the descent is.
        over: Option<Span>, Role::Span, or None;
        /// Above 1 the rate stays high for longer, below 1 it falls sooner.
        k: f64, Role::Number { min: 0.01, max: 100.0 }, or 2.0;
        /// The curve that is bent.
        shape: Bent, Role::Choice(Bent::NAMES), or Bent::Cosine;
        /// The power of shape polynomial.
        power: f64, Role::Number { min: 0.0, max: 100.0 }, or 1.0;
    }
    /// floor + (peak - floor)·(1 - tanh(lower·(1-p) + upper·p)) / 2, then the floor (arXiv 1806.01593; timm's
    /// TanhLRScheduler, whose bounds are the defaults).
    Tanh "tanh" ("peak = 1" => 1.0, 1.0, 1.0, 0.998, 0.982, 0.818, 0.269, 0.029) {
        /// The rate at the top.
        peak: f64, Role::Rate;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the descent is.
        over: Option<Span>, Role::Span, or None;
        /// Where on the tanh the descent begins: the lower, the longer the top.
        lower: f64, Role::Number { min: -50.0, max: 0.0 }, or -7.0;
        /// Where on the tanh it ends: the higher, the longer the tail.
        upper: f64, Role::Number { min: 0.0, max: 50.0 }, or 3.0;
    }
    /// Cosine cycles that restart at the peak (SGDR, arXiv 1608.03983; PyTorch's CosineAnnealingWarmRestarts).
    CosineRestarts "cosine_restarts" (
        r#"peak = 1, first = "4""#
        => 1.0, 0.854, 0.5, 0.146, 1.0, 0.854, 0.5, 0.146
    ) {
        /// The rate at each restart.
        peak: f64, Role::Rate;
        /// The rate each cycle falls towards.
        floor: f64, Role::Rate, or 0.0;
        /// The first cycle's length.
        first: Span, Role::Span;
        /// Each cycle is this many times the length of the last.
        mult: f64, Role::Number { min: 1.0, max: 100.0 }, or 1.0;
        /// Each restart's peak is this share of the last.
        peak_decay: f64, FACTOR, or 1.0;
        /// How long each cycle first climbs, in a line from the floor, at most to its last tick; not at all when not given.
        cycle_warmup: Option<Span>, Role::Span, or None;
    }
    /// Up, down, and far below the start (arXiv 1708.07120; PyTorch's OneCycleLR with its fractional phase ends).
    OneCycle "one_cycle" ("peak = 1, pct_start = 0.5" => 0.04, 0.28, 0.76, 1.0, 0.854, 0.5, 0.146, 0.0) {
        /// The highest rate.
        peak: f64, Role::Rate;
        /// How long the cycle is.
        over: Option<Span>, Role::Span, or None;
        /// The share of the cycle that climbs.
        pct_start: f64, FACTOR, or 0.3;
        /// The first rate is peak / div_factor.
        div_factor: f64, POSITIVE, or 25.0;
        /// The last rate is the first / final_div_factor.
        final_div_factor: f64, POSITIVE, or 1e4;
        /// The curve between the phases' ends.
        anneal: Anneal, Role::Choice(Anneal::NAMES), or Anneal::Cosine;
        /// Climb, mirror the climb, then fall away.
        three_phase: bool, Role::Flag, or false;
    }
    /// Triangles between floor and peak (arXiv 1506.01186; PyTorch's CyclicLR).
    Cyclic "cyclic" (r#"floor = 0, peak = 1, up = "2""# => 0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 1.0, 0.5) {
        /// The rate at each cycle's ends.
        floor: f64, Role::Rate;
        /// The rate at each cycle's top.
        peak: f64, Role::Rate;
        /// How long a cycle climbs.
        up: Span, Role::Span;
        /// How long a cycle falls; as long as it climbs when not given.
        down: Option<Span>, Role::Span, or None;
        /// Equal triangles, halved ones, or ones that shrink by gamma every tick.
        mode: Triangles, Role::Choice(Triangles::NAMES), or Triangles::Equal;
        /// The factor of one tick in mode exp_range.
        gamma: f64, FACTOR, or 1.0;
    }
    /// peak·√(timescale / (e + timescale)), at least the floor.
    InverseSqrt "inverse_sqrt" (
        r#"peak = 1, timescale = "1""#
        => 1.0, 0.707, 0.577, 0.5, 0.447, 0.408, 0.378, 0.354
    ) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// After this long the rate has fallen to peak/√2.
        timescale: Span, Role::Span;
        /// The rate never falls below it.
        floor: f64, Role::Rate, or 0.0;
    }
    /// peak·(1 + e/timescale)^-exponent, at least the floor: the stable phase of power schedules (arXiv 2408.13359; timm's WSD with
    /// `stable_fn = "power"`). A cooldown, or a product with `wsd`, ends it.
    Power "power" (
        r#"peak = 1, timescale = "1", exponent = 1"#
        => 1.0, 0.5, 0.333, 0.25, 0.2, 0.167, 0.143, 0.125
    ) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// How soon the fall begins: after this long the rate is peak·2^-exponent.
        timescale: Span, Role::Span;
        /// How steep the fall is; 0.5 is `inverse_sqrt`.
        exponent: f64, Role::Number { min: 0.0, max: 100.0 }, or 0.5;
        /// The rate never falls below it.
        floor: f64, Role::Rate, or 0.0;
    }
    /// scale·d_model^-0.5·min(s^-0.5, s·warmup^-1.5) with s = e + 1 (arXiv 1706.03762).
    Noam "noam" (
        r#"scale = 2, d_model = 4, warmup = "4""#
        => 0.125, 0.25, 0.375, 0.5, 0.447, 0.408, 0.378, 0.354
    ) {
        /// Multiplies the whole curve.
        scale: f64, Role::Rate;
        /// The transformer's width.
        d_model: f64, Role::Number { min: 1.0, max: 1e9 };
        /// How long the climb is.
        warmup: Span, Role::Span;
    }
    /// Warm, stable, decay: flat, then down over the last ticks (arXiv 2405.18392). With shape cosine, a decay
    /// of 25% and a floor of peak/1e5 it is fastai's `fit_flat_cos`.
    Wsd "wsd" (r#"peak = 1, decay = "4""# => 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25) {
        /// The flat rate.
        peak: f64, Role::Rate;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the decay is.
        decay: Span, Role::Span;
        /// The decay's shape.
        shape: Decay, Role::Choice(Decay::NAMES), or Decay::Linear;
    }
    /// floor + (peak - floor)·(1-p) / (1/2 + (1-p)/2) (arXiv 2107.04197).
    Rex "rex" ("peak = 1" => 1.0, 0.933, 0.857, 0.769, 0.667, 0.545, 0.4, 0.222) {
        /// The first rate.
        peak: f64, Role::Rate;
        /// The last rate.
        floor: f64, Role::Rate, or 0.0;
        /// How long the descent is.
        over: Option<Span>, Role::Span, or None;
    }
    /// A formula of the tick `t` and of the run's length `total`, with constants of one's own: a field for each. It
    /// is evaluated at every tick, and has the operators of Python and its functions abs, ceil, cos, exp, floor,
    /// log, log10, log1p, log2, max, min, round, sin, sqrt and tanh.
    Formula "formula" (
        r#"value = "peak * min((t + 1) / warm, sqrt(warm / (t + 1)))", peak = 1, warm = 4"#
        => 0.25, 0.5, 0.75, 1.0, 0.894, 0.816, 0.756, 0.707
    ) {
        /// The rate at tick t.
        value: Definition, Role::Formula;
    }
    /// peak·(1 + n), with an n for each tick that a generator seeded with seed + tick draws: as a factor of a product
    /// it is the noise of timm's `--lr-noise`, number by number.
    Noise "noise" (r#"peak = 1"# => 1.337, 0.352, 1.059, 1.031, 0.868, 1.576, 1.519, 1.058) {
        /// The rate without the noise.
        peak: f64, Role::Rate;
        /// How far n may be from 0.
        limit: f64, Role::Number { min: 1e-3, max: 1.0 }, or 0.67;
        /// The standard deviation of n before it is held within the limit; of spread normal.
        std: f64, Role::Number { min: 0.0, max: 10.0 }, or 1.0;
        /// What the generator of tick 0 is seeded with.
        seed: f64, Role::Number { min: 0.0, max: 4e9 }, or 42.0;
        /// What n is drawn from.
        spread: Spread, Role::Choice(Spread::NAMES), or Spread::Normal;
        /// Where the noise begins; at the start when not given.
        from: Option<Span>, Role::Span, or None;
        /// Where it ends; at the end when not given.
        until: Option<Span>, Role::Span, or None;
    }
    /// Control points drawn by hand.
    Points "points" (
        r#"points = [["0", 0], ["4", 1], ["8", 0]]"#
        => 0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25
    ) {
        /// Positions in the run and the rates there.
        points: Vec<(Span, f64)>, Role::Points;
        /// How the curve goes from point to point; monotone never overshoots (Fritsch and Carlson 1980).
        interpolation: Interpolation, Role::Choice(Interpolation::NAMES), or Interpolation::Linear;
    }
    /// Listed values, one a tick; the last is held.
    Listed "table" ("values = [3, 2, 1]" => 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0) {
        /// The rates.
        values: Table, Role::Values;
    }
    /// Schedules one after the other, each seeing its own tick from 0 (PyTorch's SequentialLR).
    Sequence "sequence" (
        r#"parts = [{ for = "4", kind = "linear", peak = 1, from = 0 }, { kind = "cosine", peak = 1 }]"#
        => 0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146
    ) {
        /// The schedules and how long each lasts.
        parts: Vec<Part>, Role::Parts;
    }
    /// The product of schedules (PyTorch's ChainedScheduler).
    Product "product" (
        r#"of = [{ kind = "cosine", peak = 1 }, { kind = "exponential", peak = 1, gamma = 0.5 }]"#
        => 1.0, 0.481, 0.213, 0.086, 0.031, 0.01, 0.002, 0.0
    ) {
        /// What is multiplied.
        of: Vec<Schedule>, Role::Factors;
    }
}
