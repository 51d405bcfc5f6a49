//! One test program, so that the big dependencies are linked once.

mod controllers;
mod data;
mod engine;
mod experiment_file;
mod models;
mod optimizers;
mod schedule_golden;
mod schedule_properties;
mod telemetry;
mod training;
