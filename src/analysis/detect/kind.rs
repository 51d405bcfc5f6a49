//! What can go wrong, why it mostly does, and how bad it is.

use serde::{Deserialize, Serialize};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    IgnoredUpdates,
    Oscillation,
    Divergence,
    SilentSlowdown,
    StuckAtChance,
    NoSignal,
    OverfittingGap,
    PlateauThrash,
    CheckpointMismatch,
    PrecisionUnderflow,
    GradientPeaks,
    RuntimeCap,
    Drift,
    Forgetting,
    HarmfulData,
    ReplicasApart,
    ClientDrift,
    GradientUnderflow,
    LossScaleCollapse,
}

impl Kind {
    pub const ALL: [Self; 19] = [
        Self::IgnoredUpdates,
        Self::Oscillation,
        Self::Divergence,
        Self::SilentSlowdown,
        Self::StuckAtChance,
        Self::NoSignal,
        Self::OverfittingGap,
        Self::PlateauThrash,
        Self::CheckpointMismatch,
        Self::PrecisionUnderflow,
        Self::GradientPeaks,
        Self::RuntimeCap,
        Self::Drift,
        Self::Forgetting,
        Self::HarmfulData,
        Self::ReplicasApart,
        Self::ClientDrift,
        Self::GradientUnderflow,
        Self::LossScaleCollapse,
    ];

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IgnoredUpdates => "Ignored schedule",
            Self::Oscillation => "Oscillation",
            Self::Divergence => "Divergence",
            Self::SilentSlowdown => "Silent slowdown",
            Self::StuckAtChance => "Stuck at chance",
            Self::NoSignal => "No signal",
            Self::OverfittingGap => "Overfitting gap",
            Self::PlateauThrash => "Plateau thrash",
            Self::CheckpointMismatch => "Checkpoint mismatch",
            Self::PrecisionUnderflow => "Precision underflow",
            Self::GradientPeaks => "Gradient peaks",
            Self::RuntimeCap => "Runtime cap",
            Self::Drift => "Drift",
            Self::Forgetting => "Forgetting",
            Self::HarmfulData => "Harmful data",
            Self::ReplicasApart => "Replicas apart",
            Self::ClientDrift => "Client drift",
            Self::GradientUnderflow => "Gradient underflow",
            Self::LossScaleCollapse => "Loss scale collapse",
        }
    }

    /// What most often causes it.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::IgnoredUpdates => {
                "The scheduler is not stepped, or something overwrites the rate that it sets."
            }
            Self::Oscillation => "The rate is higher than the loss allows: updates jump across the valley.",
            Self::Divergence => {
                "The rate is too high, or rises too early; without clipping one batch suffices."
            }
            Self::SilentSlowdown => "The rate is too low: the weights hardly move in the time there is.",
            Self::StuckAtChance => {
                "The first updates were too large and broke the network; it answers the same to every input."
            }
            Self::NoSignal => {
                "Training began soundly and learned nothing: the inputs may not predict the labels (noise, a wrong \
                 column), or this model cannot use them. No schedule helps against that."
            }
            Self::OverfittingGap => {
                "The model learns its training samples by heart; more updates make it worse."
            }
            Self::PlateauThrash => {
                "The controller takes noise in the metric for a plateau and cuts again and again."
            }
            Self::CheckpointMismatch => "The training went on without the state of its schedule.",
            Self::PrecisionUnderflow => {
                "Updates are smaller than half a step of the stored weights and are rounded away."
            }
            Self::GradientPeaks => {
                "Single batches pull far harder than the others: outliers, or a rate near its limit."
            }
            Self::RuntimeCap => "At this pace the schedule is longer than the time allowed.",
            Self::Drift => {
                "The samples are others than before, and what was learned does not hold for them: the rate has to be high \
                 enough to follow."
            }
            Self::Forgetting => {
                "What comes later overwrites what was learned before: the rate is too high for what is to be kept."
            }
            Self::HarmfulData => {
                "Training follows its samples and gets worse on clean ones like them: labels are wrong, by noise or on \
                 purpose. The rate decides how fast they are let in."
            }
            Self::ReplicasApart => {
                "A worker has another rate, another beginning, is not heard, or follows late: the workers are no longer one \
                 model."
            }
            Self::ClientDrift => {
                "Within a round each client goes its own way, and their average undoes what they learned: rounds are too \
                 long, or the local rate is too high, for how much their data differ."
            }
            Self::GradientUnderflow => "Most of the gradient is too small for its 16 bits and becomes 0.",
            Self::LossScaleCollapse => {
                "Gradients overflow in 16 bits whatever the loss scale: the rate is too high, or the scale is fixed and too \
                 high. Every such update is left out."
            }
        }
    }

    pub const fn severity(self) -> Severity {
        match self {
            Self::Divergence
            | Self::StuckAtChance
            | Self::CheckpointMismatch
            | Self::ReplicasApart
            | Self::LossScaleCollapse => Severity::Error,
            Self::GradientPeaks | Self::RuntimeCap | Self::OverfittingGap | Self::Drift => Severity::Notice,
            _ => Severity::Warning,
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Costs quality or time.
    Warning,
    /// This training will come to nothing.
    Error,
}
