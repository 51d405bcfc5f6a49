//! composer's and llm-foundry's YAML, whose lengths carry their units: `100ba`, `2ep`, `0.1dur`.

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, warmed};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
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
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let parameters = settings.table("parameters");
    let settings = if settings.has("scheduler") { settings.clone() } else { parameters };
    let (optim, sched) = (settings.table("optimizer"), settings.table("scheduler"));
    let length = |settings: &Settings, name: &str| match settings.get(name) {
        Some(value) => span(value),
        None => Ok(None),
    };
    let mut imported = Imported::new(&DIALECT, "composer", constant(0.0));
    let Some(peak) = optim.number(&["lr"])? else {
        return Err(ImportError::missing("composer", "optimizer.lr"));
    };
    let total = options.length.or(length(&settings, "max_duration")?);
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
    let optimizer_name = optim.text("name").unwrap_or("adamw").to_owned();
    match optimizer_kind(optimizer_name.trim_start_matches("decoupled_")) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "weight_decay", optim.number(&["weight_decay"])?);
            set(&mut optimizer, "eps", optim.number(&["eps"])?);
            if let Some(betas) = optim.get("betas") {
                set_betas(&mut optimizer, &numbers("betas", betas)?);
            }
            imported.optimizer = Some(optimizer);
            if optimizer_name.contains("decoupled") {
                imported.note(
                    "a decoupled weight decay does not shrink with the rate; here it does, as PyTorch's",
                );
            }
        }
        None => imported.note(format!("the optimizer {optimizer_name} is not known here")),
    }
    let clip = settings.table("algorithms.gradient_clipping");
    imported.clip_norm = clip.number(&["clipping_threshold"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}
