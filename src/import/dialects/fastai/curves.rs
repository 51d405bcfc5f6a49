//! `ParamScheduler({"lr": ...})` and what it is made of: `SchedLin`, `SchedCos`, `SchedNo`, `SchedExp`, `SchedPoly`,
//! `combine_scheds`, `combined_cos`. Each is a formula of the share of the run.

use super::super::super::python::{Call, Expr, Program};
use super::super::super::pytorch_arguments::Given;
use super::super::super::shape::{constant, written};
use super::super::super::{ImportError, Imported, Options};
use super::DIALECT;
use crate::schedule::Span;

/// Curves of one number to another.
const PLAIN: [&str; 5] = ["SchedLin", "SchedCos", "SchedNo", "SchedExp", "SchedPoly"];
/// The most curves one after the other.
const MAX_PARTS: usize = 12;

/// A formula under way: its constants by name.
#[derive(Default)]
struct Draft {
    constants: Vec<(String, f64)>,
}

/// The rate's curve of the last `ParamScheduler`, or the last curve that the text makes.
pub fn read(
    program: &Program,
    calls: &[(Option<&str>, &Call)],
    options: &Options,
) -> Result<Imported, ImportError> {
    let is_curve = |call: &&&Call| {
        PLAIN.contains(&call.name.as_str()) || matches!(call.name.as_str(), "combine_scheds" | "combined_cos")
    };
    let all: Vec<&Call> = calls.iter().map(|(_, call)| *call).collect();
    let scheduler = all.iter().rfind(|call| call.name == "ParamScheduler");
    let curve = match scheduler {
        Some(scheduler) => rate_of(program, scheduler)?,
        // A curve may be made of others, which stand later in it.
        None => match all.iter().find(is_curve) {
            Some(call) => call,
            None => {
                return Err(ImportError::NoSchedule(
                    "fit_one_cycle, fit_flat_cos or a ParamScheduler is looked for",
                ));
            }
        },
    };
    let mut imported = Imported::new(&DIALECT, curve.name.clone(), constant(0.0));
    let epochs = all.iter().find(|call| matches!(call.name.as_str(), "fit" | "fit_one_cycle"));
    let epochs = epochs.and_then(|call| program.number(call.argument("n_epoch", 0)?, call.line));
    imported.updates = options.length.or(epochs.filter(|epochs| *epochs > 0.0).map(Span::Epochs));
    let mut draft = Draft::default();
    let formula = draft.curve(program, curve, "t / total")?;
    let constants: Vec<(&str, f64)> =
        draft.constants.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    imported.lr = written(&formula, &constants)?;
    imported.note(
        "fastai's curves are functions of the share of the run that is done: the schedule is their formula",
    );
    Ok(imported)
}

fn rate_of<'p>(program: &'p Program, scheduler: &'p Call) -> Result<&'p Call, ImportError> {
    let wrong = || ImportError::missing("ParamScheduler", "a table with \"lr\" and its curve");
    let table = scheduler.argument("scheds", 0).ok_or_else(wrong)?;
    let Expr::Table(pairs) = program.resolve_at(table, scheduler.line) else { return Err(wrong()) };
    let rate = pairs.iter().find(|pair| matches!(&pair.key, Expr::Text(name) if name == "lr"));
    match rate.map(|pair| program.resolve_at(&pair.value, scheduler.line)) {
        Some(Expr::Call(call)) => Ok(call),
        _ => Err(wrong()),
    }
}

impl Draft {
    /// A constant for a number, named after what it is.
    fn name(&mut self, what: &str, value: f64) -> String {
        let taken = |name: &str| self.constants.iter().any(|(known, _)| known == name);
        if let Some((known, _)) =
            self.constants.iter().find(|(known, held)| known.starts_with(what) && *held == value)
        {
            return known.clone();
        }
        let mut name = what.to_owned();
        let mut count = 2;
        while taken(&name) {
            name = format!("{what}{count}");
            count += 1;
        }
        self.constants.push((name.clone(), value));
        name
    }

    /// The formula of a curve whose own share is `share`.
    fn curve(&mut self, program: &Program, call: &Call, share: &str) -> Result<String, ImportError> {
        let given = Given::new(call, program, 0);
        match call.name.as_str() {
            "combine_scheds" => return self.combined(program, call, share),
            "combined_cos" => {
                let pct = given.need("pct", 0)?;
                let middle = given.need("middle", 2)?;
                let [first, middle, last] = [given.need("start", 1)?, middle, given.need("end", 3)?]
                    .map(|rate| self.name("rate", rate));
                let climb = cosine(&first, &middle, &format!("{share} / {pct:?}"));
                let fall = cosine(&middle, &last, &format!("({share} - {pct:?}) / {:?}", 1.0 - pct));
                return Ok(format!("({climb} if {share} < {pct:?} else {fall})"));
            }
            _ => {}
        }
        let start = given.need("start", 0)?;
        // A curve of one rate may be given that one alone.
        let end = given.number("end", 1)?.unwrap_or(start);
        let (from, to) = (self.name("rate", start), self.name("rate", end));
        Ok(match call.name.as_str() {
            "SchedNo" => from,
            "SchedLin" => format!("({from} + ({to} - {from}) * {share})"),
            "SchedCos" => cosine(&from, &to, share),
            "SchedExp" => format!("({from} * ({to} / {from}) ** ({share}))"),
            "SchedPoly" => {
                let power = given.need("power", 2)?;
                let power = self.name("power", power);
                format!("({from} + ({to} - {from}) * ({share}) ** {power})")
            }
            other => {
                let why = "known are SchedLin, SchedCos, SchedNo, SchedExp, SchedPoly, combine_scheds and combined_cos";
                return Err(ImportError::unsupported(other, why));
            }
        })
    }

    /// Curves one after the other, each over its share of the run.
    fn combined(&mut self, program: &Program, call: &Call, share: &str) -> Result<String, ImportError> {
        let given = Given::new(call, program, 0);
        let shares = given.list("pcts", 0)?;
        let parts = match call.argument("scheds", 1).map(|list| program.resolve_at(list, call.line)) {
            Some(Expr::List(items)) if items.len() == shares.len() && !items.is_empty() => items,
            _ => return Err(ImportError::missing("combine_scheds", "as many curves as shares")),
        };
        if parts.len() > MAX_PARTS {
            return Err(ImportError::unsupported("combine_scheds", "of more than twelve curves"));
        }
        let mut start = 0.0;
        let mut pieces = Vec::new();
        for (length, part) in shares.iter().zip(parts) {
            let Expr::Call(part) = program.resolve_at(part, call.line) else {
                return Err(ImportError::missing("combine_scheds", "curves such as SchedCos(1e-3, 0)"));
            };
            let inner = format!("({share} - {start:?}) / {length:?}");
            pieces.push((start + length, self.curve(program, part, &inner)?));
            start += length;
        }
        let mut whole = pieces.pop().map(|(_, last)| last).unwrap_or_default();
        for (end, piece) in pieces.into_iter().rev() {
            whole = format!("({piece} if {share} < {end:?} else {whole})");
        }
        Ok(whole)
    }
}

fn cosine(from: &str, to: &str, share: &str) -> String {
    format!("({from} + ({to} - {from}) * (1 - cos(pi * {share})) / 2)")
}
