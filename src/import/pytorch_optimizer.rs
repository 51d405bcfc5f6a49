//! PyTorch's optimizers: the rate and the numbers in their calls.

use super::ImportError;
use super::python::{Call, Expr, Program};
use super::settings::{number, numbers, set, set_betas};
use crate::experiment::{Optimizer, OptimizerKind};

/// The classes that are known, with the rate they have when none is given.
const KNOWN: [(&str, OptimizerKind, f64); 6] = [
    ("SGD", OptimizerKind::Sgd, 1e-3),
    ("Adam", OptimizerKind::Adam, 1e-3),
    ("AdamW", OptimizerKind::AdamW, 1e-3),
    ("RMSprop", OptimizerKind::RmsProp, 1e-2),
    ("Adagrad", OptimizerKind::Adagrad, 1e-2),
    ("Lion", OptimizerKind::Lion, 1e-4),
];

/// Classes whose rate can be used, although the optimizer itself is not known here.
const STRANGERS: [&str; 7] = ["NAdam", "RAdam", "Adamax", "Adadelta", "Adafactor", "Muon", "Rprop"];

pub(super) fn is_one(call: &Call) -> bool {
    KNOWN.iter().any(|(name, ..)| *name == call.name) || STRANGERS.contains(&call.name.as_str())
}

/// The optimizer if it is known here, its rate, and what was left out.
pub(super) fn read(
    call: &Call,
    program: &Program,
) -> Result<(Option<Optimizer>, f64, Vec<String>), ImportError> {
    let known = KNOWN.iter().find(|(name, ..)| *name == call.name);
    let mut notes = Vec::new();
    let get = |name: &str| call.argument(name, usize::MAX).map(|value| program.resolve(value));
    let given = |name: &str| match get(name) {
        None | Some(Expr::None) => Ok(None),
        Some(value) => number(&format!("{}'s {name}", call.name), value).map(Some),
    };
    let default = known.map_or(1e-3, |(.., rate)| *rate);
    let rate = match call.argument("lr", 1).map(|value| program.resolve(value)) {
        Some(value @ Expr::Number(_)) => number("lr", value)?,
        Some(other) => {
            notes.push(format!(
                "the rate is `{}`, which is not known here: {default} was taken",
                other.shown()
            ));
            default
        }
        None => {
            notes.push(format!("the text gives no rate: {default} was taken, the default of {}", call.name));
            default
        }
    };
    let Some((_, kind, _)) = known else {
        notes.push(format!("{} is no optimizer that is known here; only its rate was taken", call.name));
        return Ok((None, rate, notes));
    };
    let mut optimizer = Optimizer::new(*kind);
    for info in kind.numbers() {
        set(&mut optimizer, info.name, given(info.name)?);
    }
    if let Some(betas @ Expr::List(_)) = get("betas") {
        set_betas(&mut optimizer, &numbers("betas", betas)?);
    }
    optimizer.nesterov = *kind == OptimizerKind::Sgd && get("nesterov") == Some(&Expr::Flag(true));
    for name in ["dampening", "amsgrad", "maximize", "centered", "lr_decay", "initial_accumulator_value"] {
        let given = get(name).filter(|value| !matches!(value, Expr::None | Expr::Flag(false)));
        if given.is_some_and(|value| *value != Expr::Number(0.0)) {
            notes.push(format!("{}'s {name} was left out", call.name));
        }
    }
    Ok((Some(optimizer), rate, notes))
}
