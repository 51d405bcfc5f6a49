//! The part of YAML that training configurations are written in: `key: value` a line, nested by indentation,
//! with lists and tables in brackets.

use super::ImportError;
use super::python::{Expr, Program};

/// A document's entries at the top; a key with entries below it holds a table.
///
/// # Errors
/// When a line is no `key: value`, or a bracket is never closed.
pub(crate) fn read(text: &str) -> Result<Vec<(String, Expr)>, ImportError> {
    let mut entries: Vec<(String, Expr)> = Vec::new();
    for (index, full) in text.lines().enumerate() {
        let line = without_comment(full);
        let content = line.trim();
        if content.is_empty() || matches!(content, "---" | "...") {
            continue;
        }
        let error = |message: String| ImportError::Syntax { line: index + 1, message };
        let is_nested = line.starts_with([' ', '\t']);
        if content.starts_with('-') {
            // An entry of a list: no schedule is written as one.
            continue;
        }
        let Some((key, value)) = content.split_once(':') else {
            let shown: String = content.chars().take(40).collect();
            return Err(error(format!("`{shown}` is no `key: value`")));
        };
        let key = key.trim().trim_matches(['"', '\'']).to_owned();
        let value = scalar(value.trim()).map_err(|_| error(format!("the value of `{key}` does not end")))?;
        match entries.last_mut() {
            Some((_, Expr::Table(below))) if is_nested => below.push((Expr::Text(key), value)),
            Some((_, holder @ Expr::None)) if is_nested => {
                *holder = Expr::Table(vec![(Expr::Text(key), value)]);
            }
            _ => entries.push((key, value)),
        }
    }
    Ok(entries)
}

/// The line up to a comment outside quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '#') if before.is_whitespace() => return &line[..at],
            _ => {}
        }
        before = c;
    }
    line
}

fn scalar(text: &str) -> Result<Expr, ImportError> {
    if text.is_empty() || matches!(text, "~" | "null" | "Null" | "NULL") {
        return Ok(Expr::None);
    }
    if text.starts_with(['{', '[', '"', '\'']) {
        let program = Program::read(text)?;
        return Ok(program.statements.into_iter().next().map_or(Expr::None, |(_, value)| value));
    }
    Ok(match text {
        "true" | "True" => Expr::Flag(true),
        "false" | "False" => Expr::Flag(false),
        _ => text.replace('_', "").parse().map_or_else(|_| Expr::Text(text.to_owned()), Expr::Number),
    })
}

/// Whether PyYAML reads this number as a text: it wants a dot before an exponent, and a sign in it.
pub fn is_text_to_pyyaml(spelled: &str) -> bool {
    let spelled = spelled.trim();
    let Some((mantissa, exponent)) = spelled.split_once(['e', 'E']) else { return false };
    let is_number = spelled.parse::<f64>().is_ok();
    is_number && (!mantissa.contains('.') || !exponent.starts_with(['+', '-']))
}
