//! The real studio without a window: pictures of it, how it feels while a handle is dragged or beside a long recording,
//! and what a frame costs.

pub mod drag_bench;
pub mod interface_bench;
pub mod recording_bench;
pub mod screenshot;
