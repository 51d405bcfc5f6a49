//! The part of Anneal Studio that decides a number: schedules as pure functions of the update, experiments that hold
//! them, and many small networks trained under them as the rows of one tensor. The studio, its command line and its
//! readers of others' files stand above it; see `ARCHITECTURE.md`.

pub mod data;
pub mod experiment;
pub mod files;
pub mod gpu;
pub mod jobs;
pub mod landscape;
pub mod machine;
pub mod model;
pub mod numbers;
pub mod plain;
pub mod random;
pub mod schedule;
pub mod telemetry;
pub mod train;
pub mod vector;
