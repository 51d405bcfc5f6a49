//! Exports: a tuned schedule as another framework's code or configuration, and what that framework will
//! really do with it, update by update.
//!
//! Every target writes its text from plain values, and a simulator of the framework's conventions gives the
//! rates those same values produce. So a text and its prediction cannot drift apart, and the deviation from
//! the drawn curve is known before anything is pasted.

mod alone;
mod axolotl;
mod burn;
mod candle;
mod csv;
mod deepspeed;
mod expression;
mod fastai;
mod formula;
mod grouping;
mod groups;
mod hugging_face;
mod keras;
mod knots;
mod lightning;
mod llama_factory;
mod megatron;
mod optax;
pub mod origin;
mod outline;
mod python;
mod pytorch;
mod recipe;
pub mod resume;
mod rust;
pub mod simulate;
mod target;
mod text;
mod timm;
mod toml;
mod torchtitan;
mod track;
mod truth;

pub use target::Target;
pub use truth::{Summary, truth_table};

use crate::experiment::{Experiment, Run};
use crate::schedule::{Clock, ScheduleError};
use recipe::Recipe;

/// The longest run that is predicted update by update.
pub const MAX_UPDATES: u64 = 10_000_000;

/// What a user chooses about an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Hugging Face's argument names of version 4 (`warmup_ratio`), not of version 5.
    pub hugging_face_v4: bool,
    /// Samples in a micro-batch, where a target wants to know and the experiment does not say.
    pub batch_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { hugging_face_v4: false, batch_size: 64 }
    }
}

/// A text for another framework, and what it will do there.
#[derive(Clone, Debug)]
pub struct Export {
    pub target: &'static Target,
    pub text: String,
    pub badge: Badge,
    /// The rate each update will really use under the framework's own stepping.
    pub predicted: Vec<f64>,
    pub deviation: Deviation,
    /// What was carried beside the rate, downgraded, or left out: one sentence each.
    pub notes: Vec<String>,
    pub checked: Checked,
}

impl Export {
    /// The export as JSON: for scripts, and for the conformance run.
    pub fn to_json(&self, clock: Clock) -> serde_json::Value {
        let why = match &self.badge {
            Badge::Native => None,
            Badge::Approximated { why } | Badge::Table { why } => Some(why),
        };
        serde_json::json!({
            "target": self.target.id,
            "framework": self.target.framework,
            "updates": clock.updates,
            "updates_per_epoch": clock.updates_per_epoch,
            "text": self.text,
            "badge": self.badge.word(),
            "why": why,
            "predicted": self.predicted,
            "deviation": {
                "max_absolute": self.deviation.max_absolute,
                "of_peak": self.deviation.of_peak,
                "at_update": self.deviation.at_update,
            },
            "notes": self.notes,
            "checked": self.checked == Checked::Run,
        })
    }
}

/// How a target says the schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Badge {
    /// In the framework's own terms, and the rates are the drawn ones.
    Native,
    /// In the framework's own terms, which do not reach the drawn curve.
    Approximated { why: String },
    /// As a formula or a list of values beside the framework's own schedules.
    Table { why: String },
}

impl Badge {
    /// The badge in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Approximated { .. } => "approximated",
            Self::Table { .. } => "table",
        }
    }
}

/// Where a target is farthest from the drawn curve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    pub max_absolute: f64,
    /// As a share of the drawn curve's peak.
    pub of_peak: f64,
    pub at_update: u64,
    pub drawn: f64,
    pub predicted: f64,
}

/// Whether the predictions of this target were compared with the framework itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Exports were executed and agreed update by update; see `tests/conformance`.
    Run,
    PredictedNotRun,
}

/// Why there is no export.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    #[error("the schedule cannot be resolved: {0}")]
    Schedule(#[from] ScheduleError),
    #[error(
        "the run has {updates} updates; exports predict every update of at most {MAX_UPDATES}: shorten the run"
    )]
    TooLong { updates: u64 },
}

/// What a target made of a recipe.
struct Draft {
    text: String,
    predicted: Vec<f64>,
    /// Why the framework's own terms were not used, where they were not.
    table: Option<String>,
    /// What cannot be said in the framework's terms, for when the rates turn out to deviate.
    approximated: &'static str,
    notes: Vec<String>,
}

/// Writes a run of an experiment for another framework, with the default options.
///
/// # Errors
/// When a schedule of the run cannot be resolved, or the run has more than [`MAX_UPDATES`] updates.
pub fn export(
    experiment: &Experiment,
    run: &Run,
    clock: Clock,
    target: &'static Target,
    options: &Options,
) -> Result<Export, ExportError> {
    let recipe = Recipe::new(experiment, run, clock, options)?;
    Ok(write(&recipe, target))
}

fn write(recipe: &Recipe<'_>, target: &'static Target) -> Export {
    let Draft { mut text, predicted, table, approximated, mut notes } = (target.write)(recipe);
    notes.extend(recipe.unsaid());
    if let Some(fork) = &recipe.run.fork {
        let why = format!("It is \u{201c}{}\u{201d} for the first {}", fork.of, fork.at);
        notes.push(format!("Left out: the fork. {why}; this is its own schedule, from update 0."));
    }
    origin::append(&mut text, target, recipe);
    let deviation = Deviation::between(&recipe.drawn, &predicted);
    let badge = match table {
        Some(why) => Badge::Table { why },
        None if deviation.of_peak <= target.tolerance => Badge::Native,
        None => Badge::Approximated { why: approximated.to_owned() },
    };
    let checked = if target.is_run { Checked::Run } else { Checked::PredictedNotRun };
    Export { target, text, badge, predicted, deviation, notes, checked }
}

impl Deviation {
    /// The largest difference of two lists of rates.
    pub fn between(drawn: &[f64], predicted: &[f64]) -> Self {
        let peak = drawn.iter().copied().fold(0.0, f64::max);
        let mut worst = Self::default();
        for (update, (drawn, predicted)) in drawn.iter().zip(predicted).enumerate() {
            let difference = (drawn - predicted).abs();
            let difference = if difference.is_nan() { f64::INFINITY } else { difference };
            if difference > worst.max_absolute {
                worst = Self {
                    max_absolute: difference,
                    of_peak: if peak > 0.0 { difference / peak } else { f64::INFINITY },
                    at_update: update as u64,
                    drawn: *drawn,
                    predicted: *predicted,
                };
            }
        }
        worst
    }
}
