//! Formulas of the tick: computed here, and written in another language.

use std::f64::consts::PI;
use std::ops::{Add, Div, Mul, Sub};

use super::text;

/// A number that depends on the tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Tick,
    Number(f64),
    Binary(Operator, Box<Self>, Box<Self>),
    Call(Function, Box<Self>),
    /// `then` while `what` is below `bound`.
    Below {
        what: Box<Self>,
        bound: f64,
        then: Box<Self>,
        otherwise: Box<Self>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Power,
    Min,
    Max,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `cos πx`
    CosPi,
    Sqrt,
    Tanh,
    Floor,
    /// `ln(1 + x)`
    Log1p,
}

/// What a formula is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// With `from math import *` names: `cos`, `floor`, `log1p`, `pi`, `sqrt`, `tanh`.
    Python,
    Rust,
}

use Expression::{Below, Binary, Call, Number};

impl Expression {
    /// The value at `tick`.
    pub fn at(&self, tick: f64) -> f64 {
        match self {
            Self::Tick => tick,
            Number(number) => *number,
            Binary(operator, left, right) => operator.apply(left.at(tick), right.at(tick)),
            Call(function, inner) => function.apply(inner.at(tick)),
            Below { what, bound, then, otherwise } => {
                if what.at(tick) < *bound {
                    then.at(tick)
                } else {
                    otherwise.at(tick)
                }
            }
        }
    }

    #[must_use]
    pub fn power(self, exponent: impl Into<Self>) -> Self {
        match (self, exponent.into()) {
            (base, Number(1.0)) => base,
            (base, exponent) => binary(Operator::Power, base, exponent),
        }
    }

    #[must_use]
    pub fn min(self, other: impl Into<Self>) -> Self {
        binary(Operator::Min, self, other.into())
    }

    #[must_use]
    pub fn max(self, other: impl Into<Self>) -> Self {
        binary(Operator::Max, self, other.into())
    }

    #[must_use]
    pub fn remainder(self, other: impl Into<Self>) -> Self {
        binary(Operator::Remainder, self, other.into())
    }

    #[must_use]
    pub fn call(self, function: Function) -> Self {
        match self {
            Number(number) => Number(function.apply(number)),
            inner => Call(function, Box::new(inner)),
        }
    }

    /// `then` while this is below `bound`, and then `otherwise`.
    #[must_use]
    pub fn below(self, bound: f64, then: Self, otherwise: Self) -> Self {
        let [what, then, otherwise] = [self, then, otherwise].map(Box::new);
        Below { what, bound, then, otherwise }
    }

    /// Statements that return the value: an `if` for each piece of a curve in pieces.
    pub fn statements(&self, language: Language, tick: &str, indent: usize) -> String {
        let margin = "    ".repeat(indent);
        match (self, language) {
            (Below { what, bound, then, otherwise }, Language::Python) => format!(
                "{margin}if {} < {}:\n{}{}",
                what.written(language, tick, 0),
                number(*bound, language),
                then.statements(language, tick, indent + 1),
                otherwise.statements(language, tick, indent)
            ),
            (Below { what, bound, then, otherwise }, Language::Rust) => format!(
                "{margin}if {} < {} {{\n{}{margin}}} else {{\n{}{margin}}}\n",
                what.written(language, tick, 0),
                number(*bound, language),
                then.statements(language, tick, indent + 1),
                otherwise.statements(language, tick, indent + 1)
            ),
            (_, Language::Python) => format!("{margin}return {}\n", self.written(language, tick, 0)),
            (_, Language::Rust) => format!("{margin}{}\n", self.written(language, tick, 0)),
        }
    }

