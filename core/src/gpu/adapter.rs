//! A graphics adapter without a window.

use super::GpuError;

/// An adapter that draws into pictures only.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// The adapter's name, its kind and the interface it is driven through.
    pub name: String,
}

impl Adapter {
    /// The adapter the system prefers; a software one where there is no other. The environment variables
    /// of wgpu (`WGPU_BACKEND`, ...) narrow the choice.
    ///
    /// # Errors
    /// When there is no adapter, or it does not reach the least limits the shaders are written for.
    pub fn find() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let request = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
        let adapter = pollster::block_on(request).map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let info = adapter.get_info();
        let name = format!("{} ({:?}, {})", info.name, info.device_type, info.backend);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("landscape"),
            required_limits: limits().using_resolution(adapter.limits()),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| GpuError::NoDevice { adapter: name.clone(), reason: error.to_string() })?;
        Ok(Self { device, queue, name })
    }
}

/// What the shaders need: no more than WebGL 2 has.
pub fn limits() -> wgpu::Limits {
    wgpu::Limits::downlevel_webgl2_defaults()
}
