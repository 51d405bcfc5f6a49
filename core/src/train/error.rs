//! Why an experiment cannot be trained.

use crate::jobs::{Cancelled, Lost};

/// Why an experiment cannot be trained, in words that say what to change.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error("run \"{run}\": {error}")]
    Schedule { run: String, error: crate::schedule::ScheduleError },
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The device asked for is not there, and what to do.
    #[error("{0}")]
    Device(&'static str),
    #[error("there is no run \"{name}\"; there are: {}", known.join(", "))]
    NoRun { name: String, known: Vec<String> },
    /// Work on a run that was deleted meanwhile.
    #[error("{work}: the run no longer exists; choose another")]
    RunGone { work: &'static str },
    /// Work that makes no sense here, and why.
    #[error("{work}: {why}")]
    Refused { work: &'static str, why: &'static str },
    #[error("the schedule of \"{run}\" cannot peak at {peak:e}: prove it under one cycle")]
    Peak { run: String, peak: f64 },
    #[error("the tensor library failed: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error(transparent)]
    Adapter(#[from] crate::gpu::GpuError),
    #[error("no threads for training: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error(
        "this takes about {needed} of memory and {free} are free: choose a smaller model or batch, or fewer runs \
         and replicas"
    )]
    Memory { needed: String, free: String },
    /// The weights to begin with are not there, or another model's; where the file says so, and what it may say.
    #[error("{0}")]
    Start(String),
    #[error("stopped before its end")]
    Cancelled,
}

/// Why data, model and batches do not go together.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    #[error(
        "one update needs {needs} samples (batch_size {batch} times {times}) and there are {samples} to train on: choose a smaller batch{fewer}",
        times = if *workers > 1 { format!("{workers} workers") } else { format!("accumulate {accumulate}") },
        fewer = if *workers > 1 { ", or fewer workers" } else { "" }
    )]
    Batch { needs: usize, batch: usize, accumulate: usize, workers: usize, samples: usize },
    #[error(
        "{clients} clients share {samples} samples to train on, and each needs one: ask for fewer clients"
    )]
    Clients { clients: usize, samples: usize },
    #[error(
        "drop_last = false leaves an epoch's last batch as small as it is, and an update here takes {why}: write \
         accumulate = 1 and no batch schedule, or drop_last = true"
    )]
    LastBatch { why: &'static str },
    #[error(
        "run \"{run}\" asks for batches of up to {wanted:.0} samples, and an epoch has {most} to train on: lower the schedule of its batch"
    )]
    ScheduledBatch { run: String, wanted: f64, most: u64 },
    #[error(
        "run \"{run}\": the parameter group \"{group}\" holds no parameter of this model that no group before it has: \
         remove it, or match another"
    )]
    Group { run: String, group: String },
    #[error(
        "the phase \"{name}\" has {samples} samples to train on, and an update takes {batch} at once: choose a smaller \
         batch, or more classes"
    )]
    Phase { name: String, batch: usize, samples: usize },
    #[error(
        "the phase \"{name}\" begins at update {begins} of {updates}: make those before it shorter, or the run longer"
    )]
    LatePhase { name: String, begins: u64, updates: u64 },
    #[error("clients and workers cannot train this: it takes {needs}")]
    Team { needs: &'static str },
    #[error("a surface has no data: remove the [data] section")]
    SurfaceWithData,
    #[error("this model needs data: add a [data] section")]
    NoData,
    #[error("the answers are numbers, and cross_entropy needs classes: write loss = \"mse\"")]
    NoClasses,
    #[error("a text needs model kind = \"transformer\", or \"mlp\" with a context, such as context = 8")]
    TextModel,
    #[error("a cnn needs images: the data sets {known}")]
    NoImages { known: String },
    #[error("a model that reads characters needs text: the data set {known}")]
    NoText { known: String },
    #[error(transparent)]
    Cnn(crate::model::cnn::TooSmall),
    #[error(transparent)]
    Transformer(crate::model::transformer::UnevenHeads),
    #[error(
        "hypergradient descent, a surface's noise, clients and workers are on the CPU only: choose the CPU"
    )]
    CpuOnly,
    #[error("the saved run is of another model")]
    OtherModel,
}

impl From<Cancelled> for TrainError {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<Lost> for TrainError {
    fn from(Lost: Lost) -> Self {
        // Only what nobody wanted any more is dropped without an answer.
        Self::Cancelled
    }
}
