//! The values of a configuration in Python, with those of the files that it inherits from by `_base_`.

use std::path::Path;

use super::super::super::Options;
use super::super::super::beside::{Beside, MAX_LEVELS, listed, merged, unplaced};
use super::super::super::python::{Expr, Pair, Program, StmtKind};
use super::super::super::settings::{Settings, number};

pub(super) struct Config {
    values: Vec<Pair>,
    pub beside: Beside,
}

impl Config {
    pub fn of(program: &Program, options: &Options) -> Self {
        let mut beside = Beside::default();
        let values = values(program, options.folder.as_deref(), 0, &mut beside);
        Self { values, beside }
    }

    fn value(&self, name: &str) -> Option<&Pair> {
        self.values.iter().find(|pair| pair.key == Expr::Text(name.to_owned()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The table under a name.
    pub fn table(&self, name: &str) -> Option<Settings> {
        match &self.value(name)?.value {
            Expr::Table(pairs) => Some(Settings::of_pairs(pairs)),
            _ => None,
        }
    }

    /// The tables of a list, or one alone.
    pub fn list(&self, name: &str) -> Vec<Settings> {
        let table = |value: &Expr| match value {
            Expr::Table(pairs) => Some(Settings::of_pairs(pairs)),
            _ => None,
        };
        match self.value(name).map(|pair| &pair.value) {
            Some(Expr::List(items)) => items.iter().filter_map(table).collect(),
            Some(single) => table(single).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        number(name, &self.value(name)?.value).ok()
    }
}

/// What a program gives names outside functions, over what it inherits.
fn values(program: &Program, folder: Option<&Path>, level: usize, beside: &mut Beside) -> Vec<Pair> {
    let mut own: Vec<Pair> = Vec::new();
    let mut bases = Vec::new();
    for stmt in &program.body {
        let StmtKind::Assign(targets, value) = &stmt.kind else { continue };
        let [Expr::Name(name)] = targets.as_slice() else { continue };
        if name == "_base_" {
            bases = listed(program.resolve_at(value, stmt.line));
            continue;
        }
        let value = super::super::worked(program, value, stmt.line, 0);
        own.retain(|pair| pair.key != Expr::Text(name.clone()));
        own.push(Pair { key: Expr::Text(name.clone()), value, line: stmt.line });
    }
    let mut inherited = Vec::new();
    for name in bases {
        if level >= MAX_LEVELS {
            continue;
        }
        let Some((text, folder)) = beside.text(folder, &name) else { continue };
        if let Ok(program) = Program::read(&text) {
            let values = values(&program, Some(&folder), level + 1, beside);
            inherited = merged(inherited, unplaced(values));
        }
    }
    merged(inherited, own)
}
