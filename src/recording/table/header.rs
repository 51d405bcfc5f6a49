//! Which line names a table's columns, and what parts its cells.

use crate::recording::lines::first_line;
use crate::recording::number;
use crate::recording::role::{self, Role};
use crate::recording::rows::is_step;

/// What parts cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    Byte(u8),
    /// Any number of spaces.
    Spaces,
}

/// The line that names the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub delimiter: Delimiter,
    /// As the file has them, without the spaces around; those of columns without one by their number.
    pub names: Vec<String>,
    /// Whether the file names them.
    pub is_named: bool,
    /// The first row below.
    pub first: Vec<String>,
    /// Bytes up to the first row.
    pub length: usize,
}

impl Header {
    /// The header of a text that begins with these lines; nothing where it is no table.
    pub(in crate::recording) fn find(text: &[u8]) -> Option<Self> {
        let mut at = 0;
        let mut told = None;
        let mut comment: &[u8] = b"";
        // Comments, empty lines, and what spreadsheets write about their delimiter.
        let (line, after) = loop {
            let (line, rest) = first_line(&text[at..]);
            let after = text.len() - rest.len();
            let trimmed = line.trim_ascii();
            if let Some(told_here) = trimmed.strip_prefix(b"sep=") {
                told = told_here.first().copied();
            } else if !trimmed.is_empty() && !trimmed.starts_with(b"#") {
                break (line, after);
            } else if let Some(inner) = trimmed.strip_prefix(b"#") {
                comment = inner;
            }
            if rest.is_empty() {
                return None;
            }
            at = after;
        };
        let row = text[after..]
            .split(|byte| *byte == b'\n')
            .find(|line| !line.trim_ascii().is_empty() && !line.trim_ascii().starts_with(b"#"))
            .unwrap_or_default();
        let delimiter = match told {
            Some(byte) => Delimiter::Byte(byte),
            None => delimiter(line, row)?,
        };
        let (names, first) = (cells(line, delimiter), cells(row, delimiter));
        let is_named = names.iter().any(|name| !name.is_empty() && number::parse(name.as_bytes()).is_none());
        if is_named {
            Some(Self { delimiter, names: named_apart(names), is_named, first, length: after })
        } else {
            let count = names.len();
            // numpy's way to name columns: `# step lr loss`.
            let titles = cells(comment, delimiter);
            let is_title = |title: &String| {
                let last = title.to_lowercase();
                is_step(&last) || role::of(&last).role != Role::Other
            };
            if titles.len() == count && titles.iter().any(is_title) {
                return Some(Self {
                    delimiter,
                    names: named_apart(titles),
                    is_named: true,
                    first: names,
                    length: at,
                });
            }
            let numbered = (1..=count).map(|at| format!("column {at}")).collect();
            Some(Self { delimiter, names: numbered, is_named, first: names, length: at })
        }
    }

    /// Where the column of one of these names is, in lower case; the first of them that is there.
    pub(in crate::recording) fn position(&self, wanted: &[&str]) -> Option<usize> {
        wanted.iter().find_map(|wanted| self.names.iter().position(|name| name.to_lowercase() == **wanted))
    }

    /// Whether all of these columns are there.
    pub(in crate::recording) fn has(&self, wanted: &[&str]) -> bool {
        self.is_named && wanted.iter().all(|wanted| self.position(&[wanted]).is_some())
    }

    /// Whether the first row's cell is a number.
    pub(in crate::recording) fn is_number(&self, column: usize) -> bool {
        self.first.get(column).is_some_and(|cell| number::parse(cell.as_bytes()).is_some())
    }
}

/// Names without doubles or gaps.
fn named_apart(names: Vec<String>) -> Vec<String> {
    let mut apart: Vec<String> = Vec::with_capacity(names.len());
    for (at, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() { format!("column {}", at + 1) } else { name };
        let mut free = name.clone();
        let mut copy = 2;
        while apart.contains(&free) {
            free = format!("{name} ({copy})");
            copy += 1;
        }
        apart.push(free);
    }
    apart
}

/// What parts the cells of both lines into as many.
fn delimiter(line: &[u8], row: &[u8]) -> Option<Delimiter> {
    let candidates = [b',', b'\t', b';', b'|'].map(Delimiter::Byte);
    let count = |line: &[u8], delimiter| cells(line, delimiter).len();
    let many = candidates.into_iter().filter(|delimiter| {
        let names = count(line, *delimiter);
        names > 1 && (row.trim_ascii().is_empty() || count(row, *delimiter) == names)
    });
    if let Some(most) = many.max_by_key(|delimiter| count(line, *delimiter)) {
        return Some(most);
    }
    let words = count(line, Delimiter::Spaces);
    let in_row = cells(row, Delimiter::Spaces);
    // fastai's table ends with a time.
    let is_time = |cell: &str| cell.contains(':') && cell.bytes().all(|c| c.is_ascii_digit() || c == b':');
    let numbers = in_row.iter().all(|cell| number::parse(cell.as_bytes()).is_some() || is_time(cell))
        && in_row.iter().any(|cell| number::parse(cell.as_bytes()).is_some());
    if words > 1 && in_row.len() == words && numbers {
        return Some(Delimiter::Spaces);
    }
    // One column; a name of it has no blanks or brackets as code has.
    let name = line.trim_ascii();
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.+\"".contains(byte));
    (plain && (row.is_empty() || number::parse(row).is_some())).then_some(Delimiter::Byte(b','))
}

/// The cells of one line, without the spaces around them.
fn cells(line: &[u8], delimiter: Delimiter) -> Vec<String> {
    let owned = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    match delimiter {
        Delimiter::Spaces => {
            line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(owned).collect()
        }
        Delimiter::Byte(byte) => {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(byte).from_reader(line);
            let mut record = csv::ByteRecord::new();
            match reader.read_byte_record(&mut record) {
                Ok(true) => record.iter().map(owned).collect(),
                _ => Vec::new(),
            }
        }
    }
}
