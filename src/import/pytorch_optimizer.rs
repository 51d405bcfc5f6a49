//! PyTorch's optimizers: the rate and the numbers in their calls.

use super::ImportError;
use super::python::{Call, Expr, Program};
use super::settings::{number, numbers, set, set_betas};
use crate::experiment::{Optimizer, OptimizerKind};

/// Classes whose rate can be used, although the optimizer itself is not known here.
const STRANGERS: [&str; 6] = ["Adamax", "Adadelta", "Rprop", "ASGD", "LBFGS", "SparseAdam"];

/// Arguments that do not change what is computed.
const HARMLESS: [&str; 7] = ["params", "lr", "betas", "foreach", "fused", "capturable", "differentiable"];

fn text(text: &str) -> Expr {
    Expr::Text(text.to_owned())
}

fn known(call: &Call) -> Option<OptimizerKind> {
    OptimizerKind::ALL.into_iter().map(|(_, kind)| kind).find(|kind| kind.info().pytorch.0 == call.name)
}

pub(super) fn is_one(call: &Call) -> bool {
    known(call).is_some() || STRANGERS.contains(&call.name.as_str())
}

/// The optimizer if it is known here, its rate, and what was left out.
pub(super) fn read(
    call: &Call,
    program: &Program,
) -> Result<(Option<Optimizer>, f64, Vec<String>), ImportError> {
    let known = known(call);
    let mut notes = Vec::new();
    let get = |name: &str| call.argument(name, usize::MAX).map(|value| program.resolve(value));
    let given = |name: &str| match get(name) {
        None | Some(Expr::None) => Ok(None),
        Some(value) => number(&format!("{}'s {name}", call.name), value).map(Some),
    };
    let default = known.map_or(1e-3, |kind| kind.info().pytorch.1);
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
    let Some(kind) = known else {
        notes.push(format!("{} is not an optimizer known here; only its rate was taken", call.name));
        return Ok((None, rate, notes));
    };
    let mut optimizer = Optimizer::new(kind);
    for info in kind.numbers() {
        set(&mut optimizer, info.name, given(info.name)?);
    }
    for info in kind.options() {
        if let Some(Expr::Flag(on)) = get(info.name) {
            optimizer.switch(info.name, *on);
        }
    }
    if let Some(betas @ Expr::List(_)) = get("betas") {
        set_betas(&mut optimizer, &numbers("betas", betas)?);
    }
    // Adafactor has a pair of them, of which None is PyTorch's own.
    let pair = ["eps1", "eps2"];
    let has_pair = optimizer.get(pair[0]).is_some();
    if let (true, Some(Expr::List(items))) = (has_pair, get("eps")) {
        for (name, item) in pair.into_iter().zip(items) {
            let item = Some(program.resolve(item)).filter(|item| !matches!(item, Expr::None));
            set(&mut optimizer, name, item.map(|item| number("eps", item)).transpose()?);
        }
    }
    // How Muon's steps are adjusted to a matrix.
    let adjusted = get("adjust_lr_fn");
    let adjusts = optimizer.switch("match_rms_adamw", adjusted == Some(&text("match_rms_adamw")));
    let is_known = adjusts && (optimizer.has("match_rms_adamw") || adjusted == Some(&text("original")));
    for (name, _) in &call.named {
        let is_read = kind.numbers().iter().any(|info| info.name == name)
            || kind.options().iter().any(|info| info.name == name)
            || (name == "eps" && has_pair)
            || (name == "adjust_lr_fn" && is_known)
            || HARMLESS.contains(&name.as_str());
        let value = get(name).filter(|value| !matches!(value, Expr::None | Expr::Flag(false)));
        if !is_read && value.is_some_and(|value| *value != Expr::Number(0.0)) {
            notes.push(format!("{}'s {name} was left out", call.name));
        }
    }
    Ok((Some(optimizer), rate, notes))
}
