//! The experiment: one small, shareable, seeded value that says everything a training depends on.

pub mod attack;
mod batch;
mod contained;
mod controller;
mod decimal;
mod defaults;
pub mod error;
mod file;
mod fork;
pub mod group;
mod in_place;
mod line;
pub mod names;
mod near;
mod node;
pub mod optimizer;
pub mod phase;
pub mod precision;
mod read;
mod read_group;
mod read_phase;
mod read_run;
mod read_schedule;
mod read_stop;
mod read_sweep;
mod read_team;
mod setting;
mod settings;
pub mod start;
mod stop;
pub mod sweep;
pub mod team;
pub mod vary;
mod write;

use std::path::PathBuf;

pub use crate::schedule::controller::{Mode as PlateauMode, ThresholdMode};
pub use attack::Attack;
pub use batch::MicroBatches;
pub use controller::{Controller, Greedy, Hypergradient, Metric, Plateau};
pub use error::{FieldError, FileError, Place};
pub use file::Comments;
pub use fork::{Fork, lineage};
pub use group::{Decay, Group, GroupRate, Pattern};
pub use line::{LineError, is_line};
pub use near::nearest;
pub use optimizer::{Number, Optimizer, OptimizerKind};
pub use phase::Phase;
pub use precision::{LossScale, Rounding};
pub use read::schedule_of;
pub use start::Start;
pub use stop::Stop;
pub use sweep::Sweep;
pub use team::Team;

use crate::data::ColumnUses;
use crate::schedule::{Schedule, Span};

/// The version of the file's schema that is read and written.
const VERSION: u64 = 1;

/// What an experiment file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    pub name: String,
    pub data: Data,
    pub model: Model,
    /// The weights that training begins with, where they are another one's.
    pub start: Option<Start>,
    pub train: Train,
    /// Who trains the runs together; nothing where each is trained alone.
    pub team: Option<Team>,
    pub snapshots: Option<Snapshots>,
    /// At least one; names are unique.
    pub runs: Vec<Run>,
    /// How one of the runs is to be varied.
    pub sweep: Option<Sweep>,
}

/// Which data, and how it is dealt out.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    pub source: Source,
    pub batch_size: BatchSize,
    /// Whether the samples that fill no batch at the end of an epoch are left out of it. PyTorch's loaders keep them
    /// unless told otherwise, and then the epoch's last update averages over fewer.
    pub drop_last: bool,
    /// The share of the samples held out for validation, at least 0 and below 1.
    pub validation: f64,
    /// The share of training labels replaced by random ones, 0 to 1.
    pub label_noise: f64,
    /// Only the first so many of the shuffled training samples.
    pub limit: Option<usize>,
    /// What is said of a table's columns, by their names; empty for what is no table.
    pub columns: ColumnUses,
    /// Stretches of the run with other training data, at most [`phase::MOST`]; empty where all of it is the same.
    pub phases: Vec<Phase>,
}

/// Where samples come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A data set that comes with the program, by its name in [`crate::data::NAMES`].
    Shipped(String),
    /// A CSV file with a header line, and the column to predict. A relative path starts at the experiment's folder.
    File { path: PathBuf, label: String },
    /// No samples: a [`Model::Surface`] is its own loss. The file then has no `[data]`.
    None,
}

impl Source {
    /// What is known of a shipped data set without reading it.
    pub fn shipped(&self) -> Option<&'static crate::data::DatasetInfo> {
        match self {
            Self::Shipped(name) => crate::data::info(name),
            Self::File { .. } | Self::None => None,
        }
    }
}

/// Samples in one micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    Samples(usize),
    /// The whole training set.
    All,
}

/// The model every run of the experiment trains.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// Fully connected layers. Of a text they read a window of characters and predict the one after it.
    Mlp { hidden: Vec<usize>, activation: Activation, window: Option<Window> },
    /// 3x3 convolutions, each with ReLU and 2x2 average pooling, then a linear head.
    Cnn { channels: Vec<usize> },
    /// Characters in, next character out.
    Transformer { layers: usize, width: usize, heads: usize, context: usize, norm: Norm },
    /// Two weights and an analytic loss.
    Surface { function: SurfaceFunction, start: [f64; 2], noise: f64 },
}

