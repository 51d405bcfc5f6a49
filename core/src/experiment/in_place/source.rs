//! A file's text with what its parser knows of it: where values are, how they are laid out, and its lines.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// How a table is written.
pub(super) enum Layout {
    Root,
    /// Below a header that ends here.
    Header(usize),
    /// By keys with dots in them.
    Dotted,
    /// Between braces.
    Inline(Range<usize>),
}

/// A field of a table.
pub(super) struct Entry<'t> {
    pub name: &'t str,
    pub value: &'t Value<'t>,
    /// From its key to the end of its value.
    pub range: Range<usize>,
}

pub(super) struct Source<'t> {
    pub text: &'t str,
    pub newline: &'static str,
}

impl<'t> Source<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, newline: if text.contains("\r\n") { "\r\n" } else { "\n" } }
    }

    /// The fields of a table in the order of the text.
    pub fn entries<'v>(&self, table: &'v DeTable<'v>) -> Vec<Entry<'v>> {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| {
                let start = if self.is_section(value) { value.span().start } else { key.span().start };
                Entry { name: key.get_ref(), value, range: start..self.end(value) }
            })
            .collect();
        entries.sort_by_key(|entry| entry.range.start);
        entries
    }

    fn starts_with(&self, value: &Value, bracket: char) -> bool {
        self.text.get(value.span()).is_some_and(|text| text.starts_with(bracket))
    }

    /// Whether a value has a header of its own, `[like]` or `[[like]]`.
    pub fn is_section(&self, value: &Value) -> bool {
        match value.get_ref() {
            DeValue::Table(_) => self.starts_with(value, '['),
            // The parser gives such a list the place of its first header.
            DeValue::Array(items) => items.first().is_some_and(|first| first.span() == value.span()),
            _ => false,
        }
    }

    pub fn layout(&self, table: &Value) -> Layout {
        let range = table.span();
        if self.is_section(table) {
            Layout::Header(range.end)
        } else if self.starts_with(table, '{') {
            Layout::Inline(range)
        } else {
            Layout::Dotted
        }
    }

    /// Whether a value is a table that dotted keys make.
    pub fn is_dotted(&self, value: &Value) -> bool {
        value.get_ref().is_table() && matches!(self.layout(value), Layout::Dotted)
    }

    /// Where a value ends, with all that belongs to it.
    pub fn end(&self, value: &Value) -> usize {
        let inner = match value.get_ref() {
            DeValue::Table(table) => table.iter().map(|(_, value)| self.end(value)).max(),
            DeValue::Array(items) => items.iter().map(|value| self.end(value)).max(),
            _ => None,
        };
        inner.map_or(value.span().end, |inner| inner.max(value.span().end))
    }

    /// A value of a text of ours, on one line.
    pub fn inline(&self, value: &Value) -> String {
        match value.get_ref() {
            DeValue::Table(table) if !self.starts_with(value, '{') => {
                let field = |entry: Entry| format!("{} = {}", entry.name, self.inline(entry.value));
                let fields: Vec<String> = self.entries(table).into_iter().map(field).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            DeValue::Array(items) if self.is_section(value) => {
                let items: Vec<String> = items.iter().map(|item| self.inline(item)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => self.text.get(value.span()).unwrap_or_default().to_owned(),
        }
    }

    pub fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    /// The end of the line, before what ends it.
    pub fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// The start of the next line.
    pub fn next_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    pub fn line(&self, at: usize) -> &'t str {
        self.text.get(self.line_start(at)..self.line_end(at)).unwrap_or_default().trim()
    }

    /// What to cut to be rid of what a line says: all of it but a comment at its end.
    pub fn whole_line(&self, range: Range<usize>) -> Range<usize> {
        let start = self.line_start(range.start);
        let rest = self.text.get(range.end..self.line_end(range.end)).unwrap_or_default();
        match rest.find('#') {
            Some(comment) => {
                let line = self.text.get(start..).unwrap_or_default();
                start + (line.len() - line.trim_start().len())..range.end + comment
            }
            None => start..self.next_line(range.end),
        }
    }

    /// The lines of a section, with the comments directly above it and the empty line that follows.
    pub fn section(&self, value: &Value) -> Range<usize> {
        let mut start = self.line_start(value.span().start);
        while start > 0 && self.line(start - 1).starts_with('#') {
            start = self.line_start(start - 1);
        }
        let end = self.next_line(self.end(value));
        let is_blank = end < self.text.len() && self.line(end).is_empty();
        start..if is_blank { self.next_line(end) } else { end }
    }
}

/// Replacements of pieces of a text.
#[derive(Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all but the first.
    pub fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub fn replace(&mut self, range: Range<usize>, text: String) {
        self.0.push((range, text));
    }

    pub fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    /// The text with every piece replaced; nothing where two pieces overlap.
    pub fn apply(mut self, text: &str) -> Option<String> {
        // Stable: what is added at one place stays in the order it was added in.
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut edited = String::with_capacity(text.len());
        let mut done = 0;
        for (range, new) in self.0 {
            edited.push_str(text.get(done..range.start)?);
            edited.push_str(&new);
            done = range.end;
        }
        edited.push_str(text.get(done..)?);
        Some(edited)
    }
}
