//! What an expression that picks parameters can come to.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::python::Function;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(f64),
    Flag(bool),
    Text(Rc<str>),
    None,
    /// Lists and tables are shared, as in Python: what is added later is in all that hold them.
    List(Rc<RefCell<Vec<Value>>>),
    Table(Rc<RefCell<Vec<(Value, Value)>>>),
    /// A parameter of the stand-in, by its place.
    Parameter(usize),
    /// Parameters of a module that the stand-in has not, by its path.
    Other(Rc<str>),
    Function(Rc<Function>),
    /// What is only known by its name.
    Path(Rc<str>),
    Unknown,
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub fn table(pairs: Vec<(Self, Self)>) -> Self {
        Self::Table(Rc::new(RefCell::new(pairs)))
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            _ => None,
        }
    }

    /// What a loop over it goes through; a table's keys.
    pub fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.borrow().clone()),
            Self::Table(pairs) => Some(pairs.borrow().iter().map(|(key, _)| key.clone()).collect()),
            _ => None,
        }
    }

    pub fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::Number(number) => *number != 0.0,
            Self::Flag(flag) => *flag,
            Self::Text(text) => !text.is_empty(),
            Self::None => false,
            Self::List(items) => !items.borrow().is_empty(),
            Self::Table(pairs) => !pairs.borrow().is_empty(),
            Self::Parameter(_) | Self::Function(_) => true,
            Self::Other(_) | Self::Path(_) | Self::Unknown => return None,
        })
    }

    /// Whether both are the same; nothing where that is not known.
    pub fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Text(a), Self::Text(b)) => Some(a == b),
            (Self::Path(a) | Self::Other(a), Self::Path(b) | Self::Other(b)) if a == b => Some(true),
            (Self::Path(_) | Self::Other(_), _) | (_, Self::Path(_) | Self::Other(_)) => None,
            (Self::None, Self::None) => Some(true),
            (Self::Parameter(a), Self::Parameter(b)) => Some(a == b),
            (Self::List(a), Self::List(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                if a.len() != b.len() {
                    return Some(false);
                }
                // Lists in lists are not compared: they would cost more than they tell.
                let flat = |value: &Self| !matches!(value, Self::List(_) | Self::Table(_));
                if !a.iter().chain(b.iter()).all(flat) {
                    return None;
                }
                let pairs = a.iter().zip(b.iter()).map(|(a, b)| a.equals(b));
                pairs.collect::<Option<Vec<bool>>>().map(|same| same.into_iter().all(|same| same))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => Some(a == b),
                _ => Some(false),
            },
        }
    }

    /// The entry of a table.
    pub fn entry(&self, key: &str) -> Option<Self> {
        let Self::Table(pairs) = self else { return None };
        let pairs = pairs.borrow();
        let is = |found: &Self| matches!(found, Self::Text(text) if &**text == key);
        pairs.iter().rev().find(|(found, _)| is(found)).map(|(_, value)| value.clone())
    }
}

/// What a statement leads to.
pub(super) enum Flow {
    Next,
    Return(Value),
    Break,
    Continue,
}
