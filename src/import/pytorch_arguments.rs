//! The arguments of a call, as the values that PyTorch's schedulers take.

use super::python::{Call, Expr, Program};
use super::{ImportError, settings};

/// A call's arguments, by name and place.
pub(super) struct Given<'p> {
    pub call: &'p Call,
    pub program: &'p Program,
}

impl<'p> Given<'p> {
    pub fn get(&self, name: &str, place: usize) -> Option<&'p Expr> {
        self.call.argument(name, place).map(|value| self.program.resolve(value))
    }

    fn what(&self, name: &str) -> String {
        format!("{}'s {name}", self.call.name)
    }

    /// The number; of a list, one for each parameter group, the first.
    pub fn number(&self, name: &str, place: usize) -> Result<Option<f64>, ImportError> {
        match self.get(name, place) {
            None | Some(Expr::None) => Ok(None),
            Some(Expr::List(items)) => match items.first() {
                Some(first) => settings::number(&self.what(name), self.program.resolve(first)).map(Some),
                None => Ok(None),
            },
            Some(value) => settings::number(&self.what(name), value).map(Some),
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
        match self.get(name, place) {
            Some(Expr::List(items)) => items
                .iter()
                .map(|item| settings::number(&self.what(name), self.program.resolve(item)))
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
}
