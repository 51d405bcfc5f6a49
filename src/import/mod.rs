//! Import: a framework's scheduler configuration, or a logged learning rate, as an editable schedule.
//!
//! A text is taken apart once ([`text`]), [recognised](recognise) as the [`dialect`] that alone has what stands in it, and
//! read by that one's reader ([`dialects`]). Text is only ever read: functions of Python are evaluated by an
//! interpreter of our own ([`python::eval`]), nothing is run. What was not understood is told
//! ([`Imported::unread`]), and so is what was assumed. A text of our own exports carries its run at its end
//! ([`origin`]), which is read instead.

mod beside;
pub(crate) mod clock;
mod dialect;
mod dialects;
mod error;
mod fit;
mod flags;
mod function;
mod groups;
mod ini;
mod json;
mod log;
pub(crate) mod python;
mod pytorch;
mod pytorch_arguments;
mod pytorch_optimizer;
mod rates;
mod recognise;
pub(crate) mod settings;
mod shape;
pub(crate) mod text;
mod unread;
pub(crate) mod yaml;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use dialect::{Candidate, Dialect, Evidence};
pub use dialects::ALL as DIALECTS;
pub(crate) use dialects::deepspeed::config as deepspeed_settings;
pub(crate) use dialects::huggingface::{pyyaml_texts, settings as huggingface_settings};
pub use error::ImportError;
pub use fit::Fit;
pub use log::{RateAs, rate_of};
pub use recognise::dialect_named;
pub use unread::Unread;

use self::text::Text;
use crate::experiment::{
    BatchSize, Controller, Decay, Experiment, Group, Model, Number, Optimizer, Run, Source,
};
use crate::export::origin::{self, Origin};
use crate::files;
use crate::schedule::{Clock, Schedule, Span, Tick};

/// The largest configuration that is read; logs are streamed and may be longer.
pub const MAX_BYTES: u64 = 4 << 20;

/// The start of a file that says whether it is a log.
const SNIFFED: usize = 64 << 10;

/// The most updates, or samples, that an experiment counts, and the most epochs.
const MAX_COUNT: usize = 1_000_000_000;
const MAX_EPOCHS: f64 = 1e6;

/// How a text is to be read, where its reader cannot know or is to be overruled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `None` finds out from the text.
    pub dialect: Option<&'static Dialect>,
    /// What the schedule counts.
    pub tick: Option<Tick>,
    /// Above 0.
    pub updates_per_epoch: Option<f64>,
    /// The run's length.
    pub length: Option<Span>,
    /// Of several groups of parameters, the one whose rate is wanted: its number from 0, or its name.
    pub group: Option<String>,
    /// Where the text stands, so that files that it inherits from are found; without it none is read.
    pub folder: Option<PathBuf>,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub dialect: &'static Dialect,
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
    /// Which parameters weight decay shrinks.
    pub decay: Decay,
    pub groups: Vec<Group>,
    /// The samples of an update as a schedule.
    pub batch: Option<Schedule>,
    /// All that the run was part of, with this run alone, where the text is an experiment or carries one.
    pub experiment: Option<Box<Experiment>>,
    /// What to know of how it was read, a sentence each.
    pub notes: Vec<String>,
    /// What was taken where the text does not say, a sentence each.
    pub assumed: Vec<String>,
    /// What was not understood.
    pub unread: Vec<Unread>,
    /// How well the schedule fits a logged rate.
    pub fit: Option<Fit>,
}

