//! An object as a row of named numbers.

use std::io::BufRead;

use super::tokens::{JsonError, Token, Tokens};
use crate::recording::number;
use crate::recording::rows::Rows;

/// Of a list in a row, so many numbers are series of their own: one a parameter group.
const MAX_ITEMS: usize = 8;

/// Reads an object whose bracket was read into the row under way, with the names of nested ones before theirs.
pub(super) fn read<R: BufRead>(
    tokens: &mut Tokens<R>,
    name: &mut String,
    rows: &mut Rows,
) -> Result<(), JsonError> {
    let outer = name.len();
    while let Some(token) = tokens.next()? {
        match token {
            Token::Key(key) => {
                name.truncate(outer);
                if outer > 0 {
                    name.push('/');
                }
                name.push_str(&key);
            }
            Token::Close => break,
            Token::Open => read(tokens, name, rows)?,
            Token::List => list(tokens, name, rows)?,
            Token::Number(value) => put(rows, name, value),
            Token::Text(text) => match number::parse(text.as_bytes()) {
                Some(value) => put(rows, name, value),
                None => {
                    if let Some(key) = rows.key(name) {
                        rows.text(key, &text);
                    }
                }
            },
            Token::Word | Token::Unlist => {}
        }
    }
    name.truncate(outer);
    Ok(())
}

fn put(rows: &mut Rows, name: &str, value: f64) {
    if let Some(key) = rows.key(name) {
        rows.number(0, key, value);
    }
}

fn list<R: BufRead>(tokens: &mut Tokens<R>, name: &mut String, rows: &mut Rows) -> Result<(), JsonError> {
    let (mut depth, mut item) = (1, 0);
    let outer = name.len();
    while depth > 0 {
        match tokens.next()? {
            None => break,
            Some(Token::Open | Token::List) => depth += 1,
            Some(Token::Close | Token::Unlist) => depth -= 1,
            Some(Token::Number(value)) if depth == 1 && item < MAX_ITEMS => {
                name.push('/');
                name.push_str(&item.to_string());
                put(rows, name, value);
                name.truncate(outer);
                item += 1;
            }
            Some(_) => {}
        }
    }
    Ok(())
}
