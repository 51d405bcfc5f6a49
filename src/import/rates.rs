//! Where a program sets the rate of an optimizer itself.

use super::python::{Expr, Program, StmtKind};

/// Where a program sets the rate of an optimizer's group itself: the line, and the value as it is spelled.
pub(super) fn rates_set(program: &Program) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    program.visit(&mut |stmt, _| {
        if let StmtKind::Assign(targets, value) = &stmt.kind
            && targets.iter().any(sets_rate)
        {
            found.push((stmt.line, value.shown()));
        }
        if let StmtKind::Update(target, operator, value) = &stmt.kind
            && sets_rate(target)
        {
            found.push((stmt.line, format!("{operator}= {}", value.shown())));
        }
    });
    found
}

/// Whether what is assigned is the rate of an optimizer's group.
pub(super) fn sets_rate(target: &Expr) -> bool {
    match target {
        Expr::Index(index) => {
            let key = matches!(&index.1, Expr::Text(key) if matches!(key.as_str(), "lr" | "learning_rate"));
            let holder = index.0.shown();
            key && (holder.contains("group") || holder.contains("optim") || holder == "g" || holder == "pg")
        }
        Expr::Name(name) => {
            let Some((holder, field)) = name.rsplit_once('.') else { return false };
            matches!(field, "lr" | "learning_rate")
                && holder.rsplit('.').next().is_some_and(|last| last.contains("optim"))
        }
        _ => false,
    }
}
