//! composer's and llm-foundry's YAML, whose lengths carry their units: `100ba`, `2ep`, `0.1dur`.

mod python;

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, warmed};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::huggingface::tell;
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{After, InverseSqrt, Kind};
use crate::schedule::{Ramp, Span};

pub static DIALECT: Dialect = Dialect {
    id: "composer",
    name: "composer",
    example: "max_duration: 4800ba\noptimizer:\n  name: decoupled_adamw\n  lr: 6.0e-4\n  betas: [0.9, 0.95]\nscheduler:\n  \
              name: cosine_with_warmup\n  t_warmup: 100ba\n  alpha_f: 0.1\n",
    signs: &[
        (Sign::Key("scheduler.t_warmup"), 14),
        (Sign::Key("scheduler.alpha_f"), 12),
        (Sign::Key("max_duration"), 8),
        (Sign::Key("device_train_microbatch_size"), 6),
        (Sign::Key("global_train_batch_size"), 4),
        (Sign::Call("CosineAnnealingWithWarmupScheduler"), 30),
        (Sign::Call("LinearWithWarmupScheduler"), 30),
        (Sign::Call("ConstantWithWarmupScheduler"), 30),
        (Sign::Call("DecoupledAdamW"), 12),
        (Sign::Call("DecoupledSGDW"), 12),
        (Sign::Import("composer"), 4),
        (Sign::Key("parameters.scheduler.t_warmup"), 14),
        (Sign::Key("parameters.scheduler.alpha_f"), 12),
    ],
    read,
};

/// A length with its unit.
fn span(value: &Expr) -> Result<Option<Span>, ImportError> {
    let text = match value {
        Expr::Number(updates) => return Ok(Some(Span::Updates(*updates))),
        Expr::Text(text) => text.trim(),
        _ => return Ok(None),
    };
    for unit in ["ba", "ep", "dur"] {
        let Some(amount) = text.strip_suffix(unit) else { continue };
        return match (amount.parse::<f64>(), unit) {
            (Ok(amount), _) if !(amount.is_finite() && amount >= 0.0) => {
                Err(ImportError::Wrong { what: "a length".into(), found: text.into(), needed: "length" })
            }
            (Ok(updates), "ba") => Ok(Some(Span::Updates(updates))),
            (Ok(epochs), "ep") => Ok(Some(Span::Epochs(epochs))),
            (Ok(share), _) => Ok(Some(Span::Percent(100.0 * share))),
            (Err(_), _) => {
                Err(ImportError::Wrong { what: "a length".into(), found: text.into(), needed: "length" })
            }
        };
    }
    let why = "tokens and samples are counted, and how many an update has is not known here";
    Err(ImportError::unsupported(format!("the length {text}"), why))
}

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let settings = match (text.program(), text.settings()) {
        (Some(program), _) => python::settings(program)?,
        (None, Some(settings)) if settings.has("scheduler") => settings.clone(),
        (None, Some(settings)) => settings.table("parameters"),
        (None, None) => return Err(wrong_form(&DIALECT, text)),
    };
    let (optim, sched) = (settings.table("optimizer"), settings.table("scheduler"));
    let length = |settings: &Settings, name: &str| match settings.get(name) {
        Some(value) => span(value),
        None => Ok(None),
    };
    let mut imported = Imported::new(&DIALECT, "composer", constant(0.0));
    let Some(peak) = optim.number(&["lr"])? else {
        return Err(ImportError::missing("composer", "optimizer.lr"));
    };
    let total = match settings.get("max_duration") {
        // A bare number counts epochs.
        Some(Expr::Number(epochs)) => Some(Span::Epochs(*epochs)),
        _ => length(&settings, "max_duration")?,
    };
    let total = options.length.or(total);
    imported.updates = total;
    let warmup = length(&sched, "t_warmup")?.unwrap_or(Span::Updates(0.0));
    // A share of the run is resolved where both are known.
    let warmup = match (warmup, total) {
        (Span::Percent(percent), Some(total)) => total.with_amount(total.amount() * percent / 100.0),
        (warmup, _) => warmup,
    };
    let end = sched.number_or("alpha_f", 0.0)?;
    let name = sched.text("name").unwrap_or("constant_with_warmup").to_owned();
    let rest = match (length(&sched, "t_max")?, total, warmup) {
        (Some(Span::Percent(100.0)) | None, Some(Span::Updates(total)), Span::Updates(warmup)) => {
            Some(Span::Updates(total - warmup))
        }
        (Some(Span::Percent(100.0)) | None, Some(Span::Epochs(total)), Span::Epochs(warmup)) => {
            Some(Span::Epochs(total - warmup))
        }
        (Some(Span::Updates(end)), _, Span::Updates(warmup)) => Some(Span::Updates(end - warmup)),
        _ => None,
    };
    let rest = rest.filter(|rest| rest.amount() > 0.0);
    let body = match name.as_str() {
        "constant_with_warmup" | "constant" => constant(peak),
        "cosine_with_warmup" | "cosine_annealing_with_warmup" | "cosine_decay_with_warmup" => {
            cosine(peak, end * peak, rest, After::Hold)
        }
        "linear_decay_with_warmup" | "linear_with_warmup" => linear(peak, 1.0, end, rest),
        "inv_sqrt_with_warmup" => {
            let timescale = length(&sched, "t_scale")?.unwrap_or(warmup);
            Kind::InverseSqrt(InverseSqrt { peak, timescale, floor: 0.0 }).into()
        }
        other => {
            let why = "known are constant, cosine, linear and inverse square root with warmup; a log can be imported";
            return Err(ImportError::unsupported(format!("composer's {other}"), why));
        }
    };
    imported.lr = warmed(body, warmup, 0.0, Ramp::Linear);
    imported.name = format!("composer {name}");
    imported.optimizer = optimizer(&optim, peak, &mut imported)?;
    let clip = settings.table("algorithms.gradient_clipping");
    imported.clip_norm = clip.number(&["clipping_threshold"])?.filter(|norm| *norm > 0.0);
    if text.program().is_some() {
        tell(&settings, &mut imported);
    }
    Ok(imported)
}

