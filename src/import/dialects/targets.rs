//! YAML that names Python classes: hydra's `_target_`, torchtune's `_component_`, Lightning's `class_path` with
//! `init_args`. Their schedulers are PyTorch's, and are read as the calls that they stand for.

use std::fmt::Write as _;

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Expr, Program};
use super::super::settings::Settings;
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, pytorch, pytorch_optimizer};
use super::wrong_form;
use crate::schedule::Span;

pub static HYDRA: Dialect = Dialect {
    id: "hydra",
    name: "hydra's _target_",
    example: "optimizer:\n  _target_: torch.optim.AdamW\n  lr: 1.0e-3\nscheduler:\n  _target_: \
              torch.optim.lr_scheduler.OneCycleLR\n  max_lr: 1.0e-3\n  total_steps: 1000\n",
    signs: &[
        (Sign::Key("_target_"), 10),
        (Sign::Key("scheduler._target_"), 12),
        (Sign::Key("lr_scheduler._target_"), 12),
        (Sign::Key("optimizer._target_"), 8),
        (Sign::Key("model.scheduler._target_"), 12),
        (Sign::Key("model.optimizer._target_"), 8),
        (Sign::Key("model.lr_scheduler._target_"), 12),
        (Sign::Word("_target_: torch.optim.lr_scheduler"), 12),
    ],
    read: |text, options| read(&HYDRA, text, options),
};

pub static TORCHTUNE: Dialect = Dialect {
    id: "torchtune",
    name: "torchtune",
    example: "optimizer:\n  _component_: torch.optim.AdamW\n  lr: 3e-4\nlr_scheduler:\n  _component_: \
              torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup\n  num_warmup_steps: 100\nepochs: 1\n\
              max_steps_per_epoch: 1000\nbatch_size: 2\ngradient_accumulation_steps: 8\n",
    signs: &[
        (Sign::Key("lr_scheduler._component_"), 14),
        (Sign::Key("optimizer._component_"), 10),
        (Sign::Key("tokenizer._component_"), 4),
        (Sign::Key("model._component_"), 4),
    ],
    read: |text, options| read(&TORCHTUNE, text, options),
};

pub static LIGHTNING_CLI: Dialect = Dialect {
    id: "lightning-cli",
    name: "Lightning's class_path",
    example: "optimizer:\n  class_path: torch.optim.SGD\n  init_args:\n    lr: 0.1\nlr_scheduler:\n  class_path: \
              torch.optim.lr_scheduler.StepLR\n  init_args:\n    step_size: 30\ntrainer:\n  max_epochs: 90\n",
    signs: &[
        (Sign::Key("lr_scheduler.class_path"), 14),
        (Sign::Key("optimizer.class_path"), 10),
        (Sign::Key("trainer.max_epochs"), 2),
    ],
    read: |text, options| read(&LIGHTNING_CLI, text, options),
};

/// How deep tables are searched.
const MAX_DEPTH: usize = 8;

/// A class that a table names, with its arguments.
struct Named {
    class: String,
    arguments: Settings,
    line: usize,
}

