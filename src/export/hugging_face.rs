//! Hugging Face `TrainingArguments`, as Python or as YAML, and the arguments that axolotl and
//! LLaMA-Factory share with it.

use super::groups::Groups;
use super::outline::{Outline, closest};
use super::recipe::{Carries, Recipe};
use super::simulate::hugging_face::{Kind, Scheduler, WarmupStableDecay};
use super::text::{float, line, quoted, yaml};
use super::{Draft, python, pytorch};
use crate::experiment::OptimizerKind;

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: false,
    groups: Groups::Matrices,
    mirror: false,
    schedule_free: false,
    batches: false,
};

/// Why a configuration of Hugging Face's shapes falls short.
pub const WHY: &str = "its schedulers are linear, cosine, restarts of equal length, polynomial, inverse square root and \
     warmup-stable-decay, with a warmup that starts at 0; this is the nearest of them";

/// The scheduler whose rates are closest to the drawn ones.
pub fn nearest(recipe: &Recipe<'_>) -> Scheduler {
    let outline = &recipe.outline;
    let scheduler = |kind, warmup_steps, training_steps| Scheduler {
        kind,
        learning_rate: outline.peak,
        warmup_steps,
        training_steps,
    };
    let total = recipe.updates();
    let candidates = outline.warmups.iter().flat_map(|warmup| {
        kinds(outline, *warmup, total).into_iter().map(move |kind| scheduler(kind, *warmup, total))
    });
    let fallback = scheduler(Kind::ConstantWithWarmup, 0, total);
    closest(&recipe.drawn, candidates, Scheduler::at).unwrap_or(fallback)
}

/// Every scheduler type, with the numbers that the curve suggests.
fn kinds(outline: &Outline, warmup: u64, total: u64) -> Vec<Kind> {
    let peak = if outline.peak > 0.0 { outline.peak } else { 1.0 };
    let mut kinds = vec![Kind::ConstantWithWarmup];
    if warmup == 0 {
        kinds.push(Kind::Constant);
    }
    kinds.extend([Kind::Linear, Kind::Cosine { num_cycles: 0.5 }]);
    let rest = (total - warmup.min(total)) as f64;
    if let Some(half) = outline.half_wave {
        kinds.push(Kind::Cosine { num_cycles: 0.5 * rest / half });
    }
    if let Some(first) = outline.cycle.or(outline.cycles.map(|(first, ..)| first as f64)) {
        kinds.push(Kind::CosineWithRestarts { num_cycles: (rest / first).round().max(1.0) });
    }
    if let Some(timescale) = outline.timescale {
        kinds.push(Kind::InverseSqrt { timescale });
    }
    if warmup > 0 {
        kinds.push(Kind::InverseSqrt { timescale: warmup as f64 });
    }
    for floor in outline.floors() {
        let share = floor / peak;
        kinds.push(Kind::CosineWithMinLr { min_lr_rate: share });
        kinds.push(Kind::CosineWarmupWithMinLr { min_lr_rate: share, warmup_lr_rate: None });
        let first = outline.first / peak;
        if first > 0.0 && first < 1.0 {
            kinds.push(Kind::CosineWarmupWithMinLr { min_lr_rate: share, warmup_lr_rate: Some(first) });
        }
        kinds.extend(outline.powers.iter().map(|power| Kind::Polynomial { lr_end: floor, power: *power }));
        for decay in outline.decays.iter().map(|decay| (*decay).min(total - warmup.min(total)).max(1)) {
            for decay_type in ["linear", "cosine", "1-sqrt"] {
                for warmup_type in ["linear", "cosine", "1-sqrt"] {
                    let kind = WarmupStableDecay {
                        num_decay_steps: decay,
                        warmup_type,
                        decay_type,
                        min_lr_ratio: share,
                    };
                    kinds.push(Kind::WarmupStableDecay(kind));
                }
            }
        }
    }
    kinds
}

