//! timm's schedulers in Python, as the arguments of its `train.py` that they stand for.

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Call, Expr, Program};
use super::super::pytorch_arguments::Given;
use super::super::settings::Settings;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, pytorch_optimizer};
use super::{timm, wrong_form};

pub static DIALECT: Dialect = Dialect {
    id: "timm-python",
    name: "timm in Python",
    example: "from timm.scheduler import CosineLRScheduler\nopt = torch.optim.AdamW(net.parameters(), lr=1e-3)\nscheduler = \
              CosineLRScheduler(opt, t_initial=100, lr_min=1e-5, warmup_t=5, warmup_lr_init=1e-6)\n",
    signs: &[
        (Sign::Call("CosineLRScheduler"), 25),
        (Sign::Call("StepLRScheduler"), 25),
        (Sign::Call("MultiStepLRScheduler"), 25),
        (Sign::Call("PolyLRScheduler"), 25),
        (Sign::Call("TanhLRScheduler"), 25),
        (Sign::Call("create_scheduler_v2"), 25),
        (Sign::Import("timm.scheduler"), 10),
    ],
    read,
};

/// Arguments of a class, by what `train.py` calls them.
const NAMES: [(&str, &str); 15] = [
    ("lr_min", "min_lr"),
    ("warmup_t", "warmup_epochs"),
    ("warmup_epochs", "warmup_epochs"),
    ("warmup_lr_init", "warmup_lr"),
    ("warmup_lr", "warmup_lr"),
    ("min_lr", "min_lr"),
    ("warmup_prefix", "warmup_prefix"),
    ("cycle_mul", "lr_cycle_mul"),
    ("cycle_decay", "lr_cycle_decay"),
    ("cycle_limit", "lr_cycle_limit"),
    ("k_decay", "lr_k_decay"),
    ("decay_rate", "decay_rate"),
    ("num_epochs", "epochs"),
    ("decay_epochs", "decay_epochs"),
    ("decay_milestones", "decay_milestones"),
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
    let kind = |name: &str| match name {
        "CosineLRScheduler" => Some("cosine"),
        "StepLRScheduler" => Some("step"),
        "MultiStepLRScheduler" => Some("multistep"),
        "PolyLRScheduler" => Some("poly"),
        "TanhLRScheduler" => Some("tanh"),
        "create_scheduler_v2" => Some(""),
        _ => None,
    };
    let Some((call, kind)) = calls.iter().rev().find_map(|call| Some((*call, kind(&call.name)?))) else {
        return Err(ImportError::NoSchedule("timm's schedulers are looked for"));
    };
    let given = Given::new(call, program, 0);
    if given.get("**", usize::MAX).is_some() {
        let why = "its arguments are put together elsewhere; the command or the args.yaml of a run has them";
        return Err(ImportError::unsupported(format!("{} (line {})", call.name, call.line), why));
    }
    let mut settings = Settings::default();
    let base = optimizer(program, &calls)?;
    let rate = base.as_ref().map_or(1e-3, |read| read.rate);
    settings.push("lr", Expr::Number(rate));
    let kind = match kind {
        "" => given.text("sched", 1).unwrap_or("cosine").to_owned(),
        kind => kind.to_owned(),
    };
    settings.push("sched", Expr::Text(kind.clone()));
    if call.name == "create_scheduler_v2" {
        settings.push("warmup_epochs", Expr::Number(0.0));
        settings.push("lr_cycle_decay", Expr::Number(0.1));
    } else {
        let length = match kind.as_str() {
            "step" => ("decay_t", "decay_epochs"),
            "multistep" => ("decay_t", "decay_milestones"),
            _ => ("t_initial", "epochs"),
        };
        match (kind.as_str(), given.get(length.0, 1)) {
            ("multistep", Some(list)) => settings.push(length.1, list.clone()),
            (_, Some(_)) => settings.push(length.1, Expr::Number(given.need(length.0, 1)?)),
            (_, None) => return Err(ImportError::missing(&call.name, format!("a {}", length.0))),
        }
        // The classes have no warmup unless they are told of one.
        settings.push("warmup_epochs", Expr::Number(0.0));
        settings.push("lr_cycle_decay", Expr::Number(1.0));
        if kind == "poly" {
            settings.push("decay_rate", Expr::Number(given.or("power", 2, 0.5)?));
        }
    }
    for (own, flag) in NAMES {
        let Some(value) = given.get(own, usize::MAX) else { continue };
        match (program.number(value, call.line), value) {
            (Some(number), _) if !matches!(value, Expr::Flag(_)) => settings.push(flag, Expr::Number(number)),
            (_, value) => settings.push(flag, value.clone()),
        }
    }
    let by_updates = matches!(given.get("t_in_epochs", usize::MAX), Some(Expr::Flag(false)))
        || given.get("step_on_epochs", usize::MAX) == Some(&Expr::Flag(false));
    if by_updates {
        settings.push("sched_on_updates", Expr::Flag(true));
    }
    given.get("updates_per_epoch", usize::MAX);
    let mut imported = timm::of_settings(&settings, options)?;
    imported.dialect = &DIALECT;
    imported.optimizer = base.as_ref().and_then(|read| read.optimizer.clone());
    imported.decay = crate::experiment::Decay::All;
    if let Some(read) = base {
        if let Some(found) = read.groups {
            found.apply_scales(&mut imported);
        }
        read.notes.into_iter().for_each(|note| imported.note(note));
        read.assumed.into_iter().for_each(|sentence| imported.assume(sentence));
    } else {
        imported.assume("the text names no optimizer with a rate; 1e-3 was taken");
    }
    if by_updates && call.name != "create_scheduler_v2" {
        // Its lengths are updates then.
        imported.lr = super::super::shape::in_updates(&imported.lr, 1.0);
        imported.updates = imported.updates.map(|length| super::super::shape::updates_of(length, 1.0));
    }
    given.unread().into_iter().for_each(|unread| imported.leave(unread));
    Ok(imported)
}

fn optimizer(program: &Program, calls: &[&Call]) -> Result<Option<pytorch_optimizer::Read>, ImportError> {
    match calls.iter().find(|call| pytorch_optimizer::is_one(call)) {
        Some(call) => pytorch_optimizer::read(call, program).map(Some),
        None => Ok(None),
    }
}
