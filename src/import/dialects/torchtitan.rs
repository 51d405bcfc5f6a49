//! torchtitan's TOML; its climb and its decay are an update ahead of others'.

use super::super::dialect::{Dialect, Sign};
use super::super::function::{self, Sampled};
use super::super::settings::{optimizer_kind, set};
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::{Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "torchtitan",
    name: "torchtitan",
    example: "[optimizer]\nname = \"AdamW\"\nlr = 3e-4\n[lr_scheduler]\nwarmup_steps = 200\ndecay_ratio = 0.8\ndecay_type = \
              \"cosine\"\nmin_lr_factor = 0.1\n[training]\nlocal_batch_size = 1\nsteps = 1000\n",
    signs: &[
        (Sign::Key("lr_scheduler.decay_ratio"), 12),
        (Sign::Key("lr_scheduler.decay_type"), 8),
        (Sign::Key("lr_scheduler.min_lr_factor"), 8),
        (Sign::Key("lr_scheduler.warmup_steps"), 6),
        (Sign::Key("lr_scheduler.lr_min"), 6),
        (Sign::Key("training.steps"), 6),
        (Sign::Key("optimizer.lr"), 2),
        (Sign::Key("training.local_batch_size"), 4),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let (optim, sched, training) =
        (settings.table("optimizer"), settings.table("lr_scheduler"), settings.table("training"));
    let mut imported = Imported::new(&DIALECT, "torchtitan", constant(0.0));
    let or = |name: &str, found: Option<f64>, usual: f64, imported: &mut Imported| match found {
        Some(value) => value,
        None => {
            imported.assume(format!("{name} is not given: {usual} was taken, torchtitan's default"));
            usual
        }
    };
    let peak = or("optimizer.lr", optim.number(&["lr"])?, 8e-4, &mut imported);
    let steps = or("training.steps", training.number(&["steps"])?, 10_000.0, &mut imported);
    let total = sched.number(&["total_steps"])?.unwrap_or(steps);
    let warmup =
        or("lr_scheduler.warmup_steps", sched.number(&["warmup_steps"])?, 200.0, &mut imported).min(total);
    let factor = sched.number(&["min_lr_factor", "lr_min"])?.unwrap_or(0.0);
    let decay = match sched.number(&["decay_ratio"])? {
        Some(ratio) => {
            let decay = (total * ratio).round();
            if warmup + decay > total { total - warmup } else { decay }
        }
        None => total - warmup,
    };
    let kind = sched.text("decay_type").unwrap_or("linear").to_owned();
    if !matches!(kind.as_str(), "linear" | "sqrt" | "cosine") {
        return Err(ImportError::unsupported(
            format!("decay_type {kind}"),
            "torchtitan knows linear, sqrt and cosine",
        ));
    }
    let stable = total + 1.0 - warmup - decay;
    imported.name = format!("torchtitan {kind}");
    imported.updates = Some(options.length.unwrap_or(Span::Updates(steps)));
    let sampled = Sampled {
        what: "torchtitan's schedule",
        ticks: Some(steps.max(1.0) as u64),
        tick: Tick::Update,
        formula: None,
    };
    imported.lr = function::schedule(&sampled, &mut imported, |tick| {
        let at = tick as f64;
        let share = if at < warmup {
            (at + 1.0) / warmup
        } else if at < warmup + stable {
            1.0
        } else {
            let p = (at + 1.0 - (warmup + stable)) / decay.max(1.0);
            let left = match kind.as_str() {
                "linear" => 1.0 - p,
                "sqrt" => 1.0 - p.sqrt(),
                _ => 0.5 * (1.0 + (std::f64::consts::PI * p).cos()),
            };
            factor + (1.0 - factor) * left.max(0.0)
        };
        Ok(peak * share)
    })?;
    let name = optim.text("name").unwrap_or("AdamW").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "beta1", optim.number(&["beta1"])?.or(Some(0.9)));
            set(&mut optimizer, "beta2", optim.number(&["beta2"])?.or(Some(0.95)));
            set(&mut optimizer, "eps", optim.number(&["eps"])?);
            set(&mut optimizer, "weight_decay", optim.number(&["weight_decay"])?.or(Some(0.1)));
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.batch_size = training.count("local_batch_size")?.map(|size| size as usize);
    imported.clip_norm = training.number(&["max_norm"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    Ok(imported)
}
