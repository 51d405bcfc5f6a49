//! Logs with a JSON object a line: DINO, DeiT and MAE's `log.txt`, mmengine's scalars, W&B's history, one's own.

use super::object;
use super::tokens::{Token, Tokens};
use crate::recording::build::Builder;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::{LineReader, MAX_LINE, split};
use crate::recording::role::{self, Role};
use crate::recording::rows::{Rows, is_step};
use crate::telemetry::Column;

/// Rows that are looked at.
const LOOKED_AT: usize = 20;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let mut rows = 0;
    let (mut counted, mut measured, mut has_words) = (None, None, false);
    let mut is_nested = false;
    for line in split(head.whole_lines()).take(LOOKED_AT) {
        let mut tokens = Tokens::new(line);
        if !matches!(tokens.next(), Ok(Some(Token::Open))) {
            return None;
        }
        loop {
            match tokens.next() {
                Ok(Some(Token::Key(key))) => match role::of(&key).role {
                    Role::Main(Column::Lr | Column::TrainLoss | Column::ValLoss | Column::ValAccuracy) => {
                        measured = measured.or(Some(key));
                    }
                    Role::Epoch => counted = counted.or(Some(key)),
                    _ if is_step(&key) => counted = counted.or(Some(key)),
                    _ => {}
                },
                Ok(Some(Token::Text(text))) => {
                    has_words |= crate::recording::number::parse(text.as_bytes()).is_none();
                }
                Ok(Some(Token::Open)) => is_nested = true,
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return None,
            }
        }
        rows += 1;
    }
    let measured = measured?;
    // One object with words or other objects in it is a configuration that somebody saved without line breaks.
    if rows == 1 && (has_words || is_nested) {
        return None;
    }
    match counted {
        Some(counted) if rows > 0 => Some(Evidence::new(
            80,
            format!("each line is a JSON object; `{counted}` and `{measured}` stand in it"),
        )),
        None if rows > 1 => {
            Some(Evidence::new(60, format!("each line is a JSON object with `{measured}` in it")))
        }
        _ => None,
    }
}

pub(in crate::recording) fn reader(_: &Head) -> Box<dyn LineReader> {
    Box::new(JsonLines { rows: Rows::new(None), name: String::new() })
}

struct JsonLines {
    rows: Rows,
    name: String,
}

impl LineReader for JsonLines {
    fn lines(&mut self, chunk: &[u8], to: &mut Builder) {
        for line in split(chunk) {
            if line.len() > MAX_LINE {
                to.left_out().count("lines of more than a megabyte");
                continue;
            }
            let mut tokens = Tokens::new(line);
            self.name.clear();
            let read = match tokens.next() {
                Ok(Some(Token::Open)) => object::read(&mut tokens, &mut self.name, &mut self.rows).is_ok(),
                _ => false,
            };
            if read {
                self.rows.end(to);
            } else {
                self.rows.forget();
                to.left_out().count("lines that are no JSON object");
            }
        }
    }

    fn finish(&mut self, to: &mut Builder) {
        self.rows.finish(to);
    }
}
