//! The studio, driven as people and screen readers drive it, over telemetry that is always the same.

mod controls;
mod editing;
mod export;
mod files;
mod hostile;
mod look;
mod picture;
mod reading;
mod stand_in;
mod travel;
