//! NeMo's YAML: `optim` with its `sched`, wherever it stands.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, polynomial, sequence, warmed, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Kind, Noam};
use crate::schedule::{Clamp, Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "nemo",
    name: "NeMo",
    example: "trainer:\n  max_steps: 10000\nmodel:\n  optim:\n    name: adamw\n    lr: 1.0e-3\n    sched:\n      name: \
              CosineAnnealing\n      warmup_steps: 500\n      min_lr: 1.0e-5\n",
    signs: &[
        (Sign::Key("model.optim.sched.name"), 14),
        (Sign::Key("optim.sched.name"), 14),
        (Sign::Key("model.optim.lr"), 6),
        (Sign::Key("optim.lr"), 2),
        (Sign::Key("trainer.max_steps"), 2),
        (Sign::Key("exp_manager"), 4),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let own = settings.table("model.optim");
    let optim = if own.is_empty() { settings.table("optim") } else { own };
    let sched = optim.table("sched");
    let Some(kind) = sched.text("name").map(str::to_owned) else {
        return Err(ImportError::NoSchedule("optim.sched with a name is looked for"));
    };
    let mut imported = Imported::new(&DIALECT, format!("NeMo {kind}"), constant(0.0));
    let Some(peak) = optim.number(&["lr"])? else {
        return Err(ImportError::missing("NeMo's optim", "an lr"));
    };
    let trainer = settings.table("trainer");
    let steps = match sched.number(&["max_steps"])? {
        Some(steps) => Some(steps),
        None => trainer.number(&["max_steps"])?,
    };
    let steps = steps.filter(|steps| *steps > 0.0);
    let epochs = trainer.number(&["max_epochs"])?.filter(|epochs| *epochs > 0.0);
    imported.updates = options.length.or(steps.map(Span::Updates)).or(epochs.map(Span::Epochs));
    let ratio = sched.number(&["warmup_ratio"])?;
    let warmup = match (sched.number(&["warmup_steps"])?, ratio, steps) {
        (Some(warmup), ..) => Span::Updates(warmup),
        (None, Some(ratio), Some(steps)) => Span::Updates((ratio * steps).trunc()),
        (None, Some(ratio), None) => Span::Percent(100.0 * ratio),
        _ => Span::Updates(0.0),
    };
    let floor = sched.number_or("min_lr", 0.0)?;
    let rest = match (steps, warmup) {
        (Some(steps), Span::Updates(warmup)) if steps > warmup => Some(Span::Updates(steps - warmup)),
        _ => None,
    };
    if let Some(hold) = sched.number(&["constant_steps"])?.filter(|hold| *hold > 0.0) {
        let why = format!(
            "its constant_steps={hold} at the end bend its cosine; a log of its rates can be imported"
        );
        return Err(ImportError::unsupported(kind, why));
    }
    imported.lr = schedule(&kind, peak, floor, (warmup, rest), &sched)?;
    imported.optimizer = optimizer(&optim, &mut imported)?;
    imported.accumulate = trainer.count("accumulate_grad_batches")?.map(|count| count.max(1) as usize);
    imported.clip_norm = trainer.number(&["gradient_clip_val"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}

fn schedule(
    kind: &str,
    peak: f64,
    floor: f64,
    (warmup, rest): (Span, Option<Span>),
    sched: &Settings,
) -> Result<Schedule, ImportError> {
    // Its climb is (i + 1) / (W + 1), which arrives as the rest begins.
    let climb = written("peak * (t + 1) / (total + 1)", &[("peak", peak)])?;
    let climbing = |body: Schedule| match warmup {
        Span::Updates(steps) => warmed(body, warmup, 1.0 / (steps + 1.0), Ramp::Linear),
        // Of a share of the run the updates are not known yet: the climb's own length is its formula's `total`.
        share => sequence(vec![(share, climb)], body),
    };
    Ok(match kind {
        "CosineAnnealing" => climbing(cosine(peak, floor, rest, After::Hold)),
        "PolynomialDecayAnnealing" => climbing(polynomial(peak, sched.number_or("power", 1.0)?, floor, rest)),
        "WarmupPolicy" | "WarmupHoldPolicy" => climbing(constant(peak)),
        "NoamAnnealing" => {
            let Some(d_model) = sched.number(&["d_model"])? else {
                return Err(ImportError::missing("NoamAnnealing", "a d_model that is a number"));
            };
            let Span::Updates(steps) = warmup else {
                return Err(ImportError::missing("NoamAnnealing", "warmup_steps"));
            };
            let curve: Schedule =
                Kind::Noam(Noam { scale: peak, d_model, warmup: Span::Updates(steps.max(1.0)) }).into();
            // NeMo's first two updates both have the first rate of the curve.
            let first = peak * d_model.powf(-0.5) * steps.max(1.0).powf(-1.5);
            let body = sequence(vec![(Span::Updates(1.0), constant(first))], curve);
            if floor > 0.0 { Schedule { clamp: Some(Clamp { min: floor, max: 1e6 }), ..body } } else { body }
        }
        other => {
            let why = "known are CosineAnnealing, PolynomialDecayAnnealing, WarmupPolicy and NoamAnnealing; a log can be \
                       imported";
            return Err(ImportError::unsupported(format!("NeMo's {other}"), why));
        }
    })
}

fn optimizer(optim: &Settings, imported: &mut Imported) -> Result<Option<Optimizer>, ImportError> {
    let name = optim.text("name").unwrap_or("adamw").to_owned();
    let Some(kind) = optimizer_kind(&name) else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    set(&mut optimizer, "weight_decay", optim.number(&["weight_decay"])?);
    set(&mut optimizer, "momentum", optim.number(&["momentum"])?);
    set(&mut optimizer, "eps", optim.number(&["eps"])?);
    if let Some(betas) = optim.get("betas") {
        set_betas(&mut optimizer, &numbers("betas", betas)?);
    }
    Ok(Some(optimizer))
}
