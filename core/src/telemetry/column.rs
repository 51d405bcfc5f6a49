//! The quantities that an update measures: one table for the rows, the series, the files and the plots.
//!
//! A new column is a new line in the table at the end. What makes a [`Row`] then does not compile until it says
//! what the value is; everything else reads columns by the table.

use super::group::GroupRow;
use super::series::Precision;
use super::value::Value;

/// Where the interface shows a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The learning rate, which has a plot of its own.
    Rate,
    /// Another number that the optimizer was given, which may have a schedule.
    Setting,
    /// A quantity that training led to.
    Measure,
    /// Drawn together with the training loss.
    BesideLoss,
    /// Drawn together with the learning rate.
    BesideRate,
}

/// The loss and the accuracy of an evaluation on the held-out samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validation {
    /// The last update before it.
    pub update: u64,
    pub loss: f32,
    /// The share classified correctly; `None` for a regression.
    pub accuracy: Option<f32>,
}

impl Row {
    /// Whether the update was left out, since its gradient overflowed under a loss scale.
    pub fn is_left_out(&self) -> bool {
        self.loss_scale.is_some() && self.grad_norm == f32::INFINITY && self.update_norm == 0.0
    }

    /// The evaluation after this update, if there was one.
    pub fn validation(&self) -> Option<Validation> {
        let (update, accuracy) = (self.update, self.val_accuracy);
        self.val_loss.map(|loss| Validation { update, loss, accuracy })
    }
}

/// A line a column: its name in code, its name in files with its type, its names for people (a long and a short
/// one), its unit, and its place in the interface. The comment above is its help.
///
/// The type says how it is stored and written ([`Value`]), and an `Option` that not every update has it.
macro_rules! columns {
    ($($(#[doc = $help:literal])+ $column:ident, $name:ident: $type:ty, $label:literal, $short:literal, $unit:literal, $role:ident;)+) => {
        /// One measured quantity of a lane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Column {
            $($(#[doc = $help])+ $column,)+
        }

        /// What one update of one lane measured.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Row {
            /// The update's index, from 0.
            pub update: u64,
            /// What it measured of each parameter group.
            pub groups: GroupRow,
            $($(#[doc = $help])+ pub $name: $type,)+
        }

        impl Column {
            /// Every column, in the order people read them.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$column,)+];

            /// How many there are.
            pub const COUNT: usize = [$(stringify!($name),)+].len();

            /// The name in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$column => stringify!($name),)+
                }
            }

            /// The name for people, in sentence case.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$column => $label,)+
                }
            }

            /// The name where there is little room.
            pub const fn short(self) -> &'static str {
                match self {
                    $(Self::$column => $short,)+
                }
            }

            /// What the numbers count; empty for a plain factor.
            pub const fn unit(self) -> &'static str {
                match self {
                    $(Self::$column => $unit,)+
                }
            }

            /// What it is, in one sentence.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$column => concat!($($help,)+).trim_start(),)+
                }
            }

            pub const fn role(self) -> Role {
                match self {
                    $(Self::$column => Role::$role,)+
                }
            }

            /// How a series stores it.
            pub(super) const fn precision(self) -> Precision {
                match self {
                    $(Self::$column => <$type as Value>::PRECISION,)+
                }
            }

            /// Whether every update has it.
            pub(super) const fn is_always_measured(self) -> bool {
                match self {
                    $(Self::$column => <$type as Value>::ALWAYS,)+
                }
            }
        }

        impl Row {
            /// The value of a column; `None` where this update did not measure it.
            pub fn get(&self, column: Column) -> Option<f64> {
                match column {
                    $(Column::$column => self.$name.number(),)+
                }
            }

            /// The value as a file has it, with the fewest digits that give it back; empty where there is none.
            pub(super) fn text(&self, column: Column) -> String {
                match column {
                    $(Column::$column => self.$name.text(),)+
                }
            }

            /// Takes a value from a file; `None`, and no change, where the text is no such value.
            pub(super) fn read(&mut self, column: Column, text: &str) -> Option<()> {
                match column {
                    $(Column::$column => self.$name = Value::read(text)?,)+
                }
                Some(())
            }
        }
    };
}

