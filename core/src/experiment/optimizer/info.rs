//! What the table says of numbers and options, and the numbers that many optimizers have.

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

/// An optimizer's settings, for a row of the table to say what cannot go together in them.
pub struct Settings<'a> {
    /// The value of a number that is fixed.
    pub(super) fixed: &'a dyn Fn(&str) -> Option<f64>,
    /// Whether an option is on.
    pub(super) on: &'a dyn Fn(&str) -> bool,
}

impl Settings<'_> {
    /// Whether a number is fixed at this value.
    pub(super) fn is_fixed_at(&self, name: &str, value: f64) -> bool {
        (self.fixed)(name) == Some(value)
    }

    /// Whether an option is on.
    pub(super) fn has(&self, option: &str) -> bool {
        (self.on)(option)
    }
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
    /// Whether it is on unless a file says otherwise.
    pub default: bool,
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
    /// Whole numbers alone.
    Whole(f64, f64),
}

impl NumberInfo {
    /// Whether the number may have this value.
    pub fn allows(&self, value: f64) -> bool {
        let is_whole = !matches!(self.slider, Slider::Whole(..)) || value.fract() == 0.0;
        (self.min..=self.max).contains(&value) && !(self.open && value == self.max) && is_whole
    }

    /// The allowed values in words: "from 0 to below 1".
    pub fn range(&self) -> String {
        let whole = if matches!(self.slider, Slider::Whole(..)) { "whole, " } else { "" };
        format!("{whole}from {} to {}{}", self.min, if self.open { "below " } else { "" }, self.max)
    }

    /// Whether it may follow a schedule.
    pub fn can_follow(&self) -> bool {
        self.role != Role::Constant
    }
}

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

/// Something to switch on that is off unless a file says so.
pub(super) const fn option(name: &'static str, title: &'static str, help: &'static str) -> OptionInfo {
    OptionInfo { name, title, help, default: false }
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
