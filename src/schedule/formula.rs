//! The language of kind `formula`: arithmetic of the tick and of named constants, evaluated and never executed.
//!
//! ```
//! use anneal_studio::schedule::formula::{Formula, Variables};
//!
//! let formula = Formula::parse("peak * min((t + 1) / 100, sqrt(100 / (t + 1)))")?;
//! assert_eq!(formula.constants(), ["peak"]);
//! let value = |t| formula.value(Variables { t, total: 1000.0 }, &[0.1]);
//! assert_eq!([value(0.0), value(99.0), value(399.0)], [0.001, 0.1, 0.05]);
//! # Ok::<(), anneal_studio::schedule::formula::FormulaError>(())
//! ```

mod parse;

use std::f64::consts::{E, PI};
use std::fmt;

/// The longest formula, in bytes.
pub const LONGEST: usize = 4_096;

/// A formula as written, and taken apart.
#[derive(Clone, Debug)]
pub struct Formula {
    text: String,
    root: Term,
    /// Names that are none of the language's, in the order they first stand.
    constants: Vec<String>,
}

/// What a formula is evaluated at.
#[derive(Clone, Copy, Debug)]
pub struct Variables {
    /// The tick, from 0.
    pub t: f64,
    /// Ticks of the run, or of the stretch that the schedule has.
    pub total: f64,
}

/// What is wrong with a formula, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {} of the formula: {found}; allowed: {allowed}", at + 1)]
pub struct FormulaError {
    /// Characters before the mistake.
    pub at: usize,
    pub found: String,
    pub allowed: String,
}

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

/// Operators between two terms, with Python's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    /// `a // b`: the quotient rounded down.
    Floor,
    /// `a % b`: has the sign of `b`.
    Remainder,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// Functions, by the names that Python's `math` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Abs,
    Ceil,
    Cos,
    Exp,
    Floor,
    Log,
    Log10,
    Log2,
    Max,
    Min,
    Not,
    Round,
    Sin,
    Sqrt,
    Tanh,
}

impl Function {
    /// Every function: its name, and how few and how many arguments it takes.
    pub const ALL: [(&'static str, Self, usize, usize); 15] = [
        ("abs", Self::Abs, 1, 1),
        ("ceil", Self::Ceil, 1, 1),
        ("cos", Self::Cos, 1, 1),
        ("exp", Self::Exp, 1, 1),
        ("floor", Self::Floor, 1, 1),
        ("log", Self::Log, 1, 1),
        ("log10", Self::Log10, 1, 1),
        ("log2", Self::Log2, 1, 1),
        ("max", Self::Max, 2, 64),
        ("min", Self::Min, 2, 64),
        ("not", Self::Not, 1, 1),
        ("round", Self::Round, 1, 1),
        ("sin", Self::Sin, 1, 1),
        ("sqrt", Self::Sqrt, 1, 1),
        ("tanh", Self::Tanh, 1, 1),
    ];
}

/// Names that stand for numbers: none of them can be a constant's.
pub const NAMES: [&str; 4] = ["t", "total", "pi", "e"];

impl Formula {
    /// Takes a formula apart.
    ///
    /// # Errors
    /// When it is no formula: the place, what stands there, and what could.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let (root, constants) = parse::formula(text)?;
        Ok(Self { text: text.to_owned(), root, constants })
    }

    /// The formula as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of its constants, in the order they first stand.
    pub fn constants(&self) -> Vec<&str> {
        self.constants.iter().map(String::as_str).collect()
    }

    /// The operation that is done last.
    pub fn root(&self) -> &Term {
        &self.root
    }

