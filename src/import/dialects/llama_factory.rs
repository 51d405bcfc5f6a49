//! LLaMA-Factory's YAML: the keys of TrainingArguments, with its own defaults of a warmup-stable-decay.

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Expr, Pair};
use super::super::settings::Settings;
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::huggingface::{Usual, arguments};
use super::wrong_form;

pub static DIALECT: Dialect = Dialect {
    id: "llama-factory",
    name: "LLaMA-Factory",
    example: "model_name_or_path: m\nstage: sft\ndo_train: true\nfinetuning_type: lora\ntemplate: llama3\ncutoff_len: \
              2048\nper_device_train_batch_size: 1\nlearning_rate: 1.0e-4\nnum_train_epochs: 3.0\nlr_scheduler_type: \
              cosine\nwarmup_ratio: 0.1\n",
    signs: &[
        (Sign::Key("finetuning_type"), 20),
        (Sign::Key("cutoff_len"), 12),
        (Sign::Key("template"), 6),
        (Sign::Key("stage"), 6),
        (Sign::Key("lora_target"), 6),
        (Sign::Key("dataset_dir"), 4),
        (Sign::Key("overwrite_cache"), 4),
        (Sign::Key("lr_scheduler_type"), 4),
    ],
    read,
};

const IDLE: [&str; 20] = [
    "model_name_or_path",
    "stage",
    "do_train",
    "finetuning_type",
    "template",
    "cutoff_len",
    "dataset",
    "dataset_dir",
    "lora_target",
    "lora_rank",
    "lora_alpha",
    "output_dir",
    "overwrite_cache",
    "preprocessing_num_workers",
    "logging_steps",
    "save_steps",
    "plot_loss",
    "overwrite_output_dir",
    "bf16",
    "fp16",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    settings.seen(&IDLE);
    let mut settings = settings.clone();
    let mut imported = Imported::new(&DIALECT, "LLaMA-Factory", constant(0.0));
    let is_wsd = settings.text("lr_scheduler_type") == Some("warmup_stable_decay");
    let kwargs: Settings = settings.table("lr_scheduler_kwargs");
    if is_wsd && !kwargs.has("num_decay_steps") {
        // Of what follows the warmup a third is stable, the rest decays.
        let Some(total) = settings.number(&["max_steps"])?.filter(|total| *total > 0.0) else {
            return Err(ImportError::missing(
                "warmup_stable_decay",
                "max_steps, or num_decay_steps in lr_scheduler_kwargs",
            ));
        };
        let warmup = settings.number_or("warmup_steps", 0.0)?;
        let rest = (total - warmup).max(1.0);
        let stable = (rest / 3.0).floor();
        let decay = Expr::Number(rest - stable);
        let pair = Pair { key: Expr::Text("num_decay_steps".to_owned()), value: decay, line: 0 };
        settings.put_table("lr_scheduler_kwargs", vec![pair]);
        imported.assume(format!(
            "num_decay_steps is not given: LLaMA-Factory takes two thirds of what follows the warmup, {}",
            rest - stable
        ));
    }
    let usual = Usual { rate: 5e-5, kind: "linear", epochs: 3.0, optimizer: "adamw_torch" };
    arguments(&settings, &usual, options, &mut imported)?;
    Ok(imported)
}
