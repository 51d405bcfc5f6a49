//! composer as a program calls it: what its YAML would say, out of the calls of an optimizer, a scheduler and `Trainer`.

use super::super::super::ImportError;
use super::super::super::python::{Call, Expr, Pair, Program};
use super::super::super::settings::{Settings, optimizer_kind};

/// A scheduler's class, its name in the YAML, and its arguments in order.
const SCHEDULERS: [(&str, &str, &[&str]); 3] = [
    ("CosineAnnealingWithWarmupScheduler", "cosine_with_warmup", &["t_warmup", "t_max", "alpha_f"]),
    ("LinearWithWarmupScheduler", "linear_with_warmup", &["t_warmup", "alpha_i", "alpha_f", "t_max"]),
    ("ConstantWithWarmupScheduler", "constant_with_warmup", &["t_warmup", "alpha", "t_max"]),
];

/// Arguments of `Trainer` that do not shape the schedule.
const IDLE: [&str; 18] = [
    "model",
    "train_dataloader",
    "eval_dataloader",
    "optimizers",
    "schedulers",
    "device",
    "precision",
    "seed",
    "run_name",
    "loggers",
    "callbacks",
    "progress_bar",
    "save_folder",
    "save_interval",
    "eval_interval",
    "device_train_microbatch_size",
    "step_schedulers_every_batch",
    "autoresume",
];

/// The settings of a program under the names of the YAML.
pub(super) fn settings(program: &Program) -> Result<Settings, ImportError> {
    let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
    let row = |call: &Call| SCHEDULERS.iter().find(|(class, ..)| *class == call.name);
    let schedulers: Vec<_> = calls.iter().filter_map(|call| row(call).map(|row| (*call, row))).collect();
    let [(call, (_, kind, names))] = schedulers.as_slice() else {
        let why = "one scheduler with a warmup is read; a log of the rates can be imported";
        return Err(ImportError::unsupported(format!("{} of composer's schedulers", schedulers.len()), why));
    };
    let mut settings = Settings::default();
    if let Some(trainer) = calls.iter().rfind(|call| call.name == "Trainer") {
        settings = Settings::of_call(program, trainer, &[]);
        if settings.flag("step_schedulers_every_batch") == Some(false) {
            let why =
                "the rate changes once an epoch then, and only every update is read; a log can be imported";
            return Err(ImportError::unsupported("step_schedulers_every_batch=False", why));
        }
        settings.seen(&IDLE);
    }
    settings.put_table("scheduler", named(kind, Settings::of_call(program, call, names)));
    let is_optimizer = |call: &&&Call| {
        let plain = call.name.trim_start_matches("Decoupled");
        optimizer_kind(plain.trim_end_matches('W')).is_some()
    };
    if let Some(call) = calls.iter().rfind(is_optimizer) {
        let given = Settings::of_call(program, call, &["params", "lr"]);
        let given = named(&call.name, given);
        let is_model = |pair: &Pair| pair.key == Expr::Text("params".to_owned());
        settings.put_table("optimizer", given.into_iter().filter(|pair| !is_model(pair)).collect());
    }
    Ok(settings)
}

/// The settings with the name of what they are for.
fn named(name: &str, settings: Settings) -> Vec<Pair> {
    let mut pairs = settings.pairs();
    pairs.push(Pair { key: Expr::Text("name".to_owned()), value: Expr::Text(name.to_owned()), line: 0 });
    pairs
}
