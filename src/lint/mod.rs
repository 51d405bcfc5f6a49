//! Lint: what an experiment, or a pasted configuration, will do that nobody means.

mod batches;
mod dialect;
mod exported;
mod groups;
mod lengths;
mod rates;
mod scenarios;
mod text_config;
mod text_metric;
mod text_python;
mod text_training;

pub use dialect::{Linted, NotLinted, lint_text};

use crate::experiment::{BatchSize, Experiment, Run};
use crate::schedule::{Clock, Curve, Kind, Schedule, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It does nothing of what it says.
    Error,
    /// It works, and hardly as meant.
    Warning,
    /// Worth knowing.
    Hint,
}

impl Severity {
    /// Its name in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// What is wrong, and what would mend it.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    pub severity: Severity,
    /// The run it is about; `None` for the whole experiment or text.
    pub run: Option<String>,
    /// A name that does not change, such as `warmup-longer-than-run`.
    pub code: &'static str,
    pub message: String,
    pub remedy: Option<Remedy>,
    /// The line of a text that it is about; 0 where there is none.
    pub line: usize,
}

/// A change that mends it.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// Write this into the field of the run (or, as `train.replicas`, of the experiment), in TOML.
    Set { field: String, value: String },
    /// Take the field away.
    Remove { field: String },
    /// In the text, write one thing instead of another.
    Replace { from: String, to: String },
    /// Add this to the text.
    Add { text: String },
}

impl Warning {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, run: None, code, message: message.into(), remedy: None, line: 0 }
    }

    fn at(self, line: usize) -> Self {
        Self { line, ..self }
    }

    fn with(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    fn adding(self, text: impl Into<String>) -> Self {
        self.with(Remedy::Add { text: text.into() })
    }

    fn replacing(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.with(Remedy::Replace { from: from.into(), to: to.into() })
    }

    fn set(self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(Remedy::Set { field: field.into(), value: value.into() })
    }
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set { field, value } => write!(f, "set {field} = {value}"),
            Self::Remove { field } => write!(f, "take {field} away"),
            Self::Replace { from, to } => write!(f, "write {to} instead of {from}"),
            Self::Add { text } => write!(f, "add {}", text.replace('\n', ", then ")),
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.severity.name())?;
        if let Some(run) = &self.run {
            write!(f, "run \"{run}\": ")?;
        }
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// What there is to say of an experiment, the worst first. `clock` is the run's length and its epochs'
/// where the data are known; without it, lengths in other units than the run's are not compared.
#[must_use]
pub fn lint(experiment: &Experiment, clock: Option<Clock>) -> Vec<Warning> {
    let time = Time::new(experiment, clock);
    let mut warnings = whole(experiment, clock);
    warnings.extend(scenarios::whole(experiment, &time));
    for run in &experiment.runs {
        let found = Subject::new(experiment, run, &time).map_or_else(
            |error| vec![Warning::new(Severity::Error, "no-schedule", error.to_string())],
            |subject| {
                let mut found = lengths::lint(&subject);
                found.extend(rates::lint(&subject));
                found.extend(groups::lint(&subject));
                found.extend(exported::lint(&subject));
                found.extend(batches::lint(&subject));
                found.extend(scenarios::lint(&subject));
                found
            },
        );
        warnings.extend(found.into_iter().map(|warning| Warning { run: Some(run.name.clone()), ..warning }));
    }
    warnings.sort_by_key(|warning| warning.severity);
    warnings
}

/// What is about the experiment and not one of its runs.
fn whole(experiment: &Experiment, clock: Option<Clock>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if experiment.runs.len() > 1 && experiment.train.replicas == 1 {
        let message = "runs are compared under one seed: a difference may be the seed's";
        let warning = Warning::new(Severity::Hint, "one-seed", message);
        warnings.push(warning.set("train.replicas", "3"));
    }
    if let (Some(clock), BatchSize::Samples(batch)) = (clock, experiment.data.batch_size) {
        let per_update = batch.saturating_mul(experiment.train.accumulate) as u64;
        // Of an epoch's samples only the last short update's are not counted.
        let samples_below = clock.updates_per_epoch.saturating_add(1).saturating_mul(per_update);
        if let Some(limit) = experiment.data.limit.filter(|limit| *limit as u64 >= samples_below) {
            let message = format!(
                "the limit of {limit} samples limits nothing: the training set has fewer than {samples_below}"
            );
            let warning = Warning::new(Severity::Warning, "limit-above-data", message);
            warnings.push(warning.with(Remedy::Remove { field: "data.limit".to_owned() }));
        }
        if clock.updates_per_epoch <= 1 {
            let message = format!(
                "an epoch is a single update of {per_update} samples: lengths in epochs are updates, and what is \
                 shuffled between them is next to nothing"
            );
            warnings.push(Warning::new(Severity::Hint, "epoch-of-one-update", message));
        }
    }
    warnings
}

