//! The language of kind `formula`: arithmetic of the tick and of named constants, evaluated and never executed.
//!
//! ```
//! use anneal_core::schedule::formula::{Formula, Variables};
//!
//! let formula = Formula::parse("peak * min((t + 1) / 100, sqrt(100 / (t + 1)))")?;
//! assert_eq!(formula.constants(), ["peak"]);
//! let value = |t| formula.value(Variables { t, total: 1000.0 }, &[0.1]);
//! assert_eq!([value(0.0), value(99.0), value(399.0)], [0.001, 0.1, 0.05]);
//! # Ok::<(), anneal_core::schedule::formula::FormulaError>(())
//! ```

mod definition;
pub mod operator;
mod parse;
mod term;
mod write;

use std::f64::consts::{E, PI};
use std::fmt;

pub use definition::Definition;
pub use operator::{Function, Operator};
pub use term::{Term, binary, call, choice};
pub use write::Names;

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

    /// The formula of a term whose constants have these names.
    ///
    /// # Errors
    /// When it is too long, or a name is one of the language's.
    pub fn of(term: &Term, constants: &[String]) -> Result<Self, FormulaError> {
        Self::parse(&term.python(&Names { tick: "t", total: "total", constants }))
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
            ("t and 7", 7.0),
            ("0 or t", 3.0),
            ("log1p(0) + 1 // 0.1", 9.0),
        ] {
            assert_eq!(at(text, 3.0), value, "{text}");
        }
    }

    #[test]
    fn a_formula_that_is_written_out_reads_back_as_itself() {
        for text in [
            "peak * min((t + 1) / 100, sqrt(100 / (t + 1)))",
            "(2 ** 3) ** 2 + 2 ** 3 ** 2 - (-t) ** 2 - -t ** 2",
            "1 - (2 - 3) - 4 / (5 / 6) % 7 // (8 * 9)",
            "a if t < 5 else b if 1 < t <= 2 or not t == 3 and t != 4 else (c if t else a) * 2",
            "(a < b) < c",
            "not (a or b) and (c or a)",
            "cos(pi * t / total) * 1e-7 + 123456789012345678 - 0.1",
        ] {
            let formula = Formula::parse(text).unwrap();
            let names: Vec<String> = formula.constants().into_iter().map(str::to_owned).collect();
            let again = Formula::of(formula.root(), &names).unwrap();
            assert_eq!(again.root(), formula.root(), "{text}: {again}");
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
