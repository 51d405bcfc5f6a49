//! Configurations of nanoGPT and its children: assignments in Python without a schedule of their own, which the
//! training script has.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, set};
use super::super::shape::{constant, cosine, warmed};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::After;
use crate::schedule::{Ramp, Span};

pub static DIALECT: Dialect = Dialect {
    id: "nanogpt",
    name: "a configuration of nanoGPT",
    example: "batch_size = 12\nblock_size = 1024\nlearning_rate = 6e-4\nmax_iters = 600000\nlr_decay_iters = 600000\n\
              warmup_iters = 2000\nmin_lr = 6e-5\nweight_decay = 1e-1\n",
    signs: &[
        (Sign::Name("lr_decay_iters"), 9),
        (Sign::Name("max_iters"), 5),
        (Sign::Name("warmup_iters"), 2),
        (Sign::Name("min_lr"), 2),
        (Sign::Name("block_size"), 3),
        (Sign::Name("learning_rate"), 1),
        (Sign::Name("wandb_project"), 2),
        (Sign::Name("gradient_accumulation_steps"), 2),
        (Sign::Flag("lr_decay_iters"), 6),
        (Sign::Flag("max_iters"), 5),
        (Sign::Flag("block_size"), 3),
    ],
    read,
};

const IDLE: [&str; 16] = [
    "out_dir",
    "eval_interval",
    "eval_iters",
    "log_interval",
    "always_save_checkpoint",
    "wandb_log",
    "wandb_project",
    "wandb_run_name",
    "dataset",
    "block_size",
    "n_layer",
    "n_head",
    "n_embd",
    "dropout",
    "device",
    "compile",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let settings: Settings = match (text.settings(), text.program()) {
        (Some(settings), _) => settings.clone(),
        (None, Some(program)) => super::assignments(program),
        _ => return Err(wrong_form(&DIALECT, text)),
    };
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "nanoGPT", constant(0.0));
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match settings.number(&[name])? {
            Some(value) => value,
            None => {
                imported.assume(format!("{name} is not given: {usual} was taken, nanoGPT's default"));
                usual
            }
        })
    };
    let peak = or("learning_rate", 6e-4, &mut imported)?;
    let total = or("max_iters", 600_000.0, &mut imported)?;
    if settings.flag("decay_lr") == Some(false) {
        imported.lr = constant(peak);
    } else {
        let (warmup, end) =
            (or("warmup_iters", 2000.0, &mut imported)?, or("lr_decay_iters", 600_000.0, &mut imported)?);
        let floor = or("min_lr", 6e-5, &mut imported)?;
        if end <= warmup {
            return Err(ImportError::missing("lr_decay_iters", "more of them than warmup_iters"));
        }
        let body = cosine(peak, floor, Some(Span::Updates(end - warmup)), After::Hold);
        // Its climb is (i + 1) / (W + 1).
        imported.lr = warmed(body, Span::Updates(warmup), 1.0 / (warmup + 1.0), Ramp::Linear);
    }
    imported.updates = Some(options.length.unwrap_or(Span::Updates(total)));
    let mut optimizer = Optimizer::new(OptimizerKind::AdamW);
    set(&mut optimizer, "weight_decay", Some(settings.number_or("weight_decay", 0.1)?));
    set(&mut optimizer, "beta1", Some(settings.number_or("beta1", 0.9)?));
    set(&mut optimizer, "beta2", Some(settings.number_or("beta2", 0.95)?));
    imported.optimizer = Some(optimizer);
    // Its decay is for what has two dimensions or more.
    imported.decays_matrices();
    imported.accumulate = settings
        .number(&["gradient_accumulation_steps"])?
        .filter(|every| *every >= 1.0)
        .map(|every| every as usize);
    imported.batch_size =
        settings.number(&["batch_size"])?.filter(|size| *size >= 1.0).map(|size| size as usize);
    imported.clip_norm = settings.number(&["grad_clip"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    for unread in settings.unread("") {
        imported.leave(unread);
    }
    Ok(imported)
}
