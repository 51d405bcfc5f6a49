//! The formulas of transformers' `get_scheduler`.

use super::super::super::python::Expr;
use super::super::super::settings::Settings;
use super::super::super::shape::{constant, cosine, polynomial, restarts, updates_of, warmed, wsd};
use super::super::super::{ImportError, Imported, Options};
use crate::experiment::{Controller, Greedy, Metric, Plateau, PlateauMode, ThresholdMode};
use crate::schedule::greedy::GreedyRule;
use crate::schedule::kind::{After, Decay, InverseSqrt, Kind};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Ramp, Schedule, Span};

/// Updates of an epoch where nothing says and epochs have to be counted in them.
const ASSUMED_PER_EPOCH: f64 = 1000.0;

/// A run's warmup, and its length where it is known.
pub(in super::super::super) struct Length {
    pub warmup: Span,
    pub total: Option<Span>,
    per_epoch: Option<f64>,
}

impl Length {
    pub fn new(warmup: Span, total: Option<Span>, options: &Options) -> Self {
        let per_epoch = options.updates_per_epoch.filter(|per_epoch| *per_epoch >= 1.0);
        Self { warmup, total, per_epoch }
    }

    /// What follows the warmup, where it can be said.
    fn rest(&self) -> Option<Span> {
        match (self.total?, self.warmup) {
            (Span::Updates(total), Span::Updates(warmup)) if total > warmup => {
                Some(Span::Updates(total - warmup))
            }
            (Span::Epochs(total), Span::Epochs(warmup)) if total > warmup => {
                Some(Span::Epochs(total - warmup))
            }
            (total @ Span::Epochs(_), warmup) if warmup.amount() == 0.0 => Some(total),
            (Span::Epochs(total), Span::Updates(warmup)) => {
                let rest = total * self.per_epoch? - warmup;
                (rest > 0.0).then_some(Span::Updates(rest))
            }
            (Span::Updates(total), Span::Epochs(warmup)) => {
                let rest = total - warmup * self.per_epoch?;
                (rest > 0.0).then_some(Span::Updates(rest))
            }
            (Span::Epochs(total), Span::Percent(percent)) if percent < 100.0 => {
                Some(Span::Epochs(total * (1.0 - percent / 100.0)))
            }
            (Span::Updates(total), Span::Percent(percent)) if percent < 100.0 => {
                Some(Span::Updates(total * (1.0 - percent / 100.0)))
            }
            _ => None,
        }
    }

    /// What follows the warmup; where epochs and updates meet, an epoch is taken as so many updates, and said so.
    fn rest_or_assumed(&self, imported: &mut Imported) -> Option<Span> {
        if let Some(rest) = self.rest() {
            return Some(rest);
        }
        let (total, warmup) =
            (updates_of(self.total?, ASSUMED_PER_EPOCH), updates_of(self.warmup, ASSUMED_PER_EPOCH));
        let (Span::Updates(total), Span::Updates(warmup)) = (total, warmup) else { return None };
        if total <= warmup {
            return None;
        }
        imported.assume(format!(
            "the text counts in epochs and in updates; {ASSUMED_PER_EPOCH} updates an epoch were taken \
             (--updates-per-epoch says how many there are)"
        ));
        imported.updates = Some(Span::Updates(total));
        Some(Span::Updates(total - warmup))
    }

    /// A share of what follows the warmup.
    fn share(&self, share: f64, imported: &mut Imported) -> Option<Span> {
        match (self.total, self.warmup) {
            (None, warmup) if warmup.amount() == 0.0 => Some(Span::Percent(100.0 * share)),
            (None, Span::Percent(percent)) => Some(Span::Percent((100.0 - percent) * share)),
            _ => {
                let rest = self.rest_or_assumed(imported)?;
                Some(rest.with_amount(rest.amount() * share))
            }
        }
    }
}

