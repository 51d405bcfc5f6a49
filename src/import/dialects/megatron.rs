//! Megatron-LM's flags; its scheduler counts samples, of which an update always has as many.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, optimizer_kind, set};
use super::super::shape::{constant, cosine, polynomial, warmed, written, wsd};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{After, Decay, InverseSqrt, Kind};
use crate::schedule::{Clamp, Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "megatron",
    name: "Megatron-LM",
    example: "torchrun pretrain_gpt.py --num-layers 24 --train-iters 500000 --lr 0.00015 --min-lr 1.0e-5 --lr-decay-style \
              cosine --lr-decay-iters 320000 --lr-warmup-fraction .01 --weight-decay 1e-2 --clip-grad 1.0\n",
    signs: &[
        (Sign::Flag("lr_decay_style"), 12),
        (Sign::Flag("lr_decay_iters"), 12),
        (Sign::Flag("lr_decay_samples"), 12),
        (Sign::Flag("lr_warmup_fraction"), 12),
        (Sign::Flag("lr_warmup_iters"), 8),
        (Sign::Flag("lr_warmup_samples"), 12),
        (Sign::Flag("lr_wsd_decay_style"), 12),
        (Sign::Flag("train_iters"), 6),
        (Sign::Flag("train_samples"), 6),
        (Sign::Flag("tensor_model_parallel_size"), 8),
        (Sign::Flag("micro_batch_size"), 4),
        (Sign::Flag("global_batch_size"), 4),
        (Sign::Flag("min_lr"), 1),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "Megatron-LM", constant(0.0));
    let Some(peak) = settings.number(&["lr"])? else {
        return Err(ImportError::missing("Megatron-LM", "a --lr"));
    };
    let batch = settings.number(&["global_batch_size"])?.filter(|batch| *batch >= 1.0);
    let updates = |iters: &str, samples: &str| -> Result<Option<f64>, ImportError> {
        if let Some(iters) = settings.number(&[iters])? {
            return Ok(Some(iters));
        }
        match (settings.number(&[samples])?, batch) {
            (Some(samples), Some(batch)) => Ok(Some((samples / batch).floor())),
            (Some(_), None) => {
                Err(ImportError::missing(samples, "the --global-batch-size, to be counted in updates"))
            }
            _ => Ok(None),
        }
    };
    let Some(total) = updates("train_iters", "train_samples")? else {
        return Err(ImportError::missing("Megatron-LM", "--train-iters or --train-samples"));
    };
    let decay = updates("lr_decay_iters", "lr_decay_samples")?.unwrap_or(total);
    let warmup = match settings.number(&["lr_warmup_fraction"])? {
        // A product such as 0.07 * 100 is whole but for its last digits.
        Some(share) if ((share * decay).round() - share * decay).abs() < 1e-6 => (share * decay).round(),
        Some(share) => share * decay,
        None => updates("lr_warmup_iters", "lr_warmup_samples")?.unwrap_or(0.0),
    };
    if settings.has("rampup_batch_size") {
        imported.note("--rampup-batch-size was left out: updates have fewer samples at the beginning then");
    }
    if decay <= warmup {
        return Err(ImportError::missing("Megatron-LM", "more --lr-decay-iters than warmup"));
    }
    let style = settings.text("lr_decay_style").unwrap_or("linear").to_owned();
    let floor = settings.number_or("min_lr", 0.0)?;
    let init = settings.number_or("lr_warmup_init", 0.0)?;
    let rest = Some(Span::Updates(decay - warmup));
    let body = body(&style, peak, floor, (warmup, decay), rest, settings, &mut imported)?;
    let from = if peak > 0.0 { init / peak } else { 0.0 };
    imported.lr = match style.as_str() {
        // A climb that ends between two updates, as a share of the run does.
        "linear" | "cosine" if warmup.fract() != 0.0 => between(&style, [peak, floor, init, warmup, decay])?,
        _ => warmed(body, Span::Updates(warmup), from, Ramp::Linear),
    };
    imported.name = format!("Megatron-LM {style}");
    imported.updates = Some(options.length.unwrap_or(Span::Updates(total)));
    let name = settings.text("optimizer").unwrap_or("adam").to_owned();
    // Its adam decays the weights apart from the gradient.
    let kind = if name == "adam" { Some(OptimizerKind::AdamW) } else { optimizer_kind(&name) };
    match kind {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "weight_decay", Some(settings.number_or("weight_decay", 0.01)?));
            set(&mut optimizer, "beta1", settings.number(&["adam_beta1"])?);
            set(&mut optimizer, "beta2", settings.number(&["adam_beta2"])?);
            set(&mut optimizer, "eps", settings.number(&["adam_eps"])?);
            set(&mut optimizer, "momentum", settings.number(&["sgd_momentum"])?);
            imported.optimizer = Some(optimizer);
            // Megatron spares biases and whatever has one dimension.
            imported.decays_matrices();
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.clip_norm = settings.number(&["clip_grad"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    imported.batch_size = settings.count("micro_batch_size")?.map(|size| size as usize);
    Ok(imported)
}

/// Climb and decay where the climb is no whole number of updates: the decay goes on from where it ends.
fn between(style: &str, [peak, low, init, warm, decay]: [f64; 5]) -> Result<Schedule, ImportError> {
    let share = "min(max(t - warm, 0) / (decay - warm), 1)";
    let fallen = match style {
        "linear" => format!("1 - {share}"),
        _ => format!("(1 + cos(pi * {share})) / 2"),
    };
    let formula = format!("init + (low + (peak - low) * ({fallen}) - init) * min(t / warm, 1)");
    let constants = [("peak", peak), ("low", low), ("init", init), ("warm", warm), ("decay", decay)];
    written(&formula, &constants)
}

/// What follows the climb.
fn body(
    style: &str,
    peak: f64,
    floor: f64,
    (warmup, decay): (f64, f64),
    rest: Option<Span>,
    settings: &Settings,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    Ok(match style {
        "constant" => constant(peak),
        "linear" => polynomial(peak, 1.0, floor, rest),
        "cosine" => cosine(peak, floor, rest, After::Hold),
        "inverse-square-root" => {
            imported.note("after --lr-decay-iters Megatron drops to --min-lr, which is not done here");
            let body: Schedule = Kind::InverseSqrt(InverseSqrt {
                peak,
                timescale: Span::Updates(warmup.max(1.0)),
                floor: 0.0,
            })
            .into();
            Schedule { clamp: Some(Clamp { min: floor, max: peak }), ..body }
        }
        "WSD" => {
            let Some(length) = settings.number(&["lr_wsd_decay_iters"])? else {
                return Err(ImportError::missing("WSD", "--lr-wsd-decay-iters"));
            };
            let shape = match settings.text("lr_wsd_decay_style").unwrap_or("exponential") {
                "linear" => Decay::Linear,
                "cosine" => Decay::Cosine,
                "minus_sqrt" => Decay::OneMinusSqrt,
                "exponential" => Decay::Exponential,
                other => {
                    let why = "Megatron knows exponential, linear, cosine and minus_sqrt";
                    return Err(ImportError::unsupported(format!("--lr-wsd-decay-style {other}"), why));
                }
            };
            if settings.number(&["train_iters"])?.is_some_and(|total| total != decay) {
                imported.note("the decay ends at --lr-decay-iters in Megatron, and at the run's end here");
            }
            wsd(peak, floor, Span::Updates(length), shape)
        }
        other => {
            let why = "Megatron knows constant, linear, cosine, inverse-square-root and WSD";
            return Err(ImportError::unsupported(format!("--lr-decay-style {other}"), why));
        }
    })
}
