//! The real studio without a window: pictures of it, and how it feels while a handle is dragged.

pub mod drag_bench;
pub mod screenshot;
