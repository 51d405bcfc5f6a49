//! Hugging Face's `TrainingArguments`, however they are written, with the formulas of transformers'
//! `get_scheduler`; axolotl's and LLaMA-Factory's files have the same keys.

mod schedule;

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Call, Expr, Program};
use super::super::settings::{Settings, number, optimizer_kind, set};
use super::super::shape::constant;
use super::super::text::{Form, Text};
use super::super::{ImportError, Imported, Options, json, yaml};
use crate::experiment::Optimizer;
use crate::schedule::Span;

pub(in super::super) use schedule::{Length, schedule};

pub static DIALECT: Dialect = Dialect {
    id: "huggingface",
    name: "Hugging Face TrainingArguments",
    example: "args = TrainingArguments(output_dir=\"out\", learning_rate=2e-5, lr_scheduler_type=\"cosine\", \
              warmup_steps=100, max_steps=1000)\n",
    signs: &[
        (Sign::CallEnding("TrainingArguments"), 30),
        (Sign::Call("SFTConfig"), 25),
        (Sign::Call("DPOConfig"), 25),
        (Sign::Call("GRPOConfig"), 25),
        (Sign::Call("ORPOConfig"), 25),
        (Sign::Call("KTOConfig"), 25),
        (Sign::Call("CPOConfig"), 25),
        (Sign::Call("RLOOConfig"), 25),
        (Sign::Call("GKDConfig"), 25),
        (Sign::Call("OnlineDPOConfig"), 25),
        (Sign::Call("RewardConfig"), 20),
        (Sign::Key("lr_scheduler_type"), 12),
        (Sign::Key("per_device_train_batch_size"), 10),
        (Sign::Key("num_train_epochs"), 8),
        (Sign::Key("warmup_ratio"), 8),
        (Sign::Key("gradient_accumulation_steps"), 4),
        (Sign::Key("learning_rate"), 4),
        (Sign::Key("warmup_steps"), 3),
        (Sign::Key("max_steps"), 3),
        (Sign::Key("max_grad_norm"), 2),
        (Sign::Key("adam_beta2"), 3),
        (Sign::Key("output_dir"), 3),
        (Sign::Flag("lr_scheduler_type"), 12),
        (Sign::Flag("per_device_train_batch_size"), 10),
        (Sign::Flag("per_gpu_train_batch_size"), 10),
        (Sign::Flag("num_train_epochs"), 8),
        (Sign::Flag("warmup_ratio"), 8),
        (Sign::Flag("gradient_accumulation_steps"), 3),
        (Sign::Flag("learning_rate"), 4),
        (Sign::Flag("warmup_steps"), 4),
        (Sign::Flag("max_steps"), 3),
        (Sign::Flag("output_dir"), 2),
    ],
    read,
};

/// The rate where none is given, and the epochs.
const RATE: f64 = 5e-5;
const EPOCHS: f64 = 3.0;

/// TRL's configurations are TrainingArguments, each with its own rate where none is given (TRL 1.16).
const TRL: [(&str, f64); 10] = [
    ("SFTConfig", 2e-5),
    ("GKDConfig", 2e-5),
    ("DPOConfig", 1e-6),
    ("GRPOConfig", 1e-6),
    ("RLOOConfig", 1e-6),
    ("ORPOConfig", 1e-6),
    ("CPOConfig", 1e-6),
    ("KTOConfig", 1e-6),
    ("OnlineDPOConfig", 5e-7),
    ("RewardConfig", 1e-4),
];

/// Settings of TrainingArguments that do not shape the schedule.
const IDLE: [&str; 24] = [
    "output_dir",
    "do_train",
    "do_eval",
    "fp16",
    "bf16",
    "tf32",
    "seed",
    "logging_steps",
    "logging_dir",
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "eval_steps",
    "eval_strategy",
    "evaluation_strategy",
    "report_to",
    "per_device_eval_batch_size",
    "run_name",
    "overwrite_output_dir",
    "push_to_hub",
    "gradient_checkpointing",
    "dataloader_num_workers",
    "remove_unused_columns",
    "load_best_model_at_end",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let (settings, notes) = settings(text)?;
    let mut imported = Imported::new(&DIALECT, "Hugging Face", constant(0.0));
    notes.into_iter().for_each(|note| imported.note(note));
    if pyyaml_texts(text).next().is_some() {
        imported.note(
            "PyYAML reads a number such as 3e-4 as a text; it was taken as the number (write 3.0e-4 in the file)",
        );
    }
    settings.seen(&IDLE);
    refuse_other_rates(text, &settings)?;
    let call = text.program().and_then(|program| arguments_call(program).last().copied());
    let rate =
        call.and_then(|call| TRL.iter().find(|(name, _)| *name == call.name)).map_or(RATE, |(_, rate)| *rate);
    let usual = Usual { rate, kind: "linear", epochs: EPOCHS, optimizer: "adamw_torch" };
    arguments(&settings, &usual, options, &mut imported)?;
    tell(&settings, &mut imported);
    Ok(imported)
}

