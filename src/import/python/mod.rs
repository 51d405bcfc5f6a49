//! A reader of Python: it takes a program apart, and evaluates what is arithmetic; nothing is ever run.
//!
//! It is tolerant: a line that is no Python costs that line, a snippet may begin anywhere, and what is not
//! understood is kept as it is spelled ([`Expr::Unknown`]).

mod block;
mod brackets;
pub(crate) mod eval;
mod lex;
mod names;
mod parse;
mod tree;
mod walk;

pub(crate) use names::Bound;
pub(crate) use tree::{Call, Class, Expr, Function, Pair, Stmt, StmtKind};
pub(crate) use walk::{Site, Within};

use std::cell::RefCell;
use std::rc::Rc;

use self::eval::{Machine, Value};
use self::names::Names;
use super::ImportError;

/// What evaluating a constant may cost.
const FUEL: u64 = 50_000;

/// A program's statements, and what its names stand for.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub body: Vec<Stmt>,
    /// Lines that could not be taken apart, with the reason.
    pub failed: Vec<(usize, String)>,
    names: Names,
    /// Sentences on values that were taken from elsewhere than where they are used.
    taken: RefCell<Vec<String>>,
}

impl Program {
    /// # Errors
    /// When brackets do not match, a text does not end, or nothing at all can be taken apart.
    pub fn read(text: &str) -> Result<Self, ImportError> {
        let lines = lex::lines(text)?;
        let mut blocks = block::Blocks::new(&lines);
        let body = blocks.all();
        let failed = blocks.failed;
        if let (Some((line, message)), true) =
            (failed.first(), body.iter().all(|stmt| matches!(stmt.kind, StmtKind::Unknown(_))))
        {
            return Err(ImportError::Syntax { line: *line, message: message.clone() });
        }
        let names = Names::of(&body);
        Ok(Self { body, failed, names, taken: RefCell::default() })
    }

    /// The first statement's value, where it is one: a whole text that is a table, say.
    pub fn value(&self) -> Option<&Expr> {
        match &self.body.first()?.kind {
            StmtKind::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Every call with its place, calls within calls first.
    pub fn sites(&self) -> Vec<Site<'_>> {
        walk::sites(&self.body)
    }

    /// Every call, with the name that its value has where it is a statement's whole value.
    pub fn calls(&self) -> Vec<(Option<&str>, &Call)> {
        self.sites().into_iter().map(|site| (site.name, site.call)).collect()
    }

    /// Every statement with what it stands in.
    pub fn visit<'p>(&'p self, visit: &mut dyn FnMut(&'p Stmt, &[Within<'p>])) {
        walk::statements(&self.body, &mut Vec::new(), visit);
    }

    /// What a name stands for where it is used on this line.
    pub fn bound(&self, name: &str, line: usize) -> Option<(&Bound, usize)> {
        self.names.bound(name, line)
    }

    /// The line on which a name is first given a value outside functions.
    pub fn assigned_at(&self, name: &str) -> Option<usize> {
        self.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign(targets, _) => targets
                .iter()
                .any(|target| matches!(target, Expr::Name(found) if found == name))
                .then_some(stmt.line),
            _ => None,
        })
    }

    /// Whether the program has a function of this name, in a class or outside.
    pub fn defines(&self, name: &str) -> bool {
        self.names.methods.contains(name) || self.names.functions.contains_key(name)
    }

    /// A function outside classes by its name.
    pub fn function(&self, name: &str) -> Option<&Rc<Function>> {
        self.names.functions.get(name)
    }

    /// The functions outside classes, in the order of their lines.
    pub fn functions(&self) -> Vec<&Rc<Function>> {
        let mut found: Vec<_> = self.names.functions.values().collect();
        found.sort_by_key(|function| function.line);
        found
    }

    pub fn class(&self, name: &str) -> Option<&Rc<Class>> {
        self.names.classes.get(name)
    }

    /// The whole name of what was imported under this name or the beginning of it, or the name itself.
    pub fn imported(&self, name: &str) -> String {
        if let Some(whole) = self.names.imports.get(name) {
            return whole.clone();
        }
        match name.split_once('.') {
            Some((first, rest)) => match self.names.imports.get(first) {
                Some(whole) => format!("{whole}.{rest}"),
                None => name.to_owned(),
            },
            None => name.to_owned(),
        }
    }

    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.names.imports.values().map(String::as_str)
    }

    /// The value itself where it is the name of one, used on this line; a default counts.
    pub fn resolve_at<'p>(&'p self, mut value: &'p Expr, line: usize) -> &'p Expr {
        let mut line = line;
        for _ in 0..16 {
            let Expr::Name(name) = value else { break };
            match self.names.bound(name, line) {
                Some((Bound::Value(meant), at)) => (value, line) = (meant, at),
                Some((Bound::Default(default), _)) => {
                    self.note(default.sentence(name));
                    (value, line) = (&default.value, default.line);
                }
                _ => break,
            }
        }
        value
    }

    pub fn resolve<'p>(&'p self, value: &'p Expr) -> &'p Expr {
        self.resolve_at(value, usize::MAX)
    }

    /// The value as far as it can be worked out on this line.
    pub fn constant(&self, value: &Expr, line: usize) -> Value {
        let mut machine = Machine::new(self, FUEL);
        machine.value(value, line).unwrap_or_else(|stop| Value::opaque(&stop.why))
    }

    /// The number that an expression comes to.
    pub fn number(&self, value: &Expr, line: usize) -> Option<f64> {
        match value {
            Expr::Number(number) => Some(*number),
            other => self.constant(other, line).number(),
        }
    }

    pub fn note(&self, sentence: String) {
        let mut taken = self.taken.borrow_mut();
        if !taken.contains(&sentence) {
            taken.push(sentence);
        }
    }

    /// What was taken from defaults since the last call, a sentence each.
    pub fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.taken.borrow_mut())
    }
}
