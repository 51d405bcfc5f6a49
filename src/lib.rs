//! Anneal Studio: drag a learning-rate schedule and watch training answer.
//!
//! `experiment -> schedule -> train -> telemetry -> ui`; see `ARCHITECTURE.md`.

pub mod analysis;
pub mod api;
pub mod cli;
pub mod data;
pub mod engine;
pub mod experiment;
pub mod export;
pub mod files;
pub mod forecast;
pub mod govern;
pub mod gpu;
pub mod import;
pub mod jobs;
pub mod landscape;
pub mod lesson;
pub mod library;
pub mod lint;
pub(crate) mod machine;
pub mod model;
pub mod numbers;
pub(crate) mod plain;
pub mod random;
pub mod recording;
pub mod schedule;
pub mod sink;
pub mod sweep;
pub mod telemetry;
pub mod train;
pub mod ui;
pub mod vector;
