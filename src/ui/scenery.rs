//! Landscapes and decision fields inside the interface: drawn by the shaders on the window's own adapter, or
//! by the processor where there is none. Where the adapter is software, the processor draws what moves, with fewer
//! pixels, and the shaders what has come to rest.

use std::time::Duration;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use image::RgbaImage;

use crate::gpu::{GpuError, Renderer};
use crate::landscape::{Decision, Scene, raster};

/// What is to be seen.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    Landscape(&'a Scene<'a>),
    Decision(&'a Decision),
}

/// The picture that the open panel shows, and what draws it.
#[derive(Default)]
pub struct Scenery {
    hand: Hand,
    drawn: Option<Drawn>,
    /// When something last moved.
    moved: Option<f64>,
}

/// Seconds after which what moved is at rest.
const REST: f64 = 0.2;
/// The longest side of a picture that has to be quick, in pixels.
const QUICK_SIDE: u32 = 512;

/// What draws.
#[derive(Default)]
enum Hand {
    /// On this adapter, as soon as there is something to draw.
    Shaders(RenderState),
    Ready(Box<Adapter>),
    #[default]
    Processor,
}

struct Adapter {
    state: RenderState,
    renderer: Renderer,
    texture: Option<TextureId>,
}

/// What was drawn last.
struct Drawn {
    stamp: u64,
    size: [u32; 2],
    quick: bool,
    id: TextureId,
    /// Keeps the processor's picture.
    handle: Option<TextureHandle>,
}

impl Scenery {
    /// With the window's adapter, if it has one.
    pub fn new(state: Option<RenderState>) -> Self {
        Self { hand: state.map_or(Hand::Processor, Hand::Shaders), ..Self::default() }
    }

    /// Whether the processor draws all or some, which takes its time.
    fn is_slow(&self) -> bool {
        let software = |state: &RenderState| state.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        match &self.hand {
            Hand::Shaders(state) => software(state),
            Hand::Ready(adapter) => software(&adapter.state),
            Hand::Processor => true,
        }
    }

    /// Whether the next picture has to be quick rather than fine: something moves, or did just now, and drawing is slow.
    pub fn is_quick(&mut self, ctx: &Context, moves: bool) -> bool {
        if !self.is_slow() {
            return false;
        }
        let now = ctx.input(|input| input.time);
        if moves {
            self.moved = Some(now);
        }
        let quick = self.moved.is_some_and(|moved| now - moved < REST);
        if quick {
            ctx.request_repaint_after(Duration::from_secs_f64(REST));
        }
        quick
    }

    /// The picture of this size and stamp, if it is what was drawn last. A stamp stands for all that is to be seen.
    pub fn drawn(&self, stamp: u64, size: [u32; 2], quick: bool) -> Option<TextureId> {
        let found = |drawn: &&Drawn| (drawn.stamp, drawn.size, drawn.quick) == (stamp, size, quick);
        self.drawn.as_ref().filter(found).map(|drawn| drawn.id)
    }

    /// Draws a picture. What the adapter cannot draw, now or ever, the processor does, and what has to be quick.
    pub fn draw(
        &mut self,
        ctx: &Context,
        subject: Subject<'_>,
        stamp: u64,
        size: [u32; 2],
        quick: bool,
    ) -> TextureId {
        if !quick && let Some(id) = self.draw_by_shaders(subject, size) {
            let handle = self.drawn.take().and_then(|drawn| drawn.handle);
            self.drawn = Some(Drawn { stamp, size, quick, id, handle });
            return id;
        }
        let longest = size[0].max(size[1]);
        let shrunk = |side: u32| (side * QUICK_SIDE / longest.max(1)).max(1);
        let pixels = if quick && longest > QUICK_SIDE { size.map(shrunk) } else { size };
        let image = match subject {
            Subject::Landscape(scene) => raster::draw(scene, pixels),
            Subject::Decision(decision) => raster::draw_decision(decision, pixels),
        };
        let image = color_image(&image);
        let handle = match self.drawn.take().and_then(|drawn| drawn.handle) {
            Some(mut handle) => {
                handle.set(image, TextureOptions::LINEAR);
                handle
            }
            None => ctx.load_texture("scenery", image, TextureOptions::LINEAR),
        };
        let id = handle.id();
        self.drawn = Some(Drawn { stamp, size, quick, id, handle: Some(handle) });
        id
    }

    fn draw_by_shaders(&mut self, subject: Subject<'_>, size: [u32; 2]) -> Option<TextureId> {
        if let Hand::Shaders(state) = std::mem::take(&mut self.hand) {
            self.hand = Adapter::new(state).map_or(Hand::Processor, |adapter| Hand::Ready(Box::new(adapter)));
        }
        if let Hand::Ready(adapter) = &mut self.hand {
            match adapter.draw(subject, size) {
                Ok(id) => return Some(id),
                Err(error) => {
                    tracing::warn!("the processor draws from now on: {error}");
                    self.hand = Hand::Processor;
                }
            }
        }
        None
    }
}

impl Adapter {
    /// Compiles the shaders; nothing where the adapter refuses them.
    fn new(state: RenderState) -> Option<Self> {
        let refused = state.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let renderer = Renderer::new(&state.device, &state.queue);
        match pollster::block_on(refused.pop()) {
            None => Some(Self { state, renderer, texture: None }),
            Some(error) => {
                tracing::warn!("the processor draws, for the adapter refuses the shaders: {error}");
                None
            }
        }
    }

    fn draw(&mut self, subject: Subject<'_>, size: [u32; 2]) -> Result<TextureId, GpuError> {
        let picture = match subject {
            Subject::Landscape(scene) => self.renderer.render(scene, size),
            Subject::Decision(decision) => self.renderer.render_decision(decision, size),
        }?;
        let (device, filter) = (&self.state.device, wgpu::FilterMode::Linear);
        let mut shown = self.state.renderer.write();
        Ok(match self.texture {
            Some(id) => {
                shown.update_egui_texture_from_wgpu_texture(device, picture, filter, id);
                id
            }
            None => *self.texture.insert(shown.register_native_texture(device, picture, filter)),
        })
    }
}

fn color_image(image: &RgbaImage) -> ColorImage {
    let size = [image.width() as usize, image.height() as usize];
    ColorImage::from_rgba_unmultiplied(size, image.as_raw())
}