/// How long a run is, as far as it is known.
struct Time {
    clock: Clock,
    /// The unit of spans that cannot be compared with the run's length.
    unknown: Option<fn(Span) -> bool>,
}

impl Time {
    fn new(experiment: &Experiment, clock: Option<Clock>) -> Self {
        if let Some(clock) = clock {
            return Self { clock, unknown: None };
        }
        // Any number of updates an epoch will do where it cancels out.
        let assumed = Clock { updates: 1, updates_per_epoch: 100 };
        let updates = experiment.train.updates.whole_updates(assumed);
        let unknown: fn(Span) -> bool = match experiment.train.updates {
            Span::Epochs(_) => |span| matches!(span, Span::Updates(_)),
            _ => |span| matches!(span, Span::Epochs(_)),
        };
        Self { clock: Clock { updates, ..assumed }, unknown: Some(unknown) }
    }

    /// A span in updates, where it can be compared with the run's length.
    fn updates(&self, span: Span) -> Option<f64> {
        match self.unknown {
            Some(unknown) if unknown(span) => None,
            _ => Some(span.updates(self.clock)),
        }
    }

    /// Whether the schedule's values at the run's updates are the real ones: not where its lengths and the
    /// run's are in units that cannot be compared.
    fn knows(&self, schedule: &Schedule) -> bool {
        self.unknown.is_none_or(|unknown| !spans(schedule).into_iter().any(unknown))
    }

    fn total(&self) -> f64 {
        self.clock.updates as f64
    }
}

/// A run that is looked at.
struct Subject<'a> {
    experiment: &'a Experiment,
    run: &'a Run,
    time: &'a Time,
    curve: Curve,
}

impl<'a> Subject<'a> {
    fn new(
        experiment: &'a Experiment,
        run: &'a Run,
        time: &'a Time,
    ) -> Result<Self, crate::schedule::ScheduleError> {
        let curve = run.lr.resolve(time.clock)?;
        Ok(Self { experiment, run, time, curve })
    }

    /// Whether the rates at the run's updates are the real ones.
    fn knows_curve(&self) -> bool {
        self.time.knows(&self.run.lr)
    }
}

/// Every schedule within one, with the path of its fields: empty, or such as `parts[1].`.
fn nested<'s>(schedule: &'s Schedule, path: &str, found: &mut Vec<(String, &'s Schedule)>) {
    found.push((path.to_owned(), schedule));
    match &schedule.kind {
        Kind::Sequence(sequence) => {
            for (index, part) in sequence.parts.iter().enumerate() {
                nested(&part.schedule, &format!("{path}parts[{index}]."), found);
            }
        }
        Kind::Product(product) => {
            for (index, factor) in product.of.iter().enumerate() {
                nested(factor, &format!("{path}of[{index}]."), found);
            }
        }
        _ => {}
    }
}

fn all(schedule: &Schedule) -> Vec<(String, &Schedule)> {
    let mut found = Vec::new();
    nested(schedule, "", &mut found);
    found
}

/// Every length in a schedule.
fn spans(schedule: &Schedule) -> Vec<Span> {
    use crate::schedule::kind::Value;
    let mut found = Vec::new();
    for (_, schedule) in all(schedule) {
        found.extend(schedule.warmup.iter().map(|warmup| warmup.over));
        found.extend(schedule.cooldown.iter().map(|cooldown| cooldown.over));
        for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
            match schedule.kind.get(field.name) {
                Some(Value::Span(Some(span))) => found.push(span),
                Some(Value::Milestones(spans)) => found.extend(spans),
                Some(Value::Points(points)) => found.extend(points.into_iter().map(|(span, _)| span)),
                Some(Value::Parts(parts)) => found.extend(parts.into_iter().filter_map(|part| part.length)),
                _ => {}
            }
        }
    }
    found
}
