//! What training tells: range tests, curvature, the first updates, diagnoses, and the audit report.

pub mod range_test;
pub mod sharpness;
pub mod statistics;
pub mod suggest;
