//! Anneal Studio: drag a learning-rate schedule and watch training answer.
//!
//! `experiment -> schedule -> train -> telemetry -> ui`; see `ARCHITECTURE.md`.

pub use anneal_core::{
    data, experiment, files, gpu, jobs, landscape, model, numbers, random, schedule, telemetry, train, vector,
};
pub(crate) use anneal_core::{machine, plain};

pub mod analysis;
pub mod api;
pub mod cli;
pub mod engine;
pub mod export;
pub mod forecast;
pub mod govern;
pub mod import;
pub mod lesson;
pub mod library;
pub mod lint;
pub mod notify;
pub mod recording;
pub mod sink;
pub mod sweep;
pub mod ui;