/// Arguments whose rates are not the trainer's one: several models of one command, or SetFit's two phases.
fn refuse_other_rates(text: &Text<'_>, settings: &Settings) -> Result<(), ImportError> {
    if settings.has("learning_rate") {
        return Ok(());
    }
    let others: Vec<String> =
        settings.names().filter(|name| name.ends_with("_learning_rate")).map(str::to_owned).collect();
    if !others.is_empty() {
        let why = "each is the rate of a model or phase of its own, and none is the trainer's learning_rate; read one \
                   by giving it that name, or import a log of its rates";
        return Err(ImportError::unsupported(others.join(", "), why));
    }
    let is_setfit = text.program().is_some_and(|_| {
        text.raw.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("from setfit") || line.starts_with("import setfit")
        })
    });
    if is_setfit {
        let why = "they have two phases with rates of their own (body_learning_rate, head_learning_rate); a log of its \
                   rates can be imported";
        return Err(ImportError::unsupported("SetFit's TrainingArguments", why));
    }
    Ok(())
}

/// What a framework takes where nothing is said.
pub(in super::super) struct Usual {
    pub rate: f64,
    pub kind: &'static str,
    pub epochs: f64,
    pub optimizer: &'static str,
}

/// Says what was not read of settings that are not the text's own.
pub(in super::super) fn tell(settings: &Settings, imported: &mut Imported) {
    settings.unknown().into_iter().for_each(|sentence| imported.note(sentence));
    settings.unread("").into_iter().for_each(|unread| imported.leave(unread));
}

/// TrainingArguments, under whatever defaults.
pub(in super::super) fn arguments(
    settings: &Settings,
    usual: &Usual,
    options: &Options,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let peak = match settings.number(&["learning_rate"])? {
        Some(rate) => rate,
        None => {
            imported
                .assume(format!("the text gives no learning_rate: {} was taken, the default", usual.rate));
            usual.rate
        }
    };
    let total = settings.number(&["max_steps", "max_train_steps"])?.filter(|steps| *steps > 0.0);
    let epochs = settings.number(&["num_train_epochs", "num_epochs"])?;
    let length = match (options.length, total, epochs) {
        (Some(length), ..) => length,
        (None, Some(total), _) => Span::Updates(total),
        (None, None, Some(epochs)) if epochs > 0.0 => Span::Epochs(epochs),
        (None, None, Some(0.0)) => {
            return Err(ImportError::missing(
                "num_train_epochs",
                "a number above 0: with 0 nothing is trained",
            ));
        }
        _ => {
            imported.assume(format!(
                "the text says neither max_steps nor the epochs: {} epochs were taken, the default",
                usual.epochs
            ));
            Span::Epochs(usual.epochs)
        }
    };
    imported.updates = Some(length);
    let updates = match (length, options.updates_per_epoch) {
        (Span::Epochs(epochs), Some(per_epoch)) => Span::Updates(epochs * per_epoch),
        (length, _) => length,
    };
    let warmup = warmup(settings, Some(updates), imported)?;
    let kind = settings.text("lr_scheduler_type").or(settings.text("lr_scheduler"));
    let kind = match kind {
        Some(kind) => kind.to_owned(),
        None => {
            imported.assume(format!("the text names no schedule: {} was taken, the default", usual.kind));
            usual.kind.to_owned()
        }
    };
    let mut kwargs = settings.table("lr_scheduler_kwargs");
    if let Some(Expr::Text(written)) = settings.get("lr_scheduler_kwargs") {
        kwargs = Settings::of_pairs(&json::read(written)?);
    }
    // axolotl's name for a floor.
    if let Some(ratio) = settings.get("cosine_min_lr_ratio") {
        kwargs.push("min_lr_rate", ratio.clone());
    }
    let kind =
        if kind == "cosine" && kwargs.has("min_lr_rate") { "cosine_with_min_lr".to_owned() } else { kind };
    imported.name.clone_from(&kind);
    let run = Length::new(warmup, Some(length), options);
    imported.lr = schedule(&kind, peak, &run, &kwargs, imported)?;
    for unread in kwargs.unread("lr_scheduler_kwargs.") {
        imported.leave(unread);
    }
    imported.optimizer = optimizer(settings, usual, imported)?;
    // Whatever the optimizer, the Trainer spares biases and norms.
    imported.decays_matrices();
    imported.accumulate = settings.count("gradient_accumulation_steps")?.map(|count| count.max(1) as usize);
    let batch = match settings.count("per_device_train_batch_size")? {
        Some(batch) => Some(batch),
        None => settings.count("micro_batch_size")?,
    };
    imported.batch_size = batch.map(|size| size as usize);
    imported.clip_norm = settings.number(&["max_grad_norm"])?.or(Some(1.0)).filter(|norm| *norm > 0.0);
    Ok(())
}

