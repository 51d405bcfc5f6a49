//! Which parts of an exported text are comments, strings, numbers and keywords.

use std::ops::Range;

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Comment,
    Text,
    Number,
    Keyword,
}

/// The few things in which the languages differ here.
struct Language {
    comment: Option<&'static str>,
    quotes: &'static [&'static str],
    keywords: &'static [&'static str],
    /// Whether `--name` is an argument's name.
    arguments: bool,
}

const PYTHON: Language = Language {
    comment: Some("#"),
    quotes: &["\"\"\"", "\"", "'"],
    keywords: &[
        "and", "as", "class", "def", "elif", "else", "False", "for", "from", "if", "import", "in", "is",
        "lambda", "None", "not", "or", "return", "True", "while", "with", "yield",
    ],
    arguments: false,
};

const RUST: Language = Language {
    comment: Some("//"),
    quotes: &["\""],
    keywords: &[
        "as", "const", "else", "false", "fn", "for", "if", "impl", "in", "let", "match", "mod", "mut", "pub",
        "return", "self", "Self", "static", "struct", "true", "use", "while",
    ],
    arguments: false,
};

const SETTINGS: Language = Language {
    comment: Some("#"),
    quotes: &["\"", "'"],
    keywords: &["true", "false", "null"],
    arguments: false,
};

const SHELL: Language = Language { keywords: &[], arguments: true, ..SETTINGS };
const DATA: Language = Language { comment: None, quotes: &["\""], ..SETTINGS };

fn language(extension: &str) -> &'static Language {
    match extension {
        "py" => &PYTHON,
        "rs" => &RUST,
        "sh" => &SHELL,
        "json" | "csv" => &DATA,
        _ => &SETTINGS,
    }
}

/// The text in parts that follow one another without gaps. `extension` is the one its file would have.
pub fn spans(text: &str, extension: &str) -> Vec<(Ink, Range<usize>)> {
    let language = language(extension);
    let mut spans: Vec<(Ink, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (ink, length) = next(rest, language);
        match spans.last_mut() {
            Some((last, range)) if *last == ink => range.end = at + length,
            _ => spans.push((ink, at..at + length)),
        }
        at += length;
    }
    spans
}

/// The first part of a text, at least one character of it.
fn next(rest: &str, language: &Language) -> (Ink, usize) {
    if language.comment.is_some_and(|comment| rest.starts_with(comment)) {
        return (Ink::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if let Some(quote) = language.quotes.iter().find(|quote| rest.starts_with(**quote)) {
        return (Ink::Text, quoted(rest, quote));
    }
    let word = run(rest, |c| c.is_alphanumeric() || c == '_');
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return (Ink::Number, number(rest));
    }
    if word > 0 {
        let keyword = language.keywords.contains(&&rest[..word]);
        return (if keyword { Ink::Keyword } else { Ink::Plain }, word);
    }
    if language.arguments && rest.starts_with("--") {
        return (Ink::Keyword, 2 + run(&rest[2..], |c| c.is_alphanumeric() || matches!(c, '-' | '_')));
    }
    (Ink::Plain, rest.chars().next().map_or(1, char::len_utf8))
}

/// The bytes at the start whose characters all are such.
fn run(rest: &str, is: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !is(c)).unwrap_or(rest.len())
}

/// A string up to its closing quote; an unclosed one ends with the line, unless it may have several.
fn quoted(rest: &str, quote: &str) -> usize {
    let mut at = quote.len();
    while let Some(c) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        if rest[at..].starts_with(quote) {
            return at + quote.len();
        }
        if c == '\n' && quote.len() == 1 {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += rest.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        }
    }
    rest.len()
}

/// `12`, `1_000`, `0.5`, `3e-4`, `1.0f64`.
fn number(rest: &str) -> usize {
    let mut before = ' ';
    rest.find(|c: char| {
        let signed = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        before = c;
        !(c.is_alphanumeric() || matches!(c, '_' | '.') || signed)
    })
    .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ink: Ink, text: &'static str, extension: &str) -> Vec<&'static str> {
        let found = spans(text, extension).into_iter().filter(|(of, _)| *of == ink);
        found.map(|(_, range)| &text[range]).collect()
    }

    #[test]
    fn parts_are_told_apart() {
        let python = "import torch  # 3 lines\nlr = 3e-4 * x2 + 1_000\nname = \"a # b\\\"\"\n";
        assert_eq!(of(Ink::Keyword, python, "py"), ["import"]);
        assert_eq!(of(Ink::Comment, python, "py"), ["# 3 lines"]);
        assert_eq!(of(Ink::Number, python, "py"), ["3e-4", "1_000"]);
        assert_eq!(of(Ink::Text, python, "py"), ["\"a # b\\\"\""]);
        assert_eq!(of(Ink::Keyword, "train.py --warmup-lr 1e-5", "sh"), ["--warmup-lr"]);
        assert_eq!(of(Ink::Comment, "let x = 1; // one", "rs"), ["// one"]);
        assert_eq!(of(Ink::Text, "\"\"\"two\nlines\"\"\" x", "py"), ["\"\"\"two\nlines\"\"\""]);
    }

    #[test]
    fn every_byte_is_in_one_part_whatever_the_text() {
        for text in ["", "é'", "\"never closed\nnext", "\"\\", "--", "\u{1f600}1é", "# \u{1f600}"] {
            for extension in ["py", "rs", "sh", "json", "yaml", "?"] {
                let spans = spans(text, extension);
                let joined: String = spans.iter().map(|(_, range)| &text[range.clone()]).collect();
                assert_eq!(joined, text);
                assert!(spans.windows(2).all(|pair| pair[0].1.end == pair[1].1.start));
            }
        }
    }
}
