//! The quantities a lane measures.

/// One measured quantity of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Lr,
    Momentum,
    WeightDecay,
    Batch,
    TrainLoss,
    ValLoss,
    ValAccuracy,
    GradNorm,
    UpdateNorm,
    RoundedAway,
}

impl Column {
    /// Every column, in the order people read them.
    pub const ALL: [Self; 10] = [
        Self::Lr,
        Self::Momentum,
        Self::TrainLoss,
        Self::ValLoss,
        Self::ValAccuracy,
        Self::GradNorm,
        Self::UpdateNorm,
        Self::WeightDecay,
        Self::Batch,
        Self::RoundedAway,
    ];

    /// The name in files: the columns of `metrics.csv`, and more.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lr => "lr",
            Self::Momentum => "momentum",
            Self::WeightDecay => "weight_decay",
            Self::Batch => "batch",
            Self::TrainLoss => "train_loss",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
            Self::GradNorm => "grad_norm",
            Self::UpdateNorm => "update_norm",
            Self::RoundedAway => "rounded_away",
        }
    }

    /// The name for people, in sentence case.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Lr => "Learning rate",
            Self::Momentum => "Momentum",
            Self::WeightDecay => "Weight decay",
            Self::Batch => "Batch",
            Self::TrainLoss => "Training loss",
            Self::ValLoss => "Validation loss",
            Self::ValAccuracy => "Validation accuracy",
            Self::GradNorm => "Gradient norm",
            Self::UpdateNorm => "Update norm",
            Self::RoundedAway => "Rounded away",
        }
    }

    /// What the numbers count, or nothing for a plain factor.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Lr | Self::Momentum | Self::WeightDecay => "",
            Self::Batch => "samples",
            Self::TrainLoss | Self::ValLoss => "per sample",
            Self::ValAccuracy => "share of samples",
            Self::GradNorm | Self::UpdateNorm => "L2 norm",
            Self::RoundedAway => "share of weights",
        }
    }

    /// What it is, in one sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Lr => "The learning rate that the update used.",
            Self::Momentum => "The share of the last step that the update kept (beta1 for the Adam family).",
            Self::WeightDecay => "How strongly the update pulled the weights towards zero.",
            Self::Batch => "The samples over whose gradients the update averaged.",
            Self::TrainLoss => "The mean loss of the update's batch, before the update.",
            Self::ValLoss => "The mean loss on the samples held out from training.",
            Self::ValAccuracy => "The share of the held-out samples that are classified correctly.",
            Self::GradNorm => "The length of the whole gradient, before clipping.",
            Self::UpdateNorm => "The length of the step that all weights took together.",
            Self::RoundedAway => {
                "The share of weights that were to change and stayed: the stored format has no number that near."
            }
        }
    }
}
