//! One test program, so that the big dependencies are linked once.

mod data;
mod experiment_file;
mod schedule_golden;
mod schedule_properties;
mod schedule_shapes;
mod optimizers;
mod telemetry;
mod training;
