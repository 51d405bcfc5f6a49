//! The studio, driven as people and screen readers drive it, over telemetry that is always the same.

mod controls;
mod diagnosis;
mod editing;
mod export;
mod files;
mod forecasts;
mod groups;
mod hostile;
mod kept;
mod killed;
mod lab;
mod landscape;
mod live;
mod look;
mod opening;
mod pencil;
mod picture;
mod plots;
mod reading;
mod recordings;
mod share;
mod stand_in;
mod sweeps;
mod travel;
mod truthful;
