//! The arguments of a call, as the values that PyTorch's schedulers take.

use std::cell::RefCell;

use super::python::eval::Value;
use super::python::{Call, Expr, Program};
use super::{ImportError, Unread, settings};

/// A call's arguments, by name and place.
pub(super) struct Given<'p> {
    pub call: &'p Call,
    pub program: &'p Program,
    /// Which of several parameter groups is wanted.
    pub group: usize,
    /// The names and places that were asked for.
    asked: RefCell<Vec<(String, usize)>>,
}

impl<'p> Given<'p> {
    pub fn new(call: &'p Call, program: &'p Program, group: usize) -> Self {
        Self { call, program, group, asked: RefCell::default() }
    }

    pub fn get(&self, name: &str, place: usize) -> Option<&'p Expr> {
        self.asked.borrow_mut().push((name.to_owned(), place));
        self.call.argument(name, place).map(|value| self.program.resolve_at(value, self.call.line))
    }

    /// Notes that every argument was read.
    pub fn all(&self) {
        let mut asked = self.asked.borrow_mut();
        asked.extend((0..self.call.arguments.len()).map(|place| (String::new(), place)));
        asked.extend(self.call.named.iter().map(|(name, _)| (name.clone(), usize::MAX)));
    }

    fn what(&self, name: &str) -> String {
        format!("{}'s {name}", self.call.name)
    }

    /// The number; of a list, one for each parameter group, that of the group.
    pub fn number(&self, name: &str, place: usize) -> Result<Option<f64>, ImportError> {
        let Some(value) = self.get(name, place) else { return Ok(None) };
        let of = |value: &Expr| match self.program.number(value, self.call.line) {
            Some(number) if number.is_finite() => Ok(number),
            _ => settings::number(&self.what(name), value),
        };
        match value {
            Expr::None => Ok(None),
            Expr::List(items) => match items.get(self.group).or(items.last()) {
                Some(item) => of(item).map(Some),
                None => Ok(None),
            },
            value => of(value).map(Some),
        }
    }

    pub fn number_or_unknown(&self, name: &str, place: usize) -> Option<f64> {
        self.number(name, place).ok().flatten()
    }

    pub fn or(&self, name: &str, place: usize, otherwise: f64) -> Result<f64, ImportError> {
        Ok(self.number(name, place)?.unwrap_or(otherwise))
    }

    pub fn need(&self, name: &str, place: usize) -> Result<f64, ImportError> {
        self.number(name, place)?.ok_or_else(|| ImportError::missing(&self.call.name, format!("a {name}")))
    }

    pub fn list(&self, name: &str, place: usize) -> Result<Vec<f64>, ImportError> {
        let value = self.get(name, place);
        if let Some(Expr::List(items)) = value {
            return items
                .iter()
                .map(|item| match self.program.number(item, self.call.line) {
                    Some(number) => Ok(number),
                    None => settings::number(&self.what(name), self.program.resolve_at(item, self.call.line)),
                })
                .collect();
        }
        let worked_out = value.map(|value| self.program.constant(value, self.call.line));
        match worked_out {
            Some(Value::List(items)) => items
                .iter()
                .map(|item| item.number().ok_or_else(|| ImportError::missing(self.what(name), "numbers")))
                .collect(),
            _ => Err(ImportError::missing(&self.call.name, format!("a list of {name}"))),
        }
    }

    pub fn text(&self, name: &str, place: usize) -> Option<&'p str> {
        match self.get(name, place)? {
            Expr::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The arguments that nobody asked for, but the optimizer in the first place.
    pub fn unread(&self) -> Vec<Unread> {
        let asked = self.asked.borrow();
        let idle = ["optimizer", "verbose", "schedulers"];
        let named = self.call.named.iter().filter(|(name, _)| {
            !asked.iter().any(|(found, _)| found == name) && !idle.contains(&name.as_str())
        });
        let placed = self
            .call
            .arguments
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(place, _)| !asked.iter().any(|(_, found)| found == place));
        let of = |name: String, value: &Expr| Unread {
            matters: true,
            ..Unread::new(format!("{}'s {name}", self.call.name), value.shown(), self.call.line)
        };
        named
            .map(|(name, value)| of(name.clone(), value))
            .chain(placed.map(|(place, value)| of(format!("argument {}", place + 1), value)))
            .collect()
    }
}
