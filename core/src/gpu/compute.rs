//! Arithmetic on a graphics adapter of any maker: a workgroup a lane, within the limits that every WebGPU device has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::cast_slice;

use super::GpuError;

/// An adapter that computes.
pub struct Computer {
    device: wgpu::Device,
    queue: wgpu::Queue,
    layout: wgpu::BindGroupLayout,
    name: String,
    is_software: bool,
    /// What went wrong since somebody asked; a device that is gone says so here.
    fault: Arc<Mutex<Option<String>>>,
    /// Memory of the dispatch before, by what it is for: the next one is mostly of the same size.
    kept: Mutex<HashMap<&'static str, wgpu::Buffer>>,
    /// Bytes that went to the adapter and came back.
    moved: [AtomicU64; 2],
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
    /// Read and replaced where they are.
    pub rows: &'a Stored,
    /// Numbers of working memory.
    pub scratch: usize,
    pub stored: [&'a Stored; 2],
    /// Of each lane its row, and where in `order` its samples are.
    pub which: &'a [u32],
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
        Self::within(wgpu::Limits::default())
    }

    /// As [`Computer::find`], with a piece of memory no larger than this.
    ///
    /// # Errors
    /// As [`Computer::find`].
    pub fn with_pieces_of(bytes: u64) -> Result<Self, GpuError> {
        Self::within(wgpu::Limits { max_storage_buffer_binding_size: bytes, ..wgpu::Limits::default() })
    }

    fn within(limits: wgpu::Limits) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&options))
            .map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let info = adapter.get_info();
        let name = format!("{} ({})", info.name, info.backend);
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("training"), required_limits: limits, ..Default::default() };
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
        let layout = layout(&device);
        let (kept, moved) = (Mutex::default(), Default::default());
        Ok(Self { device, queue, layout, name, is_software, fault, kept, moved })
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
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("training"),
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("training"),
            layout: Some(&layout),
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
        let stored = self.room_for(words.len() as u64)?;
        self.write(&stored, 0, words);
        self.check()?;
        Ok(stored)
    }

    /// Memory on the adapter, all 0.
    ///
    /// # Errors
    /// When none is left.
    pub fn room_for(&self, bytes: u64) -> Result<Stored, GpuError> {
        use wgpu::BufferUsages as Use;
        let buffer = self.buffer("stored", bytes, Use::STORAGE | Use::COPY_SRC);
        self.check()?;
        Ok(Stored(buffer))
    }

    /// Replaces numbers from byte `at` on; what is wrong with it, the next call that can fail says.
    pub fn write(&self, into: &Stored, at: u64, words: &[u8]) {
        self.send(&into.0, at, words);
    }

    /// Reads the bytes from `at` on that fill `into`.
    ///
    /// # Errors
    /// When the device is lost, or does not answer.
    pub fn read(&self, from: &Stored, at: u64, into: &mut [f32]) -> Result<(), GpuError> {
        let bytes = 4 * into.len() as u64;
        let back = self.kept("copy", bytes, wgpu::BufferUsages::MAP_READ);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&from.0, at, &back, 0, bytes);
        self.fetch(encoder, &back, into)
    }

    /// Bytes that went to the adapter so far, and that came back.
    pub fn moved(&self) -> [u64; 2] {
        [0, 1].map(|way| self.moved[way].load(Ordering::Relaxed))
    }

    /// Runs one dispatch to its end.
    ///
    /// # Errors
    /// When the device is lost, has no memory left, or does not answer.
    pub fn run(&self, dispatch: Dispatch<'_>) -> Result<(), GpuError> {
        use wgpu::BufferUsages as Use;
        let Dispatch { program, lanes, uniform, rows, scratch, stored, which, order, coefficients, measured } =
            dispatch;
        let bytes = |numbers: usize| 4 * numbers as u64;
        let sent = |name, words: &[u8], usage| {
            let buffer = self.kept(name, words.len() as u64, usage);
            self.send(&buffer, 0, words);
            buffer
        };
        let uniforms = sent("uniform", cast_slice(&uniform), Use::UNIFORM);
        let places = sent("which", cast_slice(which), Use::STORAGE);
        let samples = sent("order", cast_slice(order), Use::STORAGE);
        let steps = sent("coefficients", cast_slice(coefficients), Use::STORAGE);
        let working = self.kept("scratch", bytes(scratch), Use::STORAGE);
        let found = self.kept("measured", bytes(measured.len()), Use::STORAGE | Use::COPY_SRC);
        let back = self.kept("back", bytes(measured.len()), Use::MAP_READ);
        let [inputs, answers] = stored.map(|stored| &stored.0);
        let bound = [&uniforms, &rows.0, &working, inputs, answers, &samples, &steps, &found, &places];
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("training"),
            layout: &self.layout,
            entries: &entries,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&program.0);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(lanes, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&found, 0, &back, 0, bytes(measured.len()));
        self.fetch(encoder, &back, measured)
    }

    /// Does what is encoded, and reads what it left in `back`.
    fn fetch(
        &self,
        encoder: wgpu::CommandEncoder,
        back: &wgpu::Buffer,
        into: &mut [f32],
    ) -> Result<(), GpuError> {
        self.queue.submit([encoder.finish()]);
        let whole = 0..4 * into.len() as u64;
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
            bytemuck::cast_slice_mut::<f32, u8>(into).copy_from_slice(&view);
        }
        back.unmap();
        self.moved[1].fetch_add(4 * into.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn send(&self, buffer: &wgpu::Buffer, at: u64, words: &[u8]) {
        self.queue.write_buffer(buffer, at, words);
        self.moved[0].fetch_add(words.len() as u64, Ordering::Relaxed);
    }

    /// Memory for a purpose: that of the time before, where it is large enough.
    fn kept(&self, name: &'static str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(name) {
            Some(buffer) if buffer.size() >= bytes => buffer.clone(),
            _ => {
                let buffer = self.buffer(name, bytes, usage);
                kept.insert(name, buffer.clone());
                buffer
            }
        }
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

/// What a shader is bound to, whether it reads all of it or not: as many storage buffers as WebGPU promises.
fn layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let (read, write) = (storage(true), storage(false));
    let types = [wgpu::BufferBindingType::Uniform, write, write, read, read, read, read, write, read];
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
        .zip(types)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("training"),
        entries: &entries,
    })
}