    /// The value with these constants, in the order of [`Formula::constants`]; it may be NaN or infinite, and is NaN
    /// where a constant is missing.
    pub fn value(&self, variables: Variables, constants: &[f64]) -> f64 {
        self.root.value(variables, constants)
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

impl Term {
    fn value(&self, variables: Variables, constants: &[f64]) -> f64 {
        let value = |term: &Self| term.value(variables, constants);
        match self {
            Self::Number(number) => *number,
            Self::Tick => variables.t,
            Self::Total => variables.total,
            Self::Constant(at) => constants.get(*at).copied().unwrap_or(f64::NAN),
            Self::Negative(inner) => -value(inner),
            Self::Binary(Operator::And, left, right) => truth(value(left) != 0.0 && value(right) != 0.0),
            Self::Binary(Operator::Or, left, right) => truth(value(left) != 0.0 || value(right) != 0.0),
            Self::Binary(operator, left, right) => operator.apply(value(left), value(right)),
            Self::Call(function, arguments) => {
                let mut values = arguments.iter().map(value);
                let first = values.next().unwrap_or(f64::NAN);
                match function {
                    // A NaN anywhere is a NaN: nothing hides it.
                    Function::Min => values.fold(first, |a, b| if a < b || a.is_nan() { a } else { b }),
                    Function::Max => values.fold(first, |a, b| if a > b || a.is_nan() { a } else { b }),
                    one => one.apply(first),
                }
            }
            Self::If { condition, then, otherwise } => {
                if value(condition) == 0.0 {
                    value(otherwise)
                } else {
                    value(then)
                }
            }
        }
    }
}

impl Operator {
    fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Floor => (a / b).floor(),
            Self::Remainder => a - b * (a / b).floor(),
            Self::Power => a.powf(b),
            Self::Less => truth(a < b),
            Self::LessEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterEqual => truth(a >= b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
        }
    }
}

impl Function {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Abs => x.abs(),
            Self::Ceil => x.ceil(),
            Self::Cos => x.cos(),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::Log => x.ln(),
            Self::Log10 => x.log10(),
            Self::Log2 => x.log2(),
            Self::Max | Self::Min => x,
            Self::Not => truth(x == 0.0),
            // As Python does: halves go to the even neighbour.
            Self::Round => x.round_ties_even(),
            Self::Sin => x.sin(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
        }
    }
}

/// The number that a name of the language stands for everywhere.
fn fixed(name: &str) -> Option<f64> {
    match name {
        "pi" => Some(PI),
        "e" => Some(E),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, t: f64) -> f64 {
        Formula::parse(text).unwrap().value(Variables { t, total: 200.0 }, &[])
    }

    #[test]
    fn operators_bind_as_in_python() {
        for (text, value) in [
            ("1 + 2 * 3", 7.0),
            ("2 ** 3 ** 2", 512.0),
            ("2 ^ 3", 8.0),
            ("-2 ** 2", -4.0),
            ("2 ** -1", 0.5),
            ("8 / 4 / 2", 1.0),
            ("7 // 2 + -7 // 2", -1.0),
            ("-7 % 3", 2.0),
            ("1 if t < 5 else 2", 1.0),
            ("1 if t > 5 else 2 if t > 2 else 3", 2.0),
            ("(t > 2 and t < 4) * 10", 10.0),
            ("not t == 3 or t >= 3", 1.0),
            ("0 < t < 3", 0.0),
            ("0 < t <= 3", 1.0),
            ("min(3, 1, 2) + max(1, 2)", 3.0),
            ("round(2.5) + round(3.5)", 6.0),
            ("t / total", 0.015),
            ("math.cos(math.pi)", -1.0),
            ("1e-3 * .5", 5e-4),
            ("1_000", 1000.0),
        ] {
            assert_eq!(at(text, 3.0), value, "{text}");
        }
    }

    #[test]
    fn the_side_that_is_not_taken_is_not_evaluated() {
        assert_eq!(at("0.1 if t < 1 else 1 / sqrt(t)", 0.0), 0.1);
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, place, found) in [
            ("", 0, "nothing"),
            ("peak *", 6, "the end"),
            ("peak * (t + 1", 13, "the end"),
            ("open(x)", 0, "`open`"),
            ("peak @ 2", 5, "`@`"),
            ("min(1)", 0, "`min`"),
            ("t.real", 0, "`t.real`"),
            ("1 2", 2, "`2`"),
            ("1.2.3", 3, "`.3`"),
            ("__import__", 0, "`__import__`"),
        ] {
            let error = Formula::parse(text).unwrap_err();
            assert_eq!(error.at, place, "{text}: {error}");
            assert!(error.found.contains(found), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        let long = "1+".repeat(LONGEST) + "1";
        assert!(Formula::parse(&long).unwrap_err().allowed.contains("4096"));
        for deep in
            ["(".repeat(1000) + "1" + &")".repeat(1000), "-".repeat(2000) + "1", "2**".repeat(1000) + "1"]
        {
            assert!(Formula::parse(&deep).unwrap_err().allowed.contains("levels"), "{}", &deep[..20]);
        }
    }

    #[test]
    fn constants_are_the_names_that_are_not_the_languages() {
        let formula = Formula::parse("peak * warm + peak * t / total").unwrap();
        assert_eq!(formula.constants(), ["peak", "warm"]);
        assert_eq!(formula.value(Variables { t: 1.0, total: 2.0 }, &[0.5, 3.0]), 1.75);
    }
}