/// The settings of a Python call, a JSON, a YAML or a command line.
pub(crate) fn settings(text: &Text<'_>) -> Result<(Settings, Vec<String>), ImportError> {
    let mut notes = Vec::new();
    match &text.form {
        Form::Table(settings, _) | Form::Flags(settings) | Form::Card(settings) => {
            Ok((settings.clone(), notes))
        }
        Form::Python(program) => {
            let found = arguments_call(program);
            let Some(call) = found.last() else {
                return Err(ImportError::NoSchedule("a call of TrainingArguments is looked for"));
            };
            if found.len() > 1 {
                notes.push(format!(
                    "of {} calls with these settings the one on line {} was read",
                    found.len(),
                    call.line
                ));
            }
            Ok((Settings::of_call(program, call, &["output_dir"]), notes))
        }
        Form::Plain => Err(ImportError::WrongForm { dialect: DIALECT.name, form: text.written_in() }),
    }
}

/// The calls with TrainingArguments' settings, the one that counts last.
fn arguments_call(program: &Program) -> Vec<&Call> {
    let is_arguments =
        |name: &str| name.ends_with("TrainingArguments") || TRL.iter().any(|(trl, _)| *trl == name);
    let has_rate = |names: &[(String, Expr)]| {
        names.iter().any(|(name, _)| matches!(name.as_str(), "learning_rate" | "lr_scheduler_type"))
    };
    let (mut found, named): (Vec<&Call>, Vec<&Call>) = program
        .calls()
        .into_iter()
        .map(|(_, call)| call)
        .filter(|call| is_arguments(&call.name) || has_rate(&call.named))
        .partition(|call| !is_arguments(&call.name));
    found.extend(named);
    found
}

/// The lines of a YAML with numbers that PyYAML reads as texts.
pub(crate) fn pyyaml_texts<'t>(text: &Text<'t>) -> impl Iterator<Item = (usize, &'t str)> + use<'t> {
    let lines = if text.is_yaml() { text.raw.lines() } else { "".lines() };
    lines.enumerate().map(|(index, line)| (index + 1, line)).filter(|(_, line)| {
        let value = line.split_once(':').map_or("", |(_, value)| value);
        yaml::is_text_to_pyyaml(value.split('#').next().unwrap_or_default())
    })
}

/// `warmup_steps` counts updates, or below 1 is a share of the run (transformers 5); `warmup_ratio` is one.
fn warmup(settings: &Settings, total: Option<Span>, imported: &mut Imported) -> Result<Span, ImportError> {
    // The scripts without a trainer call it by other names.
    if let Some(epochs) =
        settings.number(&["num_warmup_epochs"])?.filter(|epochs| (0.0..1e6).contains(epochs))
    {
        return Ok(Span::Epochs(epochs));
    }
    let steps = settings.number(&["warmup_steps", "num_warmup_steps"])?.unwrap_or(0.0);
    let ratio = settings.number(&["warmup_ratio"])?.unwrap_or(0.0);
    if !(0.0..=1e12).contains(&steps) || !(0.0..1.0).contains(&ratio) {
        return Err(ImportError::missing(
            "the warmup",
            "warmup_steps of at least 0, or a warmup_ratio below 1",
        ));
    }
    if ratio > 0.0 {
        imported.note("transformers 5.16 no longer knows warmup_ratio; there it is written as warmup_steps");
    }
    let share = if steps >= 1.0 { 0.0 } else { steps.max(ratio) };
    Ok(match total {
        _ if share == 0.0 => Span::Updates(steps.trunc()),
        Some(Span::Updates(total)) => Span::Updates((total * share).ceil()),
        _ => {
            imported.note(
                "transformers rounds the climb's share of the run up to a whole update, and it is rounded to the nearest \
                 here until the updates of an epoch are known (--updates-per-epoch)",
            );
            Span::Percent(100.0 * share)
        }
    })
}

fn optimizer(
    settings: &Settings,
    usual: &Usual,
    imported: &mut Imported,
) -> Result<Option<Optimizer>, ImportError> {
    let name = settings.text("optim").or(settings.text("optimizer")).unwrap_or(usual.optimizer);
    let Some(kind) = optimizer_kind(name) else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    // Transformers' own default, whatever the optimizer's.
    set(&mut optimizer, "weight_decay", Some(settings.number(&["weight_decay"])?.unwrap_or(0.0)));
    set(&mut optimizer, "beta1", settings.number(&["adam_beta1"])?);
    set(&mut optimizer, "beta2", settings.number(&["adam_beta2"])?);
    if let Some(eps) = settings.get("adam_epsilon") {
        set(&mut optimizer, "eps", Some(number("adam_epsilon", eps)?));
    }
    Ok(Some(optimizer))
}
