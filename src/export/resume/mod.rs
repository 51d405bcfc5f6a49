//! What a framework really does with the rate when a training is resumed: from which text, with what of the checkpoint,
//! with another length or another rate.
//!
//! `tests/golden/resuming.json` holds what the frameworks themselves gave: a checkpoint, a new process, the rates
//! from there on (`tests/resuming`).

mod table;

use super::recipe::Recipe;
use super::simulate::torch;
use super::{Badge, Deviation, ExportError, Options, Target, pytorch, write};
use crate::experiment::{Experiment, Run};
use crate::schedule::kind::Value;
use crate::schedule::{Clock, Span};
use table::{Row, Rule, Way};

/// What is taken from the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that the framework saves.
    All,
    /// The optimizer's state, without the scheduler's.
    Optimizer,
    /// The weights alone.
    Weights,
}

impl Kept {
    pub const ALL: [Self; 3] = [Self::All, Self::Optimizer, Self::Weights];

    /// In a word, for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Optimizer => "optimizer",
            Self::Weights => "weights",
        }
    }
}

/// What changes at the seam.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// The whole run's length, from its first update.
    pub length: Option<Span>,
    /// The schedule's peak.
    pub lr: Option<f64>,
}

/// One way to resume, and what comes of it.
#[derive(Clone, Debug)]
pub struct Resumed {
    pub kept: Kept,
    /// What one does in the framework for it.
    pub how: &'static str,
    /// Why the rates are what they are.
    pub because: &'static str,
    /// The rate of each update that is made from the seam on. A training that counts anew makes a whole run of them.
    pub rates: Vec<f64>,
    pub counts_anew: bool,
    /// Against the wish, over the updates that both have.
    pub deviation: Deviation,
    /// The jump at the seam, in words.
    pub seam: String,
}

impl Resumed {
    /// Whether it does what is wished, but for rounding and what the text deviates by anyway.
    pub fn is_right(&self, tolerance: f64) -> bool {
        !self.counts_anew && self.deviation.of_peak <= tolerance
    }
}

/// What a framework does when a run is resumed.
#[derive(Clone, Debug)]
pub struct Resumption {
    pub target: &'static Target,
    pub at: u64,
    /// The rate of the last update before the seam, and the rates wished from there on: the changed run's, at the same update.
    pub before: f64,
    pub wish: Vec<f64>,
    pub ways: Vec<Resumed>,
    /// The code that does what is wished.
    pub code: String,
}

