//! Formulas of the tick in another language.

use super::text;
use crate::schedule::formula::operator::level;
use crate::schedule::formula::{Function, Names, Operator, Term};

use Term::{Binary, Call, If, Number};

/// What a formula is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// With the names of `math` imported.
    Python,
    Rust,
}

/// What Rust has no operator for, as Python means it, where a formula needs it.
const HELPERS: [(&str, &str); 2] = [
    (
        "modulo(",
        "    let modulo = |a: f64, b: f64| {\n        let rest = a % b;\n        if rest != 0.0 && (rest < 0.0) != (b < 0.0) { \
         rest + b } else { rest }\n    };\n",
    ),
    ("quotient(", "    let quotient = |a: f64, b: f64| ((a - modulo(a, b)) / b).round();\n"),
];

/// Statements that return the term's value: an `if` for each piece of a curve in pieces. The term has neither
/// constants nor the stretch's length in it.
pub fn statements(term: &Term, language: Language, tick: &str, indent: usize) -> String {
    let body = nested(term, language, tick, indent);
    match language {
        Language::Python => body,
        Language::Rust => {
            // The second helper calls the first.
            let needed = |name: &str| body.contains(name) || name == "modulo(" && body.contains("quotient(");
            let helpers = HELPERS.into_iter().filter(|(name, _)| needed(name));
            helpers.map(|(_, helper)| helper).collect::<String>() + &body
        }
    }
}

fn nested(term: &Term, language: Language, tick: &str, indent: usize) -> String {
    let margin = "    ".repeat(indent);
    match (term, language) {
        (If { condition, then, otherwise }, Language::Python) => format!(
            "{margin}if {}:\n{}{}",
            python(condition, tick),
            nested(then, language, tick, indent + 1),
            nested(otherwise, language, tick, indent)
        ),
        (If { condition, then, otherwise }, Language::Rust) => format!(
            "{margin}if {} {{\n{}{margin}}} else {{\n{}{margin}}}\n",
            holds(condition, tick, level::CHOICE),
            nested(then, language, tick, indent + 1),
            nested(otherwise, language, tick, indent + 1)
        ),
        (_, Language::Python) => format!("{margin}return {}\n", python(term, tick)),
        (_, Language::Rust) => format!("{margin}{}\n", rust(term, tick, level::CHOICE)),
    }
}

fn python(term: &Term, tick: &str) -> String {
    term.python(&Names { tick, total: "total", constants: &[] })
}

/// The term's value in Rust; `around` is how tightly the text around it binds.
fn rust(term: &Term, tick: &str, around: u8) -> String {
    let inner = |term: &Term, level| rust(term, tick, level);
    let infix = |sign: &str, own: u8, left: &Term, right: &Term| {
        (own, format!("{} {sign} {}", inner(left, own), inner(right, own + 1)))
    };
    let (own, shown) = match term {
        Term::Tick => (level::ATOM, tick.to_owned()),
        // Numbers have taken their places.
        Term::Total | Term::Constant(_) => (level::ATOM, "f64::NAN".to_owned()),
        Number(value) => (if *value < 0.0 { level::SUM } else { level::ATOM }, number(*value)),
        Term::Negative(term) => (level::SIGN, format!("-{}", inner(term, level::SIGN))),
        Binary(operator, left, right) => match operator {
            Operator::Add | Operator::Sub | Operator::Mul | Operator::Div => {
                let (sign, own) = operator.sign();
                infix(sign, own, left, right)
            }
            Operator::Power => {
                (level::ATOM, format!("{}.powf({})", inner(left, level::ATOM), inner(right, level::CHOICE)))
            }
            Operator::Remainder => match &**right {
                Number(by) if *by > 0.0 => {
                    (level::ATOM, format!("{}.rem_euclid({})", inner(left, level::ATOM), number(*by)))
                }
                by => (
                    level::ATOM,
                    format!("modulo({}, {})", inner(left, level::CHOICE), inner(by, level::CHOICE)),
                ),
            },
            Operator::Floor => (
                level::ATOM,
                format!("quotient({}, {})", inner(left, level::CHOICE), inner(right, level::CHOICE)),
            ),
            Operator::And | Operator::Or => {
                let (first, second) = if *operator == Operator::And { (right, left) } else { (left, right) };
                let condition = holds(left, tick, level::CHOICE);
                let [first, second] = [first, second].map(|term| inner(term, level::CHOICE));
                (level::CHOICE, format!("if {condition} {{ {first} }} else {{ {second} }}"))
            }
            _ => (level::ATOM, format!("f64::from({})", holds(term, tick, level::CHOICE))),
        },
        Call(Function::Not, _) => (level::ATOM, format!("f64::from({})", holds(term, tick, level::CHOICE))),
        Call(function, arguments) => {
            let (first, rest) = match arguments.split_first() {
                Some((first, rest)) => (inner(first, level::ATOM), rest),
                None => ("f64::NAN".to_owned(), arguments.as_slice()),
            };
            let method = match function {
                Function::Log => "ln",
                Function::Log1p => "ln_1p",
                Function::Round => "round_ties_even",
                function => function.name(),
            };
            if rest.is_empty() {
                (level::ATOM, format!("{first}.{method}()"))
            } else {
                let others =
                    rest.iter().map(|argument| format!(".{method}({})", inner(argument, level::CHOICE)));
                (level::ATOM, first + &others.collect::<String>())
            }
        }
        If { condition, then, otherwise } => {
            let condition = holds(condition, tick, level::CHOICE);
            let [then, otherwise] = [then, otherwise].map(|term| inner(term, level::CHOICE));
            (level::CHOICE, format!("if {condition} {{ {then} }} else {{ {otherwise} }}"))
        }
    };
    if own < around { format!("({shown})") } else { shown }
}

