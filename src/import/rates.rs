//! Where a program sets the rate of an optimizer itself.

use super::python::{Expr, Program, Stmt, StmtKind};

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
        if let StmtKind::Value(call) = &stmt.kind
            && let Some(value) = rate_given(call)
        {
            found.push((stmt.line, value.shown()));
        }
    });
    found
}

/// The rate that a call gives a group of parameters: `optimizer.param_groups[0].update(lr=rate)`.
fn rate_given(call: &Expr) -> Option<&Expr> {
    let Expr::Call(call) = call else { return None };
    let holder = call.callee.as_ref().map_or_else(|| call.path.clone(), Expr::shown);
    let is_group = call.name == "update" && (holder.contains("group") || holder.contains("optim"));
    call.argument("lr", usize::MAX).filter(|_| is_group)
}

/// Whether a statement sets the rate of an optimizer's group itself.
pub(super) fn is_setting(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Assign(targets, _) => targets.iter().any(sets_rate),
        StmtKind::Update(target, ..) => sets_rate(target),
        StmtKind::Value(value) => rate_given(value).is_some(),
        _ => false,
    }
}

/// The optimizer whose groups' rate a statement sets, as the program spells it.
pub(super) fn optimizer_of(stmt: &Stmt) -> Option<String> {
    let of = |value: &Expr| {
        let shown = value.shown();
        let (holder, _) = shown.split_once(".param_groups")?;
        Some(holder.rsplit(['(', ' ']).next().unwrap_or(holder).to_owned())
    };
    let any = |body: &[Stmt]| body.iter().find_map(optimizer_of);
    match &stmt.kind {
        StmtKind::For { items, body, .. } => of(items).or_else(|| any(body)),
        StmtKind::While { body, .. } | StmtKind::Block(body) => any(body),
        StmtKind::If(branches, otherwise) => {
            branches.iter().find_map(|(_, body)| any(body)).or_else(|| any(otherwise))
        }
        StmtKind::Assign(targets, _) => targets.iter().find_map(of),
        StmtKind::Update(target, ..) => of(target),
        _ => None,
    }
}

/// Whether a statement sets the rate of an optimizer's group, or one within it does.
pub(super) fn holds_rate(stmt: &Stmt) -> bool {
    let any = |body: &[Stmt]| body.iter().any(holds_rate);
    match &stmt.kind {
        StmtKind::For { body, .. } | StmtKind::While { body, .. } | StmtKind::Block(body) => any(body),
        StmtKind::If(branches, otherwise) => branches.iter().any(|(_, body)| any(body)) || any(otherwise),
        _ => is_setting(stmt),
    }
}

/// Whether what is assigned is the rate of an optimizer's group.
fn sets_rate(target: &Expr) -> bool {
    match target {
        Expr::Index(index) => {
            let key = matches!(&index.1, Expr::Text(key) if matches!(key.as_str(), "lr" | "learning_rate"));
            let holder = index.0.shown();
            let is_short = matches!(holder.as_str(), "g" | "pg" | "p" | "param");
            key && (is_short || holder.contains("group") || holder.contains("optim"))
        }
        Expr::Name(name) => {
            let Some((holder, field)) = name.rsplit_once('.') else { return false };
            matches!(field, "lr" | "learning_rate")
                && holder.rsplit('.').next().is_some_and(|last| last.contains("optim"))
        }
        _ => false,
    }
}
