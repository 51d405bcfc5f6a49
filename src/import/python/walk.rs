//! Every call of a program, with where it stands.

use super::tree::{Call, Class, Expr, Function, Stmt, StmtKind};

/// What a statement stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Within<'p> {
    Class(&'p Class),
    Def(&'p Function),
    For {
        target: &'p Expr,
        items: &'p Expr,
        body: &'p [Stmt],
    },
    While {
        body: &'p [Stmt],
    },
    If {
        test: &'p Expr,
    },
    /// The other side of an `if`, or what follows a failure.
    Else,
}

/// A call and its place.
#[derive(Clone, Debug)]
pub(crate) struct Site<'p> {
    pub call: &'p Call,
    /// The name that its value has where it is a statement's whole value.
    pub name: Option<&'p str>,
    pub within: Vec<Within<'p>>,
}

/// What is told of each statement before those in it.
pub(super) type Visit<'v, 'p> = &'v mut dyn FnMut(&'p Stmt, &[Within<'p>]);

pub(super) fn statements<'p>(body: &'p [Stmt], within: &mut Vec<Within<'p>>, visit: Visit<'_, 'p>) {
    for stmt in body {
        visit(stmt, within);
        let mut inner = |frame: Within<'p>, body: &'p [Stmt]| {
            within.push(frame);
            statements(body, within, visit);
            within.pop();
        };
        match &stmt.kind {
            StmtKind::If(branches, otherwise) => {
                for (test, body) in branches {
                    inner(Within::If { test }, body);
                }
                inner(Within::Else, otherwise);
            }
            StmtKind::For { target, items, body, otherwise } => {
                inner(Within::For { target, items, body }, body);
                inner(Within::Else, otherwise);
            }
            StmtKind::While { body, .. } => inner(Within::While { body }, body),
            StmtKind::Def(function) => inner(Within::Def(function), &function.body),
            StmtKind::Class(class) => inner(Within::Class(class), &class.body),
            StmtKind::Block(body) => statements(body, within, visit),
            StmtKind::Failing(body) => inner(Within::Else, body),
            _ => {}
        }
    }
}

/// The expressions that stand in a statement itself, each with the name its value is given.
fn values(stmt: &Stmt) -> Vec<(Option<&str>, &Expr)> {
    match &stmt.kind {
        StmtKind::Assign(targets, value) => {
            let mut found = Vec::new();
            match (targets.first(), value) {
                // `a, b = f(), g()`.
                (Some(Expr::List(names)), Expr::List(values)) if names.len() == values.len() => {
                    found.extend(names.iter().zip(values).map(|(name, value)| (name_of(name), value)));
                }
                (target, value) => found.push((target.and_then(name_of), value)),
            }
            found
        }
        StmtKind::Update(_, _, value) | StmtKind::Value(value) | StmtKind::Return(Some(value)) => {
            vec![(None, value)]
        }
        StmtKind::If(branches, _) => branches.iter().map(|(test, _)| (None, test)).collect(),
        StmtKind::For { items, .. } => vec![(None, items)],
        StmtKind::While { test, .. } | StmtKind::Assert(test) => vec![(None, test)],
        StmtKind::Def(function) => {
            let defaults = function.parameters.iter().filter_map(|parameter| parameter.default.as_ref());
            defaults.map(|value| (None, value)).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn name_of(target: &Expr) -> Option<&str> {
    match target {
        Expr::Name(name) => Some(name),
        _ => None,
    }
}

/// Every call in order; calls within calls come before them.
pub(super) fn sites(body: &[Stmt]) -> Vec<Site<'_>> {
    let mut found = Vec::new();
    statements(body, &mut Vec::new(), &mut |stmt, within| {
        for (name, value) in values(stmt) {
            let mut calls = Vec::new();
            gather(value, name, &mut calls);
            found.extend(calls.into_iter().map(|(name, call)| Site { call, name, within: within.to_vec() }));
        }
    });
    found
}

fn gather<'p>(value: &'p Expr, name: Option<&'p str>, calls: &mut Vec<(Option<&'p str>, &'p Call)>) {
    let mut each = |values: &[&'p Expr]| values.iter().for_each(|value| gather(value, None, calls));
    match value {
        Expr::List(items) => each(&items.iter().collect::<Vec<_>>()),
        Expr::Table(pairs) => each(&pairs.iter().map(|pair| &pair.value).collect::<Vec<_>>()),
        Expr::Call(call) => {
            each(&call.callee.iter().collect::<Vec<_>>());
            each(&call.arguments.iter().collect::<Vec<_>>());
            each(&call.named.iter().map(|(_, value)| value).collect::<Vec<_>>());
            calls.push((name, call));
        }
        Expr::Member(member) => each(&[&member.0]),
        Expr::Index(index) => each(&[&index.0, &index.1]),
        Expr::Unary(_, value) => each(&[value]),
        Expr::Binary(_, sides) => each(&[&sides.0, &sides.1]),
        Expr::Compare(first, rest) => {
            each(&[first]);
            each(&rest.iter().map(|(_, value)| value).collect::<Vec<_>>());
        }
        Expr::Choice(parts) => {
            // Either side may be what the name is given.
            gather(&parts.1, name, calls);
            gather(&parts.2, name, calls);
        }
        Expr::Comprehension(of) => each(&[&of.element, &of.items]),
        Expr::Lambda(_)
        | Expr::Number(_)
        | Expr::Text(_)
        | Expr::Flag(_)
        | Expr::None
        | Expr::Name(_)
        | Expr::Unknown(_) => {}
    }
}
