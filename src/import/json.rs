//! JSON and TOML as the tree of values that YAML is read into; a key's line is where the text names it.

use serde_json::Value;

use super::ImportError;
use super::python::{Expr, Pair, Program};

/// A text that is one JSON table. What is no strict JSON may still be a table as Python writes it.
///
/// # Errors
/// When it is neither.
pub(crate) fn read(text: &str) -> Result<Vec<Pair>, ImportError> {
    let strict = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(table)) => {
            let mut lines = Lines { text, from: 0 };
            let pairs = table.into_iter().map(|(key, value)| lines.pair(key, value)).collect();
            return Ok(pairs);
        }
        Ok(_) => return Err(ImportError::NoSchedule("its JSON is no table")),
        Err(error) => error,
    };
    match Program::read(text)?.value() {
        Some(Expr::Table(pairs)) => Ok(pairs.clone()),
        _ => Err(ImportError::Syntax { line: strict.line(), message: format!("no JSON: {strict}") }),
    }
}

/// A TOML document.
///
/// # Errors
/// When it is none.
pub(crate) fn toml(text: &str) -> Result<Vec<Pair>, ImportError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        ImportError::Syntax { line, message: format!("no TOML: {}", error.message()) }
    })?;
    let mut lines = Lines { text, from: 0 };
    Ok(table.into_iter().map(|(key, value)| lines.toml_pair(key, value)).collect())
}

/// Where keys are in a text.
struct Lines<'t> {
    text: &'t str,
    from: usize,
}

impl Lines<'_> {
    /// The line on which a key is named: after the last one, or else anywhere.
    fn line(&mut self, spelled: &str) -> usize {
        let after = self.text.get(self.from..).and_then(|rest| rest.find(spelled)).map(|at| self.from + at);
        let Some(at) = after.or_else(|| self.text.find(spelled)) else { return 1 };
        self.from = at;
        self.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    fn pair(&mut self, key: String, value: Value) -> Pair {
        let line = self.line(&format!("\"{key}\""));
        Pair { key: Expr::Text(key), value: self.value(value), line }
    }

    fn value(&mut self, value: Value) -> Expr {
        match value {
            Value::Null => Expr::None,
            Value::Bool(flag) => Expr::Flag(flag),
            Value::Number(number) => Expr::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Expr::Text(text),
            Value::Array(items) => Expr::List(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(table) => {
                Expr::Table(table.into_iter().map(|(key, value)| self.pair(key, value)).collect())
            }
        }
    }

    fn toml_pair(&mut self, key: String, value: toml::Value) -> Pair {
        let line = self.line(&key);
        Pair { key: Expr::Text(key), value: self.toml_value(value), line }
    }

    fn toml_value(&mut self, value: toml::Value) -> Expr {
        match value {
            toml::Value::String(text) => Expr::Text(text),
            toml::Value::Integer(number) => Expr::Number(number as f64),
            toml::Value::Float(number) => Expr::Number(number),
            toml::Value::Boolean(flag) => Expr::Flag(flag),
            toml::Value::Datetime(date) => Expr::Text(date.to_string()),
            toml::Value::Array(items) => {
                Expr::List(items.into_iter().map(|item| self.toml_value(item)).collect())
            }
            toml::Value::Table(table) => {
                Expr::Table(table.into_iter().map(|(key, value)| self.toml_pair(key, value)).collect())
            }
        }
    }
}