impl Kind {
    /// `lr_scheduler_type`.
    fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Cosine { .. } => "cosine",
            Self::CosineWithRestarts { .. } => "cosine_with_restarts",
            Self::Polynomial { .. } => "polynomial",
            Self::Constant => "constant",
            Self::ConstantWithWarmup => "constant_with_warmup",
            Self::InverseSqrt { .. } => "inverse_sqrt",
            Self::CosineWithMinLr { .. } => "cosine_with_min_lr",
            Self::CosineWarmupWithMinLr { .. } => "cosine_warmup_with_min_lr",
            Self::WarmupStableDecay(_) => "warmup_stable_decay",
        }
    }

    /// `lr_scheduler_kwargs`, whose numbers are written by `float`.
    fn arguments(&self, float: fn(f64) -> String) -> Vec<(&'static str, String)> {
        match *self {
            Self::Linear | Self::Constant | Self::ConstantWithWarmup => Vec::new(),
            Self::Cosine { num_cycles: 0.5 } => Vec::new(),
            Self::Cosine { num_cycles } => vec![("num_cycles", float(num_cycles))],
            Self::CosineWithRestarts { num_cycles } => vec![("num_cycles", format!("{num_cycles:.0}"))],
            Self::Polynomial { lr_end, power } => vec![("lr_end", float(lr_end)), ("power", float(power))],
            Self::InverseSqrt { timescale } => vec![("timescale", float(timescale))],
            Self::CosineWithMinLr { min_lr_rate } => vec![("min_lr_rate", float(min_lr_rate))],
            Self::CosineWarmupWithMinLr { min_lr_rate, warmup_lr_rate } => {
                let first = warmup_lr_rate.map(|rate| ("warmup_lr_rate", float(rate)));
                [("min_lr_rate", float(min_lr_rate))].into_iter().chain(first).collect()
            }
            Self::WarmupStableDecay(kind) => vec![
                ("num_decay_steps", kind.num_decay_steps.to_string()),
                ("warmup_type", quoted(kind.warmup_type)),
                ("decay_type", quoted(kind.decay_type)),
                ("min_lr_ratio", float(kind.min_lr_ratio)),
            ],
        }
    }
}

/// The arguments that say what `scheduler` and the run's optimizer are, by name; `None` holds an optimizer
/// that Hugging Face has not.
pub fn arguments(
    recipe: &Recipe<'_>,
    scheduler: Option<&Scheduler>,
    float: fn(f64) -> String,
) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| lines.push((name.to_owned(), value));
    if let Some(scheduler) = scheduler {
        add("learning_rate", float(scheduler.learning_rate));
        add("lr_scheduler_type", quoted(scheduler.kind.name()));
        let arguments = scheduler.kind.arguments(float);
        if !arguments.is_empty() {
            let pairs: Vec<String> =
                arguments.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            add("lr_scheduler_kwargs", format!("{{{}}}", pairs.join(", ")));
        }
        add("warmup_steps", scheduler.warmup_steps.to_string());
    }
    add("max_steps", recipe.updates().to_string());
    add("per_device_train_batch_size", recipe.batch_size().to_string());
    add("gradient_accumulation_steps", recipe.accumulate().to_string());
    if scheduler.is_some() {
        if let Some(name) = optimizer(recipe.kind()) {
            add("optim", quoted(name));
        }
        let numbers = [("adam_beta1", "beta1"), ("adam_beta2", "beta2"), ("adam_epsilon", "eps")];
        if matches!(recipe.kind().base(), OptimizerKind::Adam | OptimizerKind::AdamW | OptimizerKind::Lion) {
            for (argument, name) in numbers {
                if recipe.run.optimizer.get(name).is_some() {
                    add(argument, float(recipe.say(name)));
                }
            }
        }
        add("weight_decay", float(recipe.number("weight_decay")));
    }
    // The default clips at 1; 0 does not clip.
    add("max_grad_norm", float(recipe.clip_norm().unwrap_or(0.0)));
    lines
}

fn optimizer(kind: OptimizerKind) -> Option<&'static str> {
    match kind.base() {
        OptimizerKind::Sgd => Some("sgd"),
        OptimizerKind::AdamW => Some("adamw_torch"),
        OptimizerKind::RmsProp => Some("rmsprop"),
        OptimizerKind::Adagrad => Some("adagrad"),
        OptimizerKind::Lion => Some("lion_32bit"),
        OptimizerKind::Adafactor => Some("adafactor"),
        // Adam's weight decay is inside the gradient, which no `optim` has.
        _ => None,
    }
}

