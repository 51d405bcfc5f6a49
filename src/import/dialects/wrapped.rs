//! Settings of another framework in a wrapping: W&B's `config.yaml`, where each has a `value`, and the list of
//! hyperparameters in a model's card.

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Expr, Pair};
use super::super::settings::Settings;
use super::super::shape::constant;
use super::super::text::{Form, Text, Written};
use super::super::{ImportError, Imported, Options};
use super::huggingface::{Usual, arguments};
use super::wrong_form;

pub static WANDB: Dialect = Dialect {
    id: "wandb",
    name: "W&B's config.yaml",
    example: "_wandb:\n  value: {}\nlearning_rate:\n  desc: null\n  value: 2.0e-05\nlr_scheduler_type:\n  desc: null\n  \
              value: linear\nnum_train_epochs:\n  desc: null\n  value: 3\nwarmup_steps:\n  desc: null\n  value: 100\n",
    signs: &[
        (Sign::Key("_wandb.value"), 30),
        (Sign::Key("wandb_version"), 20),
        (Sign::Key("learning_rate.value"), 12),
        (Sign::Key("lr.value"), 12),
        (Sign::Key("lr_scheduler_type.value"), 12),
    ],
    // What the wrapping holds is read by a reader of its own; this one meets a wrapping within a wrapping.
    read: |_, _| Err(ImportError::NoSchedule("settings with a value are looked for")),
};

pub static CARD: Dialect = Dialect {
    id: "model-card",
    name: "a model card",
    example: "### Training hyperparameters\n\nThe following hyperparameters were used during training:\n- learning_rate: \
              2e-05\n- train_batch_size: 16\n- seed: 42\n- optimizer: Adam with betas=(0.9,0.999) and epsilon=1e-08\n- \
              lr_scheduler_type: linear\n- lr_scheduler_warmup_steps: 500\n- num_epochs: 3\n",
    signs: &[(Sign::Card, 40)],
    read: card,
};

/// The settings of W&B's configuration without their wrapping.
pub(in crate::import) fn unwrapped<'t>(text: &Text<'t>) -> Result<Text<'t>, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&WANDB, text)) };
    let mut pairs = Vec::new();
    for name in settings.names().map(str::to_owned).collect::<Vec<_>>() {
        let table = settings.table(&name);
        let line = settings.line(&name);
        settings.seen(&[&name]);
        if matches!(name.as_str(), "_wandb" | "wandb_version") {
            continue;
        }
        if let Some(value) = table.get("value") {
            pairs.push(Pair { key: Expr::Text(name), value: value.clone(), line });
        }
    }
    Ok(Text::of(text.raw, Form::Table(Settings::of_pairs(&pairs), Written::Yaml)))
}

fn card(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&CARD, text)) };
    let mut imported = Imported::new(&CARD, "model card", constant(0.0));
    settings.seen(&[
        "seed",
        "eval_batch_size",
        "total_train_batch_size",
        "total_eval_batch_size",
        "distributed_type",
        "num_devices",
        "mixed_precision_training",
    ]);
    let mut given = Settings::default();
    for (name, of_card) in [
        ("learning_rate", "learning_rate"),
        ("lr_scheduler_type", "lr_scheduler_type"),
        ("warmup_steps", "lr_scheduler_warmup_steps"),
        ("warmup_ratio", "lr_scheduler_warmup_ratio"),
        ("num_train_epochs", "num_epochs"),
        ("max_steps", "training_steps"),
        ("per_device_train_batch_size", "train_batch_size"),
        ("gradient_accumulation_steps", "gradient_accumulation_steps"),
    ] {
        if let Some(value) = settings.get(of_card) {
            given.push(name, value.clone());
        }
    }
    // "Adam with betas=(0.9,0.98) and epsilon=1e-06", "Use adamw_torch with betas=...".
    if let Some(written) = settings.text("optimizer") {
        let number_after = |word: &str, place: usize| -> Option<f64> {
            let rest = written.split_once(word)?.1.trim_start_matches('(');
            let part = rest.split(',').nth(place)?;
            let end = part
                .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+')))
                .unwrap_or(part.len());
            part.get(..end)?.trim_end_matches('.').parse().ok()
        };
        for (name, value) in [
            ("adam_beta1", number_after("betas=", 0)),
            ("adam_beta2", number_after("betas=", 1)),
            ("adam_epsilon", number_after("epsilon=", 0)),
        ] {
            if let Some(value) = value {
                given.push(name, Expr::Number(value));
            }
        }
        // What the card calls Adam is transformers' AdamW.
        let name = if written.to_lowercase().contains("adafactor") { "adafactor" } else { "adamw_torch" };
        given.push("optim", Expr::Text(name.to_owned()));
    }
    let usual = Usual { rate: 5e-5, kind: "linear", epochs: 3.0, optimizer: "adamw_torch" };
    arguments(&given, &usual, options, &mut imported)?;
    imported.note("a card does not say the weight decay or the clipping: transformers' defaults were taken");
    Ok(imported)
}
