//! Arithmetic on a graphics adapter of any maker: a workgroup a lane, within the limits that every WebGPU device has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::cast_slice;

use super::GpuError;

/// An adapter that computes.
pub struct Computer {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    is_software: bool,
    /// What went wrong since somebody asked; a device that is gone says so here.
    fault: Arc<Mutex<Option<String>>>,
    /// Memory of the dispatch before, by what it is for: the next one is mostly of the same size.
    kept: Mutex<HashMap<&'static str, wgpu::Buffer>>,
}

/// A compiled shader.
pub struct Program(wgpu::ComputePipeline);

/// Numbers that stay on the adapter.
pub struct Stored(wgpu::Buffer);

/// One dispatch: a workgroup for each lane.
pub struct Dispatch<'a> {
    pub program: &'a Program,
    pub lanes: u32,
    /// What all lanes share, as the shader lays it out; 16 bytes.
    pub uniform: [u32; 4],
    /// Read and replaced.
    pub rows: &'a mut [f32],
    /// Numbers of working memory.
    pub scratch: usize,
    pub stored: [&'a Stored; 2],
    pub order: &'a [u32],
    pub coefficients: &'a [f32],
    /// Filled with what was measured.
    pub measured: &'a mut [f32],
}

impl Computer {
    /// The adapter the system prefers for hard work, with no more than WebGPU's default limits. wgpu's environment
    /// variables (`WGPU_BACKEND`, `WGPU_ADAPTER_NAME`, ...) narrow the choice.
    ///
    /// # Errors
    /// When there is none, or it does not have the default limits.
    pub fn find() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&options))
            .map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let info = adapter.get_info();
        let name = format!("{} ({})", info.name, info.backend);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("training"),
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| GpuError::NoDevice { adapter: name.clone(), reason: error.to_string() })?;
        let fault = Arc::new(Mutex::new(None));
        let tell = |fault: &Arc<Mutex<Option<String>>>, said: String| {
            fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(said);
        };
        let slot = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error| tell(&slot, error.to_string())));
        let slot = Arc::clone(&fault);
        device.set_device_lost_callback(move |_, why| {
            tell(&slot, if why.is_empty() { "the device was lost".to_owned() } else { why });
        });
        let is_software = info.device_type == wgpu::DeviceType::Cpu;
        Ok(Self { device, queue, name, is_software, fault, kept: Mutex::default() })
    }

    /// The adapter's name, and the interface it is driven through.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the processor plays the adapter.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    /// The most bytes that a shader sees as one piece.
    pub fn most_bytes(&self) -> u64 {
        self.device.limits().max_storage_buffer_binding_size
    }

    /// Gives the device back to the system, as a driver's reset would: what is asked of it afterwards fails.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// Compiles a shader whose entry is `main`.
    ///
    /// # Errors
    /// When it is not valid, or the device is lost.
    pub fn program(&self, shader: &str) -> Result<Program, GpuError> {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("training"),
            source: wgpu::ShaderSource::Wgsl(shader.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("training"),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        self.check()?;
        Ok(Program(pipeline))
    }

    /// Brings numbers to the adapter for good; `words` are of 4 bytes each.
    ///
    /// # Errors
    /// When there are more than fit one piece, or no memory is left.
    pub fn store(&self, words: &[u8]) -> Result<Stored, GpuError> {
        if words.len() as u64 > self.most_bytes() {
            return Err(GpuError::TooLarge { bytes: words.len() as u64, most: self.most_bytes() });
        }
        let buffer = self.buffer("data", words.len() as u64, wgpu::BufferUsages::STORAGE);
        self.queue.write_buffer(&buffer, 0, words);
        self.check()?;
        Ok(Stored(buffer))
    }

    /// Runs one dispatch to its end. On an error nothing was changed.
    ///
    /// # Errors
    /// When the device is lost, has no memory left, or does not answer.
    pub fn run(&self, dispatch: Dispatch<'_>) -> Result<(), GpuError> {
        use wgpu::BufferUsages as Use;
        let Dispatch { program, lanes, uniform, rows, scratch, stored, order, coefficients, measured } =
            dispatch;
        let bytes = |numbers: usize| 4 * numbers as u64;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = |name, bytes: u64, usage| {
            let fits = kept.get(name).is_some_and(|buffer: &wgpu::Buffer| buffer.size() >= bytes);
            if !fits {
                kept.insert(name, self.buffer(name, bytes, usage));
            }
            kept.get(name).cloned().unwrap_or_else(|| self.buffer(name, bytes, usage))
        };
        let uniforms = room("uniform", 16, Use::UNIFORM);
        let on = room("rows", bytes(rows.len()), Use::STORAGE | Use::COPY_SRC);
        let working = room("scratch", bytes(scratch), Use::STORAGE);
        let samples = room("order", bytes(order.len()), Use::STORAGE);
        let steps = room("coefficients", bytes(coefficients.len()), Use::STORAGE);
        let found = room("measured", bytes(measured.len()), Use::STORAGE | Use::COPY_SRC);
        let back = room("back", bytes(rows.len() + measured.len()), Use::MAP_READ);
        self.queue.write_buffer(&uniforms, 0, cast_slice(&uniform));
        self.queue.write_buffer(&on, 0, cast_slice(rows));
        self.queue.write_buffer(&samples, 0, cast_slice(order));
        self.queue.write_buffer(&steps, 0, cast_slice(coefficients));
        let bound = [&uniforms, &on, &working, &stored[0].0, &stored[1].0, &samples, &steps, &found];
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("training"),
            layout: &program.0.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&program.0);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(lanes, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&on, 0, &back, 0, bytes(rows.len()));
        encoder.copy_buffer_to_buffer(&found, 0, &back, bytes(rows.len()), bytes(measured.len()));
        self.queue.submit([encoder.finish()]);
        let whole = 0..bytes(rows.len() + measured.len());
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        back.map_async(wgpu::MapMode::Read, whole.clone(), move |mapped| {
            // Nobody waits any more when the poll below failed.
            let _ = sender.send(mapped);
        });
        let lost = |error: &dyn std::fmt::Display| GpuError::Lost(error.to_string());
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(&error))?;
        self.check()?;
        receiver.try_recv().map_err(|error| lost(&error))?.map_err(|error| lost(&error))?;
        {
            let view = back.get_mapped_range(whole).map_err(|error| lost(&error))?;
            let (trained, told) = view.split_at(4 * rows.len());
            bytemuck::cast_slice_mut::<f32, u8>(rows).copy_from_slice(trained);
            bytemuck::cast_slice_mut::<f32, u8>(measured).copy_from_slice(told);
        }
        back.unmap();
        Ok(())
    }

    fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            // A binding is never empty.
            size: bytes.max(16),
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// What went wrong since the last time, if anything.
    fn check(&self) -> Result<(), GpuError> {
        match self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(said) => Err(GpuError::Lost(said)),
            None => Ok(()),
        }
    }
}
