//! Where a cohort trains, and why there.

use std::sync::Arc;

use candle_core::Device;

use super::TrainError;
use crate::gpu::compute::Computer;

/// Arithmetic of one update of a whole cohort above which a GPU is chosen when there is one. A GPU
/// needs about a millisecond to be told the operations of an update, whatever their size; this is what
/// a few processor cores do in that time with the fused kernels.
const WORTH_A_GPU: f64 = 5e8;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The graphics adapter where it is faster, which is measured; another GPU where there is one and the cohort is large
    /// enough for it; the CPU otherwise. A software adapter is never chosen.
    #[default]
    Auto,
    Cpu,
    Gpu,
    Cuda,
    Metal,
}

impl Choice {
    /// Every choice, in the order of a menu.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Cpu, Self::Gpu, Self::Cuda, Self::Metal];

    /// Its name for people, and what it means in a sentence.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Auto => (
                "Automatic",
                "The CPU, or a GPU where there is enough to do and it is measured to be faster.",
            ),
            Self::Cpu => ("CPU", "Fused kernels on the processor's cores: the fastest for small models."),
            Self::Gpu => (
                "GPU of any maker",
                "The graphics adapter, by our own shaders: for many lanes of small fully connected models and surfaces.",
            ),
            Self::Cuda => ("CUDA GPU", "An NVIDIA GPU, for many lanes or large models."),
            Self::Metal => ("Metal GPU", "An Apple GPU, for many lanes or large models."),
        }
    }

    /// Why this program cannot train there, whatever the machine has.
    pub const fn lacking(self) -> Option<&'static str> {
        match self {
            Self::Cuda if !cfg!(feature = "cuda") => {
                Some("This build has no CUDA; one with --features cuda does.")
            }
            Self::Metal if !cfg!(target_os = "macos") => Some("Metal is on macOS only."),
            _ => None,
        }
    }
}

/// A device, and the threads that go with it.
#[derive(Clone)]
pub struct TrainDevice {
    pub(super) device: Device,
    /// Fused kernels on the CPU's threads, or candle's operations on the device.
    pub(super) fused: bool,
    pub(super) pool: Arc<rayon::ThreadPool>,
    /// A graphics adapter that trains the lanes it can; the threads train the others.
    pub(super) computer: Option<Arc<Computer>>,
    /// The adapter that was chosen, while what is trained is nothing for it.
    resting: Option<Arc<Computer>>,
    /// Nobody chose it: another one may be faster for what is trained next.
    pub(super) is_automatic: bool,
    why: String,
}

impl TrainDevice {
    /// The CPU, with the fused kernels.
    pub fn cpu(pool: Arc<rayon::ThreadPool>) -> Self {
        Self {
            device: Device::Cpu,
            fused: true,
            pool,
            computer: None,
            resting: None,
            is_automatic: false,
            why: String::new(),
        }
    }

    /// The CPU, in candle's own operations: slow, and what the fused kernels are checked against.
    pub fn reference(pool: Arc<rayon::ThreadPool>) -> Self {
        Self { fused: false, why: "candle's own operations".into(), ..Self::cpu(pool) }
    }

    /// A graphics adapter, and the CPU's threads for what it cannot do.
    pub fn on_adapter(computer: Arc<Computer>, pool: Arc<rayon::ThreadPool>) -> Self {
        let mut device = Self { resting: Some(computer), ..Self::cpu(pool) };
        device.wake_adapter();
        device
    }

    /// Something else is to be trained: perhaps the adapter that was chosen can do that.
    pub(super) fn wake_adapter(&mut self) {
        if let Some(computer) = self.resting.take() {
            let why = if computer.is_software() { "chosen; the processor plays it" } else { "chosen" };
            self.go_to(computer, why.to_owned());
        }
    }

    /// Leaves the graphics adapter, which cannot train this, and says why.
    pub(super) fn rest_adapter(&mut self, why: String) {
        self.resting = self.computer.take();
        self.why = why;
    }

    /// Leaves the graphics adapter for good, and says why.
    pub(super) fn leave_adapter(&mut self, why: String) {
        (self.computer, self.resting) = (None, None);
        self.why = why;
    }

    /// Goes to a graphics adapter that was faster.
    pub(super) fn go_to(&mut self, computer: Arc<Computer>, why: String) {
        self.computer = Some(computer);
        self.why = why;
    }

    /// Says why it is the device that it is.
    pub(super) fn explain(&mut self, why: String) {
        self.why = why;
    }

    /// Follows a choice for a cohort that does `flops` floating-point operations an update.
    ///
    /// # Errors
    /// When a GPU was asked for that this build or this machine does not have.
    pub fn choose(choice: Choice, pool: Arc<rayon::ThreadPool>, flops: f64) -> Result<Self, TrainError> {
        let gpu = |device: Device, why: &str| Self {
            device,
            fused: false,
            pool: Arc::clone(&pool),
            computer: None,
            resting: None,
            is_automatic: false,
            why: why.to_owned(),
        };
        match choice {
            Choice::Cpu => Ok(Self { why: "chosen".into(), ..Self::cpu(pool) }),
            Choice::Gpu => Ok(Self::on_adapter(Arc::new(Computer::find()?), pool)),
            Choice::Cuda => cuda().map(|device| gpu(device, "chosen")),
            Choice::Metal => metal().map(|device| gpu(device, "chosen")),
            Choice::Auto if flops < WORTH_A_GPU => {
                let why = if cfg!(any(feature = "cuda", target_os = "macos")) {
                    "automatic: too little work for a GPU"
                } else {
                    ""
                };
                Ok(Self { why: why.into(), ..Self::cpu(pool) })
            }
            Choice::Auto => Ok(match cuda().or_else(|_| metal()) {
                Ok(device) => gpu(device, "automatic: a large cohort"),
                Err(_) => Self::cpu(pool),
            }),
        }
    }

    /// The device, its threads and the reason, in words.
    pub fn describe(&self) -> String {
        let device = self.name();
        if self.why.is_empty() { device } else { format!("{device} ({})", self.why) }
    }

    /// The device and its threads.
    pub fn name(&self) -> String {
        let threads = self.pool.current_num_threads();
        match (&self.device, &self.computer) {
            (_, Some(computer)) => format!("GPU {}", computer.name()),
            (Device::Cpu, _) => format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" }),
            (Device::Cuda(_), _) => "CUDA GPU".to_owned(),
            (Device::Metal(_), _) => "Metal GPU".to_owned(),
        }
    }
}

fn cuda() -> Result<Device, TrainError> {
    if cfg!(feature = "cuda") {
        Ok(Device::new_cuda(0)?)
    } else {
        let how = "this build has no CUDA: build with `--features cuda`, or leave --device out";
        Err(TrainError::Device(how))
    }
}

fn metal() -> Result<Device, TrainError> {
    if cfg!(target_os = "macos") {
        Ok(Device::new_metal(0)?)
    } else {
        Err(TrainError::Device("Metal is there on macOS only: leave --device out"))
    }
}
