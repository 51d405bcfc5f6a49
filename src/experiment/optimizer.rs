//! Optimizers as the experiment file names them, with PyTorch's numbers and defaults.

use crate::schedule::Schedule;

/// The update rule of a run and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    pub kind: OptimizerKind,
    /// One entry for each of [`OptimizerKind::numbers`], in that order.
    numbers: Vec<Number>,
    /// SGD only: Nesterov's look-ahead.
    pub nesterov: bool,
}

/// An optimizer number: fixed, on a schedule of its own, or mirroring the learning rate.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    Fixed(f64),
    Schedule(Box<Schedule>),
    /// High where the rate is low and low where it is high, as OneCycleLR and CyclicLR cycle momentum.
    Mirror {
        low: f64,
        high: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptimizerKind {
    Sgd,
    Adam,
    AdamW,
    RmsProp,
    Adagrad,
    Lion,
    /// SGD averaged on the way instead of scheduled (arXiv 2405.15682).
    ScheduleFreeSgd,
    /// AdamW likewise.
    ScheduleFreeAdamW,
}

/// A number an optimizer has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberInfo {
    pub name: &'static str,
    pub default: f64,
    /// The largest value allowed; the smallest is 0.
    pub max: f64,
    /// `max` itself is not allowed.
    pub open: bool,
}

const fn number(name: &'static str, default: f64) -> NumberInfo {
    NumberInfo { name, default, max: 1.0, open: true }
}

const fn wide(name: &'static str, default: f64) -> NumberInfo {
    NumberInfo { name, default, max: 1e6, open: false }
}

impl OptimizerKind {
    /// Every kind, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 8] = [
        ("sgd", Self::Sgd),
        ("adam", Self::Adam),
        ("adamw", Self::AdamW),
        ("rmsprop", Self::RmsProp),
        ("adagrad", Self::Adagrad),
        ("lion", Self::Lion),
        ("schedule_free_sgd", Self::ScheduleFreeSgd),
        ("schedule_free_adamw", Self::ScheduleFreeAdamW),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::RmsProp => "rmsprop",
            Self::Adagrad => "adagrad",
            Self::Lion => "lion",
            Self::ScheduleFreeSgd => "schedule_free_sgd",
            Self::ScheduleFreeAdamW => "schedule_free_adamw",
        }
    }

    /// The kind's numbers with PyTorch's defaults (Lion: the paper's, arXiv 2302.06675; schedule-free:
    /// those of its authors' package `schedulefree`).
    pub fn numbers(self) -> &'static [NumberInfo] {
        const SGD: [NumberInfo; 2] = [number("momentum", 0.0), wide("weight_decay", 0.0)];
        const ADAM: [NumberInfo; 4] =
            [number("beta1", 0.9), number("beta2", 0.999), wide("eps", 1e-8), wide("weight_decay", 0.0)];
        const ADAMW: [NumberInfo; 4] =
            [number("beta1", 0.9), number("beta2", 0.999), wide("eps", 1e-8), wide("weight_decay", 0.01)];
        const RMSPROP: [NumberInfo; 4] =
            [number("alpha", 0.99), wide("eps", 1e-8), number("momentum", 0.0), wide("weight_decay", 0.0)];
        const ADAGRAD: [NumberInfo; 2] = [wide("eps", 1e-10), wide("weight_decay", 0.0)];
        const LION: [NumberInfo; 3] =
            [number("beta1", 0.9), number("beta2", 0.99), wide("weight_decay", 0.0)];
        const FREE_SGD: [NumberInfo; 2] = [number("momentum", 0.9), wide("weight_decay", 0.0)];
        match self {
            Self::Sgd => &SGD,
            Self::Adam => &ADAM,
            Self::AdamW => &ADAMW,
            Self::RmsProp => &RMSPROP,
            Self::Adagrad => &ADAGRAD,
            Self::Lion => &LION,
            Self::ScheduleFreeSgd => &FREE_SGD,
            Self::ScheduleFreeAdamW => &ADAM,
        }
    }

    /// Whether the weights are an average of an iterate that runs ahead of them.
    pub const fn is_schedule_free(self) -> bool {
        matches!(self, Self::ScheduleFreeSgd | Self::ScheduleFreeAdamW)
    }

    /// The rule that is left without averaging.
    #[must_use]
    pub const fn base(self) -> Self {
        match self {
            Self::ScheduleFreeSgd => Self::Sgd,
            Self::ScheduleFreeAdamW => Self::AdamW,
            other => other,
        }
    }

    /// The number that mirrors the rate where one does: momentum, or beta1.
    pub fn momentum_name(self) -> Option<&'static str> {
        match self {
            Self::Sgd | Self::RmsProp | Self::ScheduleFreeSgd => Some("momentum"),
            Self::Adam | Self::AdamW | Self::Lion | Self::ScheduleFreeAdamW => Some("beta1"),
            Self::Adagrad => None,
        }
    }
}

impl Optimizer {
    /// The kind with its default numbers.
    pub fn new(kind: OptimizerKind) -> Self {
        let numbers = kind.numbers().iter().map(|info| Number::Fixed(info.default)).collect();
        Self { kind, numbers, nesterov: false }
    }

    /// The same optimizer with one number fixed. A name the kind does not have changes nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.set(name, Number::Fixed(value));
        self
    }

    /// The number of this name, if the kind has it.
    pub fn get(&self, name: &str) -> Option<&Number> {
        self.kind.numbers().iter().position(|info| info.name == name).map(|at| &self.numbers[at])
    }

    /// Sets a number; `false` when the kind has none of this name.
    pub fn set(&mut self, name: &str, value: Number) -> bool {
        match self.kind.numbers().iter().position(|info| info.name == name) {
            Some(at) => {
                self.numbers[at] = value;
                true
            }
            None => false,
        }
    }

    /// The same numbers under another kind, where both have them; the rest take their defaults.
    #[must_use]
    pub fn converted(&self, kind: OptimizerKind) -> Self {
        let mut converted = Self::new(kind);
        for (info, number) in self.kind.numbers().iter().zip(&self.numbers) {
            if info.name != "weight_decay" && info.name != "eps" {
                converted.set(info.name, number.clone());
            }
        }
        converted.nesterov = self.nesterov && kind == OptimizerKind::Sgd;
        converted
    }
}
