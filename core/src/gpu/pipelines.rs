//! The shaders and what they are bound to.

use super::target::{COLOR, DEPTH, SAMPLES};
use crate::landscape::scene::Stroke;

/// A shader's file, with what it shares with the others in front.
macro_rules! shader {
    ($file:literal) => {
        concat!(include_str!("../../shaders/scene.wgsl"), include_str!(concat!("../../shaders/", $file)))
    };
}

/// The shaders as they are compiled, by their files' names.
pub const SHADERS: [(&str, &str); 4] = [
    ("field.wgsl", shader!("field.wgsl")),
    ("surface.wgsl", shader!("surface.wgsl")),
    ("line.wgsl", shader!("line.wgsl")),
    ("decision.wgsl", shader!("decision.wgsl")),
];

/// One pipeline a shader. All are bound alike: to the scene, its grid and its colours.
#[derive(Debug)]
pub struct Pipelines {
    pub layout: wgpu::BindGroupLayout,
    pub field: wgpu::RenderPipeline,
    pub surface: wgpu::RenderPipeline,
    pub line: wgpu::RenderPipeline,
    pub decision: wgpu::RenderPipeline,
}

/// What differs from pipeline to pipeline.
struct Part<'a> {
    shader: (&'a str, &'a str),
    vertex: &'a str,
    fragment: &'a str,
    buffers: &'a [Option<wgpu::VertexBufferLayout<'a>>],
    blend: Option<wgpu::BlendState>,
    /// Whether what is nearer hides what is farther.
    solid: bool,
    depth_compare: wgpu::CompareFunction,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let layout = bind_group_layout(device);
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("landscape"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let [field, surface, line, decision] = SHADERS;
        let whole = |shader, fragment| Part {
            shader,
            vertex: "cover_picture",
            fragment,
            buffers: &[],
            blend: None,
            solid: false,
            depth_compare: wgpu::CompareFunction::Always,
        };
        let strokes = [Some(wgpu::VertexBufferLayout {
            array_stride: size_of::<Stroke>() as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Float32, 3 => Unorm8x4],
        })];
        let surface = Part {
            vertex: "raise_surface",
            solid: true,
            depth_compare: wgpu::CompareFunction::Less,
            ..whole(surface, "draw_surface")
        };
        let line = Part {
            vertex: "widen_stroke",
            buffers: &strokes,
            blend: Some(wgpu::BlendState::ALPHA_BLENDING),
            depth_compare: wgpu::CompareFunction::LessEqual,
            ..whole(line, "draw_stroke")
        };
        Self {
            field: pipeline(device, &pipeline_layout, whole(field, "draw_field")),
            surface: pipeline(device, &pipeline_layout, surface),
            line: pipeline(device, &pipeline_layout, line),
            decision: pipeline(device, &pipeline_layout, whole(decision, "draw_decision")),
            layout,
        }
    }
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let both = wgpu::ShaderStages::VERTEX_FRAGMENT;
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry { binding, visibility: both, ty, count: None };
    let uniforms = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    // Numbers of 32 bits cannot be filtered everywhere: the shaders load and interpolate themselves.
    let texture = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: false },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("landscape"),
        entries: &[entry(0, uniforms), entry(1, texture), entry(2, texture)],
    })
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::PipelineLayout,
    Part { shader: (name, source), vertex, fragment, buffers, blend, solid, depth_compare }: Part<'_>,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(name),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(vertex),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers,
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH,
            depth_write_enabled: Some(solid),
            depth_compare: Some(depth_compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: SAMPLES, ..Default::default() },
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: COLOR,
                blend,
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