/// What Hugging Face's arguments leave out of the optimizer.
pub fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let mut notes = recipe.notes(CARRIES);
    match recipe.kind() {
        OptimizerKind::Adam => notes.push(
            "Downgraded: Adam becomes the default AdamW, whose weight decay is outside the gradient."
                .to_owned(),
        ),
        OptimizerKind::Sgd if recipe.say("momentum") > 0.0 => notes.push(
            "Left out: momentum; `optim=\"sgd\"` has none, so pass your own optimizer as optimizers=(optimizer, None)."
                .to_owned(),
        ),
        OptimizerKind::Adafactor => notes.push(
            "Changed: `optim=\"adafactor\"` steps by the rate alone, not in proportion to the weights.".to_owned(),
        ),
        kind if optimizer(kind).is_none() => notes.push(recipe.refused(
            "no `optim` is it, and without one AdamW trains; pass your own as optimizers=(optimizer, None)",
        )),
        _ => {}
    }
    notes
}

/// `TrainingArguments`, and the optimizer and scheduler to pass beside them where they are needed.
pub fn write_python(recipe: &Recipe<'_>) -> Draft {
    let scheduler = nearest(recipe);
    let predicted = recipe.predict(|update| scheduler.at(update));
    let is_exact = super::Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-9;
    let framework = if recipe.options.hugging_face_v4 { "transformers 4" } else { "transformers 5" };
    let call = |arguments: Vec<(String, String)>| {
        let lines = arguments.iter().map(|(name, value)| format!("    {name}={value},\n"));
        format!(
            "ARGUMENTS = TrainingArguments(\n    output_dir=\"output\",\n{})\n",
            lines.collect::<String>()
        )
    };
    let import = "from transformers import TrainingArguments".to_owned();
    let has_optimizer = recipe.kind() == OptimizerKind::Adam || optimizer(recipe.kind()).is_some();
    if is_exact
        && has_optimizer
        && recipe.varying.is_empty()
        && recipe.run.layer_decay.is_none()
        && recipe.groups.is_empty()
    {
        let arguments = versioned(recipe, arguments(recipe, Some(&scheduler), float));
        let header = python::header(recipe, framework, "Trainer(model, ARGUMENTS, ...)");
        let text = python::module(&header, &[import], &call(arguments));
        return Draft { text, predicted, table: None, approximated: WHY, notes: notes(recipe) };
    }
    let code = pytorch::code(recipe);
    let mut imports = code.imports;
    imports.push(import);
    let body = format!("{}\n\n{}", code.body, call(arguments(recipe, None, float)));
    let header = python::header(recipe, framework, "Trainer(model, ARGUMENTS, optimizers=build(model), ...)");
    Draft {
        text: python::module(&header, &imports, &body),
        predicted: code.predicted,
        table: Some(
            "TrainingArguments cannot say this curve or optimizer, so PyTorch's are passed beside them"
                .to_owned(),
        ),
        approximated: WHY,
        notes: recipe.notes(pytorch::CARRIES),
    }
}

/// The arguments under version 4's names, where those were asked for: a ratio that gives the same steps.
fn versioned(recipe: &Recipe<'_>, mut arguments: Vec<(String, String)>) -> Vec<(String, String)> {
    if recipe.options.hugging_face_v4 {
        for (name, value) in arguments.iter_mut().filter(|(name, _)| name == "warmup_steps") {
            let total = recipe.updates() as f64;
            let steps: f64 = value.parse().unwrap_or(0.0);
            let ratio = steps / total;
            // Version 4 rounds up; where that would add a step, both versions take the steps.
            if (total * ratio).ceil() == steps {
                "warmup_ratio".clone_into(name);
                *value = yaml(ratio);
            }
        }
    }
    arguments
}

/// The arguments as YAML.
pub fn write_yaml(recipe: &Recipe<'_>) -> Draft {
    let scheduler = nearest(recipe);
    let arguments = versioned(recipe, arguments(recipe, Some(&scheduler), yaml));
    let version = if recipe.options.hugging_face_v4 { 4 } else { 5 };
    Draft {
        text: yaml_text(recipe, &format!("transformers {version}"), &arguments),
        predicted: recipe.predict(|update| scheduler.at(update)),
        table: None,
        approximated: WHY,
        notes: notes(recipe),
    }
}

/// A YAML file of `arguments`.
pub fn yaml_text(recipe: &Recipe<'_>, framework: &str, arguments: &[(String, String)]) -> String {
    let name = line(&recipe.experiment.name);
    let run = line(&recipe.run.name);
    let lines: String = arguments.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("# {name}: run \"{run}\", {} updates, for {framework}.\n{lines}", recipe.updates())
}