fn read(dialect: &'static Dialect, text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(dialect, text)) };
    let mut found = Vec::new();
    gather(settings, 0, &mut found);
    let optimizer = found.iter().find(|named| is_optimizer(&named.class));
    let schedulers: Vec<&Named> = found.iter().filter(|named| is_scheduler(&named.class)).collect();
    let Some(last) = schedulers.last() else {
        let is_like = |class: &str| {
            let name = class.rsplit('.').next().unwrap_or(class);
            name.ends_with("LR")
                || name.contains("Schedul")
                || name.contains("_schedule")
                || class.contains("lr_scheduler")
        };
        return match (found.iter().find(|named| is_like(&named.class)), optimizer) {
            (Some(named), _) => Err(ImportError::unsupported(
                format!("{} (line {})", named.class, named.line),
                "it is no scheduler that is known here; a log of its rates can be imported",
            )),
            (None, Some(named)) => unscheduled(dialect, named, settings, options),
            (None, None) => match found.iter().find(|named| named.class.to_lowercase().contains("optim")) {
                Some(named) => Err(ImportError::unsupported(
                    format!("{} (line {})", named.class, named.line),
                    "it is no optimizer that is known here, and no scheduler is named; a log of its rates can be imported",
                )),
                None => Err(ImportError::NoSchedule("a class of torch.optim.lr_scheduler is looked for")),
            },
        };
    };
    let mut code = String::new();
    let base = optimizer.map_or(Settings::default(), |named| named.arguments.clone());
    if let Some(named) = optimizer {
        let _ = writeln!(code, "opt = {}", call(&named.class, "params", &named.arguments, settings, 0));
    }
    let mut arguments = last.arguments.clone();
    // torchtune gives the length of the run itself.
    let total = length(settings)?;
    if dialect.id == "torchtune"
        && let Some(Span::Updates(total)) = total
        && !arguments.has("num_training_steps")
    {
        arguments.push("num_training_steps", Expr::Number(total));
    }
    let name = last.class.rsplit('.').next().unwrap_or(&last.class).to_owned();
    let _ = writeln!(code, "sched = {}", call(&name, "opt", &arguments, settings, 0));
    let program = Program::read(&code)?;
    let by_epoch = dialect.id == "lightning-cli" && options.tick.is_none();
    let asked = Options {
        tick: if by_epoch { Some(crate::schedule::Tick::Epoch) } else { options.tick },
        ..options.clone()
    };
    let mut imported = pytorch::read_program(&program, &asked)?;
    imported.dialect = dialect;
    if by_epoch {
        imported.note("Lightning steps a scheduler once an epoch unless its interval says otherwise");
    }
    // What was written for PyTorch is read; its lines are those of the YAML.
    for unread in &mut imported.unread {
        unread.line = last.line;
    }
    imported.updates = options.length.or(imported.updates).or(total);
    let trainer = settings.table("trainer");
    let accumulate = match settings.count("gradient_accumulation_steps")? {
        Some(count) => Some(count),
        None => trainer.count("accumulate_grad_batches")?,
    };
    imported.accumulate = accumulate.map(|count| count.max(1) as usize);
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    let clip = settings.number(&["clip_grad_norm", "gradient_clip_val"])?;
    let by_value = trainer.text("gradient_clip_algorithm") == Some("value");
    let clip = clip.or(trainer.number(&["gradient_clip_val"])?.filter(|_| !by_value));
    imported.clip_norm = clip.filter(|norm| *norm > 0.0);
    if by_value {
        imported.note("gradient_clip_algorithm: value clips each number of the gradient, and was left out");
    }
    if schedulers.len() > 1 && !is_composite(&name) {
        imported.note(format!("of {} schedulers the last was read, on line {}", schedulers.len(), last.line));
    }
    for settings in [&base, &last.arguments] {
        for name in settings.names().map(str::to_owned).collect::<Vec<_>>() {
            settings.seen(&[&name]);
        }
    }
    Ok(imported)
}

/// A training whose rate stays: there is an optimizer, and no scheduler.
fn unscheduled(
    dialect: &'static Dialect,
    named: &Named,
    settings: &Settings,
    options: &Options,
) -> Result<Imported, ImportError> {
    let code = format!("opt = {}\n", call(&named.class, "params", &named.arguments, settings, 0));
    let program = Program::read(&code)?;
    let calls = program.calls();
    let Some((_, call)) = calls.first() else {
        return Err(ImportError::NoSchedule("an optimizer is looked for"));
    };
    let read = pytorch_optimizer::read(call, &program)?;
    let mut imported = Imported::new(dialect, "constant", constant(read.rate));
    imported.optimizer = read.optimizer;
    read.notes.into_iter().for_each(|note| imported.note(note));
    read.assumed.into_iter().for_each(|sentence| imported.assume(sentence));
    imported.assume("no scheduler is named: the rate stays");
    imported.updates = options.length.or(length(settings)?);
    imported.accumulate = settings.count("gradient_accumulation_steps")?.map(|count| count.max(1) as usize);
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    Ok(imported)
}

fn is_optimizer(class: &str) -> bool {
    let name = class.rsplit('.').next().unwrap_or(class);
    let code = format!("x = {name}()");
    Program::read(&code)
        .is_ok_and(|program| program.calls().first().is_some_and(|(_, call)| pytorch_optimizer::is_one(call)))
}

