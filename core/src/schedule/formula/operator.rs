//! The operators and functions of arithmetic: how they are spelled, how tightly they bind, and what they give.
//!
//! Formulas are read by this table, evaluated by it and written by it, in our own language and in others.

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
    /// `a` where it is 0, else `b`.
    And,
    /// `b` where `a` is 0, else `a`.
    Or,
}

/// How tightly operators bind: the looser the lower.
pub mod level {
    /// `then if condition else otherwise`.
    pub const CHOICE: u8 = 0;
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARISON: u8 = 4;
    pub const SUM: u8 = 5;
    pub const PRODUCT: u8 = 6;
    /// A sign before a term.
    pub const SIGN: u8 = 7;
    pub const POWER: u8 = 8;
    /// Numbers, names, calls and brackets.
    pub const ATOM: u8 = 9;
}

impl Operator {
    /// Every operator: its spelling in Python, and how tightly it binds.
    pub const ALL: [(&'static str, Self, u8); 15] = [
        ("or", Self::Or, level::OR),
        ("and", Self::And, level::AND),
        ("<=", Self::LessEqual, level::COMPARISON),
        ("<", Self::Less, level::COMPARISON),
        (">=", Self::GreaterEqual, level::COMPARISON),
        (">", Self::Greater, level::COMPARISON),
        ("==", Self::Equal, level::COMPARISON),
        ("!=", Self::NotEqual, level::COMPARISON),
        ("+", Self::Add, level::SUM),
        ("-", Self::Sub, level::SUM),
        ("*", Self::Mul, level::PRODUCT),
        ("/", Self::Div, level::PRODUCT),
        ("//", Self::Floor, level::PRODUCT),
        ("%", Self::Remainder, level::PRODUCT),
        ("**", Self::Power, level::POWER),
    ];

    /// The operator of this spelling.
    #[must_use]
    pub fn named(sign: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, ..)| *known == sign).map(|(_, operator, _)| operator)
    }

    /// Its spelling in Python, and how tightly it binds.
    #[must_use]
    pub fn sign(self) -> (&'static str, u8) {
        let row = Self::ALL.into_iter().find(|(_, operator, _)| *operator == self);
        row.map_or(("", level::ATOM), |(sign, _, level)| (sign, level))
    }

    /// Whether it says if something holds.
    #[must_use]
    pub fn compares(self) -> bool {
        self.sign().1 == level::COMPARISON
    }

    /// The value; a division by nothing is infinite or NaN.
    #[must_use]
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Floor => ((a - modulo(a, b)) / b).round(),
            Self::Remainder => modulo(a, b),
            Self::Power => a.powf(b),
            Self::Less => truth(a < b),
            Self::LessEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterEqual => truth(a >= b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::And => {
                if a == 0.0 {
                    a
                } else {
                    b
                }
            }
            Self::Or => {
                if a == 0.0 {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Python's `a % b`, which is exact: `1 % 0.1` is just below 0.1.
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
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
    Log1p,
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
    pub const ALL: [(&'static str, Self, usize, usize); 16] = [
        ("abs", Self::Abs, 1, 1),
        ("ceil", Self::Ceil, 1, 1),
        ("cos", Self::Cos, 1, 1),
        ("exp", Self::Exp, 1, 1),
        ("floor", Self::Floor, 1, 1),
        ("log", Self::Log, 1, 1),
        ("log10", Self::Log10, 1, 1),
        ("log1p", Self::Log1p, 1, 1),
        ("log2", Self::Log2, 1, 1),
        ("max", Self::Max, 2, 64),
        ("min", Self::Min, 2, 64),
        ("not", Self::Not, 1, 1),
        ("round", Self::Round, 1, 1),
        ("sin", Self::Sin, 1, 1),
        ("sqrt", Self::Sqrt, 1, 1),
        ("tanh", Self::Tanh, 1, 1),
    ];

    /// The functions that Python has without `math`.
    const BUILT_IN: [Self; 5] = [Self::Abs, Self::Max, Self::Min, Self::Not, Self::Round];

    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, ..)| *known == name).map(|(_, function, ..)| function)
    }

    /// Its name in Python.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, function, ..)| *function == self).map_or("", |(name, ..)| name)
    }

    /// Whether Python has it in `math` alone.
    #[must_use]
    pub fn is_of_math(self) -> bool {
        !Self::BUILT_IN.contains(&self)
    }

    /// The value for these arguments; a NaN among them is one in the end.
    #[must_use]
    pub fn apply(self, arguments: impl IntoIterator<Item = f64>) -> f64 {
        let mut arguments = arguments.into_iter();
        let x = arguments.next().unwrap_or(f64::NAN);
        match self {
            Self::Abs => x.abs(),
            Self::Ceil => x.ceil(),
            Self::Cos => x.cos(),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::Log => x.ln(),
            Self::Log10 => x.log10(),
            Self::Log1p => x.ln_1p(),
            Self::Log2 => x.log2(),
            Self::Max => arguments.fold(x, |a, b| if a >= b || a.is_nan() { a } else { b }),
            Self::Min => arguments.fold(x, |a, b| if a <= b || a.is_nan() { a } else { b }),
            Self::Not => truth(x == 0.0),
            // As Python does: halves go to the even neighbour.
            Self::Round => x.round_ties_even(),
            Self::Sin => x.sin(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_and_remainders_are_pythons() {
        for (a, b, quotient, remainder) in [
            (7.0, 2.0, 3.0, 1.0),
            (-7.0, 2.0, -4.0, 1.0),
            (7.0, -2.0, -4.0, -1.0),
            // What Python 3.12 gives: a tenth is a little more than a tenth.
            (1.0, 0.1, 9.0, 0.09999999999999995),
            (0.3, 0.1, 2.0, 0.09999999999999998),
            (6.0, 0.75, 8.0, 0.0),
        ] {
            assert_eq!(Operator::Floor.apply(a, b), quotient, "{a} // {b}");
            assert_eq!(Operator::Remainder.apply(a, b), remainder, "{a} % {b}");
        }
    }

    #[test]
    fn every_operator_and_function_is_found_by_its_spelling() {
        for (sign, operator, _) in Operator::ALL {
            assert_eq!(Operator::named(sign), Some(operator));
        }
        for (name, function, least, most) in Function::ALL {
            assert_eq!((Function::named(name), function.name()), (Some(function), name));
            assert!(least >= 1 && least <= most);
        }
    }
}
