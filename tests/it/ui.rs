//! The studio, driven as people and screen readers drive it, over telemetry that is always the same.

mod controls;
mod diagnosis;
mod editing;
mod export;
mod files;
mod forecasts;
mod hostile;
mod lab;
mod landscape;
mod live;
mod look;
mod picture;
mod reading;
mod recordings;
mod stand_in;
mod sweeps;
mod travel;