fn is_scheduler(class: &str) -> bool {
    let name = class.rsplit('.').next().unwrap_or(class);
    pytorch::SCHEDULERS.contains(&name)
}

fn is_composite(name: &str) -> bool {
    matches!(name, "SequentialLR" | "ChainedScheduler")
}

/// Every class that tables name; those within another's arguments come before it.
fn gather(settings: &Settings, depth: usize, found: &mut Vec<Named>) {
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(named) = named(settings) {
        found.push(named);
    }
    for name in settings.names().map(str::to_owned).collect::<Vec<_>>() {
        let below = settings.table(&name);
        if !below.is_empty() {
            gather(&below, depth + 1, found);
        }
    }
}

fn named(settings: &Settings) -> Option<Named> {
    for key in ["_target_", "_component_"] {
        if let Some(class) = settings.peek(key) {
            settings.seen(&[key, "_partial_", "_recursive_", "_convert_"]);
            return Some(Named { class, arguments: settings.clone(), line: settings.line(key) });
        }
    }
    let class = settings.peek("class_path")?;
    settings.seen(&["class_path"]);
    Some(Named { class, arguments: settings.table("init_args"), line: settings.line("class_path") })
}

fn length(settings: &Settings) -> Result<Option<Span>, ImportError> {
    let trainer = settings.table("trainer");
    let epochs = settings.number(&["epochs", "max_epochs", "num_epochs"])?;
    let steps = settings.number(&["max_steps", "max_steps_per_epoch"])?;
    if let (Some(steps), true) = (steps.filter(|steps| *steps > 0.0), settings.has("max_steps_per_epoch")) {
        return Ok(Some(Span::Updates(steps * epochs.unwrap_or(1.0))));
    }
    if let Some(steps) = steps.or(trainer.number(&["max_steps"])?).filter(|steps| *steps > 0.0) {
        return Ok(Some(Span::Updates(steps)));
    }
    let epochs = epochs.or(trainer.number(&["max_epochs"])?);
    Ok(epochs.filter(|epochs| *epochs > 0.0).map(Span::Epochs))
}

/// The call that a class and its arguments stand for.
fn call(class: &str, first: &str, arguments: &Settings, whole: &Settings, depth: usize) -> String {
    let mut code = format!("{}({first}", class.rsplit('.').next().unwrap_or(class));
    for name in arguments.names().map(str::to_owned).collect::<Vec<_>>() {
        let known = [
            "_target_",
            "_component_",
            "_partial_",
            "_recursive_",
            "_convert_",
            "class_path",
            "init_args",
            "optimizer",
            "params",
        ];
        if known.contains(&name.as_str()) {
            continue;
        }
        if let Some(value) = arguments.get(&name) {
            let _ = write!(code, ", {name}={}", spelled(value, whole, depth));
        }
    }
    code + ")"
}

/// A value as Python would write it.
fn spelled(value: &Expr, whole: &Settings, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "None".to_owned();
    }
    match value {
        Expr::Number(number) => format!("{number}"),
        Expr::Flag(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Expr::None => "None".to_owned(),
        Expr::List(items) => {
            let items: Vec<String> = items.iter().map(|item| spelled(item, whole, depth + 1)).collect();
            format!("[{}]", items.join(", "))
        }
        Expr::Table(pairs) => {
            let settings = Settings::of_pairs(pairs);
            match named(&settings) {
                Some(named) => call(&named.class, "opt", &named.arguments, whole, depth + 1),
                None => "None".to_owned(),
            }
        }
        Expr::Text(text) => {
            // `${trainer.max_epochs}` is another setting of the file.
            if let Some(path) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
                let (holder, name) = path.rsplit_once('.').unwrap_or(("", path));
                let table = if holder.is_empty() { whole.clone() } else { whole.table(holder) };
                return match table.get(name) {
                    Some(Expr::Text(_)) | None => "elsewhere".to_owned(),
                    Some(found) => spelled(found, whole, depth + 1),
                };
            }
            match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => format!("{number}"),
                _ => format!("\"{}\"", text.replace(['"', '\\', '\n'], "")),
            }
        }
        _ => "elsewhere".to_owned(),
    }
}
