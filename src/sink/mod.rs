//! Sinks: where telemetry goes beside the screen and the training's folder.
//!
//! A sink has a thread of its own behind a bounded queue. Training offers what it measured and goes on; what a slow
//! or dead sink had no room for is counted and said, and never waited for.

mod endpoint;
mod event_file;
mod exposition;
mod outlet;
mod prometheus;
mod tensorboard;

use std::sync::Arc;

use crate::telemetry::{EventKind, Row};

pub use endpoint::Endpoint;
pub(crate) use exposition::{CONTENT_TYPE, Text, labels};
pub use outlet::Outlet;
pub use prometheus::{Page, Prometheus};
pub use tensorboard::TensorBoard;

/// One replica of a run, as sinks name it.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneInfo {
    pub experiment: String,
    pub run: String,
    pub replica: u32,
    pub seed: u64,
    /// What the run was given, by dotted names: numbers and words.
    pub settings: Vec<(String, Setting)>,
    /// The updates it is to make.
    pub updates: u64,
    /// The updates of its warmup, in which losses and norms may jump.
    pub warmup: u64,
}

/// One thing that a run was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    Number(f64),
    Flag(bool),
    Text(String),
}

/// What training tells its sinks.
#[derive(Clone, Debug)]
pub enum Message {
    /// What some updates of a lane measured, and what happened in them.
    Rows { lane: usize, rows: Vec<Row>, events: Vec<EventKind> },
    /// Checkpoints so far: on the disk, and given up or failed.
    Checkpoints { written: u64, failed: u64 },
    /// The training ended; `failed` lanes did not reach their last update.
    End { failed: Vec<usize> },
}

/// What takes telemetry somewhere else.
pub trait Sink: Send + 'static {
    /// Its name in sentences.
    fn name(&self) -> &'static str;

    /// Takes a message.
    ///
    /// # Errors
    /// When it cannot go on; it is then given nothing more.
    fn take(&mut self, message: &Message) -> std::io::Result<()>;
}

/// The outlets of one training.
#[derive(Default)]
pub struct Outlets {
    outlets: Vec<Outlet>,
}

impl Outlets {
    pub fn add(&mut self, outlet: Outlet) {
        self.outlets.push(outlet);
    }

    pub fn is_empty(&self) -> bool {
        self.outlets.is_empty()
    }

    /// Offers a message to every sink. Nothing is waited for.
    pub fn offer(&self, message: impl FnOnce() -> Message) {
        if self.outlets.is_empty() {
            return;
        }
        let message = Arc::new(message());
        self.outlets.iter().for_each(|outlet| outlet.offer(&message));
    }

    /// Says that the training ended, waits until the sinks have taken what they were given, and says what they lost.
    pub fn end(self, failed: Vec<usize>) -> Vec<String> {
        let end = Arc::new(Message::End { failed });
        self.outlets.into_iter().filter_map(|outlet| outlet.end(&end)).collect()
    }
}
