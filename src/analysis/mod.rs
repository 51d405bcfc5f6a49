//! What training tells: range tests, curvature, the first updates, diagnoses, and the audit report.

pub mod audit;
pub mod baseline;
pub mod canary;
pub(crate) mod chart;
pub mod detect;
pub mod ensemble;
pub(crate) mod events;
pub mod glossary;
pub mod memory;
pub mod microscope;
pub mod noise_scale;
pub mod pace;
pub mod peak;
pub mod proof;
pub mod range_test;
pub mod real_run;
pub mod recorded;
pub mod report;
pub mod scenario;
pub mod sharpness;
pub mod siblings;
pub(crate) mod side_training;
pub mod statistics;
pub mod stretch;
pub mod suggest;
pub(crate) mod summary;
