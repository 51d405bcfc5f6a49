//! One test program, so that the big dependencies are linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests may")]

mod adapter;
mod analysis;
mod api;
mod architecture;
mod batches;
mod checkpoint;
mod command_line;
mod controllers;
mod data;
mod dependencies;
#[cfg(unix)]
mod edges;
mod engine;
mod engine_landscape;

mod ensemble;
mod errands;
mod experiment_file;
mod export;
mod forecasts;
mod govern;
mod groups;
mod guard;
mod import;
mod landscape;
mod lessons;
mod library;
mod lint;
mod microscope;
mod models;
mod notify;
mod optimizers;
mod packages;
mod plateau_replay;
mod recordings;
mod report_page;
mod scenarios;
mod schedule_formula;
mod schedule_golden;
mod schedule_kinds;
mod schedule_properties;
mod schedule_shapes;
mod shaders;
mod sinks;
mod support;
mod sweeps;
mod telemetry;
mod training;
mod ui;
