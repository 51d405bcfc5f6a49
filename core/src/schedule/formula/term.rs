//! A formula taken apart: one operation and its terms.

use std::f64::consts::PI;
use std::ops::{Add, Div, Mul, Sub};

use super::Variables;
use super::operator::{Function, Operator};

use Term::{Binary, Call, Number};

/// One operation. Comparisons give 1 or 0, and what is not 0 counts as true.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Number(f64),
    /// The tick.
    Tick,
    /// The stretch's length in ticks.
    Total,
    /// A constant, by its place in the list of names.
    Constant(usize),
    Negative(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    /// `then if condition else otherwise`; the side that is not taken is not evaluated.
    If {
        condition: Box<Self>,
        then: Box<Self>,
        otherwise: Box<Self>,
    },
}

impl Term {
    /// The value with these constants, NaN where one is missing.
    pub fn value(&self, variables: Variables, constants: &[f64]) -> f64 {
        let value = |term: &Self| term.value(variables, constants);
        match self {
            Number(number) => *number,
            Self::Tick => variables.t,
            Self::Total => variables.total,
            Self::Constant(at) => constants.get(*at).copied().unwrap_or(f64::NAN),
            Self::Negative(inner) => -value(inner),
            // What decides is not asked the other side.
            Binary(operator @ (Operator::And | Operator::Or), left, right) => {
                let left = value(left);
                if (left == 0.0) == (*operator == Operator::And) { left } else { value(right) }
            }
            Binary(operator, left, right) => operator.apply(value(left), value(right)),
            Call(function, arguments) => function.apply(arguments.iter().map(value)),
            Self::If { condition, then, otherwise } => {
                if value(condition) == 0.0 {
                    value(otherwise)
                } else {
                    value(then)
                }
            }
        }
    }

    /// The value at a tick, for a term without constants and without the stretch's length.
    pub fn at(&self, tick: f64) -> f64 {
        self.value(Variables { t: tick, total: f64::NAN }, &[])
    }

    /// The term with another in the tick's place, and numbers in place of the stretch's length and the constants.
    #[must_use]
    pub fn with(&self, tick: &Self, total: f64, constants: &[f64]) -> Self {
        self.mapped(&|leaf| match leaf {
            Self::Tick => tick.clone(),
            Self::Total => Number(total),
            Self::Constant(at) => Number(constants.get(*at).copied().unwrap_or(f64::NAN)),
            other => other.clone(),
        })
    }

    /// The term with others in place of its numbers and names; what are numbers alone then is worked out.
    #[must_use]
    pub fn mapped(&self, leaf: &dyn Fn(&Self) -> Self) -> Self {
        let mapped = |term: &Self| term.mapped(leaf);
        match self {
            Number(_) | Self::Tick | Self::Total | Self::Constant(_) => leaf(self),
            Self::Negative(inner) => match mapped(inner) {
                Number(number) => Number(-number),
                inner => Self::Negative(Box::new(inner)),
            },
            Binary(operator, left, right) => binary(*operator, mapped(left), mapped(right)),
            Call(function, arguments) => call(*function, arguments.iter().map(mapped).collect()),
            Self::If { condition, then, otherwise } => match mapped(condition) {
                Number(0.0) => mapped(otherwise),
                Number(_) => mapped(then),
                condition => choice(condition, mapped(then), mapped(otherwise)),
            },
        }
    }

    /// How many operations, numbers and names it is made of.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + match self {
            Number(_) | Self::Tick | Self::Total | Self::Constant(_) => 0,
            Self::Negative(inner) => inner.size(),
            Binary(_, left, right) => left.size() + right.size(),
            Call(_, arguments) => arguments.iter().map(Self::size).sum(),
            Self::If { condition, then, otherwise } => condition.size() + then.size() + otherwise.size(),
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
        call(Function::Min, vec![self, other.into()])
    }

    #[must_use]
    pub fn max(self, other: impl Into<Self>) -> Self {
        call(Function::Max, vec![self, other.into()])
    }

    #[must_use]
    pub fn remainder(self, other: impl Into<Self>) -> Self {
        binary(Operator::Remainder, self, other.into())
    }

    /// A function of this alone.
    #[must_use]
    pub fn call(self, function: Function) -> Self {
        call(function, vec![self])
    }

    /// `cos πx`
    #[must_use]
    pub fn cos_pi(self) -> Self {
        (PI * self).call(Function::Cos)
    }

    /// `then` while this is below `bound`, and then `otherwise`.
    #[must_use]
    pub fn below(self, bound: impl Into<Self>, then: Self, otherwise: Self) -> Self {
        choice(binary(Operator::Less, self, bound.into()), then, otherwise)
    }
}

/// The operation, done at once where both sides are numbers.
pub fn binary(operator: Operator, left: Term, right: Term) -> Term {
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

/// The function's value, at once where all arguments are numbers.
pub fn call(function: Function, arguments: Vec<Term>) -> Term {
    let numbers: Option<Vec<f64>> = arguments
        .iter()
        .map(|argument| match argument {
            Number(number) => Some(*number),
            _ => None,
        })
        .collect();
    numbers.map_or(Call(function, arguments), |numbers| Number(function.apply(numbers)))
}

/// `then if condition else otherwise`
pub fn choice(condition: Term, then: Term, otherwise: Term) -> Term {
    let [condition, then, otherwise] = [condition, then, otherwise].map(Box::new);
    Term::If { condition, then, otherwise }
}

impl From<f64> for Term {
    fn from(number: f64) -> Self {
        Number(number)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<T: Into<Term>> $trait<T> for Term {
            type Output = Self;
            fn $method(self, other: T) -> Self {
                binary(Operator::$trait, self, other.into())
            }
        }
        impl $trait<Term> for f64 {
            type Output = Term;
            fn $method(self, other: Term) -> Term {
                binary(Operator::$trait, Number(self), other)
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);
