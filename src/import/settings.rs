//! Settings by name, whatever they were written in: which were read, which were not, and the checks that
//! their values share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::python::{Call, Expr, Pair, Program};
use super::{ImportError, Unread};
use crate::experiment::{Number, Optimizer, OptimizerKind};

/// Settings in the order they were given; the last of a name counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    entries: Vec<Rc<Entry>>,
    /// Sentences on values that are not known here.
    unknown: Rc<RefCell<Vec<String>>>,
    /// What stands before a name on a command line.
    prefix: &'static str,
}

#[derive(Debug)]
struct Entry {
    name: String,
    value: Expr,
    line: usize,
    used: Cell<bool>,
    /// The settings in a table.
    below: Option<Settings>,
}

impl Settings {
    pub fn of_pairs(pairs: &[Pair]) -> Self {
        Self::within(pairs, &Rc::default())
    }

    fn within(pairs: &[Pair], unknown: &Rc<RefCell<Vec<String>>>) -> Self {
        let mut settings = Self { unknown: Rc::clone(unknown), ..Self::default() };
        for pair in pairs {
            let key = match &pair.key {
                Expr::Text(key) | Expr::Name(key) => key.clone(),
                _ => continue,
            };
            settings.put(key, pair.value.clone(), pair.line);
        }
        settings
    }

    /// The arguments of a call, those without a name under these.
    pub fn of_call(program: &Program, call: &Call, names: &[&str]) -> Self {
        let mut settings = Self::default();
        let worked_out = |value: &Expr| -> Expr {
            let resolved = program.resolve_at(value, call.line);
            if matches!(resolved, Expr::List(_) | Expr::Table(_) | Expr::Text(_) | Expr::Flag(_) | Expr::None)
            {
                return resolved.clone();
            }
            match program.constant(value, call.line) {
                super::python::eval::Value::Flag(flag) => Expr::Flag(flag),
                super::python::eval::Value::Text(text) => Expr::Text(text.to_string()),
                super::python::eval::Value::None => Expr::None,
                other => other.number().map_or_else(|| resolved.clone(), Expr::Number),
            }
        };
        for (name, value) in names.iter().zip(&call.arguments) {
            settings.put((*name).to_owned(), worked_out(value), call.line);
        }
        for (place, value) in call.arguments.iter().enumerate().skip(names.len()) {
            settings.put(format!("argument {}", place + 1), value.clone(), call.line);
        }
        for (name, value) in &call.named {
            let value = worked_out(value);
            // `**kwargs` that are known count like the others.
            match (&value, name.as_str()) {
                (Expr::Table(pairs), "**") => {
                    for entry in Self::of_pairs(pairs).entries {
                        settings.entries.push(entry);
                    }
                }
                _ => settings.put(name.clone(), value, call.line),
            }
        }
        settings
    }

    /// All of them, as they were given.
    pub fn pairs(&self) -> Vec<Pair> {
        let pair = |entry: &Rc<Entry>| Pair {
            key: Expr::Text(entry.name.clone()),
            value: entry.value.clone(),
            line: entry.line,
        };
        self.entries.iter().map(pair).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn put(&mut self, name: String, value: Expr, line: usize) {
        let below = match &value {
            Expr::Table(pairs) => Some(Self::within(pairs, &self.unknown)),
            _ => None,
        };
        self.entries.push(Rc::new(Entry { name, value, line, used: Cell::new(false), below }));
    }

    pub fn push(&mut self, name: impl Into<String>, value: Expr) {
        let entry = Entry { name: name.into(), value, line: 0, used: Cell::new(true), below: None };
        self.entries.push(Rc::new(entry));
    }

    /// A table under a name, which is read already.
    pub fn put_table(&mut self, name: &str, pairs: Vec<Pair>) {
        self.put(name.to_owned(), Expr::Table(pairs), 0);
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name == name).map(Rc::as_ref)
    }

    /// Whether there is a setting of this name, read or not.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The line of a setting.
    pub fn line(&self, name: &str) -> usize {
        self.entry(name).map_or(0, |entry| entry.line)
    }

