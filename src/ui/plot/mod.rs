//! The plots: rate, losses and a number of the update over one axis of updates, with one cursor through all of them.

mod band;
mod bends;
mod bounds;
mod chart;
pub mod cloud;
mod compare;
mod figure;
mod ghost;
mod grips;
mod group;
mod lines;
mod metric;
mod number;
mod overlay;
mod panel;
mod phases;
mod rate;
mod readout;
mod ruler;
mod scale;
mod small;
mod sweep;
mod switch;

pub use compare::compare;
pub use figure::Figure;
pub use ghost::Ghost;
pub use overlay::{color as event_color, words as event_words};
pub use panel::{plain, show};
pub use ruler::Ruler;
pub use scale::{Scale, Tick};
pub use small::{Area, Curve, Small};
pub use sweep::{LIMIT_HELP, sweep};
