//! Runs that several train together: federated clients, or data-parallel workers.

use super::{BatchSize, Controller, Data, Model, Run, Train, WeightFormat};
use crate::schedule::{Schedule, Span};

/// The most clients or workers.
pub const MOST_MEMBERS: usize = 1024;

/// Who trains a run together.
#[derive(Clone, Debug, PartialEq)]
pub enum Team {
    Federated(Box<Federated>),
    Parallel(Parallel),
}

impl Team {
    /// Those that there are, and those that train at the same time.
    pub fn members(&self) -> (usize, usize) {
        match self {
            Self::Federated(it) => {
                let chosen = (it.share * it.clients as f64).round() as usize;
                (it.clients, chosen.clamp(1, it.clients.max(1)))
            }
            Self::Parallel(it) => (it.workers, it.workers),
        }
    }
}

/// What has to be otherwise for a team to train an experiment; nothing where it can.
pub fn conflict(data: &Data, model: &Model, train: &Train) -> Option<&'static str> {
    let conflicts = [
        (matches!(model, Model::Surface { .. }), "data: a surface has none to share"),
        (model.reads_text(), "data of samples: a text is one stream"),
        (!data.phases.is_empty(), "no [[data.phase]] beside it"),
        (data.batch_size == BatchSize::All, "a batch_size in samples"),
        (!data.drop_last, "data.drop_last = true"),
        (train.accumulate > 1, "no train.accumulate beside it"),
        (train.attack.is_some_and(|attack| attack.train), "train.attack without train = true"),
        (train.weights != WeightFormat::F32, "train.weights = \"f32\""),
        (train.gradients != WeightFormat::F32, "train.gradients = \"f32\""),
    ];
    conflicts.into_iter().find_map(|(is_so, allowed)| is_so.then_some(allowed))
}

/// What has to be otherwise for a team to train a run; nothing where it can.
pub fn unfit(run: &Run) -> Option<&'static str> {
    let follows = matches!(run.controller, Some(Controller::Hypergradient(_)));
    let conflicts = [
        (run.batch.is_some(), "no `batch` schedule: everybody's batch is data.batch_size"),
        (follows, "no hypergradient: a team has a gradient a member"),
        (run.optimizer.kind.is_schedule_free(), "an optimizer that is not schedule-free"),
        (!run.is_uniform(), "no parameter groups, no layer_decay and decay = \"all\""),
    ];
    conflicts.into_iter().find_map(|(is_so, allowed)| is_so.then_some(allowed))
}

/// Clients with data of their own, whose weights a server averages after every round (`FedAvg`, McMahan et al. 2017,
/// arXiv 1602.05629).
///
/// An update of the run is one local update of every client of the round. Optimizer buffers are a client's for one
/// round.
#[derive(Clone, Debug, PartialEq)]
pub struct Federated {
    pub clients: usize,
    /// The share of the clients that are drawn for a round, above 0 and at most 1; at least one client.
    pub share: f64,
    /// The updates of a round.
    pub local: Span,
    /// The concentration of the Dirichlet distribution by which each class is dealt out to the clients: the smaller, the
    /// more they differ. Nothing is equal parts of the shuffled samples.
    pub skew: Option<f64>,
    /// How strongly a client is pulled to the round's first weights: half of this times the squared distance is added to
    /// its loss (`FedProx`, Li et al. 2020, arXiv 1812.06127).
    pub prox: f64,
    pub server: Server,
}

/// What the server does with the mean change of a round (`FedOpt`, Reddi et al. 2021, arXiv 2003.00295).
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub optimizer: ServerKind,
    /// By the updates of the run; the value at a round's last update is used.
    pub lr: Schedule,
    /// The share of the last step that is kept: beta1 but for `sgd`.
    pub momentum: f64,
    pub beta2: f64,
    /// What is added to the root of the second moment, which begins at its square.
    pub tau: f64,
}

/// How the server steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerKind {
    /// m = momentum * m + change; weights += lr * m. With a rate of 1 and no momentum this is plain averaging.
    #[default]
    Sgd,
    Adagrad,
    Adam,
    Yogi,
}

impl ServerKind {
    /// Every kind, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 4] =
        [("sgd", Self::Sgd), ("adagrad", Self::Adagrad), ("adam", Self::Adam), ("yogi", Self::Yogi)];

    /// Momentum, beta2 and tau when the file does not say.
    pub const fn defaults(self) -> (f64, f64, f64) {
        match self {
            Self::Sgd => (0.0, 0.99, 1e-3),
            Self::Adagrad => (0.0, 0.99, 1e-3),
            Self::Adam | Self::Yogi => (0.9, 0.99, 1e-3),
        }
    }
}

impl Server {
    /// A server of this kind at a constant rate.
    pub fn new(optimizer: ServerKind, lr: Schedule) -> Self {
        let (momentum, beta2, tau) = optimizer.defaults();
        Self { optimizer, lr, momentum, beta2, tau }
    }
}

/// Workers with the same model, each of which sees other samples of every epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    pub workers: usize,
    /// Updates between two averages. 1 averages the gradients of every update, as PyTorch's `DistributedDataParallel`
    /// does, and weights are never compared; more averages the weights (local SGD, Stich 2019, arXiv 1805.09767).
    pub every: u64,
    pub fault: Option<Fault>,
}

/// What one worker does otherwise than the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Counted from 0; where gradients are averaged, worker 0 is the one whose weights are scored and saved.
    pub worker: usize,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// Its rate is this many times that of the others.
    LrFactor(f64),
    /// It steps along the gradient of the update before; with averaged weights, its own enter an average late.
    Stale,
    /// It is no longer heard and hears nothing: it trains by itself.
    Dropped,
    /// It begins with weights drawn from another seed.
    OtherSeed,
}
