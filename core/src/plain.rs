//! Text that others wrote, made fit for a terminal, a message or a spreadsheet.

use std::borrow::Cow;

/// Characters of a message that a terminal is given at most.
const MESSAGE: usize = 4000;
/// Characters of a name in a table or a sentence.
const NAME: usize = 120;

/// A message on one line: what a terminal would obey is spelled out, and what is too long loses its middle.
pub fn message(text: &str) -> String {
    line(text, MESSAGE)
}

/// A name that somebody gave, in a line of ours.
pub fn name(text: &str) -> String {
    line(text, NAME)
}

fn line(text: &str, most: usize) -> String {
    let mut plain = String::new();
    let length = text.chars().count();
    let (head, tail) = if length <= most { (length, length) } else { (most * 2 / 3, length - most / 3) };
    for (at, c) in text.chars().enumerate() {
        if at == head && head < tail {
            plain.push_str(" ... ");
        }
        if (head..tail).contains(&at) {
            continue;
        }
        if is_obeyed(c) { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

/// Whether a terminal does something else than showing the character: controls, and marks of the writing direction.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text as a cell of a CSV file, behind an apostrophe where a spreadsheet would take it for a formula, as
/// spreadsheets themselves mark texts. Two texts never make the same cell; [`text_of`] gives them back.
pub fn cell(text: &str) -> Cow<'_, str> {
    if is_marked(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that [`cell`] made this cell of.
pub fn text_of(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_marked(text)).unwrap_or(cell)
}

/// Whether the text begins, after any apostrophes, as a formula does.
fn is_marked(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_one_line_of_a_bounded_length() {
        assert_eq!(message("red \u{1b}[31m\nline"), "red \\u{1b}[31m\\nline");
        let long = message(&"x".repeat(60 << 20));
        assert!(long.len() <= MESSAGE + 5 && long.contains(" ... "));
        assert_eq!(message(&"é".repeat(MESSAGE)).chars().count(), MESSAGE);
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_marked_as_a_text() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a=1"), "a=1");
        assert_eq!(cell("'quoted'"), "'quoted'");
    }

    proptest! {
        #[test]
        fn a_cell_gives_its_text_back(text in "['=+@a\t-]{0,5}") {
            let written = cell(&text);
            prop_assert_eq!(text_of(&written), text.as_str());
        }
    }
}
