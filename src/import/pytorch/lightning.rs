//! What Lightning says of a training beside its scheduler.

use super::super::Imported;
use super::super::python::{Expr, Program, Site, StmtKind};
use crate::schedule::{Span, Tick};

/// What a Lightning configuration says of when it steps.
pub(super) fn interval(program: &Program) -> Option<Tick> {
    fn says(value: &Expr) -> Option<Tick> {
        match value {
            Expr::Table(pairs) => pairs.iter().find_map(|pair| {
                let text = |value: &Expr| match value {
                    Expr::Text(text) => Some(text.clone()),
                    _ => None,
                };
                match (text(&pair.key).as_deref(), text(&pair.value).as_deref()) {
                    (Some("interval"), Some("epoch")) => Some(Tick::Epoch),
                    (Some("interval"), Some("step")) => Some(Tick::Update),
                    _ => says(&pair.value),
                }
            }),
            Expr::List(items) => items.iter().find_map(says),
            Expr::Call(call) => call
                .named
                .iter()
                .find_map(|(name, value)| match (name.as_str(), value) {
                    ("interval", Expr::Text(text)) if text == "epoch" => Some(Tick::Epoch),
                    ("interval", Expr::Text(text)) if text == "step" => Some(Tick::Update),
                    (_, value) => says(value),
                })
                .or_else(|| call.arguments.iter().find_map(says)),
            _ => None,
        }
    }
    let mut found = None;
    program.visit(&mut |stmt, _| {
        if let StmtKind::Assign(_, value) | StmtKind::Value(value) | StmtKind::Return(Some(value)) =
            &stmt.kind
        {
            found = found.or_else(|| says(value));
        }
    });
    found
}

/// What Lightning's `Trainer` is told: the run's length, and what else shapes a training.
pub(super) fn trainer(program: &Program, sites: &[Site<'_>], imported: &mut Imported) -> Option<Span> {
    let call = sites.iter().map(|site| site.call).find(|call| {
        call.name == "Trainer"
            && call.named.iter().any(|(name, _)| name == "max_epochs" || name == "max_steps")
    })?;
    let number = |name: &str| {
        program.number(call.argument(name, usize::MAX)?, call.line).filter(|number| *number > 0.0)
    };
    imported.clip_norm = imported.clip_norm.or(number("gradient_clip_val"));
    imported.accumulate = number("accumulate_grad_batches").map(|every| every as usize);
    number("max_steps").map(Span::Updates).or(number("max_epochs").map(Span::Epochs))
}
