//! How the experiment file spells each choice. Reader, writer and pickers share these lists.

use super::{
    Activation, Average, Loss, Metric, Norm, PlateauMode, SurfaceFunction, ThresholdMode, WeightFormat,
};
use crate::data::SampleOrder;
use crate::schedule::Tick;

impl Activation {
    /// Every activation, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 3] =
        [("tanh", Self::Tanh), ("relu", Self::Relu), ("gelu", Self::Gelu)];
}

impl Norm {
    /// Every place to normalise, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("pre", Self::Pre), ("post", Self::Post)];
}

impl SurfaceFunction {
    /// Every surface, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 5] = [
        ("quadratic", Self::Quadratic),
        ("rosenbrock", Self::Rosenbrock),
        ("beale", Self::Beale),
        ("himmelblau", Self::Himmelblau),
        ("saddle", Self::Saddle),
    ];
}

impl Loss {
    /// Every loss, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("cross_entropy", Self::CrossEntropy), ("mse", Self::Mse)];
}

impl WeightFormat {
    /// Every format, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 3] = [("f32", Self::F32), ("bf16", Self::Bf16), ("f16", Self::F16)];
}

impl Average {
    /// Every average, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("swa", Self::Swa), ("ema", Self::Ema)];
}

impl SampleOrder {
    /// Every order, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 3] =
        [("shuffled", Self::Shuffled), ("easy_first", Self::EasyFirst), ("hard_first", Self::HardFirst)];
}

impl Metric {
    /// Every metric, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 3] =
        [("train_loss", Self::TrainLoss), ("val_loss", Self::ValLoss), ("val_accuracy", Self::ValAccuracy)];
}

impl PlateauMode {
    /// Both directions of better, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("min", Self::Min), ("max", Self::Max)];
}

impl ThresholdMode {
    /// Both kinds of threshold, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("rel", Self::Rel), ("abs", Self::Abs)];
}

/// What a schedule can count, by its name in an experiment file.
pub(super) const TICKS: [(&str, Tick); 2] = [("update", Tick::Update), ("epoch", Tick::Epoch)];

/// The name of a choice in its list.
pub fn name_of<T: PartialEq>(names: &[(&'static str, T)], choice: &T) -> &'static str {
    names.iter().find(|(_, named)| named == choice).map_or("", |(name, _)| name)
}