/// Why there is no telling.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ResumeError {
    #[error("what {0} does on resuming is not known here; known are {known}", known = known())]
    Target(&'static str),
    #[error("update {at} is not within the run of {updates}: resume at 1 to {last}", last = updates - 1)]
    At { at: u64, updates: u64 },
    #[error("the changed run has {updates} updates, and it is resumed at {at}: make it longer")]
    Shorter { at: u64, updates: u64 },
    #[error("{target} saves at the end of an epoch: resume at a multiple of {per_epoch}, such as {near}")]
    WithinEpoch { target: &'static str, per_epoch: u64, near: u64 },
    #[error("a schedule of the kind {0} has no peak that can be set: draw the changed one and export that")]
    NoPeak(&'static str),
    #[error("a peak of {0} is no learning rate")]
    Peak(f64),
    #[error(
        "the two texts have different schedulers ({0}, then {1}), and one does not load the other's state"
    )]
    Unlike(&'static str, &'static str),
    #[error(transparent)]
    Export(#[from] ExportError),
}

fn known() -> String {
    table::ROWS.iter().map(|row| row.target).collect::<Vec<_>>().join(", ")
}

/// Whether what the target does is known.
#[must_use]
pub fn is_known(target: &Target) -> bool {
    table::ROWS.iter().any(|row| row.target == target.id)
}

/// The run as it is after the change.
///
/// # Errors
/// When its schedule has no peak to set.
pub fn changed(run: &Run, change: &Change) -> Result<Run, ResumeError> {
    let mut run = run.clone();
    if let Some(peak) = change.lr {
        if !(peak.is_finite() && peak > 0.0) {
            return Err(ResumeError::Peak(peak));
        }
        if !run.lr.kind.set("peak", Value::Number(peak)) {
            return Err(ResumeError::NoPeak(run.lr.kind.name()));
        }
    }
    Ok(run)
}

/// What `target` does when the run is resumed at update `at`: its text before on `clock`, its text after on `then`.
///
/// # Errors
/// When the target is not known, the seam lies outside, or a run cannot be exported.
pub fn resume(
    experiment: &Experiment,
    (run, clock): (&Run, Clock),
    (after, then): (&Run, Clock),
    at: u64,
    target: &'static Target,
    options: &Options,
) -> Result<Resumption, ResumeError> {
    let Some(row) = table::ROWS.iter().find(|row| row.target == target.id) else {
        return Err(ResumeError::Target(target.id));
    };
    if at == 0 || at >= clock.updates {
        return Err(ResumeError::At { at, updates: clock.updates });
    }
    if at >= then.updates {
        return Err(ResumeError::Shorter { at, updates: then.updates });
    }
    if row.at_epochs && !at.is_multiple_of(clock.updates_per_epoch) {
        let per_epoch = clock.updates_per_epoch;
        let near = ((at + per_epoch / 2) / per_epoch).max(1) * per_epoch;
        return Err(ResumeError::WithinEpoch { target: target.title, per_epoch, near });
    }
    let mut held = after.clone();
    if let Some(peak) = run.lr.kind.get("peak") {
        held.lr.kind.set("peak", peak);
    }
    let recipes = Recipes {
        old: Recipe::new(experiment, run, clock, options)?,
        new: Recipe::new(experiment, after, then, options)?,
        held: Recipe::new(experiment, &held, then, options)?,
    };
    let texts = Texts::new(&recipes, target, at);
    let wish: Vec<f64> = recipes.new.drawn.iter().skip(at as usize).copied().collect();
    let before = texts.old.get(at as usize - 1).copied().unwrap_or(0.0);
    let ways = row
        .ways
        .iter()
        .map(|(kept, way)| texts.way(*kept, way, row, before, &wish))
        .collect::<Result<Vec<_>, _>>()?;
    let code = row
        .code
        .replace("{AT}", &at.to_string())
        .replace("{EPOCH}", &(at / clock.updates_per_epoch).to_string());
    Ok(Resumption { target, at, before, wish, ways, code })
}

/// The run before the change, after it, and after all of it but the peak's.
struct Recipes<'a> {
    old: Recipe<'a>,
    new: Recipe<'a>,
    held: Recipe<'a>,
}

/// The two texts of a resumed run, and what they predict.
struct Texts<'r, 'a> {
    recipes: &'r Recipes<'a>,
    target: &'static Target,
    at: u64,
    old: Vec<f64>,
    new: Vec<f64>,
    /// Whether each text sets the rate through a PyTorch scheduler of our export.
    is_torch: bool,
}

impl<'r, 'a> Texts<'r, 'a> {
    fn new(recipes: &'r Recipes<'a>, target: &'static Target, at: u64) -> Self {
        let (old, new) = (write(&recipes.old, target), write(&recipes.new, target));
        let is_table = |badge: &Badge| matches!(badge, Badge::Table { .. });
        let is_torch = match target.id {
            "pytorch" | "lightning" => true,
            // Its text passes PyTorch's scheduler where its own have no such curve.
            "hugging_face" => is_table(&old.badge) && is_table(&new.badge),
            _ => false,
        };
        Self { recipes, target, at, old: old.predicted, new: new.predicted, is_torch }
    }

    fn way(
        &self,
        kept: Kept,
        way: &Way,
        row: &Row,
        before: f64,
        wish: &[f64],
    ) -> Result<Resumed, ResumeError> {
        let rates = self.rates(way.rule, row)?;
        let first = rates.first().copied().unwrap_or(0.0);
        let counts_anew = way.rule == Rule::Anew { whole: true };
        let seam = seam(self.at, before, first, wish.first().copied().unwrap_or(0.0), counts_anew);
        let deviation = Deviation::between(wish, &rates);
        Ok(Resumed { kept, how: way.how, because: way.because, rates, counts_anew, deviation, seam })
    }

