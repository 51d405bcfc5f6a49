//! Hugging Face's `TrainingArguments`, however they are written, with the formulas of transformers'
//! `get_scheduler`; axolotl's and LLaMA-Factory's files have the same keys.

use super::python::{Expr, Program};
use super::settings::{Settings, flags, number, optimizer_kind, set};
use super::shape::{constant, cosine, polynomial, restarts, warmed, wsd};
use super::{Format, ImportError, Imported, yaml};
use crate::experiment::{Controller, Greedy, Metric, Optimizer, Plateau, PlateauMode, ThresholdMode};
use crate::schedule::greedy::GreedyRule;
use crate::schedule::kind::{After, Decay, InverseSqrt, Kind};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Ramp, Schedule, Span};

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let (settings, is_yaml) = settings(text)?;
    let mut imported = Imported::new(Format::HuggingFace, "Hugging Face", constant(0.0));
    let peak = match settings.number(&["learning_rate"])? {
        Some(rate) => rate,
        None => {
            imported.note("the text gives no learning_rate: 5e-5 was taken, the default");
            5e-5
        }
    };
    if is_yaml && text.lines().any(pyyaml_text) {
        imported.note(
            "PyYAML reads a number such as 3e-4 as a text; it was taken as the number (write 3.0e-4 in the file)",
        );
    }

    let total = settings.number(&["max_steps"])?.filter(|steps| *steps > 0.0);
    let epochs = settings.number(&["num_train_epochs", "num_epochs"])?;
    imported.updates = match (total, epochs) {
        (Some(total), _) => Some(Span::Updates(total)),
        (None, Some(epochs)) if epochs > 0.0 => Some(Span::Epochs(epochs)),
        _ => {
            imported.note("the text says neither max_steps nor the epochs; the schedule fills the run");
            None
        }
    };
    let warmup = warmup(&settings, total, &mut imported)?;
    let kind = settings.text("lr_scheduler_type").or(settings.text("lr_scheduler")).unwrap_or("linear");
    let mut kwargs = settings.table("lr_scheduler_kwargs");
    if let Some(Expr::Text(json)) = settings.get("lr_scheduler_kwargs") {
        kwargs = kwargs_of(json)?;
    }
    // axolotl's name for a floor.
    if let Some(ratio) = settings.get("cosine_min_lr_ratio") {
        kwargs.push("min_lr_rate", ratio.clone());
    }
    let kind =
        if kind == "cosine" && kwargs.get("min_lr_rate").is_some() { "cosine_with_min_lr" } else { kind };
    imported.name = kind.to_owned();
    imported.lr = schedule(kind, peak, &Length { warmup, total }, &kwargs, &mut imported)?;
    imported.optimizer = optimizer(&settings, &mut imported)?;
    imported.accumulate = settings.count("gradient_accumulation_steps")?.map(|count| count.max(1) as usize);
    let batch = settings.count("per_device_train_batch_size")?;
    imported.batch_size = batch.or(settings.count("micro_batch_size")?).map(|size| size as usize);
    imported.clip_norm = settings.number(&["max_grad_norm"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    Ok(imported)
}

/// A run's warmup, and its updates where they are known.
pub(super) struct Length {
    pub warmup: Span,
    pub total: Option<f64>,
}

impl Length {
    /// What follows the warmup, where it can be said.
    fn rest(&self) -> Option<f64> {
        match (self.total, self.warmup) {
            (Some(total), Span::Updates(warmup)) if total > warmup => Some(total - warmup),
            _ => None,
        }
    }

    /// A share of what follows the warmup.
    fn share(&self, share: f64) -> Option<Span> {
        match (self.rest(), self.warmup) {
            (Some(rest), _) => Some(Span::Updates(rest * share)),
            (None, warmup) if warmup.amount() == 0.0 => Some(Span::Percent(100.0 * share)),
            (None, Span::Percent(percent)) => Some(Span::Percent((100.0 - percent) * share)),
            _ => None,
        }
    }
}

/// The settings of a Python call, a JSON, a YAML or a command line; and whether it was YAML.
pub(crate) fn settings(text: &str) -> Result<(Settings, bool), ImportError> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        let program = Program::read(text)?;
        let table = match program.statements.first() {
            Some((_, Expr::Table(entries))) => Settings::from_table(entries),
            _ => return Err(ImportError::NoSchedule("a JSON of TrainingArguments is one table")),
        };
        return Ok((table, false));
    }
    if trimmed.contains("--l") || trimmed.contains("--w") {
        return Ok((flags(text), false));
    }
    if text.contains('(') {
        let program = Program::read(text)?;
        let calls = program.calls();
        let call = calls.iter().map(|(_, call)| call).rfind(|call| {
            call.name.ends_with("TrainingArguments")
                || call
                    .named
                    .iter()
                    .any(|(name, _)| matches!(name.as_str(), "learning_rate" | "lr_scheduler_type"))
        });
        if let Some(call) = call {
            let resolved = |(name, value): &(String, Expr)| (name.clone(), program.resolve(value).clone());
            return Ok((Settings::new(call.named.iter().map(resolved).collect()), false));
        }
    }
    let entries = yaml::read(text)?;
    let known = ["learning_rate", "lr_scheduler_type", "lr_scheduler"];
    if !entries.iter().any(|(key, _)| known.contains(&key.as_str())) {
        return Err(ImportError::NoSchedule("a learning_rate or an lr_scheduler_type is looked for"));
    }
    Ok((Settings::new(entries), true))
}

