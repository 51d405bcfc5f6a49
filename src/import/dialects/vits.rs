//! HiFi-GAN, VITS and what grew out of them (so-vits-svc, RVC, Bert-VITS2): JSON whose rate is multiplied by `lr_decay`
//! after every epoch.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{numbers, set, set_betas};
use super::super::shape::{constant, ticking};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{Exponential, Kind};
use crate::schedule::{Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "vits",
    name: "VITS and HiFi-GAN",
    example: "{\n  \"train\": {\"log_interval\": 200, \"epochs\": 20000, \"learning_rate\": 2e-4, \"betas\": [0.8, 0.99], \
              \"eps\": 1e-9, \"batch_size\": 64, \"fp16_run\": true, \"lr_decay\": 0.999875, \"segment_size\": 8192, \
              \"init_lr_ratio\": 1, \"warmup_epochs\": 0, \"c_mel\": 45, \"c_kl\": 1.0}\n}\n",
    signs: &[
        (Sign::Key("train.lr_decay"), 10),
        (Sign::Key("train.segment_size"), 8),
        (Sign::Key("train.c_mel"), 8),
        (Sign::Key("train.init_lr_ratio"), 6),
        (Sign::Key("adam_b1"), 8),
        (Sign::Key("lr_decay"), 5),
        (Sign::Key("segment_size"), 4),
        (Sign::Key("upsample_rates"), 4),
    ],
    read,
};

/// Settings of the sound, the model and the printing.
const IDLE: [&str; 21] = [
    "log_interval",
    "eval_interval",
    "seed",
    "fp16_run",
    "bf16_run",
    "segment_size",
    "c_mel",
    "c_kl",
    "port",
    "keep_ckpts",
    "num_workers",
    "num_gpus",
    "resblock",
    "upsample_rates",
    "upsample_kernel_sizes",
    "upsample_initial_channel",
    "resblock_kernel_sizes",
    "resblock_dilation_sizes",
    "data",
    "model",
    "dist_config",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let train = if settings.has("train") { settings.table("train") } else { settings.clone() };
    settings.seen(&IDLE);
    train.seen(&IDLE);
    let (Some(peak), Some(gamma)) = (train.number(&["learning_rate"])?, train.number(&["lr_decay"])?) else {
        return Err(ImportError::missing("VITS and HiFi-GAN", "a learning_rate and an lr_decay"));
    };
    let mut imported = Imported::new(&DIALECT, "lr_decay", constant(0.0));
    imported.lr = ticking(Kind::Exponential(Exponential { peak, gamma }).into(), Tick::Epoch);
    let epochs = train.number(&["epochs"])?.filter(|epochs| *epochs >= 1.0);
    imported.updates = options.length.or(epochs.map(Span::Epochs));
    if let Some(warmup) = train.number(&["warmup_epochs"])?.filter(|epochs| *epochs > 0.0) {
        imported.note(format!(
            "warmup_epochs={warmup} was left out: VITS does not read it, and what so-vits-svc makes of it is no part of this"
        ));
    }
    if let Some(ratio) = train.number(&["init_lr_ratio"])?.filter(|ratio| *ratio != 1.0) {
        imported.note(format!("init_lr_ratio={ratio} was left out: no training of VITS reads it"));
    }
    let mut optimizer = Optimizer::new(OptimizerKind::AdamW);
    if let Some(betas) = train.get("betas") {
        set_betas(&mut optimizer, &numbers("betas", betas)?);
    }
    set(&mut optimizer, "beta1", train.number(&["adam_b1"])?);
    set(&mut optimizer, "beta2", train.number(&["adam_b2"])?);
    set(&mut optimizer, "eps", train.number(&["eps"])?);
    imported.optimizer = Some(optimizer);
    imported.batch_size = train.count("batch_size")?.filter(|size| *size > 0).map(|size| size as usize);
    imported.note(
        "the generator and the discriminator have an optimizer each, with the same rate; this is one of them",
    );
    Ok(imported)
}
