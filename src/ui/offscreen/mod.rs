//! The real studio without a window: pictures of it, and how it feels while a handle is dragged or beside a long recording.

pub mod drag_bench;
pub mod recording_bench;
pub mod screenshot;
