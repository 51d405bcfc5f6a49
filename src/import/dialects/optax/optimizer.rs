//! optax's optimizers: which one is the run's, its numbers, and what a mask or a `multi_transform` takes from it.

use std::rc::Rc;

use super::super::super::groups::{Told, expressions, pattern_of};
use super::super::super::python::{Bound, Call, Expr, Program, Stmt, StmtKind};
use super::super::super::settings::{optimizer_kind, set};
use super::super::super::{Imported, Unread};
use crate::experiment::{Group, Optimizer};
use crate::schedule::Span;

const OPTIMIZERS: [&str; 9] =
    ["sgd", "adam", "adamw", "lion", "rmsprop", "adagrad", "nadamw", "lamb", "adafactor"];
/// Wrappers that are given an optimizer for each label.
const BY_LABEL: [&str; 2] = ["multi_transform", "partition"];

/// An optimizer for each label of a `multi_transform`, and its line.
struct Labelled<'p> {
    line: usize,
    parts: Vec<(String, &'p Expr)>,
}

/// The optimizer of the run: of several labels the one that is not a single part of the model, or else the last.
pub fn chosen<'p>(program: &'p Program, calls: &[&'p Call], imported: &mut Imported) -> Option<&'p Call> {
    let is = |call: &&&Call| {
        OPTIMIZERS.contains(&call.name.as_str())
            && (program.imported(&call.path).contains("optax") || call.path.contains("optax"))
    };
    let last = calls.iter().rfind(is).copied();
    if let Some(labelled) = labelled(program, calls) {
        let main = labelled.parts.iter().find(|(label, _)| matches!(pattern_of(label), None | Some("*")));
        let own = main.and_then(|(_, value)| inner(program, value, labelled.line));
        return own.or(last);
    }
    let count = calls.iter().filter(is).count();
    if let (Some(call), true) = (last, count > 1) {
        imported.note(format!("there are {count} optimizers; this is the one on line {}", call.line));
    }
    last
}

/// The optimizer with optax' own defaults.
pub fn numbers(program: &Program, call: &Call, imported: &mut Imported) -> Option<Optimizer> {
    let Some(kind) = optimizer_kind(&call.name).filter(|_| call.name != "nadamw") else {
        imported.note(format!("{} is not an optimizer known here; only its rate was taken", call.name));
        return None;
    };
    let mut optimizer = Optimizer::new(kind);
    let number = |name: &str| program.number(call.argument(name, usize::MAX)?, call.line);
    set(&mut optimizer, "momentum", number("momentum"));
    set(&mut optimizer, "beta1", number("b1"));
    set(&mut optimizer, "beta2", number("b2"));
    set(&mut optimizer, "eps", number("eps"));
    // optax' AdamW decays by 1e-4 where nothing is said.
    let usual = matches!(call.name.as_str(), "adamw").then_some(1e-4);
    set(&mut optimizer, "weight_decay", number("weight_decay").or(usual));
    optimizer.switch("nesterov", call.argument("nesterov", usize::MAX) == Some(&Expr::Flag(true)));
    Some(optimizer)
}

/// What single parameters have otherwise than the run.
pub fn groups(program: &Program, calls: &[&Call], run: &Call, imported: &mut Imported) {
    for name in ["mask", "weight_decay_mask"] {
        if let Some(mask) = run.argument(name, usize::MAX) {
            masked(program, mask, run.line, imported);
        }
    }
    for call in calls.iter().filter(|call| call.name == "masked") {
        let decays = call.arguments.first().is_some_and(
            |of| matches!(program.resolve_at(of, call.line), Expr::Call(of) if of.name == "add_decayed_weights"),
        );
        match call.argument("mask", 1).filter(|_| decays) {
            Some(mask) => masked(program, mask, call.line, imported),
            None => imported
                .leave(Unread::telling("optax.masked, of something else than weight decay", call.line)),
        }
    }
    let Some(labelled) = labelled(program, calls) else { return };
    let number = |call: &Call, name: &str, place: usize| {
        call.argument(name, place).and_then(|value| program.number(value, call.line))
    };
    let mut told = Vec::new();
    for (label, value) in &labelled.parts {
        let pattern = pattern_of(label);
        match inner(program, value, labelled.line) {
            Some(own) if std::ptr::eq(own, run) => {}
            Some(own) => {
                let same = own.argument("learning_rate", 0) == run.argument("learning_rate", 0);
                let rates = (number(own, "learning_rate", 0), number(run, "learning_rate", 0));
                let rate = match rates {
                    _ if same => 1.0,
                    (Some(own), Some(run)) if run > 0.0 => own / run,
                    _ => {
                        let what = format!("the rate of the label {label}, which is a schedule of its own");
                        imported.leave(Unread::telling(what, own.line));
                        1.0
                    }
                };
                let decay = number(own, "weight_decay", usize::MAX);
                told.push(Told { rate, decay, ..Told::new(label, own.line) });
            }
            None if is_still(program, value, labelled.line) => match pattern {
                Some(pattern) => {
                    if pattern == "*" {
                        imported.groups.push(Group::new("head"));
                    }
                    imported.groups.push(Group { freeze: Some(Span::Percent(100.0)), ..Group::new(pattern) });
                }
                None => imported.leave(Unread::telling(
                    format!(
                        "that what is labelled {label} stays frozen: it has no counterpart in a model here"
                    ),
                    labelled.line,
                )),
            },
            None => {
                imported.leave(Unread::telling(format!("the optimizer of the label {label}"), labelled.line));
            }
        }
    }
    imported.tell_groups(told);
}

fn labelled<'p>(program: &'p Program, calls: &[&'p Call]) -> Option<Labelled<'p>> {
    let call = calls.iter().rfind(|call| BY_LABEL.contains(&call.name.as_str()))?;
    let table = call.argument("transforms", 0)?;
    let parts = match program.resolve_at(table, call.line) {
        Expr::Table(pairs) => pairs
            .iter()
            .filter_map(|pair| match &pair.key {
                Expr::Text(label) | Expr::Name(label) => Some((label.clone(), &pair.value)),
                _ => None,
            })
            .collect(),
        Expr::Call(made) if made.name == "dict" => {
            made.named.iter().map(|(label, value)| (label.clone(), value)).collect()
        }
        _ => return None,
    };
    Some(Labelled { line: call.line, parts })
}

/// The optimizer that a label is given, perhaps in a chain.
fn inner<'p>(program: &'p Program, value: &'p Expr, line: usize) -> Option<&'p Call> {
    let Expr::Call(call) = program.resolve_at(value, line) else { return None };
    if OPTIMIZERS.contains(&call.name.as_str()) {
        return Some(call);
    }
    let is_chain = matches!(call.name.as_str(), "chain" | "named_chain");
    let mut within = call.arguments.iter().filter(|_| is_chain);
    within.find_map(|part| match program.resolve_at(part, call.line) {
        Expr::Call(part) if OPTIMIZERS.contains(&part.name.as_str()) => Some(&**part),
        _ => None,
    })
}

/// Whether a label's parameters stay as they are.
fn is_still(program: &Program, value: &Expr, line: usize) -> bool {
    matches!(program.resolve_at(value, line), Expr::Call(call) if call.name == "set_to_zero")
}

/// What a mask of weight decay spares, by the words of its function.
fn masked(program: &Program, mask: &Expr, line: usize, imported: &mut Imported) {
    let resolved = program.resolve_at(mask, line);
    let function = match resolved {
        Expr::Lambda(function) => Some(Rc::clone(function)),
        Expr::Name(name) => match program.bound(name, line) {
            Some((Bound::Function(function), _)) => Some(Rc::clone(function)),
            _ => None,
        },
        _ => None,
    };
    let alone;
    let body: &[Stmt] = match &function {
        Some(function) => &function.body,
        None => {
            alone = [Stmt { line, kind: StmtKind::Value(resolved.clone()) }];
            &alone
        }
    };
    let (mut counts, mut words) = (false, Vec::new());
    expressions(body, &mut |expr| match expr {
        Expr::Name(name) => counts |= name.ends_with("ndim") || name.ends_with("shape"),
        Expr::Member(member) => counts |= member.1 == "ndim" || member.1 == "shape",
        Expr::Call(call) => counts |= call.name == "ndim",
        Expr::Text(text) => words.push(text.clone()),
        _ => {}
    });
    let keeps = |word: &str| words.iter().any(|it| it == word);
    if counts || keeps("kernel") {
        imported.decays_matrices();
        return;
    }
    let told: Vec<Told> =
        words.iter().map(|word| Told { decay: Some(0.0), ..Told::new(word, line) }).collect();
    if told.iter().any(|it| it.pattern.is_some()) {
        imported.tell_groups(told);
    } else {
        imported
            .leave(Unread { matters: true, ..Unread::new("the mask of weight decay", mask.shown(), line) });
    }
}
