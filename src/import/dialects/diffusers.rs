//! The flags of diffusers' training scripts, and those of kohya's sd-scripts, which have the same schedules under
//! other names.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, optimizer_kind, set};
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::huggingface::{Length, schedule};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::Span;

pub static DIALECT: Dialect = Dialect {
    id: "diffusers",
    name: "diffusers' training scripts",
    example: "accelerate launch train_dreambooth.py --instance_data_dir d --learning_rate=5e-6 --lr_scheduler=cosine \
              --lr_warmup_steps=100 --max_train_steps=1000 --train_batch_size=1\n",
    signs: &[
        (Sign::Flag("lr_warmup_steps"), 8),
        (Sign::Flag("max_train_steps"), 5),
        (Sign::Flag("lr_num_cycles"), 8),
        (Sign::Flag("lr_power"), 6),
        (Sign::Flag("lr_scheduler"), 2),
        (Sign::Flag("learning_rate"), 1),
        (Sign::Flag("instance_data_dir"), 8),
        (Sign::Flag("pretrained_model_name_or_path"), 3),
        (Sign::Flag("train_text_encoder"), 4),
        (Sign::Flag("snr_gamma"), 4),
        (Sign::Flag("train_batch_size"), 2),
        (Sign::Flag("scale_lr"), 4),
        (Sign::Flag("use_8bit_adam"), 3),
        (Sign::Flag("lr_scheduler_num_cycles"), 4),
    ],
    read: |text, options| read(text, options, &DIFFUSERS),
};

pub static KOHYA: Dialect = Dialect {
    id: "kohya",
    name: "kohya's sd-scripts",
    example: "accelerate launch train_network.py --network_module=networks.lora --network_dim=32 --unet_lr=1e-4 \
              --learning_rate=1e-4 --lr_scheduler=cosine_with_restarts --lr_scheduler_num_cycles=3 \
              --lr_warmup_steps=100 --max_train_steps=1600 --train_batch_size=2\n",
    signs: &[
        (Sign::Flag("lr_scheduler_num_cycles"), 8),
        (Sign::Flag("lr_scheduler_power"), 6),
        (Sign::Flag("lr_warmup_steps"), 6),
        (Sign::Flag("max_train_steps"), 4),
        (Sign::Flag("max_train_epochs"), 8),
        (Sign::Flag("network_module"), 12),
        (Sign::Flag("network_dim"), 8),
        (Sign::Flag("unet_lr"), 10),
        (Sign::Flag("text_encoder_lr"), 8),
        (Sign::Flag("optimizer_type"), 5),
        (Sign::Flag("lr_scheduler"), 2),
        (Sign::Flag("learning_rate"), 1),
        (Sign::Key("network_module"), 12),
        (Sign::Key("lr_warmup"), 8),
        (Sign::Key("min_snr_gamma"), 4),
        (Sign::Key("clip_skip"), 5),
        (Sign::Key("keep_tokens"), 5),
        (Sign::Key("cache_latents"), 6),
        (Sign::Key("enable_bucket"), 6),
        (Sign::Key("lr_scheduler"), 1),
        (Sign::Key("unet_lr"), 10),
        (Sign::Key("lr_scheduler_num_cycles"), 8),
        (Sign::Key("lr_warmup_steps"), 6),
        (Sign::Key("max_train_steps"), 4),
        (Sign::Key("max_train_epochs"), 8),
        (Sign::Key("optimizer_type"), 5),
        (Sign::Name("network_module"), 12),
        (Sign::Name("lr_scheduler_num_cycles"), 8),
        (Sign::Name("lr_warmup_steps"), 6),
        (Sign::Name("unet_lr"), 10),
        (Sign::Name("max_train_steps"), 4),
    ],
    read: |text, options| read(text, options, &SD_SCRIPTS),
};

/// What a script takes where nothing is said.
struct Usual {
    dialect: &'static Dialect,
    rate: f64,
    warmup: f64,
    steps: Option<f64>,
    epochs: f64,
    weight_decay: f64,
}

static DIFFUSERS: Usual =
    Usual { dialect: &DIALECT, rate: 1e-4, warmup: 500.0, steps: None, epochs: 100.0, weight_decay: 1e-2 };
static SD_SCRIPTS: Usual =
    Usual { dialect: &KOHYA, rate: 2e-6, warmup: 0.0, steps: Some(1600.0), epochs: 1.0, weight_decay: 1e-2 };

const IDLE: [&str; 14] = [
    "pretrained_model_name_or_path",
    "instance_data_dir",
    "class_data_dir",
    "output_dir",
    "instance_prompt",
    "class_prompt",
    "resolution",
    "mixed_precision",
    "seed",
    "train_data_dir",
    "dataset_name",
    "report_to",
    "checkpointing_steps",
    "validation_prompt",
];