impl Model {
    /// Whether it reads characters and predicts the next one.
    pub fn reads_text(&self) -> bool {
        matches!(self, Self::Transformer { .. } | Self::Mlp { window: Some(_), .. })
    }

    /// What the loss of an answer that ignores the input is called.
    pub fn chance_name(&self) -> &'static str {
        if self.reads_text() { "unigram entropy" } else { "chance" }
    }
}

/// The characters that fully connected layers see at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Characters.
    pub context: usize,
    /// Numbers that stand for a character.
    pub embedding: usize,
}

/// The nonlinearity between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Tanh,
    Relu,
    Gelu,
}

/// Where a transformer block normalises: before each sublayer, or after the residual sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    Pre,
    Post,
}

/// The analytic losses of two weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurfaceFunction {
    Quadratic,
    Rosenbrock,
    Beale,
    Himmelblau,
    Saddle,
}

/// How long and with which randomness every run trains.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    pub updates: Span,
    pub seed: u64,
    /// Each run is trained under the seeds `seed`, `seed + 1`, ...
    pub replicas: usize,
    /// Micro-batches whose mean gradient makes one update.
    pub accumulate: usize,
    /// The largest global gradient norm an update may use.
    pub clip_norm: Option<f64>,
    /// Nothing: what suits a table's answers, cross-entropy for classes and squared error for numbers.
    pub loss: Option<Loss>,
    pub weights: WeightFormat,
    /// How weights are rounded to their format.
    pub rounding: Rounding,
    /// What the gradient of each micro-batch is rounded to.
    pub gradients: WeightFormat,
    /// What keeps gradients in 16 bits from underflowing, if anything.
    pub loss_scale: Option<LossScale>,
    /// When a run stops before its end.
    pub stop: Option<Stop>,
    /// What the model is attacked with, to tell how robust it is.
    pub attack: Option<Attack>,
}

/// What training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    CrossEntropy,
    /// Half the squared error summed over the outputs, averaged over the samples.
    Mse,
}

/// What numbers are rounded to when they are stored: weights after each update, and gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    F32,
    Bf16,
    F16,
}

/// Which states along the way are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshots {
    pub when: SnapshotWhen,
    pub keep: usize,
    pub average: Vec<Average>,
}

/// When a snapshot is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SnapshotWhen {
    CycleEnd,
    Every(Span),
}

/// Averages of weights kept along the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    Swa,
    Ema,
}

/// One optimizer under one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub name: String,
    /// The run whose past this one shares, if any. What follows says what it does from there on.
    pub fork: Option<Fork>,
    pub optimizer: Optimizer,
    pub lr: Schedule,
    /// What multiplies the schedule, if anything.
    pub controller: Option<Controller>,
    /// Layer `l` of `n` (the head last) learns at `layer_decay^(n-1-l)` times the rate.
    pub layer_decay: Option<f64>,
    /// Which parameters weight decay shrinks.
    pub decay: Decay,
    /// Parameters that learn by other numbers; at most [`group::MOST`].
    pub groups: Vec<Group>,
    /// Samples of an update, in place of `data.batch_size` times `train.accumulate`: an update averages the
    /// gradients of the nearest number of micro-batches of `data.batch_size`, at least one. The run's clock
    /// stays the experiment's.
    pub batch: Option<Schedule>,
}

impl Run {
    /// Whether another run, from the same weights, makes the same updates.
    pub fn trains_as(&self, other: &Self) -> bool {
        self.optimizer == other.optimizer
            && self.lr == other.lr
            && self.controller == other.controller
            && self.layer_decay == other.layer_decay
            && self.decay == other.decay
            && self.groups == other.groups
            && self.batch == other.batch
    }
}