    /// The text under a name, read or not.
    pub fn peek(&self, name: &str) -> Option<String> {
        match &self.entry(name)?.value {
            Expr::Text(text) | Expr::Name(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The setting, unless it is nothing or left to the framework (`"auto"`).
    pub fn get(&self, name: &str) -> Option<&Expr> {
        self.entries.iter().filter(|entry| entry.name == name).for_each(|entry| entry.used.set(true));
        match &self.entry(name)?.value {
            Expr::None => None,
            Expr::Text(text) if text == "auto" => None,
            value => Some(value),
        }
    }

    /// The first of these that is there.
    pub fn first(&self, names: &[&str]) -> Option<&Expr> {
        names.iter().find_map(|name| self.get(name))
    }

    /// Notes that these do not shape the schedule, so that nothing is said of them.
    pub fn seen(&self, names: &[&str]) {
        for name in names {
            self.get(name);
        }
    }

    /// The number under the first of these names that is there. One that code works out from what is not
    /// known counts as not given, and is told.
    pub fn number(&self, names: &[&str]) -> Result<Option<f64>, ImportError> {
        for name in names {
            let Some(value) = self.get(name) else { continue };
            if is_code(value) {
                self.unknown.borrow_mut().push(format!(
                    "{}{name} is `{}`, which is not known here",
                    self.prefix,
                    value.shown()
                ));
                continue;
            }
            return number(name, value).map(Some);
        }
        Ok(None)
    }

    pub fn number_or(&self, name: &str, otherwise: f64) -> Result<f64, ImportError> {
        Ok(self.number(&[name])?.unwrap_or(otherwise))
    }

    /// The whole number of at least 0 under this name.
    pub fn count(&self, name: &str) -> Result<Option<u64>, ImportError> {
        match self.number(&[name])? {
            Some(value) => count(name, &Expr::Number(value)).map(Some),
            None => Ok(None),
        }
    }

    /// A list of numbers, or one alone; in a text they stand between commas.
    pub fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, ImportError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if is_code(value) => {
                self.number(&[name])?;
                Ok(None)
            }
            Some(value) => numbers(name, value).map(Some),
        }
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
            Expr::Number(number) => Some(*number != 0.0),
            _ => None,
        }
    }

    /// The settings in a table under this name, or in that of these names in one another (`a.b`).
    pub fn table(&self, path: &str) -> Self {
        let mut settings = self.clone();
        for name in path.split('.') {
            let below = settings.entry(name).and_then(|entry| entry.below.clone());
            settings = below.unwrap_or_default();
        }
        settings
    }

    /// The settings in a table under this name, dots and all.
    pub fn below(&self, name: &str) -> Self {
        self.entry(name).and_then(|entry| entry.below.clone()).unwrap_or_default()
    }

    /// Whether there is a setting at the end of these names in one another.
    pub fn has_path(&self, path: &str) -> Option<usize> {
        match path.rsplit_once('.') {
            Some((holder, name)) => {
                let below = self.table(holder);
                below.has(name).then(|| below.line(name))
            }
            None => self.has(path).then(|| self.line(path)),
        }
    }

    /// What nobody has asked for.
    pub fn unread(&self, path: &str) -> Vec<Unread> {
        let mut found = Vec::new();
        for entry in &self.entries {
            if entry.used.get() {
                continue;
            }
            let name = format!("{path}{}{}", self.prefix, entry.name);
            match &entry.below {
                Some(below) => found.extend(below.unread(&format!("{name}."))),
                None => found.push(Unread::new(name, entry.value.shown(), entry.line)),
            }
        }
        found
    }

    /// Sentences on values that are not known here, since the last call.
    pub fn unknown(&self) -> Vec<String> {
        std::mem::take(&mut *self.unknown.borrow_mut())
    }

    /// The settings of a text's command line.
    pub fn flags(entries: Vec<(String, Expr, usize)>) -> Self {
        let mut settings = Self { prefix: "--", ..Self::default() };
        for (name, value, line) in entries {
            settings.put(name, value, line);
        }
        settings
    }
}

/// Whether a value is left to code or to a shell.
fn is_code(value: &Expr) -> bool {
    !matches!(
        value,
        Expr::Number(_) | Expr::Text(_) | Expr::Flag(_) | Expr::None | Expr::List(_) | Expr::Table(_)
    )
}

/// A finite number; YAML and command lines write some as texts.
pub(crate) fn number(what: &str, value: &Expr) -> Result<f64, ImportError> {
    if is_code(value) {
        let needed = format!("a number: `{}` is not known here", value.shown());
        return Err(ImportError::missing(what, needed));
    }
    let found = match value {
        Expr::Number(number) => Some(*number),
        Expr::Text(text) => text.trim().parse().ok(),
        // A flag that is given once.
        Expr::List(items) if items.len() == 1 => items.first().and_then(|item| number(what, item).ok()),
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

/// A list of numbers, or one alone; in a text they stand between commas or blanks.
pub(crate) fn numbers(what: &str, value: &Expr) -> Result<Vec<f64>, ImportError> {
    match value {
        Expr::List(items) => items.iter().map(|item| number(what, item)).collect(),
        Expr::Text(text) => {
            let inner = text.trim().trim_matches(['[', ']', '(', ')']);
            let parts = inner.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| number(what, &Expr::Text(part.to_owned()))).collect()
        }
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
