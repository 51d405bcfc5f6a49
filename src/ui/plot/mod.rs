//! The plots: rate, loss and momentum over one axis of updates, with one cursor through all of them.

mod bounds;
mod chart;
mod grips;
mod lines;
mod overlay;
mod panel;
mod readout;
mod scale;

pub use overlay::{color as event_color, words as event_words};
pub use panel::{Pane, show};
pub use scale::Scale;
