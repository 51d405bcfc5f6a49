//! Import: a framework's scheduler configuration, or a logged learning rate, as an editable schedule.
//!
//! Text is only ever read. Python is taken apart into names, numbers, lists and calls ([`python`]), and
//! nothing of it is run; what a schedule depends on beyond that is refused with the reason, or left out with
//! a note. A text of our own exports carries its run at its end ([`origin`]), which is read instead.

mod deepspeed;
mod detect;
mod error;
mod fit;
mod huggingface;
mod log;
pub(crate) mod python;
mod pytorch;
mod pytorch_arguments;
mod pytorch_optimizer;
pub(crate) mod settings;
mod shape;
mod timm;
pub(crate) mod yaml;

use std::io::Read;
use std::path::Path;

pub use error::ImportError;
pub use fit::Fit;
pub(crate) use huggingface::settings as huggingface_settings;
pub use log::{RateAs, rate_of};

use crate::experiment::{BatchSize, Controller, Experiment, Number, Optimizer, Run, Source};
use crate::export::origin::{self, Origin};
use crate::files;
use crate::schedule::{Clock, Schedule, Span, Tick};

/// The largest configuration that is read; logs are streamed and may be longer.
pub const MAX_BYTES: u64 = 4 << 20;

/// The most updates, or samples, that an experiment counts, and the most epochs.
const MAX_COUNT: usize = 1_000_000_000;
const MAX_EPOCHS: f64 = 1e6;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Python with `torch.optim.lr_scheduler` classes.
    PyTorch,
    /// `TrainingArguments` as Python, YAML, JSON or command line; axolotl's and LLaMA-Factory's YAML.
    HuggingFace,
    /// The arguments of timm's `train.py`.
    Timm,
    /// A DeepSpeed JSON configuration.
    DeepSpeed,
    /// An experiment file of ours.
    Experiment,
    /// A table with a column of learning rates.
    Log,
}

impl Format {
    /// Every format, with its name for people.
    pub const ALL: [(&'static str, Self); 6] = [
        ("PyTorch", Self::PyTorch),
        ("Hugging Face", Self::HuggingFace),
        ("timm", Self::Timm),
        ("DeepSpeed", Self::DeepSpeed),
        ("Anneal Studio", Self::Experiment),
        ("logged rates", Self::Log),
    ];
}

/// How a text is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// `None` finds out from the text.
    pub format: Option<Format>,
    /// What a call of a PyTorch scheduler's `step()` counts, where the text does not say.
    pub tick: Tick,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub format: Format,
    /// A name for the run.
    pub name: String,
    pub lr: Schedule,
    /// The optimizer and its numbers, where the text names one.
    pub optimizer: Option<Optimizer>,
    pub controller: Option<Controller>,
    /// The run's length, where the text says it.
    pub updates: Option<Span>,
    /// Micro-batches an update, the largest gradient norm, samples a micro-batch: where the text says them.
    pub accumulate: Option<usize>,
    pub clip_norm: Option<f64>,
    pub batch_size: Option<usize>,
    pub layer_decay: Option<f64>,
    /// The samples of an update as a schedule.
    pub batch: Option<Schedule>,
    /// All that the run was part of, with this run alone, where the text is an experiment or carries one.
    pub experiment: Option<Box<Experiment>>,
    /// What was left out or assumed, a sentence each.
    pub notes: Vec<String>,
    /// How well the schedule fits a logged rate.
    pub fit: Option<Fit>,
}

