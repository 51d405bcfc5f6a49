//! What TensorBoard hands out as JSON: a list of `[wall time, step, value]`.

use std::io::BufRead;

use super::tokens::{JsonError, Token, Tokens};
use crate::recording::build::Builder;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::rows::Rows;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let text = head.text();
    if !text.starts_with('[') {
        return None;
    }
    let mut tokens = Tokens::new(text.as_bytes());
    let mut next = || tokens.next().ok().flatten();
    let (Some(Token::List), Some(Token::List)) = (next(), next()) else { return None };
    let (Some(Token::Number(time)), Some(Token::Number(_)), Some(Token::Number(_)), Some(Token::Unlist)) =
        (next(), next(), next(), next())
    else {
        return None;
    };
    (time > 1e8).then(|| Evidence::new(75, "a JSON list of a wall time, a step and a value each"))
}

pub(in crate::recording) fn read(from: &mut dyn BufRead, to: &mut Builder) -> Result<(), String> {
    let mut tokens = Tokens::new(from);
    let mut rows = Rows::new(Some(Tick::Update));
    let done = all(&mut tokens, &mut rows, to);
    rows.finish(to);
    match done {
        Ok(()) => Ok(()),
        Err(JsonError::Read(cause)) => Err(format!("it cannot be read on: {cause}")),
        Err(JsonError::Malformed(why)) if to.has_numbers() => {
            to.left_out().note(format!("the file is cut short: {why}"));
            Ok(())
        }
        Err(JsonError::Malformed(why)) => Err(why),
    }
}

fn all<R: BufRead>(tokens: &mut Tokens<R>, rows: &mut Rows, to: &mut Builder) -> Result<(), JsonError> {
    let mut numbers: Vec<f64> = Vec::new();
    let mut depth = 0;
    while let Some(token) = tokens.next()? {
        match token {
            Token::List => {
                depth += 1;
                numbers.clear();
            }
            Token::Number(value) if depth == 2 && numbers.len() < 4 => numbers.push(value),
            Token::Unlist => {
                if let (2, [_, step, value]) = (depth, numbers.as_slice()) {
                    for (name, number) in [("step", *step), ("Value", *value)] {
                        if let Some(key) = rows.key(name) {
                            rows.number(0, key, number);
                        }
                    }
                    rows.end(to);
                } else if depth == 2 {
                    to.left_out().count("entries that are no wall time, step and value");
                }
                depth -= 1;
            }
            _ => {}
        }
    }
    Ok(())
}
