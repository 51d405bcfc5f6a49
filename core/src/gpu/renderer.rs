//! Draws scenes into a picture that stays on the adapter.

use bytemuck::{Pod, Zeroable};
use image::RgbaImage;

use super::GpuError;
use super::pipelines::Pipelines;
use super::target::{Target, extent};
use crate::landscape::camera::{FLAT, Matrix};
use crate::landscape::scene::{AMBIENT, NEARER, PLINTH, RELIEF, Stroke};
use crate::landscape::{Decision, Scene, View};

/// As the shaders' `Scene`, number by number.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    clip_from_model: Matrix,
    ground: [f32; 4],
    contour: [f32; 4],
    invalid: [f32; 4],
    light: [f32; 4],
    size: [f32; 2],
    points: [f32; 2],
    relief: f32,
    plinth: f32,
    levels: f32,
    nearer: f32,
}

/// What the shaders' `Scene` has to measure.
pub const UNIFORM_BYTES: usize = size_of::<Uniforms>();

/// Draws on one adapter. It keeps what it drew into and with, so that turning a surface costs a pass.
#[derive(Debug)]
pub struct Renderer {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
    uniforms: wgpu::Buffer,
    bound: Option<Bound>,
    strokes: Option<wgpu::Buffer>,
    mesh: Option<Mesh>,
    target: Option<Target>,
}

/// The textures of one size, bound.
#[derive(Debug)]
struct Bound {
    grid: wgpu::Texture,
    colors: wgpu::Texture,
    group: wgpu::BindGroup,
}

/// The triangles of a surface of so many points.
#[derive(Debug)]
struct Mesh {
    points: [u32; 2],
    buffer: wgpu::Buffer,
    count: u32,
}

/// The numbers of a grid or the colours of a map, as a texture takes them.
struct Texels<'a> {
    size: [u32; 2],
    bytes: &'a [u8],
    format: wgpu::TextureFormat,
}

/// Bytes of a texel of either texture.
const TEXEL: u32 = 4;

