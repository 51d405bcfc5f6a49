//! The standard workloads.

use std::path::Path;
use std::sync::Arc;

use crate::data::{Prepared, Shape};
use crate::experiment::{BatchSize, Experiment, FileError};
use crate::train::TrainError;
use crate::train::ids::{Revision, RunId};
use crate::train::task::{self, Task};

/// A standard workload: an experiment without its lanes.
pub struct Workload {
    pub name: &'static str,
    pub data: &'static str,
    pub batch: usize,
    pub model: &'static str,
    pub optimizer: &'static str,
}

/// The one whose cost is looked at closely.
pub const DIGITS: Workload = Workload {
    name: "digits",
    data: "digits",
    batch: 64,
    model: r#"kind = "mlp", hidden = [128, 64], activation = "tanh""#,
    optimizer: SGD,
};

pub const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "tiny",
        data: "spirals",
        batch: 32,
        model: r#"kind = "mlp", hidden = [32, 32], activation = "tanh""#,
        optimizer: SGD,
    },
    DIGITS,
    Workload {
        name: "wide",
        data: "digits",
        batch: 128,
        model: r#"kind = "mlp", hidden = [256, 128], activation = "tanh""#,
        optimizer: SGD,
    },
    Workload {
        name: "cnn",
        data: "digits",
        batch: 64,
        model: r#"kind = "cnn", channels = [16, 32]"#,
        optimizer: SGD,
    },
    Workload {
        name: "chars",
        data: "shakespeare",
        batch: 16,
        model: r#"kind = "transformer", layers = 2, width = 32, heads = 4, context = 32, norm = "pre""#,
        optimizer: r#"kind = "adamw""#,
    },
];

const SGD: &str = r#"kind = "sgd", momentum = 0.9"#;

impl Workload {
    /// What its lanes share.
    pub fn task(&self, revision: &Revision) -> Result<Task, TrainError> {
        let mut prepared = task::prepare(&revision.experiment)?;
        if self.name == "wide" {
            // As many inputs as a picture of 28 by 28; what they show does not matter here.
            prepared = Arc::new(widened(&prepared, 784));
        }
        Task::new(&revision.experiment, prepared)
    }

    /// One run in so many replicas, longer than anybody measures, without held-out samples.
    pub fn replicas(&self, lanes: usize, batch: usize) -> Result<Arc<Revision>, FileError> {
        let mut experiment = self.experiment(1_000_000_000, 0.0, 1e-3)?;
        experiment.train.replicas = lanes;
        experiment.data.batch_size = BatchSize::Samples(batch);
        Ok(Arc::new(Revision { generation: 0, experiment, ids: vec![RunId(0)] }))
    }

    /// One run of so many updates at a constant rate, with this share of the samples held out.
    pub fn experiment(&self, updates: u64, validation: f64, peak: f64) -> Result<Experiment, FileError> {
        let Self { name, data, batch, model, optimizer } = self;
        let text = format!(
            r#"
anneal = 1
name = "{name}"
data = {{ name = "{data}", batch_size = {batch}, validation = {validation:?} }}
model = {{ {model} }}
train = {{ updates = "{updates}" }}
[[run]]
name = "bench"
optimizer = {{ {optimizer} }}
lr = {{ kind = "constant", peak = {peak:?} }}
"#
        );
        Experiment::parse(&text, Path::new("bench.toml"))
    }
}

/// The same samples, their features repeated up to `width` of them.
fn widened(prepared: &Prepared, width: usize) -> Prepared {
    let mut wide = prepared.clone();
    if let Prepared::Samples { train, .. } = &mut wide {
        let features = train.shape.features();
        train.features = train
            .features
            .chunks_exact(features)
            .flat_map(|row| row.iter().copied().cycle().take(width))
            .collect();
        train.shape = Shape::Flat(width);
    }
    wide
}
