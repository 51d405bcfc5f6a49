//! PyTorch's optimizers: the rate and the numbers in their calls, and their groups of parameters.

use super::ImportError;
use super::groups::{self, Found};
use super::python::{Call, Expr, Program};
use super::settings::{number, numbers, set, set_betas};
use crate::experiment::{Number, Optimizer, OptimizerKind};

/// Classes whose rate can be used, although the optimizer itself is not known here.
const STRANGERS: [&str; 13] = [
    "Adamax",
    "Adadelta",
    "Rprop",
    "ASGD",
    "LBFGS",
    "SparseAdam",
    "AdamW8bit",
    "FusedAdam",
    "DeepSpeedCPUAdam",
    "LARS",
    "LAMB",
    "Lamb",
    "Ranger",
];

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

/// What a call of an optimizer says.
pub(super) struct Read {
    /// The optimizer, if it is known here.
    pub optimizer: Option<Optimizer>,
    pub rate: f64,
    pub notes: Vec<String>,
    pub assumed: Vec<String>,
    /// Its groups of parameters, where they do not all learn alike.
    pub groups: Option<Found>,
}

/// # Errors
/// When a number of the optimizer is none.
pub(super) fn read(call: &Call, program: &Program) -> Result<Read, ImportError> {
    let known = known(call);
    let (mut notes, mut assumed) = (Vec::new(), Vec::new());
    let get = |name: &str| call.argument(name, usize::MAX).map(|value| program.resolve_at(value, call.line));
    let default = known.map_or(1e-3, |kind| kind.info().pytorch.1);
    let given = call.argument("lr", 1);
    let rate = match given.map(|value| (program.number(value, call.line), value)) {
        Some((Some(rate), _)) => number("lr", &Expr::Number(rate))?,
        Some((None, value)) if matches!(program.resolve_at(value, call.line), Expr::Text(_)) => {
            number("lr", program.resolve_at(value, call.line))?
        }
        Some((None, value)) => {
            assumed.push(format!(
                "the rate is `{}`, which is not known here: {default} was taken, the default of {}",
                value.shown(),
                call.name
            ));
            default
        }
        None => {
            assumed
                .push(format!("the text gives no rate: {default} was taken, the default of {}", call.name));
            default
        }
    };
    let alone = program.calls().iter().filter(|(_, call)| is_one(call)).count() == 1;
    let Some(kind) = known else {
        let decay = get("weight_decay").and_then(|decay| program.number(decay, call.line)).unwrap_or(0.0);
        let groups = groups::of_call(program, call, rate, decay, alone);
        notes.push(format!("{} is not an optimizer known here; only its rate was taken", call.name));
        return Ok(Read { optimizer: None, rate, notes, assumed, groups });
    };
    let mut optimizer = Optimizer::new(kind);
    for info in kind.numbers() {
        let Some(value) = call.argument(info.name, usize::MAX) else { continue };
        let resolved = program.resolve_at(value, call.line);
        match program.number(value, call.line) {
            Some(value) => set(&mut optimizer, info.name, Some(value)),
            None if *resolved == Expr::None => {}
            None if matches!(resolved, Expr::Text(_) | Expr::List(_) | Expr::Table(_)) => {
                let what = format!("{}'s {}", call.name, info.name);
                set(&mut optimizer, info.name, Some(number(&what, resolved)?));
            }
            None => assumed.push(format!(
                "{}'s {} is `{}`, which is not known here: the default was taken",
                call.name,
                info.name,
                value.shown()
            )),
        }
    }
    for info in kind.options() {
        if let Some(Expr::Flag(on)) = get(info.name) {
            optimizer.switch(info.name, *on);
        }
    }
    if let Some(betas) = get("betas") {
        match betas {
            Expr::List(items) => {
                let found: Option<Vec<f64>> =
                    items.iter().map(|item| program.number(item, call.line)).collect();
                match found {
                    Some(found) => set_betas(&mut optimizer, &found),
                    None => set_betas(&mut optimizer, &numbers("betas", betas).unwrap_or_default()),
                }
            }
            other => assumed.push(format!(
                "{}'s betas are `{}`, which is not known here: the defaults were taken",
                call.name,
                other.shown()
            )),
        }
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
    let decay = match optimizer.get("weight_decay") {
        Some(Number::Fixed(decay)) => *decay,
        _ => 0.0,
    };
    let groups = groups::of_call(program, call, rate, decay, alone);
    Ok(Read { optimizer: Some(optimizer), rate, notes, assumed, groups })
}
