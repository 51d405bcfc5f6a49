//! JSON as a stream of tokens, with Python's `NaN` and `Infinity`, which strict readers refuse.

use std::io::{self, BufRead};

/// Deeper nesting is no log.
const MAX_DEPTH: usize = 64;
/// Of longer strings the rest is passed over.
const MAX_STRING: usize = 4096;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    List,
    Unlist,
    Key(String),
    Number(f64),
    Text(String),
    /// `null`, `true` or `false`.
    Word,
}

/// Reads tokens; commas and colons are checked only as far as telling keys from texts needs.
pub(super) struct Tokens<R> {
    from: R,
    /// Of each open bracket, whether it is that of an object.
    open: Vec<bool>,
    /// In an object, whether a key comes next.
    key_next: bool,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum JsonError {
    Read(io::Error),
    Malformed(String),
}

impl<R: BufRead> Tokens<R> {
    pub fn new(from: R) -> Self {
        Self { from, open: Vec::new(), key_next: false, buffer: Vec::new() }
    }

    fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        Ok(self.from.fill_buf().map_err(JsonError::Read)?.first().copied())
    }

    fn bump(&mut self) {
        self.from.consume(1);
    }

    /// The next token; nothing at the end.
    pub fn next(&mut self) -> Result<Option<Token>, JsonError> {
        loop {
            let Some(byte) = self.peek()? else {
                return if self.open.is_empty() {
                    Ok(None)
                } else {
                    Err(JsonError::Malformed("it ends in the middle".to_owned()))
                };
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.bump(),
                b',' => {
                    self.key_next = self.open.last() == Some(&true);
                    self.bump();
                }
                b':' => {
                    self.key_next = false;
                    self.bump();
                }
                b'{' | b'[' => {
                    self.bump();
                    if self.open.len() == MAX_DEPTH {
                        return Err(JsonError::Malformed("it is nested too deep".to_owned()));
                    }
                    self.open.push(byte == b'{');
                    self.key_next = byte == b'{';
                    return Ok(Some(if byte == b'{' { Token::Open } else { Token::List }));
                }
                b'}' | b']' => {
                    self.bump();
                    if self.open.pop() != Some(byte == b'}') {
                        return Err(JsonError::Malformed(format!("`{}` closes nothing", char::from(byte))));
                    }
                    self.key_next = false;
                    return Ok(Some(if byte == b'}' { Token::Close } else { Token::Unlist }));
                }
                b'"' => {
                    self.bump();
                    let text = self.string()?;
                    let is_key = std::mem::take(&mut self.key_next);
                    return Ok(Some(if is_key { Token::Key(text) } else { Token::Text(text) }));
                }
                _ => return self.word().map(Some),
            }
        }
    }

    /// A string whose opening mark was read.
    fn string(&mut self) -> Result<String, JsonError> {
        self.buffer.clear();
        loop {
            let Some(byte) = self.peek()? else {
                return Err(JsonError::Malformed("a text has no end".to_owned()));
            };
            self.bump();
            let byte = match byte {
                b'"' => break,
                b'\\' => {
                    let Some(escaped) = self.peek()? else { continue };
                    self.bump();
                    match escaped {
                        b'n' | b't' | b'r' | b'b' | b'f' => b' ',
                        // Names in logs are plain; others keep their digits.
                        b'u' => b'u',
                        other => other,
                    }
                }
                other => other,
            };
            if self.buffer.len() < MAX_STRING {
                self.buffer.push(byte);
            }
        }
        Ok(String::from_utf8_lossy(&self.buffer).into_owned())
    }

    fn word(&mut self) -> Result<Token, JsonError> {
        self.buffer.clear();
        while let Some(byte) = self.peek()? {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')) || self.buffer.len() > 64
            {
                break;
            }
            self.buffer.push(byte);
            self.bump();
        }
        match self.buffer.as_slice() {
            b"null" | b"true" | b"false" => Ok(Token::Word),
            b"NaN" => Ok(Token::Number(f64::NAN)),
            b"Infinity" => Ok(Token::Number(f64::INFINITY)),
            b"-Infinity" => Ok(Token::Number(f64::NEG_INFINITY)),
            word => match crate::recording::number::parse(word) {
                Some(number) => Ok(Token::Number(number)),
                None => {
                    let found = String::from_utf8_lossy(word).into_owned();
                    Err(JsonError::Malformed(format!("`{found}` is not JSON")))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token>, JsonError> {
        let mut tokens = Tokens::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(token) = tokens.next()? {
            all.push(token);
        }
        Ok(all)
    }

    #[test]
    fn python_s_numbers_are_read() {
        let all = tokens(r#"{"a": [1e-4, -Infinity, NaN], "b": {"c\"": "x"}, "d": null}"#).unwrap();
        assert_eq!(all[..3], [Token::Open, Token::Key("a".into()), Token::List]);
        assert_eq!(all[3..5], [Token::Number(1e-4), Token::Number(f64::NEG_INFINITY)]);
        assert!(matches!(all[5], Token::Number(nan) if nan.is_nan()));
        assert!(all.contains(&Token::Key("c\"".into())) && all.contains(&Token::Text("x".into())));
    }

    #[test]
    fn what_is_no_json_is_said() {
        for text in ["{", "[1, 2", "}", "{\"a", "nonsense", "{\"a\": nope}", "[}"] {
            assert!(tokens(text).is_err(), "{text}");
        }
        assert!(tokens(&"[".repeat(1000)).is_err());
    }
}
