//! From a program's text to the tokens of its logical lines.

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

#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub token: Token,
    pub line: usize,
}

/// A logical line: what stands between line ends, or semicolons, outside brackets.
#[derive(Debug)]
pub(super) struct Line {
    pub line: usize,
    /// The columns before it; a tab counts eight.
    pub indent: usize,
    /// Whether it follows a semicolon.
    pub continues: bool,
    pub tokens: Vec<Lexeme>,
}

/// Longer signs before their beginnings.
const SIGNS: [&str; 47] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "+",
    "-", "*", "/", "%", "<", ">", "@", "&", "|", "^", "~", "!",
];

/// The logical lines of a text, in order.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, ImportError> {
    let mut lines = Vec::new();
    let mut tokens: Vec<Lexeme> = Vec::new();
    let mut brackets: Vec<(&str, usize)> = Vec::new();
    let mut count = 0;
    let (mut line, mut indent, mut continues) = (1, 0, false);
    // Whether nothing but blanks has been seen of the line.
    let mut fresh = true;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let error = |message: &str| Err(ImportError::Syntax { line, message: message.to_owned() });
        if count > MAX_TOKENS {
            return error("too long a program");
        }
        if c == '\n' || (c == ';' && brackets.is_empty()) {
            if brackets.is_empty() {
                let first = tokens.first().map(|first| first.line);
                if let Some(first) = first {
                    let tokens = std::mem::take(&mut tokens);
                    lines.push(Line { line: first, indent, continues, tokens });
                }
                continues = c == ';';
                if c == '\n' {
                    (fresh, indent) = (true, 0);
                }
            }
            line += usize::from(c == '\n');
            rest = &rest[1..];
            continue;
        }
        if c == '#' {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if let Some(after) = rest.strip_prefix("\\\n").or_else(|| rest.strip_prefix("\\\r\n")) {
            line += 1;
            rest = after;
            continue;
        }
        if c.is_whitespace() || c == '\\' || c == '\u{feff}' {
            if fresh && brackets.is_empty() {
                indent += if c == '\t' { 8 } else { usize::from(c == ' ') };
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        fresh = false;
        let at = line;
        let token = if let Some((prefix, quote)) = quote(rest) {
            let Some((content, after)) = quoted(&rest[prefix..], quote) else {
                return error("a text that does not end");
            };
            line += content.matches('\n').count();
            let is_raw = rest[..prefix].contains(['r', 'R']);
            rest = after;
            Token::Text(if is_raw { content.to_owned() } else { unescaped(content) })
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let (number, after) = number(rest);
            rest = after;
            number
        } else if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            rest = &rest[end..];
            Token::Name(name)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            match sign {
                "(" | "[" | "{" => brackets.push((sign, line)),
                ")" | "]" | "}" => match brackets.pop() {
                    Some((open, _)) if closes(open, sign) => {}
                    _ => return error(&format!("`{sign}` closes nothing")),
                },
                _ => {}
            }
            rest = &rest[sign.len()..];
            Token::Sign(sign)
        } else {
            // Nothing that a number, a name or a call is made of.
            rest = &rest[c.len_utf8()..];
            Token::Name("?".to_owned())
        };
        tokens.push(Lexeme { token, line: at });
        count += 1;
    }
    if let Some((open, line)) = brackets.pop() {
        return Err(ImportError::Syntax { line, message: format!("`{open}` is never closed") });
    }
    if let Some(first) = tokens.first().map(|first| first.line) {
        lines.push(Line { line: first, indent, continues, tokens });
    }
    Ok(lines)
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

/// The text without Python's and JSON's escapes.
fn unescaped(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('0') => out.push('\0'),
            Some('\n') => {}
            Some(kind @ ('x' | 'u' | 'U')) => {
                let digits = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let code: String = chars.clone().take(digits).collect();
                let found = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                if let (Some(found), true) = (found, code.len() == digits) {
                    out.push(found);
                    chars.by_ref().take(digits).for_each(drop);
                } else {
                    out.extend(['\\', kind]);
                }
            }
            Some(quote @ ('\'' | '"' | '\\' | '/')) => out.push(quote),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// A number, with `_` between digits as Python allows, or in base 16, 8 or 2; an imaginary one is unknown.
fn number(rest: &str) -> (Token, &str) {
    let based = |prefix: &str| rest.starts_with(prefix) || rest.starts_with(&prefix.to_uppercase());
    let mut end = 0;
    let mut last = ' ';
    for c in rest.chars() {
        let sign = matches!(c, '+' | '-') && matches!(last, 'e' | 'E') && !based("0x");
        if !(c.is_alphanumeric() || c == '_' || c == '.' || sign) {
            break;
        }
        end += c.len_utf8();
        last = c;
    }
    let spelled = &rest[..end];
    let plain = spelled.replace('_', "");
    let base = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(prefix, _)| based(prefix));
    let value = match base {
        Some((prefix, base)) => plain
            .get(prefix.len()..)
            .and_then(|digits| u64::from_str_radix(digits, base).ok())
            .map(|n| n as f64),
        None => plain.parse().ok(),
    };
    (value.map_or_else(|| Token::Name(spelled.to_owned()), Token::Number), &rest[end..])
}
