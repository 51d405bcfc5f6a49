//! What an expression can come to.

use std::rc::Rc;

use super::super::tree::{Expr, Function};

/// A value of the interpreter. Numbers are `f64`, as Python's floats are; its integers above 2^53 are not
/// needed for a learning rate.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Number(f64),
    Flag(bool),
    Text(Rc<str>),
    None,
    List(Rc<Vec<Value>>),
    /// numpy's array of one dimension.
    Array(Rc<Vec<f64>>),
    Table(Rc<Vec<(Value, Value)>>),
    Function(Callable),
    /// An instance of a class of the program, by its place among the machine's objects.
    Object(usize),
    /// An optimizer's group of parameters, whose `lr` is what is looked for.
    Group,
    /// What is not known, as the program spells it.
    Opaque(Rc<str>),
}

/// A function with what it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Callable {
    pub function: Rc<Function>,
    /// The frame it was made in.
    pub frame: Option<usize>,
    /// The object it is a method of.
    pub this: Option<usize>,
    /// What `functools.partial` has given already.
    pub bound: Rc<Given>,
}

/// Arguments by place, and by name.
pub(crate) type Given = (Vec<Value>, Vec<(String, Value)>);

impl Value {
    pub fn opaque(spelled: &str) -> Self {
        Self::Opaque(spelled.into())
    }

    pub fn unknown(expr: &Expr) -> Self {
        Self::Opaque(expr.shown().into())
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            _ => None,
        }
    }

    /// The numbers of an array, or of a list that holds nothing else.
    pub fn numbers(&self) -> Option<Rc<Vec<f64>>> {
        match self {
            Self::Array(numbers) => Some(Rc::clone(numbers)),
            Self::List(items) => items.iter().map(Self::number).collect::<Option<Vec<f64>>>().map(Rc::new),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Python's truth of a value; nothing where it is not known.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Number(number) => Some(*number != 0.0),
            Self::Flag(flag) => Some(*flag),
            Self::Text(text) => Some(!text.is_empty()),
            Self::None => Some(false),
            Self::List(items) => Some(!items.is_empty()),
            Self::Array(_) => None,
            Self::Table(pairs) => Some(!pairs.is_empty()),
            Self::Function(_) | Self::Object(_) | Self::Group => Some(true),
            Self::Opaque(_) => None,
        }
    }

    /// Whether two values are equal; nothing where it is not known.
    pub fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Opaque(_) | Self::Array(_), _) | (_, Self::Opaque(_) | Self::Array(_)) => None,
            (Self::Text(a), Self::Text(b)) => Some(a == b),
            (Self::None, Self::None) => Some(true),
            (Self::List(a), Self::List(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                // Deep lists are not compared: they would cost more than they tell.
                let numbers = a.iter().zip(b.iter()).map(|(a, b)| Some((a.number()?, b.number()?)));
                numbers.collect::<Option<Vec<_>>>().map(|pairs| pairs.iter().all(|(a, b)| a == b))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => Some(a == b),
                _ => Some(false),
            },
        }
    }
}
