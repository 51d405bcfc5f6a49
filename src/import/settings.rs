//! Settings by name, whatever they were written in, and the checks that their values share.

use super::ImportError;
use super::python::{Expr, Program};
use crate::experiment::{Number, Optimizer, OptimizerKind};

/// Settings in the order they were given; the last of a name counts.
#[derive(Debug, Default)]
pub(crate) struct Settings(Vec<(String, Expr)>);

/// `--name value` and `--name=value`, several values as a list; `-` and `_` are the same in names. Lines of
/// comment are passed over.
pub(crate) fn flags(text: &str) -> Settings {
    let mut settings = Settings::default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    for word in lines.flat_map(str::split_whitespace) {
        let word = word.trim_end_matches('\\').trim_matches(['\'', '"', ',']);
        if let Some(flag) = word.strip_prefix("--") {
            let (name, values) = match flag.split_once('=') {
                Some((name, value)) => (name, vec![plain(value)]),
                None => (flag, Vec::new()),
            };
            settings.push(name.replace('-', "_"), Expr::List(values));
        } else if let (false, Some((_, Expr::List(values)))) = (word.is_empty(), settings.0.last_mut()) {
            values.push(plain(word));
        }
    }
    for (_, value) in &mut settings.0 {
        if let Expr::List(values) = value
            && values.len() < 2
        {
            *value = values.pop().unwrap_or(Expr::Flag(true));
        }
    }
    settings
}

/// A word of a command line: a number, a table or list in brackets, or a text.
fn plain(word: &str) -> Expr {
    let word = word.trim_matches(['\'', '"']);
    if word.starts_with(['{', '['])
        && let Ok(program) = Program::read(word)
        && let Some((_, value)) = program.statements.into_iter().next()
    {
        return value;
    }
    word.parse().map_or_else(|_| Expr::Text(word.to_owned()), Expr::Number)
}

impl Settings {
    pub fn new(entries: Vec<(String, Expr)>) -> Self {
        Self(entries)
    }

    pub fn push(&mut self, name: impl Into<String>, value: Expr) {
        self.0.push((name.into(), value));
    }

    /// The setting, unless it is nothing or left to the framework (`"auto"`).
    pub fn get(&self, name: &str) -> Option<&Expr> {
        let found = self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)?;
        match found {
            Expr::None => None,
            Expr::Text(text) if text == "auto" => None,
            value => Some(value),
        }
    }

    /// The number under the first of these names that is there.
    pub fn number(&self, names: &[&str]) -> Result<Option<f64>, ImportError> {
        for name in names {
            if let Some(value) = self.get(name) {
                return number(name, value).map(Some);
            }
        }
        Ok(None)
    }

    /// The whole number of at least 0 under this name.
    pub fn count(&self, name: &str) -> Result<Option<u64>, ImportError> {
        self.get(name).map(|value| count(name, value)).transpose()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            // An enumeration's member, such as SchedulerType.COSINE, is named like its value.
            Expr::Name(name) => name.rsplit('.').next(),
            Expr::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Expr::Flag(flag) => Some(*flag),
            Expr::Text(text) => Some(text.eq_ignore_ascii_case("true")),
            _ => None,
        }
    }

    /// The settings in a table under this name.
    pub fn table(&self, name: &str) -> Self {
        match self.get(name) {
            Some(Expr::Table(entries)) => Self::from_table(entries),
            _ => Self::default(),
        }
    }

    pub fn from_table(entries: &[(Expr, Expr)]) -> Self {
        let entry = |(key, value): &(Expr, Expr)| match key {
            Expr::Text(key) | Expr::Name(key) => Some((key.clone(), value.clone())),
            _ => None,
        };
        Self(entries.iter().filter_map(entry).collect())
    }
}

/// A finite number; YAML and command lines write some as texts.
pub(crate) fn number(what: &str, value: &Expr) -> Result<f64, ImportError> {
    let found = match value {
        Expr::Number(number) => Some(*number),
        Expr::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    match found {
        Some(number) if f64::is_finite(number) => Ok(number + 0.0),
        _ => Err(ImportError::Wrong { what: what.to_owned(), found: value.shown(), needed: "number" }),
    }
}

/// A whole number of at least 0.
pub(crate) fn count(what: &str, value: &Expr) -> Result<u64, ImportError> {
    let found = number(what, value)?;
    if found >= 0.0 && found.fract() == 0.0 && found <= 1e12 {
        Ok(found as u64)
    } else {
        let needed = "whole number from 0 to 1e12";
        Err(ImportError::Wrong { what: what.to_owned(), found: value.shown(), needed })
    }
}

/// A list of numbers, or one alone.
pub(crate) fn numbers(what: &str, value: &Expr) -> Result<Vec<f64>, ImportError> {
    match value {
        Expr::List(items) => items.iter().map(|item| number(what, item)).collect(),
        single => Ok(vec![number(what, single)?]),
    }
}

/// Sets a number of the optimizer, if it has it and one was given.
pub(crate) fn set(optimizer: &mut Optimizer, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        optimizer.set(name, Number::Fixed(value));
    }
}

/// Sets both betas from a pair; of other lists the first.
pub(crate) fn set_betas(optimizer: &mut Optimizer, betas: &[f64]) {
    for (name, beta) in ["beta1", "beta2"].into_iter().zip(betas) {
        set(optimizer, name, Some(*beta));
    }
}

/// # Errors
/// When a fixed number is outside what its optimizer allows, or two settings cannot go together.
pub(crate) fn check_optimizer(optimizer: &Optimizer) -> Result<(), ImportError> {
    for (info, number) in optimizer.values() {
        if let Number::Fixed(value) = number
            && !info.allows(*value)
        {
            let what = format!("{}'s {}", optimizer.kind.name(), info.name);
            let why = format!("it is {value}, and has to be {}", info.range());
            return Err(ImportError::unsupported(what, why));
        }
    }
    match optimizer.conflict() {
        Some(conflict) => {
            let what = format!("{}'s {}", optimizer.kind.name(), conflict.field);
            let why = format!("it is {}, and has to be {}", conflict.found, conflict.allowed);
            Err(ImportError::unsupported(what, why))
        }
        None => Ok(()),
    }
}

/// Words that frameworks put before or after an optimizer's name for how it is computed.
const WORDS: [&str; 13] =
    ["torch", "fused", "foreach", "npu", "xla", "apex", "hf", "bnb", "paged", "cpu", "4bit", "8bit", "32bit"];

/// The optimizer of this name in any framework's spelling, such as `adamw_torch_fused`, `FusedAdam` or `AdamW`.
pub(crate) fn optimizer_kind(name: &str) -> Option<OptimizerKind> {
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    let is =
        |name: &str, kind: OptimizerKind| name == plain(kind.name()) || name == plain(kind.info().pytorch.0);
    let mut rest = plain(name);
    loop {
        if let Some((_, kind)) = OptimizerKind::ALL.into_iter().find(|(_, kind)| is(&rest, *kind)) {
            return Some(kind);
        }
        let shorter =
            WORDS.iter().find_map(|word| rest.strip_prefix(word).or_else(|| rest.strip_suffix(word)));
        rest = shorter?.to_owned();
    }
}