impl Imported {
    fn new(format: Format, name: impl Into<String>, lr: impl Into<Schedule>) -> Self {
        Self {
            format,
            name: name.into(),
            lr: lr.into(),
            optimizer: None,
            controller: None,
            updates: None,
            accumulate: None,
            clip_norm: None,
            batch_size: None,
            layer_decay: None,
            batch: None,
            experiment: None,
            notes: Vec::new(),
            fit: None,
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The schedule as a run; one whose text names no optimizer has `otherwise`.
    #[must_use]
    pub fn run(&self, otherwise: &Optimizer) -> Run {
        Run {
            name: self.name.clone(),
            fork: None,
            optimizer: self.optimizer.clone().unwrap_or_else(|| otherwise.clone()),
            lr: self.lr.clone(),
            controller: self.controller.clone(),
            layer_decay: self.layer_decay,
            batch: self.batch.clone(),
        }
    }

    /// Leaves out settings that no run can have, and checks the schedule on a clock that it may meet.
    fn checked(mut self) -> Result<Self, ImportError> {
        self.updates = self.updates.and_then(run_length);
        self.accumulate = self.accumulate.filter(|count| (1..=MAX_COUNT).contains(count));
        self.batch_size = self.batch_size.filter(|size| (1..=MAX_COUNT).contains(size));
        self.clip_norm = self.clip_norm.filter(|norm| *norm > 0.0);
        let updates = match self.updates {
            Some(Span::Updates(updates)) => updates as u64,
            Some(Span::Epochs(epochs)) => (epochs * 100.0) as u64,
            _ => 10_000,
        };
        let clock = Clock { updates: updates.clamp(1, 1_000_000_000), updates_per_epoch: 100 };
        self.lr.resolve(clock)?;
        if let Some(Controller::Greedy(greedy)) = &self.controller {
            greedy.rule.check()?;
        }
        if let Some(optimizer) = &self.optimizer {
            settings::check_optimizer(optimizer)?;
        }
        Ok(self)
    }
}

/// The length as an experiment can have it: whole updates, and not too many.
fn run_length(length: Span) -> Option<Span> {
    match length {
        Span::Updates(updates) => {
            let whole = Span::Updates(updates.round());
            (1.0..=MAX_COUNT as f64).contains(&whole.amount()).then_some(whole)
        }
        Span::Epochs(epochs) => (epochs > 0.0 && epochs <= MAX_EPOCHS).then_some(length),
        Span::Percent(_) => None,
    }
}

/// What kind of text this is.
///
/// # Errors
/// When it looks like nothing that can be imported.
pub fn format_of(text: &str) -> Result<Format, ImportError> {
    detect::format(text)
}

/// Reads a text. Where no format is asked for, what our own export says of itself comes first.
///
/// # Errors
/// When the text is none of the known kinds, is malformed, or says something that no schedule can.
pub fn import(text: &str, options: Options) -> Result<Imported, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    let origin = if options.format.is_none() { origin::read(text) } else { None };
    match origin {
        None => plain(text, options),
        Some(Origin::Of(toml)) => {
            let mut imported = experiment(&toml)?;
            imported.note(
                "read from the experiment that the text carries at its end: the run as it was drawn. The text above \
                 it is unchanged",
            );
            imported.checked()
        }
        Some(Origin::Changed) => {
            let mut imported =
                plain(text, options).map_err(|cause| ImportError::Changed { cause: cause.into() })?;
            imported.note(
                "the text was changed after it was exported: it was read itself, not the experiment at its end",
            );
            Ok(imported)
        }
    }
}

/// Reads a text by its format alone.
fn plain(text: &str, options: Options) -> Result<Imported, ImportError> {
    let format = options.format.map_or_else(|| detect::format(text), Ok)?;
    if format != Format::Log && text.len() as u64 > MAX_BYTES {
        return Err(ImportError::TooLarge { bytes: text.len() as u64, max: MAX_BYTES });
    }
    let imported = match format {
        Format::PyTorch => pytorch::read(text, options.tick),
        Format::HuggingFace => huggingface::read(text),
        Format::Timm => timm::read(text),
        Format::DeepSpeed => deepspeed::read(text),
        Format::Experiment => experiment(text),
        Format::Log => log::read(text.as_bytes()),
    }?;
    imported.checked()
}

/// Reads a file; a log of any length within a fixed memory.
///
/// # Errors
/// When the file cannot be read, and as [`import`].
pub fn import_file(path: impl AsRef<Path>, options: Options) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let failed = |cause| ImportError::Read { file: path.to_owned(), cause };
    if path.is_dir() {
        return log::read_file(path)?.checked();
    }
    let mut file = files::input(path).map_err(failed)?;
    let mut start = Vec::new();
    file.by_ref().take(detect::SNIFFED as u64).read_to_end(&mut start).map_err(failed)?;
    let format = match options.format.map_or_else(|| detect::format(&String::from_utf8_lossy(&start)), Ok) {
        // Event files are no text.
        Err(_) if log::is_log_file(path, &start) => Ok(Format::Log),
        // What is wrong with a table is for its reader to say.
        Err(ImportError::Unrecognised) if is_table(path) => Ok(Format::Log),
        format => format,
    };
    let whole = std::io::Cursor::new(start).chain(file);
    if matches!(format, Ok(Format::Log)) {
        if path == Path::new(files::STANDARD_INPUT) {
            return Err(ImportError::Log(
                "a log is read from a file, not from standard input: name it".into(),
            ));
        }
        return log::read_file(path)?.checked();
    }
    let mut bytes = Vec::new();
    whole.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        // Too long to be looked at for an experiment at its end; of what is nothing known, that is what to say.
        format?;
    }
    let text = String::from_utf8(bytes).map_err(|_| ImportError::NotText)?;
    import(&text, options)
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv" || extension == "tsv")
}

/// The first run of an experiment file.
fn experiment(text: &str) -> Result<Imported, ImportError> {
    let mut experiment = Experiment::parse(text, "imported text")?;
    let runs = experiment.runs.len();
    experiment.runs.truncate(1);
    // The reader refuses a file without a run.
    let Some(run) = experiment.runs.first_mut() else {
        return Err(ImportError::NoSchedule("an experiment has a [[run]]"));
    };
    // Its origin is not there.
    run.fork = None;
    let mut imported = Imported::new(Format::Experiment, run.name.clone(), run.lr.clone());
    imported.optimizer = Some(run.optimizer.clone());
    imported.controller = run.controller.clone();
    imported.layer_decay = run.layer_decay;
    imported.batch = run.batch.clone();
    imported.updates = Some(experiment.train.updates);
    imported.accumulate = Some(experiment.train.accumulate);
    imported.clip_norm = experiment.train.clip_norm;
    if let (true, BatchSize::Samples(samples)) =
        (experiment.data.source != Source::None, experiment.data.batch_size)
    {
        imported.batch_size = Some(samples);
    }
    if runs > 1 {
        imported.note(format!("the file has {runs} runs; this is its first"));
    }
    imported.experiment = Some(Box::new(experiment));
    Ok(imported)
}

/// Lets the optimizer's momentum mirror the rate, where it has one.
fn mirror(optimizer: &mut Optimizer, low: f64, high: f64) -> bool {
    let name = optimizer.kind.momentum_name();
    name.is_some_and(|name| optimizer.set(name, Number::Mirror { low, high }))
}