impl Imported {
    fn new(dialect: &'static Dialect, name: impl Into<String>, lr: impl Into<Schedule>) -> Self {
        Self {
            dialect,
            name: name.into(),
            lr: lr.into(),
            optimizer: None,
            controller: None,
            updates: None,
            accumulate: None,
            clip_norm: None,
            batch_size: None,
            layer_decay: None,
            decay: Decay::All,
            groups: Vec::new(),
            batch: None,
            experiment: None,
            notes: Vec::new(),
            assumed: Vec::new(),
            unread: Vec::new(),
            fit: None,
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn assume(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.assumed.contains(&sentence) {
            self.assumed.push(sentence);
        }
    }

    fn leave(&mut self, unread: Unread) {
        if !self.unread.contains(&unread) {
            self.unread.push(unread);
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
            decay: self.decay,
            groups: self.groups.clone(),
            batch: self.batch.clone(),
        }
    }

    /// The schedule as a run on a model, and a sentence for each of its groups that the model has nothing of.
    #[must_use]
    pub fn run_on(&self, otherwise: &Optimizer, model: &Model) -> (Run, Vec<String>) {
        let mut run = self.run(otherwise);
        let parameters = model.parameters();
        let mut said = Vec::new();
        while let Some((idle, _)) = run.idle_group(&parameters) {
            let group = run.groups.remove(idle);
            said.push(format!(
                "the group \"{}\" was left out: nothing in the experiment's model matches it that no other group has",
                group.name()
            ));
        }
        (run, said)
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

/// What a text is written in, and every dialect that anything in it speaks for, the strongest first.
#[must_use]
pub fn explain(text: &str) -> (&'static str, Vec<Candidate>) {
    let text = Text::read(text.trim_start_matches('\u{feff}'));
    (text.written_in(), recognise::candidates(&text))
}

/// The dialect of a text.
///
/// # Errors
/// When it looks like nothing that can be imported.
pub fn dialect_of(text: &str) -> Result<&'static Dialect, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    match early(text) {
        Some(dialect) => Ok(dialect),
        None => late(&mut Text::read(text)),
    }
}

/// The dialect of a text that its first lines alone do not tell.
fn late(text: &mut Text<'_>) -> Result<&'static Dialect, ImportError> {
    recognise::of(text).or_else(|error| {
        let is_code = text
            .program()
            .is_some_and(|program| program.imports().next().is_some() || !program.functions().is_empty());
        if !is_code && log::may_be_log(Path::new("text"), text.raw.as_bytes()) {
            return Ok(&dialects::LOG);
        }
        // Prose and commands are no broken Python, and no one is helped by where they break.
        let broken = text.broken.take().filter(|_| text::looks_written(text.raw));
        Err(broken.unwrap_or(error))
    })
}

/// An experiment or a log, which are known by their first lines.
fn early(text: &str) -> Option<&'static Dialect> {
    let mut end = text.len().min(SNIFFED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = text[..end].trim_start();
    if start.lines().any(is_version) {
        return Some(&dialects::EXPERIMENT);
    }
    log::is_log(start).then_some(&dialects::LOG)
}

/// Whether the line is the first of an experiment file.
fn is_version(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("anneal");
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Reads a text. Where no dialect is asked for, what our own export says of itself comes first.
///
/// # Errors
/// When the text is none of the known kinds, is malformed, or says something that no schedule can.
pub fn import(text: &str, options: &Options) -> Result<Imported, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    let origin = if options.dialect.is_none() { origin::read(text) } else { None };
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

/// Reads a text by its dialect alone.
fn plain(text: &str, options: &Options) -> Result<Imported, ImportError> {
    let early = options.dialect.or_else(|| early(text));
    if early != Some(&dialects::LOG) && text.len() as u64 > MAX_BYTES {
        return Err(ImportError::TooLarge { bytes: text.len() as u64, max: MAX_BYTES });
    }
    match early {
        Some(dialect) if *dialect == dialects::EXPERIMENT => return experiment(text)?.checked(),
        Some(dialect) if *dialect == dialects::LOG => return log::read(text.as_bytes())?.checked(),
        _ => {}
    }
    let mut text = Text::read(text);
    let inherited = beside::inherit(&mut text, options);
    let dialect = match early {
        Some(dialect) => dialect,
        None => late(&mut text)?,
    };
    if *dialect == dialects::LOG {
        return log::read(text.raw.as_bytes())?.checked();
    }
    let mut imported =
        if *dialect == dialects::WANDB { wrapped(&text, options)? } else { (dialect.read)(&text, options)? };
    inherited.tell(&mut imported);
    finish(&mut imported, &text, options)?;
    imported.checked()
}

/// Reads what stands in a wrapping by the dialect of its own.
fn wrapped(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let inner = dialects::unwrapped(text)?;
    let dialect = recognise::of(&inner)?;
    let mut imported = (dialect.read)(&inner, options)?;
    if let Some(settings) = inner.settings() {
        dialects::huggingface::tell(settings, &mut imported);
    }
    imported.note(format!("W&B's configuration of a run of {}", dialect.name));
    imported.dialect = &dialects::WANDB;
    Ok(imported)
}

/// Says what every reader has to say, and does what was asked for beside the text.
fn finish(imported: &mut Imported, text: &Text<'_>, options: &Options) -> Result<(), ImportError> {
    for note in &text.notes {
        imported.note(note.clone());
    }
    if let Some(settings) = text.settings() {
        settings.unknown().into_iter().for_each(|sentence| imported.note(sentence));
        settings.unread("").into_iter().for_each(|unread| imported.leave(unread));
    }
    if let Some(program) = text.program() {
        program.taken().into_iter().for_each(|sentence| imported.assume(sentence));
        for (line, why) in &program.failed {
            imported.leave(Unread { matters: false, ..Unread::new("a line", why.clone(), *line) });
        }
    }
    match options.length {
        Some(length) => imported.updates = Some(length),
        None if imported.updates.is_none() && imported.experiment.is_none() => {
            imported.assume("the text does not say how long the run is (--length says it)");
        }
        None => {}
    }
    if let Some(tick) = options.tick {
        imported.lr = shape::ticking(imported.lr.clone(), tick);
    }
    if let Some(per_epoch) = options.updates_per_epoch {
        if !(per_epoch >= 1.0 && per_epoch <= MAX_COUNT as f64) {
            return Err(ImportError::missing("--updates-per-epoch", "a number from 1 to 1e9"));
        }
        if imported.lr.tick == Tick::Update {
            imported.lr = shape::in_updates(&imported.lr, per_epoch);
            imported.updates = imported.updates.map(|length| shape::updates_of(length, per_epoch));
        } else {
            imported.note(
                "the schedule counts epochs, so --updates-per-epoch changes nothing in it; the data of the experiment \
                 say how many updates an epoch has",
            );
        }
    }
    imported.unread.sort_by_key(|unread| (unread.line, !unread.matters));
    Ok(())
}

/// Reads a file; a log of any length within a fixed memory.
///
/// # Errors
/// When the file cannot be read, and as [`import`].
pub fn import_file(path: impl AsRef<Path>, options: &Options) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let failed = |cause| ImportError::Read { file: path.to_owned(), cause };
    if path.is_dir() {
        return log::read_file(path)?.checked();
    }
    let mut file = files::input(path).map_err(failed)?;
    let mut start = Vec::new();
    file.by_ref().take(SNIFFED as u64).read_to_end(&mut start).map_err(failed)?;
    let is_log = match options.dialect {
        Some(dialect) => *dialect == dialects::LOG,
        None => {
            let text = String::from_utf8_lossy(&start);
            match early(text.trim_start_matches('\u{feff}')) {
                Some(dialect) => *dialect == dialects::LOG,
                // An event file is no text, and what is wrong with a table is for its reader to say.
                None => log::is_log_file(path, &start) || is_table(path),
            }
        }
    };
    let whole = std::io::Cursor::new(start).chain(file);
    if is_log {
        if path == Path::new(files::STANDARD_INPUT) {
            return Err(ImportError::Log(
                "a log is read from a file, not from standard input: name it".into(),
            ));
        }
        return log::read_file(path)?.checked();
    }
    let mut bytes = Vec::new();
    whole.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES && log::may_be_log(path, &bytes) {
        return log::read_file(path)?.checked();
    }
    let text = String::from_utf8(bytes).map_err(|_| ImportError::NotText)?;
    let folder = path.parent().filter(|_| path != Path::new(files::STANDARD_INPUT));
    import(&text, &Options { folder: folder.map(Path::to_owned), ..options.clone() })
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
    let mut imported = Imported::new(&dialects::EXPERIMENT, run.name.clone(), run.lr.clone());
    imported.optimizer = Some(run.optimizer.clone());
    imported.controller = run.controller.clone();
    imported.layer_decay = run.layer_decay;
    imported.decay = run.decay;
    imported.groups.clone_from(&run.groups);
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