/// The schedule of a `lr_scheduler_type`.
pub(in super::super::super) fn schedule(
    kind: &str,
    peak: f64,
    run: &Length,
    kwargs: &Settings,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let warm = |body: Schedule| warmed(body, run.warmup, 0.0, Ramp::Linear);
    let cycles = |usual: f64| Ok::<f64, ImportError>(kwargs.number(&["num_cycles"])?.unwrap_or(usual));
    Ok(match kind {
        "linear" => warm(polynomial(peak, 1.0, 0.0, None)),
        "cosine" => warm(waves(peak, 0.0, cycles(0.5)?, run, imported)?),
        "cosine_with_restarts" => {
            let cycles = cycles(1.0)?.max(1.0);
            let Some(first) = run.share(1.0 / cycles, imported) else {
                return Err(ImportError::missing(kind, "max_steps, to know how long its cycles are"));
            };
            warm(restarts(peak, 0.0, first, 1.0, 1.0))
        }
        "polynomial" => {
            let end = kwargs.number(&["lr_end"])?.unwrap_or(1e-7);
            warm(polynomial(peak, kwargs.number(&["power"])?.unwrap_or(1.0), end, None))
        }
        "constant" => {
            if run.warmup.amount() > 0.0 {
                imported.note("the type constant ignores the warmup in transformers, so it was left out");
            }
            constant(peak)
        }
        "constant_with_warmup" => warm(constant(peak)),
        "inverse_sqrt" => {
            let usual = if run.warmup.amount() > 0.0 { run.warmup } else { Span::Updates(10_000.0) };

            let timescale = kwargs.number(&["timescale"])?.map_or(usual, Span::Updates);
            warm(Kind::InverseSqrt(InverseSqrt { peak, timescale, floor: 0.0 }).into())
        }
        "cosine_with_min_lr" => warm(waves(peak, floor(peak, kwargs)?, cycles(0.5)?, run, imported)?),
        "cosine_warmup_with_min_lr" => one_ahead(peak, kwargs, run, imported)?,
        "warmup_stable_decay" => stable(peak, run, kwargs, imported)?,
        "reduce_lr_on_plateau" => {
            imported.controller = Some(Controller::Plateau(plateau(kwargs)?));
            imported.note(
                "transformers reports the metric at each evaluation; here it is reported once an epoch",
            );
            constant(peak)
        }
        "greedy" => {
            imported.controller = Some(Controller::Greedy(greedy(kwargs)?));
            imported.note(
                "transformers reports the metric at each evaluation; here it is reported once an epoch",
            );
            constant(peak)
        }
        other => {
            return Err(ImportError::Wrong {
                what: "lr_scheduler_type".to_owned(),
                found: format!("\"{}\"", Expr::Text(other.to_owned()).shown().trim_matches('"')),
                needed: "schedule of transformers that is known here",
            });
        }
    })
}

/// The floor from `min_lr` or `min_lr_rate`.
fn floor(peak: f64, kwargs: &Settings) -> Result<f64, ImportError> {
    let rate = kwargs.number(&["min_lr_rate", "min_lr_ratio"])?.map(|ratio| ratio * peak);
    Ok(kwargs.number(&["min_lr"])?.or(rate).unwrap_or(0.0))
}

/// Transformers' cosine, of which half a cycle is usual; it climbs again past its end.
fn waves(
    peak: f64,
    floor: f64,
    cycles: f64,
    run: &Length,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    if cycles == 0.5 {
        return Ok(cosine(peak, floor, None, After::Rebound));
    }
    if cycles <= 0.0 {
        return Err(ImportError::missing("num_cycles", "a number above 0"));
    }
    let over = run.share(0.5 / cycles, imported);
    if over.is_none() {
        imported.note("num_cycles was left out: max_steps would have to be known");
    }
    Ok(cosine(peak, floor, over, After::Rebound))
}

/// `cosine_warmup_with_min_lr`, which is one update ahead: it starts at 1/W, or at `warmup_lr_rate`, and its
/// last update has the floor.
fn one_ahead(
    peak: f64,
    kwargs: &Settings,
    run: &Length,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let floor = floor(peak, kwargs)?;
    let first = kwargs.number(&["warmup_lr_rate"])?;
    Ok(match (run.warmup, run.rest()) {
        (Span::Updates(warmup), Some(rest @ Span::Updates(_))) if warmup >= 2.0 => {
            let body = cosine(peak, floor, Some(rest), After::Rebound);
            warmed(body, Span::Updates(warmup - 1.0), first.unwrap_or(1.0 / warmup), Ramp::Linear)
        }
        _ => {
            imported.note("cosine_warmup_with_min_lr is one update ahead of this schedule");
            let body = cosine(peak, floor, None, After::Rebound);
            warmed(body, run.warmup, first.unwrap_or(0.0), Ramp::Linear)
        }
    })
}