impl Renderer {
    /// Compiles the shaders.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("landscape"),
            size: UNIFORM_BYTES as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            device: device.clone(),
            queue: queue.clone(),
            pipelines: Pipelines::new(device),
            uniforms,
            bound: None,
            strokes: None,
            mesh: None,
            target: None,
        }
    }

    /// Draws a scene and returns the picture, `Rgba8Unorm` with opaque sRGB colours. It is another
    /// texture only when the size is another.
    ///
    /// # Errors
    /// When the picture or the grid is too large for the adapter, or either has no pixel.
    pub fn render(&mut self, scene: &Scene<'_>, size: [u32; 2]) -> Result<&wgpu::TextureView, GpuError> {
        let heights = scene.heights;
        let grid_size = self.grid_size(heights.columns, heights.rows, heights.values.len())?;
        self.check_size(size)?;
        let [x, y, z] = scene.light();
        let uniforms = Uniforms {
            clip_from_model: scene.clip_from_model(size),
            ground: color(scene.ink.ground),
            contour: color(scene.ink.contour),
            invalid: color(scene.ink.invalid),
            light: [x, y, z, AMBIENT],
            size: size.map(|side| side as f32),
            points: grid_size.map(|side| side as f32),
            relief: RELIEF,
            plinth: PLINTH,
            levels: scene.contours as f32,
            nearer: NEARER,
        };
        let colors: Vec<u8> =
            scene.colormap.colors().iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        self.load(&uniforms, grid_size, &heights.values, &colors);
        let strokes = scene.strokes();
        self.load_strokes(&strokes);
        let filling = match scene.view {
            View::Map => Filling::Field,
            View::Surface(_) => {
                self.load_mesh(grid_size);
                Filling::Surface
            }
        };
        self.pass(scene.ink.ground, size, filling, strokes.len())
    }

    /// Draws a decision field; as [`Renderer::render`].
    ///
    /// # Errors
    /// As [`Renderer::render`].
    pub fn render_decision(
        &mut self,
        decision: &Decision,
        size: [u32; 2],
    ) -> Result<&wgpu::TextureView, GpuError> {
        let Decision { columns, rows, ref probabilities, ref classes, ground: [r, g, b], border } = *decision;
        let grid_size = self.grid_size(columns, rows * classes.len(), probabilities.len())?;
        self.check_size(size)?;
        let ground = [r, g, b, 255];
        let uniforms = Uniforms {
            clip_from_model: FLAT,
            ground: color(ground),
            contour: color(border),
            invalid: color(ground),
            light: [0.0; 4],
            size: size.map(|side| side as f32),
            points: [columns as f32, rows as f32],
            relief: RELIEF,
            plinth: PLINTH,
            levels: classes.len() as f32,
            nearer: NEARER,
        };
        let colors: Vec<u8> = classes.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        self.load(&uniforms, grid_size, probabilities, &colors);
        self.pass(ground, size, Filling::Decision, 0)
    }

    /// Waits for what was drawn last and copies it here.
    ///
    /// # Errors
    /// When nothing was drawn yet, or the adapter fails.
    pub fn read(&self) -> Result<RgbaImage, GpuError> {
        let target = self.target.as_ref().ok_or_else(|| GpuError::Read("nothing was drawn yet".into()))?;
        target.read(&self.device, &self.queue)
    }

    /// Whether a grid has numbers enough, and a texture room enough.
    fn grid_size(&self, width: usize, height: usize, numbers: usize) -> Result<[u32; 2], GpuError> {
        let most = self.device.limits().max_texture_dimension_2d;
        let side = |side: usize| u32::try_from(side).ok().filter(|side| (2..=most).contains(side));
        match (side(width), side(height)) {
            (Some(columns), Some(rows)) if width * height == numbers => Ok([columns, rows]),
            _ => Err(GpuError::Grid { width, height, most }),
        }
    }

    fn check_size(&self, [width, height]: [u32; 2]) -> Result<(), GpuError> {
        let most = self.device.limits().max_texture_dimension_2d;
        if (1..=most).contains(&width) && (1..=most).contains(&height) {
            Ok(())
        } else {
            Err(GpuError::Size { width, height, most })
        }
    }

    fn load(&mut self, uniforms: &Uniforms, grid_size: [u32; 2], grid: &[f32], colors: &[u8]) {
        self.queue.write_buffer(&self.uniforms, 0, bytemuck::bytes_of(uniforms));
        let grid = Texels {
            size: grid_size,
            bytes: bytemuck::cast_slice(grid),
            format: wgpu::TextureFormat::R32Float,
        };
        let across = colors.len() as u32 / TEXEL;
        let colors = Texels { size: [across, 1], bytes: colors, format: wgpu::TextureFormat::Rgba8Unorm };
        let fits = |texture: &wgpu::Texture, texels: &Texels<'_>| texture.size() == extent(texels.size);
        let bound = match self.bound.take() {
            Some(bound) if fits(&bound.grid, &grid) && fits(&bound.colors, &colors) => bound,
            _ => self.bind(&grid, &colors),
        };
        for (texture, texels) in [(&bound.grid, grid), (&bound.colors, colors)] {
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(TEXEL * texels.size[0]),
                rows_per_image: None,
            };
            self.queue.write_texture(texture.as_image_copy(), texels.bytes, layout, extent(texels.size));
        }
        self.bound = Some(bound);
    }

    fn bind(&self, grid: &Texels<'_>, colors: &Texels<'_>) -> Bound {
        let texture = |texels: &Texels<'_>| {
            self.device.create_texture(&wgpu::TextureDescriptor {
                label: Some("landscape"),
                size: extent(texels.size),
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: texels.format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let (grid, colors) = (texture(grid), texture(colors));
        let views =
            [&grid, &colors].map(|texture| texture.create_view(&wgpu::TextureViewDescriptor::default()));
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("landscape"),
            layout: &self.pipelines.layout,
            entries: &[
                entry(0, self.uniforms.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&views[0])),
                entry(2, wgpu::BindingResource::TextureView(&views[1])),
            ],
        });
        Bound { grid, colors, group }
    }

    fn load_strokes(&mut self, strokes: &[Stroke]) {
        let bytes: &[u8] = bytemuck::cast_slice(strokes);
        let needed = bytes.len() as u64;
        let buffer = match self.strokes.take() {
            Some(buffer) if buffer.size() >= needed => buffer,
            _ => self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("landscape strokes"),
                size: needed.next_power_of_two().max(size_of::<Stroke>() as u64),
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        self.queue.write_buffer(&buffer, 0, bytes);
        self.strokes = Some(buffer);
    }

    /// The order in which the vertices of a surface make triangles.
    fn load_mesh(&mut self, points: [u32; 2]) {
        if self.mesh.as_ref().is_some_and(|mesh| mesh.points == points) {
            return;
        }
        let indices = surface_triangles(points);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("landscape triangles"),
            size: (size_of::<u32>() * indices.len()) as u64,
            usage: wgpu::BufferUsages::INDEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&indices));
        self.mesh = Some(Mesh { points, buffer, count: indices.len() as u32 });
    }

    /// Fills the picture, then draws so many strokes over it.
    fn pass(
        &mut self,
        ground: [u8; 4],
        size: [u32; 2],
        filling: Filling,
        strokes: usize,
    ) -> Result<&wgpu::TextureView, GpuError> {
        let target = match self.target.take() {
            Some(target) if target.size == size => target,
            _ => Target::new(&self.device, size),
        };
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let [r, g, b, a] = color(ground).map(f64::from);
        let mut pass = target.begin(&mut encoder, wgpu::Color { r, g, b, a });
        if let Some(bound) = &self.bound {
            pass.set_bind_group(0, &bound.group, &[]);
            match (filling, &self.mesh) {
                (Filling::Surface, Some(mesh)) => {
                    pass.set_pipeline(&self.pipelines.surface);
                    pass.set_index_buffer(mesh.buffer.slice(..), wgpu::IndexFormat::Uint32);
                    pass.draw_indexed(0..mesh.count, 0, 0..1);
                }
                (Filling::Decision, _) => {
                    pass.set_pipeline(&self.pipelines.decision);
                    pass.draw(0..3, 0..1);
                }
                _ => {
                    pass.set_pipeline(&self.pipelines.field);
                    pass.draw(0..3, 0..1);
                }
            }
            if let Some(buffer) = self.strokes.as_ref().filter(|_| strokes > 0) {
                pass.set_pipeline(&self.pipelines.line);
                pass.set_vertex_buffer(0, buffer.slice(..));
                pass.draw(0..6, 0..strokes as u32);
            }
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
        Ok(&self.target.insert(target).picture_view)
    }
}

/// Triangles over the vertices of the surface's shader: two a cell of the grid, two a border edge of the
/// block's sides.
fn surface_triangles([columns, rows]: [u32; 2]) -> Vec<u32> {
    let mut indices = Vec::new();
    let mut square = |[a, b, c, d]: [u32; 4]| indices.extend([a, b, c, c, b, d]);
    for row in 0..rows - 1 {
        for column in 0..columns - 1 {
            let at = row * columns + column;
            square([at, at + 1, at + columns, at + columns + 1]);
        }
    }
    let mut first = columns * rows;
    for points in [columns, columns, rows, rows] {
        for point in 0..points - 1 {
            let at = first + 2 * point;
            square([at, at + 1, at + 2, at + 3]);
        }
        first += 2 * points;
    }
    indices
}

/// What fills the picture.
enum Filling {
    Field,
    Surface,
    Decision,
}

fn color(color: [u8; 4]) -> [f32; 4] {
    color.map(|channel| f32::from(channel) / 255.0)
}
