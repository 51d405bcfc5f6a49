//! OpenNMT-py: the settings of `onmt_train`, in its YAML or as flags. Its decay counts updates from 1.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, number, optimizer_kind, set};
use super::super::shape::{constant, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{Kind, Noam};
use crate::schedule::{Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "opennmt",
    name: "OpenNMT-py",
    example: "train_steps: 200000\nvalid_steps: 10000\noptim: adam\nlearning_rate: 2\nwarmup_steps: 8000\ndecay_method: \
              noam\nhidden_size: 512\nadam_beta2: 0.998\n",
    signs: &[
        (Sign::Key("decay_method"), 16),
        (Sign::Key("learning_rate_decay"), 8),
        (Sign::Key("start_decay_steps"), 12),
        (Sign::Key("train_steps"), 8),
        (Sign::Key("valid_steps"), 6),
        (Sign::Key("save_checkpoint_steps"), 4),
        (Sign::Flag("decay_method"), 16),
        (Sign::Flag("start_decay_steps"), 12),
        (Sign::Flag("train_steps"), 6),
        (Sign::Flag("rnn_size"), 6),
    ],
    read,
};

const IDLE: [&str; 14] = [
    "save_model",
    "save_checkpoint_steps",
    "valid_steps",
    "report_every",
    "seed",
    "world_size",
    "gpu_ranks",
    "model_dtype",
    "label_smoothing",
    "param_init",
    "param_init_glorot",
    "encoder_type",
    "decoder_type",
    "dropout",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "OpenNMT-py", constant(0.0));
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match settings.number(&[name])? {
            Some(value) => value,
            None => {
                imported.assume(format!("{name} is not given: {usual} was taken, the default"));
                usual
            }
        })
    };
    let peak = or("learning_rate", 1.0, &mut imported)?;
    let total = or("train_steps", 100_000.0, &mut imported)?;
    let method = settings.text("decay_method").unwrap_or("none").to_owned();
    imported.lr = match method.as_str() {
        "noam" => {
            let warm = or("warmup_steps", 4000.0, &mut imported)?.max(1.0);
            let width = settings.number(&["hidden_size", "rnn_size", "dec_hid_size"])?;
            let width = match width {
                Some(width) => width,
                None => {
                    imported.assume("hidden_size is not given: 500 was taken, the default");
                    500.0
                }
            };
            Kind::Noam(Noam { scale: peak, d_model: width, warmup: Span::Updates(warm) }).into()
        }
        "rsqrt" => {
            let warm = or("warmup_steps", 4000.0, &mut imported)?;
            written("peak / sqrt(max(t + 1, warm))", &[("peak", peak), ("warm", warm)])?
        }
        "none" => steps(settings, peak, &mut imported)?,
        other => {
            let why = "known are noam, rsqrt and none; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("decay_method {other}"), why));
        }
    };
    imported.name = format!("OpenNMT-py {method}");
    imported.updates = Some(options.length.unwrap_or(Span::Updates(total)));
    let name = settings.text("optim").unwrap_or("sgd").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "beta1", settings.number(&["adam_beta1"])?);
            set(&mut optimizer, "beta2", settings.number(&["adam_beta2"])?);
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.clip_norm = Some(or("max_grad_norm", 5.0, &mut imported)?).filter(|norm| *norm > 0.0);
    if let Some(counts) = settings.get("accum_count") {
        // A list changes it on the way, from the updates in accum_steps on.
        let counts = super::super::settings::numbers("accum_count", counts)?;
        imported.accumulate = counts.first().filter(|count| **count >= 1.0).map(|count| *count as usize);
        if counts.len() > 1 {
            imported.note("accum_count changes on the way; the first was taken");
        } else {
            settings.seen(&["accum_steps"]);
        }
    }
    match (settings.text("batch_type"), settings.get("batch_size")) {
        (Some("tokens"), Some(size)) => {
            imported.note(format!("batch_size={} counts tokens and was left out", size.shown()));
        }
        (_, Some(size)) => {
            let size = number("batch_size", size)?;
            imported.batch_size = (size >= 1.0).then_some(size as usize);
        }
        _ => {}
    }
    Ok(imported)
}

/// Without a method the rate falls by a factor, again and again, from `start_decay_steps` on.
fn steps(settings: &Settings, peak: f64, imported: &mut Imported) -> Result<Schedule, ImportError> {
    let start = settings.number_or("start_decay_steps", 50_000.0)?;
    let every = settings.number_or("decay_steps", 10_000.0)?;
    let rate = settings.number_or("learning_rate_decay", 0.5)?;
    if every <= 0.0 {
        return Err(ImportError::missing("decay_steps", "a number above 0"));
    }
    imported.note(format!(
        "without a decay_method OpenNMT multiplies the rate by {rate} every {every} updates, from {start} on"
    ));
    let constants = [("peak", peak), ("rate", rate), ("start", start), ("every", every)];
    written("peak * rate ** floor(max(t + 1 - start + every, 0) / every)", &constants)
}