/// The optimizer. A decoupled one shrinks the weights by `weight_decay * rate / peak` at every update, as AdamW does with
/// `weight_decay / peak`.
fn optimizer(optim: &Settings, peak: f64, imported: &mut Imported) -> Result<Option<Optimizer>, ImportError> {
    let name = optim.text("name").unwrap_or("adamw").to_owned();
    let plain = name.to_lowercase().replace('_', "");
    let decoupled = plain.strip_prefix("decoupled");
    let kind = match decoupled {
        Some("sgdw") => Some(OptimizerKind::Sgd),
        Some("lionw") => Some(OptimizerKind::Lion),
        Some(rest) => optimizer_kind(rest),
        None => optimizer_kind(&name),
    };
    let Some(kind) = kind else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    set(&mut optimizer, "eps", optim.number(&["eps"])?);
    set(&mut optimizer, "momentum", optim.number(&["momentum"])?);
    optimizer.switch("nesterov", optim.flag("nesterov") == Some(true));
    // Its defaults differ from PyTorch's.
    let (beta2, usual) = if decoupled == Some("adamw") { (Some(0.95), 1e-5) } else { (None, 0.0) };
    set(&mut optimizer, "beta2", beta2);
    if let Some(betas) = optim.get("betas") {
        set_betas(&mut optimizer, &numbers("betas", betas)?);
    }
    let decay = optim.number(&["weight_decay"])?;
    if decoupled.is_none() || peak <= 0.0 {
        set(&mut optimizer, "weight_decay", decay);
        return Ok(Some(optimizer));
    }
    let decay = decay.unwrap_or(usual);
    if kind == OptimizerKind::Sgd && decay > 0.0 {
        imported.note(format!(
            "DecoupledSGDW's weight_decay={decay} is no part of the gradient, as SGD's is, and was left out"
        ));
    } else {
        set(&mut optimizer, "weight_decay", Some(decay / peak));
    }
    if kind != OptimizerKind::Sgd && decay > 0.0 {
        imported.note(format!(
            "{name} shrinks the weights by weight_decay * rate / peak; PyTorch's by weight_decay * rate, so {decay} is \
             {} here",
            crate::numbers::significant(decay / peak, 6)
        ));
    }
    Ok(Some(optimizer))
}