fn read(text: &Text<'_>, options: &Options, usual: &Usual) -> Result<Imported, ImportError> {
    let settings = match (text.settings(), text.program()) {
        (Some(settings), _) => settings.clone(),
        // A TOML without sections is a list of assignments.
        (None, Some(program)) => super::assignments(program),
        _ => return Err(wrong_form(usual.dialect, text)),
    };
    settings.seen(&IDLE);
    let mut imported = Imported::new(usual.dialect, usual.dialect.id, constant(0.0));
    let peak = match settings.number(&["learning_rate"])? {
        Some(rate) => rate,
        None => {
            let own = settings.number(&["unet_lr"])?;
            let rate = own.unwrap_or(usual.rate);
            let why = if own.is_some() { "that of unet_lr" } else { "the script's default" };
            imported.assume(format!("no learning_rate is given: {rate} was taken, {why}"));
            rate
        }
    };
    for name in ["unet_lr", "text_encoder_lr"] {
        if let Some(rate) = settings.number(&[name])? {
            imported
                .note(format!("{name}={rate} is the rate of a group of its own, under the same schedule"));
        }
    }
    // The interface of kohya's scripts leaves a field that is not used empty.
    let filled = |name: &'static str| {
        if settings.text(name) == Some("") { Ok(None) } else { settings.number(&[name]) }
    };
    let mut epochs = None;
    for name in ["num_train_epochs", "max_train_epochs", "epoch"] {
        epochs = epochs.or(filled(name)?.filter(|epochs| *epochs > 0.0));
    }
    let steps = filled("max_train_steps")?;
    let length = match (options.length, steps, epochs) {
        (Some(length), ..) => length,
        (None, Some(steps), _) if steps > 0.0 => Span::Updates(steps),
        (None, _, Some(epochs)) if epochs > 0.0 => Span::Epochs(epochs),
        _ => {
            let length = usual.steps.map_or(Span::Epochs(usual.epochs), Span::Updates);
            imported.assume(format!("no length is given: {length} was taken, the script's default"));
            length
        }
    };
    imported.updates = Some(length);
    let kind = match settings.text("lr_scheduler").map(str::to_owned) {
        Some(kind) => kind,
        None => {
            imported.assume("no lr_scheduler is given: constant was taken, the scripts' default");
            "constant".to_owned()
        }
    };
    let percent = filled("lr_warmup")?.filter(|percent| *percent > 0.0 && *percent < 100.0);
    let warmup = match filled("lr_warmup_steps")?.filter(|steps| *steps > 0.0 || percent.is_none()) {
        Some(steps) => steps,
        None if percent.is_some() => percent.unwrap_or_default() / 100.0,
        None if usual.warmup > 0.0 && !matches!(kind.as_str(), "constant") => {
            imported.assume(format!(
                "no lr_warmup_steps is given: {} was taken, the scripts' default",
                usual.warmup
            ));
            usual.warmup
        }
        None => 0.0,
    };
    let warmup = match length {
        // sd-scripts take a share of the run, their interface one in percent.
        _ if warmup >= 1.0 || warmup <= 0.0 => Span::Updates(warmup.max(0.0).trunc()),
        Span::Updates(total) => Span::Updates((warmup * total).trunc()),
        _ => Span::Percent(100.0 * warmup),
    };
    let mut kwargs = Settings::default();
    if let Some(cycles) = settings.first(&["lr_num_cycles", "lr_scheduler_num_cycles"]).cloned()
        && kind == "cosine_with_restarts"
    {
        kwargs.push("num_cycles", cycles);
    }
    if let Some(power) = settings.first(&["lr_power", "lr_scheduler_power"]).cloned()
        && kind == "polynomial"
    {
        kwargs.push("power", power);
    }
    imported.name = format!("{} {kind}", usual.dialect.id);
    imported.lr = schedule(&kind, peak, &Length::new(warmup, Some(length), options), &kwargs, &mut imported)?;
    let name = settings.text("optimizer_type").or(settings.text("optimizer")).unwrap_or("adamw").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "beta1", settings.number(&["adam_beta1"])?);
            set(&mut optimizer, "beta2", settings.number(&["adam_beta2"])?);
            set(&mut optimizer, "eps", settings.number(&["adam_epsilon"])?);
            let decay = settings.number(&["adam_weight_decay"])?.unwrap_or(usual.weight_decay);
            set(&mut optimizer, "weight_decay", Some(decay));
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    settings.seen(&["use_8bit_adam"]);
    imported.accumulate = settings.count("gradient_accumulation_steps")?.map(|count| count.max(1) as usize);
    imported.batch_size = settings.count("train_batch_size")?.map(|size| size as usize);
    imported.clip_norm = settings.number(&["max_grad_norm"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    if settings.flag("scale_lr") == Some(true) {
        imported
            .note("--scale_lr multiplies the rate by processes, accumulation and batch, which was not done");
    }
    Ok(imported)
}
