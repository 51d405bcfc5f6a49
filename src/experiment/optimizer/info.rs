//! What a row of the table says of an optimizer, its numbers and its options.

use super::Optimizer;

/// An optimizer, apart from its arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerInfo {
    /// Its name in an experiment file.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// In the order in which files and the inspector show them.
    pub numbers: &'static [NumberInfo],
    pub options: &'static [OptionInfo],
    /// Its class in PyTorch, or in the package most used there, and the rate that class has by default.
    pub pytorch: (&'static str, f64),
    pub steps: Steps,
    /// Whether its rule can say how the loss answers to the rate, as hypergradient descent asks.
    pub has_hypergradient: bool,
    /// The name of the rule that is averaged, of a schedule-free one.
    pub averages: Option<&'static str>,
    /// What cannot go together in its settings.
    pub conflict: fn(&Optimizer) -> Option<Conflict>,
}

/// How long an update's step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// The rate times the gradient, or a mean of gradients.
    Gradient,
    /// About the rate for each weight, whatever the gradient.
    Rate,
    /// Neither.
    Other,
}

/// Two settings that cannot go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The setting to change.
    pub field: &'static str,
    pub found: String,
    pub allowed: &'static str,
}

/// Something to switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionInfo {
    pub name: &'static str,
    pub title: &'static str,
    pub help: &'static str,
}

/// A number an optimizer has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberInfo {
    pub name: &'static str,
    pub title: &'static str,
    pub help: &'static str,
    pub default: f64,
    /// The smallest and the largest value allowed.
    pub min: f64,
    pub max: f64,
    /// `max` itself is not allowed.
    pub open: bool,
    pub role: Role,
    pub slider: Slider,
}

/// What a number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The memory of gradients: momentum, or beta1. It can mirror the rate.
    Momentum,
    /// The memory of squared gradients: beta2, or alpha.
    SecondMoment,
    WeightDecay,
    /// Never on a schedule.
    Constant,
    Other,
}

/// How a slider shows a number: between these values, evenly or by orders of magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slider {
    Even(f64, f64),
    Magnitudes(f64, f64),
}

impl NumberInfo {
    /// Whether the number may have this value.
    pub fn allows(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value) && !(self.open && value == self.max)
    }

    /// The allowed values in words: "from 0 to below 1".
    pub fn range(&self) -> String {
        format!("from {} to {}{}", self.min, if self.open { "below " } else { "" }, self.max)
    }

    /// Whether it may follow a schedule.
    pub fn can_follow(&self) -> bool {
        self.role != Role::Constant
    }
}

/// A row with nothing special, for the table to start from.
pub(super) const PLAIN: OptimizerInfo = OptimizerInfo {
    name: "",
    title: "",
    help: "",
    numbers: &[],
    options: &[],
    pytorch: ("", 1e-3),
    steps: Steps::Other,
    has_hypergradient: false,
    averages: None,
    conflict: |_| None,
};

/// A number from 0 to below 1.
pub(super) const fn share(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    default: f64,
) -> NumberInfo {
    let slider = Slider::Even(0.0, 0.999);
    NumberInfo { name, title, help, default, min: 0.0, max: 1.0, open: true, role: Role::Other, slider }
}

/// A number of any size from 0 on that stays what it is.
pub(super) const fn constant(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    default: f64,
) -> NumberInfo {
    let slider = Slider::Magnitudes(1e-10, 1e-2);
    let role = Role::Constant;
    NumberInfo { name, title, help, default, min: 0.0, max: 1e6, open: false, role, slider }
}

pub(super) const fn momentum(default: f64) -> NumberInfo {
    let help = "The share of the last step that an update keeps.";
    NumberInfo { role: Role::Momentum, ..share("momentum", "Momentum", help, default) }
}

pub(super) const fn beta1(default: f64) -> NumberInfo {
    NumberInfo {
        role: Role::Momentum,
        ..share("beta1", "β1", "How slowly the mean gradient forgets.", default)
    }
}

pub(super) const fn beta2(default: f64) -> NumberInfo {
    let help = "How slowly the mean squared gradient forgets.";
    NumberInfo { role: Role::SecondMoment, ..share("beta2", "β2", help, default) }
}

pub(super) const fn alpha(default: f64) -> NumberInfo {
    NumberInfo { name: "alpha", title: "α", ..beta2(default) }
}

pub(super) const fn eps(default: f64) -> NumberInfo {
    constant("eps", "ε", "Keeps a division from exploding.", default)
}

pub(super) const fn weight_decay(default: f64) -> NumberInfo {
    let help = "Weight decay: how strongly weights are pulled towards zero.";
    let slider = Slider::Magnitudes(0.0, 1.0);
    NumberInfo { role: Role::WeightDecay, slider, ..constant("weight_decay", "Decay λ", help, default) }
}
