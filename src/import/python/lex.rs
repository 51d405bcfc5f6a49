//! From a program's text to its statements' tokens.

use super::super::ImportError;

/// The most tokens of a program.
const MAX_TOKENS: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// The tokens of one statement, with the line it starts on.
pub(super) struct Statement {
    pub line: usize,
    pub tokens: Vec<Token>,
}

/// Longer signs before their beginnings.
const SIGNS: [&str; 41] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", ":=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "+", "-",
    "*", "/", "%", "<", ">", "@",
];

/// The statements of a text, in order: what stands between line ends, or semicolons, outside brackets.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, ImportError> {
    let mut statements = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut brackets: Vec<(&str, usize)> = Vec::new();
    let mut count = 0;
    let (mut line, mut start) = (1, 1);
    let mut rest = text;
    let mut flush = |tokens: &mut Vec<Token>, line: usize| {
        if !tokens.is_empty() {
            statements.push(Statement { line, tokens: std::mem::take(tokens) });
        }
    };
    while let Some(c) = rest.chars().next() {
        let error = |message: &str| Err(ImportError::Syntax { line, message: message.to_owned() });
        if count > MAX_TOKENS {
            return error("too long a program");
        }
        if tokens.is_empty() {
            start = line;
        }
        if c == '\n' {
            if brackets.is_empty() {
                flush(&mut tokens, start);
            }
            line += 1;
            rest = &rest[1..];
        } else if c == ';' {
            flush(&mut tokens, start);
            rest = &rest[1..];
        } else if c == '#' {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(after) = rest.strip_prefix("\\\n").or_else(|| rest.strip_prefix("\\\r\n")) {
            line += 1;
            rest = after;
        } else if c.is_whitespace() || c == '\\' {
            rest = &rest[c.len_utf8()..];
        } else if let Some((prefix, quote)) = quote(rest) {
            let Some((content, after)) = quoted(&rest[prefix..], quote) else {
                return error("a text that does not end");
            };
            line += content.matches('\n').count();
            tokens.push(Token::Text(unescaped(content)));
            rest = after;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let (number, after) = number(rest);
            tokens.push(number);
            rest = after;
        } else if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            match sign {
                "(" | "[" | "{" => brackets.push((sign, line)),
                ")" | "]" | "}" => match brackets.pop() {
                    Some((open, _)) if closes(open, sign) => {}
                    _ => return error(&format!("`{sign}` closes nothing")),
                },
                _ => {}
            }
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            // Nothing that a number, a name or a call is made of.
            tokens.push(Token::Name("?".to_owned()));
            rest = &rest[c.len_utf8()..];
        }
        count += 1;
    }
    if let Some((open, line)) = brackets.pop() {
        return Err(ImportError::Syntax { line, message: format!("`{open}` is never closed") });
    }
    flush(&mut tokens, start);
    Ok(statements)
}

fn closes(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}

/// Where a text in quotes begins: the length of its prefix, and its quotation mark.
fn quote(rest: &str) -> Option<(usize, &'static str)> {
    let prefix = rest.find(|c: char| !matches!(c, 'r' | 'R' | 'b' | 'B' | 'f' | 'F' | 'u' | 'U'))?;
    let marks = ["\"\"\"", "'''", "\"", "'"];
    let mark = marks.into_iter().find(|mark| rest[prefix..].starts_with(mark))?;
    (prefix <= 2).then_some((prefix, mark))
}

/// What the quotation marks hold, and what follows them.
fn quoted<'t>(rest: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let inside = rest.strip_prefix(mark)?;
    let mut at = 0;
    while at < inside.len() {
        let here = &inside[at..];
        if let Some(after) = here.strip_prefix(mark) {
            return Some((&inside[..at], after));
        }
        let mut chars = here.chars();
        let first = chars.next()?;
        at += first.len_utf8();
        if first == '\\' {
            at += chars.next().map_or(0, char::len_utf8);
        } else if first == '\n' && mark.len() == 1 {
            return None;
        }
    }
    None
}

fn unescaped(content: &str) -> String {
    content.replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\")
}

/// A number, with `_` between digits as Python allows; one in another base or imaginary is unknown.
fn number(rest: &str) -> (Token, &str) {
    let mut end = 0;
    let mut last = ' ';
    for c in rest.chars() {
        let sign = matches!(c, '+' | '-') && matches!(last, 'e' | 'E') && !rest.starts_with("0x");
        if !(c.is_alphanumeric() || c == '_' || c == '.' || sign) {
            break;
        }
        end += c.len_utf8();
        last = c;
    }
    let spelled = &rest[..end];
    let plain = spelled.replace('_', "");
    let token = plain.parse().map_or_else(|_| Token::Name(spelled.to_owned()), Token::Number);
    (token, &rest[end..])
}