fn kwargs_of(json: &str) -> Result<Settings, ImportError> {
    match Program::read(json)?.statements.first() {
        Some((_, Expr::Table(entries))) => Ok(Settings::from_table(entries)),
        _ => Err(ImportError::missing("lr_scheduler_kwargs", "a table")),
    }
}

fn pyyaml_text(line: &str) -> bool {
    let value = line.split_once(':').map_or("", |(_, value)| value);
    yaml::is_text_to_pyyaml(value.split('#').next().unwrap_or_default())
}

/// `warmup_steps` counts updates, or below 1 is a share of the run (transformers 5); `warmup_ratio` is one.
fn warmup(settings: &Settings, total: Option<f64>, imported: &mut Imported) -> Result<Span, ImportError> {
    let steps = settings.number(&["warmup_steps"])?.unwrap_or(0.0);
    let ratio = settings.number(&["warmup_ratio"])?.unwrap_or(0.0);
    if !(0.0..=1e12).contains(&steps) || !(0.0..1.0).contains(&ratio) {
        return Err(ImportError::missing(
            "the warmup",
            "warmup_steps of at least 0, or a warmup_ratio below 1",
        ));
    }
    if ratio > 0.0 {
        imported.note("transformers 5.16 no longer knows warmup_ratio; there it is written as warmup_steps");
    }
    let share = if steps >= 1.0 { 0.0 } else { steps.max(ratio) };
    Ok(match total {
        _ if share == 0.0 => Span::Updates(steps.trunc()),
        Some(total) => Span::Updates((total * share).ceil()),
        None => Span::Percent(100.0 * share),
    })
}

/// The schedule of a `lr_scheduler_type`.
pub(super) fn schedule(
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
            let Some(first) = run.share(1.0 / cycles) else {
                return Err(ImportError::missing(kind, "max_steps, to know how long its cycles are"));
            };
            if matches!(first, Span::Updates(length) if length.fract() != 0.0) {
                imported.note("a cycle is not a whole number of updates in transformers; here it is rounded");
            }
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
            warm(Kind::InverseSqrt(InverseSqrt { peak, timescale }).into())
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
    let over = run.share(0.5 / cycles);
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
        (Span::Updates(warmup), Some(rest)) if warmup >= 2.0 => {
            let body = cosine(peak, floor, Some(Span::Updates(rest)), After::Rebound);
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
        "1-sqrt" => {
            imported.note("the warmup's shape 1-sqrt is not known here: it is linear");
            Ramp::Linear
        }
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

fn optimizer(settings: &Settings, imported: &mut Imported) -> Result<Option<Optimizer>, ImportError> {
    let name = settings.text("optim").or(settings.text("optimizer")).unwrap_or("adamw_torch");
    let Some(kind) = optimizer_kind(name) else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    // Transformers' own default, whatever the optimizer's.
    set(&mut optimizer, "weight_decay", Some(settings.number(&["weight_decay"])?.unwrap_or(0.0)));
    set(&mut optimizer, "beta1", settings.number(&["adam_beta1"])?);
    set(&mut optimizer, "beta2", settings.number(&["adam_beta2"])?);
    if let Some(eps) = settings.get("adam_epsilon") {
        set(&mut optimizer, "eps", Some(number("adam_epsilon", eps)?));
    }
    Ok(Some(optimizer))
}