/// `warmup_stable_decay`.
fn stable(
    peak: f64,
    run: &Length,
    kwargs: &Settings,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let Some(decay) = kwargs.number(&["num_decay_steps"])? else {
        return Err(ImportError::missing("warmup_stable_decay", "num_decay_steps"));
    };
    let ratio = kwargs.number(&["min_lr_ratio"])?.unwrap_or(0.0);
    let decay_shape = match kwargs.text("decay_type").unwrap_or("cosine") {
        "linear" => Decay::Linear,
        "1-sqrt" => Decay::OneMinusSqrt,
        _ => Decay::Cosine,
    };
    let ramp = match kwargs.text("warmup_type").unwrap_or("linear") {
        "cosine" => Ramp::Cosine,
        "1-sqrt" => Ramp::OneMinusSqrt,
        _ => Ramp::Linear,
    };
    if let (Some(stable), Span::Updates(warmup)) = (kwargs.number(&["num_stable_steps"])?, run.warmup) {
        imported.updates = Some(Span::Updates(warmup + stable + decay));
    }
    if decay <= 0.0 {
        return Err(ImportError::missing("num_decay_steps", "a number above 0"));
    }
    let body = wsd(peak, ratio * peak, Span::Updates(decay), decay_shape);
    Ok(warmed(body, run.warmup, ratio, ramp))
}

fn direction(kwargs: &Settings) -> PlateauMode {
    if kwargs.text("mode") == Some("max") { PlateauMode::Max } else { PlateauMode::Min }
}

fn plateau(kwargs: &Settings) -> Result<Plateau, ImportError> {
    let default = PlateauRule::default();
    let or =
        |name: &str, otherwise: f64| Ok::<f64, ImportError>(kwargs.number(&[name])?.unwrap_or(otherwise));
    let rule = PlateauRule {
        mode: direction(kwargs),
        factor: or("factor", default.factor)?,
        patience: kwargs.count("patience")?.unwrap_or(default.patience),
        threshold: or("threshold", default.threshold)?,
        threshold_mode: match kwargs.text("threshold_mode") {
            Some("abs") => ThresholdMode::Abs,
            _ => ThresholdMode::Rel,
        },
        cooldown: kwargs.count("cooldown")?.unwrap_or(default.cooldown),
        min_lr: or("min_lr", default.min_lr)?,
        eps: or("eps", default.eps)?,
        ..default
    };
    Ok(Plateau { metric: Metric::ValLoss, rule })
}

fn greedy(kwargs: &Settings) -> Result<Greedy, ImportError> {
    let default = GreedyRule::default();
    let or =
        |name: &str, otherwise: f64| Ok::<f64, ImportError>(kwargs.number(&[name])?.unwrap_or(otherwise));
    let window = kwargs.count("window_size")?.unwrap_or(50) as usize;
    let rule = GreedyRule {
        mode: direction(kwargs),
        factor: or("factor", default.factor)?,
        patience: kwargs.count("patience")?.unwrap_or(default.patience),
        threshold: or("threshold", default.threshold)?,
        threshold_mode: match kwargs.text("threshold_mode") {
            Some("rel") => ThresholdMode::Rel,
            _ => ThresholdMode::Abs,
        },
        cooldown: kwargs.count("cooldown")?.unwrap_or(default.cooldown),
        warmup: kwargs.count("warmup")?.unwrap_or(default.warmup),
        min_lr: or("min_lr", default.min_lr)?,
        max_lr: or("max_lr", default.max_lr)?,
        eps: or("eps", default.eps)?,
        window: (kwargs.flag("smooth") == Some(true)).then_some(window),
        reset_start: kwargs.count("reset_start")?.unwrap_or(default.reset_start),
    };
    Ok(Greedy { metric: Metric::ValLoss, rule })
}
