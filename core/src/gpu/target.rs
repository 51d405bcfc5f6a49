//! What is drawn into: a picture, and what drawing it needs besides.

use image::RgbaImage;

use super::GpuError;

/// Stored as egui takes it: sRGB numbers that the hardware does not convert.
pub const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
pub const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth24Plus;
/// Points of a pixel whose coverage is told apart.
pub const SAMPLES: u32 = 4;

/// A picture with its multisampled colours and depths.
#[derive(Debug)]
pub struct Target {
    pub size: [u32; 2],
    picture: wgpu::Texture,
    pub picture_view: wgpu::TextureView,
    colors: wgpu::TextureView,
    depths: wgpu::TextureView,
}

impl Target {
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let texture = |label, format, sample_count, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: extent(size),
                mip_level_count: 1,
                sample_count,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
        };
        let view = |texture: &wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        let read = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_SRC;
        let picture = texture("landscape picture", COLOR, 1, read);
        let none = wgpu::TextureUsages::empty();
        Self {
            size,
            picture_view: view(&picture),
            colors: view(&texture("landscape colors", COLOR, SAMPLES, none)),
            depths: view(&texture("landscape depths", DEPTH, SAMPLES, none)),
            picture,
        }
    }

    /// A pass that begins with one colour everywhere, infinitely far.
    pub fn begin(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        ground: wgpu::Color,
    ) -> wgpu::RenderPass<'static> {
        encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("landscape"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &self.colors,
                    resolve_target: Some(&self.picture_view),
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(ground),
                        store: wgpu::StoreOp::Discard,
                    },
                    depth_slice: None,
                })],
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &self.depths,
                    depth_ops: Some(wgpu::Operations {
                        load: wgpu::LoadOp::Clear(1.0),
                        store: wgpu::StoreOp::Discard,
                    }),
                    stencil_ops: None,
                }),
                ..Default::default()
            })
            .forget_lifetime()
    }

    /// Waits for the picture and copies it here.
    pub fn read(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<RgbaImage, GpuError> {
        let [width, height] = self.size;
        let row = 4 * width;
        // Rows of a copy begin at multiples of this.
        let stride = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("landscape copy"),
            size: u64::from(stride) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(stride), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.picture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            extent(self.size),
        );
        queue.submit([encoder.finish()]);
        let failed = |error: &dyn std::fmt::Display| GpuError::Read(error.to_string());
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |mapped| {
            // Nobody waits any more when the poll below failed.
            let _ = sender.send(mapped);
        });
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(&error))?;
        receiver.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let bytes = buffer.get_mapped_range(..).map_err(|error| failed(&error))?;
        let rows = bytes.chunks_exact(stride as usize);
        let pixels = rows.flat_map(|line| line.iter().take(row as usize)).copied().collect();
        RgbaImage::from_raw(width, height, pixels)
            .ok_or_else(|| GpuError::Read("fewer pixels came back than were drawn".into()))
    }
}

pub fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}