    /// The formula on one line; `level` is how tightly the text around it binds.
    fn written(&self, language: Language, tick: &str, level: u8) -> String {
        let inner = |expression: &Self, level| expression.written(language, tick, level);
        let (own, shown) = match (self, language) {
            (Self::Tick, _) => (9, tick.to_owned()),
            (Number(value), _) => (if *value < 0.0 { 1 } else { 9 }, number(*value, language)),
            (Binary(operator, left, right), _) => {
                let infix = |sign: &str, own: u8| {
                    (own, format!("{} {sign} {}", inner(left, own), inner(right, own + 1)))
                };
                match (operator, language) {
                    (Operator::Add, _) => infix("+", 1),
                    (Operator::Sub, _) => infix("-", 1),
                    (Operator::Mul, _) => infix("*", 2),
                    (Operator::Div, _) => infix("/", 2),
                    (Operator::Remainder, _) => infix("%", 2),
                    (Operator::Power, Language::Python) => {
                        (3, format!("{} ** {}", inner(left, 4), inner(right, 4)))
                    }
                    (Operator::Power, Language::Rust) => {
                        (9, format!("{}.powf({})", inner(left, 9), inner(right, 0)))
                    }
                    (Operator::Min | Operator::Max, _) => {
                        let name = if *operator == Operator::Min { "min" } else { "max" };
                        match language {
                            Language::Python => {
                                (9, format!("{name}({}, {})", inner(left, 0), inner(right, 0)))
                            }
                            Language::Rust => (9, format!("{}.{name}({})", inner(left, 9), inner(right, 0))),
                        }
                    }
                }
            }
            (Call(function, argument), Language::Python) => (
                9,
                match function {
                    Function::CosPi => format!("cos(pi * {})", inner(argument, 3)),
                    Function::Sqrt => format!("sqrt({})", inner(argument, 0)),
                    Function::Tanh => format!("tanh({})", inner(argument, 0)),
                    Function::Floor => format!("floor({})", inner(argument, 0)),
                    Function::Log1p => format!("log1p({})", inner(argument, 0)),
                },
            ),
            (Call(function, argument), Language::Rust) => (
                9,
                match function {
                    Function::CosPi => format!("(std::f64::consts::PI * {}).cos()", inner(argument, 3)),
                    Function::Sqrt => format!("{}.sqrt()", inner(argument, 9)),
                    Function::Tanh => format!("{}.tanh()", inner(argument, 9)),
                    Function::Floor => format!("{}.floor()", inner(argument, 9)),
                    Function::Log1p => format!("{}.ln_1p()", inner(argument, 9)),
                },
            ),
            (Below { what, bound, then, otherwise }, Language::Python) => {
                let condition = format!("{} < {}", inner(what, 1), number(*bound, language));
                (0, format!("{} if {condition} else {}", inner(then, 1), inner(otherwise, 0)))
            }
            (Below { what, bound, then, otherwise }, Language::Rust) => {
                let condition = format!("{} < {}", inner(what, 1), number(*bound, language));
                (0, format!("if {condition} {{ {} }} else {{ {} }}", inner(then, 0), inner(otherwise, 0)))
            }
        };
        if own < level { format!("({shown})") } else { shown }
    }
}

/// A number; in Python a whole one is an integer.
fn number(value: f64, language: Language) -> String {
    match language {
        Language::Python if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        Language::Python => text::float(value),
        Language::Rust => format!("{}_f64", text::float(value)),
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            Self::Div => left / right,
            Self::Power => left.powf(right),
            Self::Min => left.min(right),
            Self::Max => left.max(right),
            Self::Remainder => left % right,
        }
    }
}

impl Function {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::CosPi => (PI * x).cos(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
            Self::Floor => x.floor(),
            Self::Log1p => x.ln_1p(),
        }
    }
}

/// The operation, done at once where both sides are numbers.
fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    match (operator, left, right) {
        (_, Number(left), Number(right)) => Number(operator.apply(left, right)),
        (Operator::Add | Operator::Sub, left, Number(0.0)) => left,
        (Operator::Add, Number(0.0), right) => right,
        (Operator::Mul, Number(0.0), _) | (Operator::Mul, _, Number(0.0)) => Number(0.0),
        (Operator::Mul | Operator::Div, left, Number(1.0)) => left,
        (Operator::Mul, Number(1.0), right) => right,
        (operator, left, right) => Binary(operator, Box::new(left), Box::new(right)),
    }
}

impl From<f64> for Expression {
    fn from(number: f64) -> Self {
        Number(number)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<T: Into<Expression>> $trait<T> for Expression {
            type Output = Self;
            fn $method(self, other: T) -> Self {
                binary(Operator::$trait, self, other.into())
            }
        }
        impl $trait<Expression> for f64 {
            type Output = Expression;
            fn $method(self, other: Expression) -> Expression {
                binary(Operator::$trait, Number(self), other)
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);
