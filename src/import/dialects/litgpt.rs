//! LitGPT's finetuning YAML: `optimizer` by its class, and `train` with the lengths of a climb and a cosine.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, warmed};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::After;
use crate::schedule::{Ramp, Span};

pub static DIALECT: Dialect = Dialect {
    id: "litgpt",
    name: "LitGPT",
    example: "devices: 1\noptimizer:\n  class_path: torch.optim.AdamW\n  init_args:\n    lr: 0.0002\n    weight_decay: \
              0.0\n    betas: [0.9, 0.95]\ntrain:\n  global_batch_size: 8\n  micro_batch_size: 1\n  lr_warmup_steps: 10\n  \
              epochs: 4\n",
    signs: &[
        (Sign::Key("train.lr_warmup_steps"), 12),
        (Sign::Key("train.lr_warmup_fraction"), 12),
        (Sign::Key("train.micro_batch_size"), 6),
        (Sign::Key("train.global_batch_size"), 6),
        (Sign::Key("train.min_lr"), 4),
        (Sign::Key("train.max_tokens"), 4),
        (Sign::Key("checkpoint_dir"), 1),
    ],
    read,
};

/// The climb where none is given, in updates.
const WARMUP: f64 = 100.0;

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let train = settings.table("train");
    let mut imported = Imported::new(&DIALECT, "LitGPT cosine", constant(0.0));
    if train.number(&["max_tokens"])?.is_some_and(|tokens| tokens > 0.0) && options.length.is_none() {
        let why = "a pretraining's length is counted in tokens, and how many an update has depends on the machine; \
                   --length says the updates, or a log of its rates can be imported";
        return Err(ImportError::unsupported("train.max_tokens", why));
    }
    let peak = optimizer(settings, &mut imported)?;
    let steps = train.number(&["max_steps"])?.filter(|steps| *steps > 0.0);
    let epochs = train.number(&["epochs"])?.filter(|epochs| *epochs > 0.0);
    if let (Some(steps), Some(epochs)) = (steps, epochs) {
        imported.note(format!(
            "it ends after {epochs} epochs or {steps} updates, whichever comes first; the updates were taken"
        ));
    }
    let total = options.length.or(steps.map(Span::Updates)).or(epochs.map(Span::Epochs));
    let Some(total) = total else {
        return Err(ImportError::missing("LitGPT's train", "epochs or max_steps"));
    };
    imported.updates = Some(total);
    let warmup = match (train.number(&["lr_warmup_fraction"])?, train.number(&["lr_warmup_steps"])?) {
        (Some(share), _) if share > 0.0 => Span::Epochs(share),
        (_, Some(steps)) => Span::Updates(steps),
        (_, None) => {
            imported.assume(format!("train.lr_warmup_steps is not given: {WARMUP} was taken, the default"));
            Span::Updates(WARMUP)
        }
    };
    let rest = match (total, warmup) {
        (Span::Updates(total), Span::Updates(warmup)) if total > warmup => {
            Some(Span::Updates(total - warmup))
        }
        _ => None,
    };
    imported.lr = warmed(cosine(peak, 0.0, rest, After::Rebound), warmup, 0.0, Ramp::Linear);
    if train.number(&["min_lr"])?.is_some() {
        imported.note("train.min_lr is for pretraining: LitGPT's finetuning falls to 0, as here");
    }
    let batch = train.count("global_batch_size")?;
    let micro = train.count("micro_batch_size")?;
    let devices = settings.count("devices")?.unwrap_or(1) * settings.count("num_nodes")?.unwrap_or(1);
    if let (Some(batch), Some(micro)) = (batch, micro) {
        imported.accumulate = Some((batch / devices.max(1) / micro.max(1)).max(1) as usize);
    }
    imported.batch_size = micro.map(|size| size as usize);
    imported.clip_norm = train.number(&["max_norm"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}

/// The rate, and the optimizer with its numbers.
fn optimizer(settings: &Settings, imported: &mut Imported) -> Result<f64, ImportError> {
    let table = settings.table("optimizer");
    let given = table.table("init_args");
    let class = table.text("class_path").or(settings.text("optimizer")).unwrap_or("AdamW").to_owned();
    let name = class.rsplit('.').next().unwrap_or(&class);
    match optimizer_kind(name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            for number in ["weight_decay", "momentum", "eps"] {
                set(&mut optimizer, number, given.number(&[number])?);
            }
            if let Some(betas) = given.get("betas") {
                set_betas(&mut optimizer, &numbers("betas", betas)?);
            }
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    match given.number(&["lr"])? {
        Some(rate) => Ok(rate),
        None => {
            imported.assume("optimizer.init_args.lr is not given: 0.001 was taken, PyTorch's default");
            Ok(1e-3)
        }
    }
}
