//! A term as Python writes it, which is also the language of formulas.

use std::f64::consts::PI;

use super::operator::{Function, level};
use super::term::Term;

/// What the names in a formula are called.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub tick: &'a str,
    pub total: &'a str,
    /// In the order of their places.
    pub constants: &'a [String],
}

impl Term {
    /// The term on one line.
    #[must_use]
    pub fn python(&self, names: &Names<'_>) -> String {
        self.within(names, level::CHOICE)
    }

    /// The term, in brackets where what is around it binds tighter than it does.
    fn within(&self, names: &Names<'_>, around: u8) -> String {
        let inner = |term: &Self, level| term.within(names, level);
        let (own, shown) = match self {
            Self::Tick => (level::ATOM, names.tick.to_owned()),
            Self::Total => (level::ATOM, names.total.to_owned()),
            Self::Constant(at) => (level::ATOM, names.constants.get(*at).cloned().unwrap_or_default()),
            Self::Number(value) => (if *value < 0.0 { level::SUM } else { level::ATOM }, number(*value)),
            Self::Negative(term) => (level::SIGN, format!("-{}", inner(term, level::SIGN))),
            Self::Binary(operator, left, right) => {
                let (sign, own) = operator.sign();
                // Sums and products group from the left, powers from the right, comparisons not at all.
                let first = if matches!(own, level::POWER | level::COMPARISON) { own + 1 } else { own };
                (own, format!("{} {sign} {}", inner(left, first), inner(right, own + 1)))
            }
            Self::Call(Function::Not, arguments) => {
                let argument = arguments.first().map_or_else(String::new, |term| inner(term, level::NOT));
                (level::NOT, format!("not {argument}"))
            }
            Self::Call(function, arguments) => {
                let arguments: Vec<String> =
                    arguments.iter().map(|argument| inner(argument, level::CHOICE)).collect();
                (level::ATOM, format!("{}({})", function.name(), arguments.join(", ")))
            }
            Self::If { condition, then, otherwise } => {
                let [then, condition] = [then, condition].map(|term| inner(term, level::OR));
                let otherwise = inner(otherwise, level::CHOICE);
                (level::CHOICE, format!("{then} if {condition} else {otherwise}"))
            }
        };
        if own < around { format!("({shown})") } else { shown }
    }
}

/// The shortest decimal that reads back as the number; a whole one as an integer.
fn number(value: f64) -> String {
    match value {
        PI => "pi".to_owned(),
        value if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        value => format!("{value:?}"),
    }
}