/// Whether a term is not 0, as a condition in Rust.
fn holds(term: &Term, tick: &str, around: u8) -> String {
    let (own, shown) = match term {
        Binary(operator @ (Operator::And | Operator::Or), left, right) => {
            let own = operator.sign().1;
            let sign = if *operator == Operator::And { "&&" } else { "||" };
            (own, format!("{} {sign} {}", holds(left, tick, own), holds(right, tick, own + 1)))
        }
        Binary(operator, left, right) if operator.compares() => {
            let (sign, own) = operator.sign();
            (own, format!("{} {sign} {}", rust(left, tick, own + 1), rust(right, tick, own + 1)))
        }
        Call(Function::Not, arguments) => {
            let argument = arguments.first().map_or_else(String::new, |term| holds(term, tick, level::ATOM));
            (level::SIGN, format!("!{argument}"))
        }
        term => (level::COMPARISON, format!("{} != 0.0", rust(term, tick, level::SUM))),
    };
    if own < around { format!("({shown})") } else { shown }
}

fn number(value: f64) -> String {
    if value == std::f64::consts::PI {
        return "std::f64::consts::PI".to_owned();
    }
    format!("{}_f64", text::float(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::formula::Formula;

    #[test]
    fn rust_has_pythons_meanings() {
        let written = |text: &str| {
            let formula = Formula::parse(text).unwrap();
            statements(formula.root(), Language::Rust, "update", 1)
        };
        for (text, rust) in [
            ("2 if t < 5 and not t == 3 else t ** 2", "if update < 5.0_f64 && !(update == 3.0_f64) {"),
            (
                "(t < 5) * 2 + cos(pi * t)",
                "f64::from(update < 5.0_f64) * 2.0_f64 + (std::f64::consts::PI * update).cos()",
            ),
            ("t % 3 - (t - 1) % 3", "update.rem_euclid(3.0_f64) - (update - 1.0_f64).rem_euclid(3.0_f64)"),
            ("t % (t + 1)", "let modulo ="),
            ("t // 3", "let quotient ="),
            ("t // 3", "let modulo ="),
            (
                "min(t, 2, 3) and 5",
                "if update.min(2.0_f64).min(3.0_f64) != 0.0 { 5.0_f64 } else { update.min(2.0_f64).min(3.0_f64) }",
            ),
            ("-t ** -0.5", "-update.powf(-0.5_f64)"),
        ] {
            assert!(written(text).contains(rust), "{text}: {}", written(text));
        }
    }
}
