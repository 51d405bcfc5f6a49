//! Landscapes drawn by shaders into a picture of their own, in a pass of their own.
//!
//! The shaders need uniforms and textures only, and no more of either than WebGL 2 has, so that every
//! adapter can run them. Where there is none, [`picture`] draws on the processor.

mod adapter;
pub mod compute;
mod picture;
mod pipelines;
mod renderer;
mod target;

use thiserror::Error;

pub use adapter::{Adapter, limits};
pub use picture::{DrawnBy, picture};
pub use pipelines::SHADERS;
pub use renderer::{Renderer, UNIFORM_BYTES};

/// Why there is no picture.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GpuError {
    #[error(
        "no graphics adapter was found ({0}): install a Vulkan or OpenGL driver, or draw on the processor"
    )]
    NoAdapter(String),
    #[error("the graphics adapter {adapter} cannot be used: {reason}")]
    NoDevice { adapter: String, reason: String },
    #[error("a picture of {width} x {height} pixels cannot be drawn: choose sides from 1 to {most}")]
    Size { width: u32, height: u32, most: u32 },
    #[error("a grid of {width} x {height} numbers does not fit a texture: choose sides from 2 to {most}")]
    Grid { width: usize, height: usize, most: u32 },
    #[error("the picture could not be read back from the graphics adapter: {0}")]
    Read(String),
    #[error("{bytes} bytes of data; the graphics adapter takes {most} in one piece")]
    TooLarge { bytes: u64, most: u64 },
    #[error("the graphics adapter stopped: {0}")]
    Lost(String),
}
