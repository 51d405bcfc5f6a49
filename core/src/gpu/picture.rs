//! A scene as a picture in memory, on whatever can draw it.

use image::RgbaImage;

use super::adapter::Adapter;
use super::renderer::Renderer;
use crate::landscape::{Scene, raster};

/// What drew a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrawnBy {
    /// The adapter of this name.
    Adapter(String),
    /// The processor, for this reason.
    Processor(String),
}

/// Draws a scene on the adapter there is, or on the processor where there is none or it fails.
pub fn picture(scene: &Scene<'_>, size: [u32; 2]) -> (RgbaImage, DrawnBy) {
    let drawn = Adapter::find().and_then(|adapter| {
        let mut renderer = Renderer::new(&adapter.device, &adapter.queue);
        renderer.render(scene, size)?;
        Ok((renderer.read()?, DrawnBy::Adapter(adapter.name)))
    });
    drawn.unwrap_or_else(|error| (raster::draw(scene, size), DrawnBy::Processor(error.to_string())))
}
