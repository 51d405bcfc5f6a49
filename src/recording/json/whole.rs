//! JSON documents: Hugging Face's `trainer_state.json`, a list of rows, or a list of numbers a series as Keras'
//! `History.history` is.

use std::io::BufRead;

use super::object;
use super::tokens::{JsonError, Token, Tokens};
use crate::recording::build::Builder;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::role::{self, Role};
use crate::recording::rows::Rows;
use crate::recording::series::Tick;
use crate::telemetry::Column;

pub(in crate::recording) fn claim_trainer_state(head: &Head) -> Option<Evidence> {
    let text = head.text();
    let stands =
        text.starts_with('{') && (text.contains("\"log_history\"") || head.name() == "trainer_state.json");
    stands.then(|| Evidence::new(95, "a JSON object with `log_history`"))
}

/// A list of rows, or an object of lists.
pub(in crate::recording) fn claim_document(head: &Head) -> Option<Evidence> {
    let text = head.text();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut tokens = Tokens::new(text.as_bytes());
    let (mut lists, mut key) = (Vec::new(), String::new());
    let (mut counted, mut measured) = (false, None);
    let mut depth = 0;
    // A head may end in the middle, which is all right.
    while let Ok(Some(token)) = tokens.next() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::List => {
                depth += 1;
                lists.push(std::mem::take(&mut key));
            }
            Token::Unlist => {
                depth -= 1;
                lists.pop();
            }
            Token::Key(name) => {
                let is_loss = |name: &str| {
                    matches!(
                        role::of(name).role,
                        Role::Main(Column::Lr | Column::TrainLoss | Column::ValLoss | Column::ValAccuracy)
                    )
                };
                counted |= role::of(&name).role == Role::Epoch || crate::recording::rows::is_step(&name);
                // Rows stand in a list; of an object of lists the names stand outside.
                if is_loss(&name) && !lists.is_empty() && counted {
                    measured = measured.or(Some(name.clone()));
                }
                key = name;
            }
            Token::Number(_) => {
                if let Some(name) = lists.last()
                    && !name.is_empty()
                    && depth <= 3
                    && lists.len() == 1
                    && matches!(role::of(name).role, Role::Main(_))
                {
                    return Some(Evidence::new(70, format!("a JSON object of lists, one of them `{name}`")));
                }
            }
            Token::Text(_) | Token::Word => {}
        }
        if let Some(name) = &measured {
            return Some(Evidence::new(70, format!("a JSON list of rows with `{name}` in them")));
        }
    }
    None
}

/// Reads the rows of every list of objects, and every list of numbers as a series.
pub(in crate::recording) fn read(from: &mut dyn BufRead, to: &mut Builder) -> Result<(), String> {
    let mut tokens = Tokens::new(from);
    let mut document =
        Document { rows: Rows::new(None), lists: Rows::new(Some(Tick::Row)), columns: Vec::new() };
    let read = document.value(&mut tokens, &mut String::new(), to);
    document.rows.finish(to);
    document.put_columns(to);
    match read {
        Ok(()) => Ok(()),
        Err(JsonError::Read(cause)) => Err(format!("it cannot be read on: {cause}")),
        // A file that is being written ends in the middle: what came before is good.
        Err(JsonError::Malformed(why)) if to.has_numbers() => {
            to.left_out().note(format!("the file is cut short: {why}"));
            Ok(())
        }
        Err(JsonError::Malformed(why)) => Err(why),
    }
}

/// The most numbers of lists that stand beside each other.
const MAX_LISTED: usize = 8 << 20;

struct Document {
    rows: Rows,
    lists: Rows,
    /// Lists of numbers, each with its name.
    columns: Vec<(String, Vec<f64>)>,
}

impl Document {
    fn value<R: BufRead>(
        &mut self,
        tokens: &mut Tokens<R>,
        name: &mut String,
        to: &mut Builder,
    ) -> Result<(), JsonError> {
        let mut open = Vec::new();
        while let Some(token) = tokens.next()? {
            match token {
                Token::Open => open.push(name.len()),
                Token::Close => {
                    open.pop();
                }
                Token::Key(key) => {
                    name.clear();
                    name.push_str(&key);
                }
                Token::List => self.list(tokens, name, to)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A list: of rows, or of numbers.
    fn list<R: BufRead>(
        &mut self,
        tokens: &mut Tokens<R>,
        name: &str,
        to: &mut Builder,
    ) -> Result<(), JsonError> {
        let mut numbers = Vec::new();
        let mut depth = 1;
        while depth > 0 {
            match tokens.next()? {
                None => break,
                Some(Token::Open) if depth == 1 => {
                    object::read(tokens, &mut String::new(), &mut self.rows)?;
                    self.rows.end(to);
                }
                Some(Token::Open | Token::List) => depth += 1,
                Some(Token::Close | Token::Unlist) => depth -= 1,
                Some(Token::Number(value)) if depth == 1 => {
                    if numbers.len() < MAX_LISTED {
                        numbers.push(value);
                    }
                }
                Some(_) => {}
            }
        }
        let held: usize = self.columns.iter().map(|(_, numbers)| numbers.len()).sum();
        if !numbers.is_empty() && held + numbers.len() <= MAX_LISTED {
            self.columns.push((name.to_owned(), numbers));
        } else if !numbers.is_empty() {
            to.left_out().add("numbers of lists that are too long together", numbers.len() as u64);
        }
        Ok(())
    }

    /// Lists beside each other are series, where one of them is a rate or a loss.
    fn put_columns(&mut self, to: &mut Builder) {
        let columns = std::mem::take(&mut self.columns);
        let is_main = |name: &str| matches!(role::of(name).role, Role::Main(_));
        let Some((_, first)) = columns.iter().find(|(name, _)| is_main(name)) else { return };
        let longest = first.len();
        to.left_out().note("the lists are counted by their places, from 0");
        for at in 0..longest {
            for (name, numbers) in columns.iter().filter(|(_, numbers)| numbers.len() == longest) {
                if let (Some(key), Some(value)) = (self.lists.key(name), numbers.get(at)) {
                    self.lists.number(0, key, *value);
                }
            }
            self.lists.end(to);
        }
        self.lists.finish(to);
        for (name, numbers) in columns.iter().filter(|(_, numbers)| numbers.len() != longest) {
            let why = format!("numbers of the list `{name}`, which is not as long as the others");
            to.left_out().add(&why, numbers.len() as u64);
        }
    }
}
