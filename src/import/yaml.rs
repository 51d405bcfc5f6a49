//! YAML as a tree of values with their lines, parsed by `saphyr-parser`.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::ImportError;
use super::python::{Call, Expr, Pair};

/// The most values of a document, aliases followed.
const MAX_VALUES: usize = 200_000;
/// How deep they may be in one another.
const MAX_DEPTH: usize = 64;

/// The first document of a text that is a table at its top.
///
/// # Errors
/// When it is no YAML, or too large, or no table.
pub(crate) fn read(text: &str) -> Result<Vec<Pair>, ImportError> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0, line: 1 };
    loop {
        match reader.next()? {
            None | Some(Event::StreamEnd) => return Err(reader.wrong("it has no `key: value`")),
            Some(Event::DocumentStart(_)) => {
                let Some(first) = reader.next()? else { return Err(reader.wrong("it ends too soon")) };
                match reader.value(first, 0)? {
                    Expr::Table(pairs) => return Ok(pairs),
                    Expr::None => {}
                    _ => return Err(reader.wrong("it has no `key: value`")),
                }
            }
            Some(_) => {}
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Expr>,
    values: usize,
    /// Where the last event was.
    line: usize,
}

impl<'t> Reader<'t> {
    fn wrong(&self, message: &str) -> ImportError {
        ImportError::Syntax { line: self.line, message: message.to_owned() }
    }

    fn next(&mut self) -> Result<Option<Event<'t>>, ImportError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(Some(event))
            }
            Some(Err(error)) => {
                let message = format!("no YAML: {}", error.info());
                Err(ImportError::Syntax { line: error.marker().line(), message })
            }
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Expr, ImportError> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(self.wrong("too large a YAML"));
        }
        let line = self.line;
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or(Expr::None);
                self.values += size(&value);
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    style != ScalarStyle::Plain || tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                (if is_text { Expr::Text(text.into_owned()) } else { scalar(&text) }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        None | Some(Event::SequenceEnd) => break,
                        Some(event) => items.push(self.value(event, depth + 1)?),
                    }
                }
                (Expr::List(items), anchor, tag)
            }
            Event::MappingStart(anchor, tag) => (Expr::Table(self.pairs(depth)?), anchor, tag),
            _ => return Ok(Expr::None),
        };
        // `!CosineDecay {max_epochs: 10}` is a call by another spelling.
        let value = match tag {
            Some(tag) if tag.handle == "!" && !tag.suffix.is_empty() => {
                let named = match value {
                    Expr::Table(pairs) => pairs
                        .into_iter()
                        .filter_map(|pair| match pair.key {
                            Expr::Text(key) => Some((key, pair.value)),
                            _ => None,
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                let name = tag.suffix.clone();
                let path = name.clone();
                Expr::Call(Box::new(Call { name, path, callee: None, arguments: Vec::new(), named, line }))
            }
            _ => value,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<Pair>, ImportError> {
        let mut pairs: Vec<Pair> = Vec::new();
        loop {
            let event = match self.next()? {
                None | Some(Event::MappingEnd) => return Ok(pairs),
                Some(event) => event,
            };
            let line = self.line;
            let key = match self.value(event, depth + 1)? {
                Expr::Number(number) => Expr::Text(number.to_string()),
                Expr::Flag(flag) => Expr::Text(flag.to_string()),
                key => key,
            };
            let Some(event) = self.next()? else { return Ok(pairs) };
            let value = self.value(event, depth + 1)?;
            match (&key, &value) {
                // `<<: *defaults`: what is there already stays.
                (Expr::Text(merge), Expr::Table(more)) if merge == "<<" => {
                    for pair in more {
                        if !pairs.iter().any(|found| found.key == pair.key) {
                            pairs.push(pair.clone());
                        }
                    }
                }
                _ => {
                    pairs.retain(|found| found.key != key || !matches!(key, Expr::Text(_)));
                    pairs.push(Pair { key, value, line });
                }
            }
        }
    }
}

/// How many values there are in one.
fn size(value: &Expr) -> usize {
    match value {
        Expr::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Expr::Table(pairs) => 1 + pairs.iter().map(|pair| size(&pair.value)).sum::<usize>(),
        _ => 1,
    }
}

/// A value without quotes.
fn scalar(text: &str) -> Expr {
    match text {
        "" | "~" | "null" | "Null" | "NULL" | "None" => Expr::None,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "on" | "On" => Expr::Flag(true),
        "false" | "False" | "FALSE" | "no" | "No" | "off" | "Off" => Expr::Flag(false),
        _ => {
            let plain = text.replace('_', "");
            let is_number = plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
            match plain.parse() {
                Ok(number) if is_number => Expr::Number(number),
                _ => Expr::Text(text.to_owned()),
            }
        }
    }
}

/// Whether PyYAML reads this number as a text: it wants a dot before an exponent, and a sign in it.
pub fn is_text_to_pyyaml(spelled: &str) -> bool {
    let spelled = spelled.trim();
    let Some((mantissa, exponent)) = spelled.split_once(['e', 'E']) else { return false };
    let is_number = spelled.parse::<f64>().is_ok();
    is_number && (!mantissa.contains('.') || !exponent.starts_with(['+', '-']))
}
