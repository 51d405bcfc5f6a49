//! The real studio without a window: pictures of it, how it feels while a handle is dragged, and what a frame costs.

pub mod drag_bench;
pub mod interface_bench;
pub mod screenshot;