columns! {
    /// The learning rate that the update used.
    Lr, lr: f64, "Learning rate", "Rate", "", Rate;

    /// The share of the last step that the update kept (beta1 for the Adam family).
    Momentum, momentum: f64, "Momentum", "Momentum", "", Setting;

    /// The mean loss of the update's batch, before the update.
    TrainLoss, train_loss: f32, "Training loss", "Loss", "per sample", Measure;

    /// The mean loss on the samples held out from training.
    ValLoss, val_loss: Option<f32>, "Validation loss", "Val. loss", "per sample", BesideLoss;

    /// The mean loss of all batches so far, each measured before the model learned from it; measured where the data has phases.
    PrequentialLoss, prequential_loss: Option<f64>, "Prequential loss", "Preq. loss", "per sample", Measure;

    /// The share of all samples so far that were classified correctly before the model learned from them; measured where the data has phases, but not on a graphics adapter.
    PrequentialAccuracy, prequential_accuracy: Option<f64>, "Prequential accuracy", "Preq. acc.", "share of samples", Measure;

    /// The share of the held-out samples that are classified correctly.
    ValAccuracy, val_accuracy: Option<f32>, "Validation accuracy", "Accuracy", "share of samples", Measure;

    /// The share of attacked held-out samples (of 256) that are still classified correctly; measured where `train` has an attack.
    RobustAccuracy, robust_accuracy: Option<f32>, "Robust accuracy", "Robust acc.", "share of samples", Measure;

    /// The share of correctly labelled training samples that are classified as labelled; measured with label noise only.
    CleanAccuracy, clean_accuracy: Option<f32>, "Accuracy on clean training labels", "Clean acc.", "share of samples", Measure;

    /// The share of wrongly labelled training samples that are classified as wrongly labelled: what the model learned by heart.
    NoisyAccuracy, noisy_accuracy: Option<f32>, "Accuracy on wrong training labels", "Memorised", "share of samples", Measure;

    /// The standard deviation of the batch losses of the clients or workers that train a run together.
    LossSpread, loss_spread: Option<f32>, "Spread of losses", "Loss spread", "per sample", Measure;

    /// How far the weights of clients or workers are from their mean, on average, before they are averaged.
    MemberDrift, member_drift: Option<f32>, "Drift of members", "Drift", "L2 norm", Measure;

    /// The mean cosine between the way of each client or worker since the last average and the way of their mean: 1 is one way.
    MemberCosine, member_cosine: Option<f32>, "Cosine of members' ways", "Cosine", "", Measure;

    /// The length of the whole gradient, before clipping.
    GradNorm, grad_norm: f32, "Gradient norm", "Gradient norm", "L2 norm", Measure;

    /// The length of the step that all weights took together.
    UpdateNorm, update_norm: f32, "Update norm", "Update norm", "L2 norm", Measure;

    /// The length of all weights together after the update, measured when the held-out samples are scored.
    ParamNorm, param_norm: Option<f32>, "Parameter norm", "Parameter norm", "L2 norm", Measure;

    /// How strongly the update pulled the weights towards zero.
    WeightDecay, weight_decay: Option<f64>, "Weight decay", "Decay", "", Setting;

    /// The samples over whose gradients the update averaged.
    Batch, batch: Option<u64>, "Batch", "Batch", "samples", Setting;

    /// The share of weights that were to change and stayed: the stored format has no number that near.
    RoundedAway, rounded_away: Option<f32>, "Rounded away", "Rounded away", "share of weights", Measure;

    /// The rate below which rounding to the nearest number of the stored format keeps more than half of the weights where they are, if the update is as long per rate as this one; measured when the held-out samples are scored.
    SmallestRate, smallest_rate: Option<f64>, "Smallest useful rate", "Smallest", "", BesideRate;

    /// What the loss was multiplied by before its gradient was taken in 16 bits; where the gradient overflowed the update was left out.
    LossScale, loss_scale: Option<f64>, "Loss scale", "Loss scale", "", Measure;

    /// The share of the gradient's numbers that were not 0 and became it in 16 bits.
    GradUnderflow, grad_underflow: Option<f32>, "Gradient underflow", "Grad. underflow", "share of weights", Measure;

    /// The rate that the optimizer made of the drawn one, where it makes another of it (RAdam, Prodigy).
    EffectiveLr, effective_lr: Option<f64>, "Effective rate", "Effective", "", BesideRate;
}