    /// The rates from the seam on.
    fn rates(&self, rule: Rule, row: &Row) -> Result<Vec<f64>, ResumeError> {
        let at = self.at as usize;
        let left = self.new.len() - at;
        let (old, new) = (&self.recipes.old, &self.recipes.new);
        Ok(match rule {
            Rule::New => {
                let mut rates = self.new[at..].to_vec();
                if let (true, Some(first), Some(kept)) =
                    (row.first_is_kept, rates.first_mut(), self.old.get(at))
                {
                    *first = *kept;
                }
                rates
            }
            Rule::OldPeak => write(&self.recipes.held, self.target).predicted.into_iter().skip(at).collect(),
            Rule::Anew { whole: true } => self.new.clone(),
            Rule::Anew { whole: false } => self.new[..left].to_vec(),
            Rule::File => (self.at..new.updates()).map(|update| old.rate.at(update)).collect(),
            Rule::Rescaled if self.is_torch => self.torch(true)?,
            Rule::Kept if self.is_torch => self.torch(false)?,
            Rule::Rescaled | Rule::Kept => {
                let scale = if new.peak > 0.0 { old.peak / new.peak } else { 1.0 };
                let follows = |update: usize| match rule {
                    Rule::Rescaled => self.new.get(at + update).copied().unwrap_or(0.0) * scale,
                    _ => self.new.get(update).copied().unwrap_or(0.0),
                };
                let kept = self.old.get(at).copied().unwrap_or(0.0);
                let first = if row.first_is_kept { kept } else { follows(0) };
                std::iter::once(first).chain((1..left).map(follows)).collect()
            }
        })
    }

    /// PyTorch's own arithmetic: with the scheduler's state, or with the optimizer's alone.
    fn torch(&self, keeps: bool) -> Result<Vec<f64>, ResumeError> {
        let (old, new) = (&self.recipes.old, &self.recipes.new);
        let left = new.updates() - self.at;
        match (pytorch::native_scheduler(old), pytorch::native_scheduler(new)) {
            (Ok((before, lr)), Ok((after, new_lr))) => {
                Ok(torch::resumed((&before, lr), (&after, new_lr), self.at, keeps, left))
            }
            (Err(_), Err(_)) => {
                // LambdaLR saves its base rate and its count; the function is the new text's.
                let base = if keeps { old.peak } else { new.peak };
                let scale = if new.peak > 0.0 { base / new.peak } else { 1.0 };
                let from = if keeps { self.at } else { 0 };
                let kept = self.old.get(self.at as usize).copied().unwrap_or_else(|| old.rate.at(self.at));
                let follows = (1..left).map(|update| new.rate.at(from + update) * scale);
                Ok(std::iter::once(kept).chain(follows).collect())
            }
            (Ok(_), Err(_)) => Err(ResumeError::Unlike("a class of PyTorch's", "a LambdaLR")),
            (Err(_), Ok(_)) => Err(ResumeError::Unlike("a LambdaLR", "a class of PyTorch's")),
        }
    }
}

/// The jump at the seam, in words.
fn seam(at: u64, before: f64, first: f64, wish: f64, counts_anew: bool) -> String {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
    let anew = if counts_anew { ", and the run's updates are counted anew from 0" } else { "" };
    if near(first, wish) {
        return format!("update {at} has the rate {first:.4e}, as wished{anew}");
    }
    let jump = if first == 0.0 {
        "the rate falls to 0".to_owned()
    } else if before == 0.0 {
        format!("the rate rises to {first:.4e}")
    } else if near(first, before) {
        format!("the rate stays at {first:.4e}")
    } else if first > before {
        format!("the rate jumps up {:.3} times, from {before:.4e} to {first:.4e}", first / before)
    } else {
        format!("the rate falls {:.3} times, from {before:.4e} to {first:.4e}", before / first)
    };
    format!("at update {at} {jump}; wished was {wish:.4e}{anew}")
}
