//! Every expression of a program.

use super::super::python::{Expr, Stmt, StmtKind};

/// Tells of every expression in these statements, the outer ones first.
pub(in super::super) fn expressions<'p>(body: &'p [Stmt], tell: &mut dyn FnMut(&'p Expr)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                targets.iter().for_each(|target| each(target, tell));
                each(value, tell);
            }
            StmtKind::Update(target, _, value) => [target, value].into_iter().for_each(|it| each(it, tell)),
            StmtKind::Value(value) | StmtKind::Return(Some(value)) | StmtKind::Assert(value) => {
                each(value, tell);
            }
            StmtKind::If(branches, otherwise) => {
                for (test, body) in branches {
                    each(test, tell);
                    expressions(body, tell);
                }
                expressions(otherwise, tell);
            }
            StmtKind::For { target, items, body, otherwise } => {
                [target, items].into_iter().for_each(|it| each(it, tell));
                expressions(body, tell);
                expressions(otherwise, tell);
            }
            StmtKind::While { test, body } => {
                each(test, tell);
                expressions(body, tell);
            }
            StmtKind::Def(function) => expressions(&function.body, tell),
            StmtKind::Class(class) => expressions(&class.body, tell),
            StmtKind::Block(body) | StmtKind::Failing(body) => expressions(body, tell),
            _ => {}
        }
    }
}

fn each<'p>(expr: &'p Expr, tell: &mut dyn FnMut(&'p Expr)) {
    tell(expr);
    match expr {
        Expr::List(items) => items.iter().for_each(|item| each(item, tell)),
        Expr::Table(pairs) => pairs.iter().for_each(|pair| {
            each(&pair.key, tell);
            each(&pair.value, tell);
        }),
        Expr::Call(call) => {
            call.callee.iter().chain(&call.arguments).for_each(|it| each(it, tell));
            call.named.iter().for_each(|(_, value)| each(value, tell));
        }
        Expr::Member(member) => each(&member.0, tell),
        Expr::Index(sides) | Expr::Binary(_, sides) => {
            each(&sides.0, tell);
            each(&sides.1, tell);
        }
        Expr::Unary(_, value) => each(value, tell),
        Expr::Compare(first, rest) => {
            each(first, tell);
            rest.iter().for_each(|(_, value)| each(value, tell));
        }
        Expr::Choice(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(|it| each(it, tell)),
        Expr::Lambda(function) => expressions(&function.body, tell),
        Expr::Comprehension(of) => {
            [&of.element, &of.target, &of.items].into_iter().for_each(|it| each(it, tell));
            of.test.iter().for_each(|test| each(test, tell));
        }
        Expr::Number(_) | Expr::Text(_) | Expr::Flag(_) | Expr::None | Expr::Name(_) | Expr::Unknown(_) => {}
    }
}
