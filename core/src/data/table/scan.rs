//! The rows of a text table, one after the other, within a bounded memory.

use std::collections::VecDeque;
use std::io::{self, BufReader, Cursor, Read};

use csv::{ByteRecord, ReaderBuilder, StringRecord};

use super::format::{Comma, Signs, comma, number};
use crate::data::{Problem, bounded};

/// The most bytes of text.
const MAX_BYTES: u64 = 4 << 30;
/// The longest line.
const MAX_LINE: usize = 1 << 20;
/// The start by which it is told how the table is written.
const HEAD: usize = 256 << 10;
/// Of what was read, so much is kept to tell lines apart in messages.
const KEPT: usize = 4 << 20;

/// What some editors begin UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a table is written.
pub(super) struct Written {
    pub delimiter: u8,
    pub names: Vec<String>,
    pub has_header: bool,
    /// What commas are, a column each.
    pub commas: Vec<Comma>,
    /// Bytes before the first row of cells, the header included.
    pub before: u64,
    /// Lines that begin with `#` before it.
    pub comments: usize,
}

/// A table whose start was read.
pub(super) struct Table<'a> {
    pub written: Written,
    reader: csv::Reader<Guard<Box<dyn Read + 'a>>>,
}

impl<'a> Table<'a> {
    /// Reads the start of a table; `label` tells a header from a first row.
    pub fn open(source: impl Read + 'a, label: &str) -> Result<Self, Problem> {
        let mut source = bounded::opened(source)?;
        let head = bounded::up_to(&mut source, HEAD)?;
        let start = if head.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let written = Written::of(&head[start..], head.len() == HEAD, label)?;
        let skipped = start + written.before as usize;
        let mut guard = Guard::new(Box::new(Cursor::new(head).chain(source)) as Box<dyn Read + 'a>);
        guard.pass_over(skipped)?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(written.delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(guard);
        Ok(Self { written, reader })
    }

    /// Hands over each row's cells, without the spaces around them.
    pub fn rows(
        &mut self,
        mut each: impl FnMut(&Place<'_, 'a>, &mut dyn Iterator<Item = &str>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let expected = self.written.names.len();
        let mut record = ByteRecord::new();
        loop {
            match self.reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(problem(&error)),
            }
            let at = record.position().map_or(0, csv::Position::byte);
            let place = Place { guard: self.reader.get_ref(), at };
            if record.len() != expected {
                return Err(Problem::Ragged {
                    line: place.line(),
                    found: record.len() as u64,
                    expected: expected as u64,
                });
            }
            // One check for all its cells.
            let Ok(text) = std::str::from_utf8(record.as_slice()) else {
                return Err(Problem::NotUtf8 { line: place.line() });
            };
            let mut cells = (0..expected).map(|column| {
                let range = record.range(column).unwrap_or_default();
                text.get(range).unwrap_or_default().trim()
            });
            each(&place, &mut cells)?;
        }
    }
}

/// Where a row stands.
pub(super) struct Place<'g, 'a> {
    guard: &'g Guard<Box<dyn Read + 'a>>,
    at: u64,
}

impl Place<'_, '_> {
    /// The line a row starts on, from 1.
    pub fn line(&self) -> u64 {
        self.guard.line(self.at)
    }
}

impl Written {
    fn of(head: &[u8], cut: bool, label: &str) -> Result<Self, Problem> {
        let mut at = 0;
        let mut told = None;
        let mut comments = 0;
        let line = loop {
            let rest = &head[at..];
            if rest.is_empty() {
                return Err(Problem::Empty);
            }
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            if end == rest.len() && cut {
                return Err(Problem::TooLarge { limit: HEAD, unit: "bytes in its first line" });
            }
            let line = rest[..end].trim_ascii();
            if let Some(sign) = line.strip_prefix(b"sep=") {
                told = sign.first().copied();
            } else if is_comment(line) {
                comments += 1;
            } else if !line.is_empty() {
                break &rest[..end];
            }
            at += end;
        };
        let rows = &head[at + line.len()..];
        // The last line of a head may be half of one.
        let rows = match rows.iter().rposition(|byte| *byte == b'\n') {
            Some(end) if cut => &rows[..=end],
            _ => rows,
        };
        let delimiter = told.unwrap_or_else(|| delimiter(line, rows));
        let first = records(line, delimiter).next().unwrap_or_default();
        let cells: Vec<String> =
            first.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        if std::str::from_utf8(line).is_err() {
            return Err(Problem::NotUtf8 { line: 1 + newlines(&head[..at]) });
        }
        let has_header = cells.iter().any(|cell| cell == label) || !is_row(&cells);
        let mut written = Self {
            delimiter,
            names: if has_header { cells } else { (1..=cells.len()).map(|at| format!("c{at}")).collect() },
            has_header,
            commas: Vec::new(),
            before: (if has_header { at + line.len() } else { at }) as u64,
            comments,
        };
        let sample: Vec<StringRecord> =
            records(rows, delimiter).map(StringRecord::from_byte_record_lossy).collect();
        written.commas = (0..written.names.len())
            .map(|column| {
                let cells = sample.iter().filter_map(|row| row.get(column)).map(str::trim);
                comma(cells, delimiter == b',')
            })
            .collect();
        Ok(written)
    }
}

/// A comment is `#` with a blank or more behind it; `#,name` names a column.
fn is_comment(line: &[u8]) -> bool {
    matches!(line, [b'#', next, ..] if !matches!(next, b',' | b';' | b'\t' | b'"'))
}

/// Whether a first line is a row rather than names: half of its cells or more are numbers.
fn is_row(cells: &[String]) -> bool {
    let is_number = |cell: &&String| {
        number(cell, Comma::Thousands, &mut Signs::default())
            .or_else(|| number(cell, Comma::Decimal, &mut Signs::default()))
            .is_some()
    };
    let numbers = cells.iter().filter(is_number).count();
    numbers > 0 && 2 * numbers >= cells.len()
}

/// The rows of these lines, as far as they can be read.
fn records(lines: &[u8], delimiter: u8) -> impl Iterator<Item = ByteRecord> {
    let reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(lines);
    reader.into_byte_records().map_while(Result::ok)
}

/// The separator that the first line has most of and the rows as many; a comma where it has none.
fn delimiter(first: &[u8], rows: &[u8]) -> u8 {
    let second =
        rows.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |line: &[u8], separator| records(line, separator).next().map_or(0, |record| record.len());
    // The last of equals wins.
    [b'|', b'\t', b';', b',']
        .into_iter()
        .filter(|separator| count(first, *separator) > 1)
        .max_by_key(|separator| {
            let names = count(first, *separator);
            (second.is_empty() || count(second, *separator) == names, names)
        })
        .unwrap_or(b',')
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn problem(error: &csv::Error) -> Problem {
    if let csv::ErrorKind::Io(error) = error.kind() {
        return match error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) {
            Some(TooMuch(limit, unit)) => Problem::TooLarge { limit: *limit, unit },
            None => bounded::unreadable(error),
        };
    }
    Problem::Unreadable(error.to_string())
}

/// More than is read.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} {1}")]
struct TooMuch(usize, &'static str);

/// Passes bytes on, as long as neither a line nor the whole is too long, and knows where lines begin.
struct Guard<R> {
    inner: BufReader<R>,
    read: u64,
    /// Bytes since the last line end.
    line: usize,
    /// Bytes that were passed over before the first row.
    skipped: u64,
    skipped_lines: u64,
    /// What was read last, each piece with the line ends before it.
    pieces: VecDeque<(u64, u64, Vec<u8>)>,
    kept: usize,
    lines: u64,
}

impl<R: Read> Guard<R> {
    fn new(inner: R) -> Self {
        Self {
            inner: BufReader::with_capacity(1 << 16, inner),
            read: 0,
            line: 0,
            skipped: 0,
            skipped_lines: 0,
            pieces: VecDeque::new(),
            kept: 0,
            lines: 0,
        }
    }

    fn pass_over(&mut self, bytes: usize) -> Result<(), Problem> {
        let passed = bounded::up_to(self.inner.by_ref(), bytes)?;
        self.skipped = passed.len() as u64;
        self.skipped_lines = newlines(&passed);
        Ok(())
    }

    /// The line on which what follows the byte begins: empty lines, and the second half of a line end, that come
    /// before it are passed over.
    fn line(&self, at: u64) -> u64 {
        let mut count = 0;
        let mut begun = false;
        for (from, before, bytes) in &self.pieces {
            let end = from + bytes.len() as u64;
            if end <= at {
                continue;
            }
            let start = at.saturating_sub(*from).min(bytes.len() as u64) as usize;
            if !begun {
                count = before + newlines(&bytes[..start]);
                begun = true;
            }
            let ends = bytes[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
            count += newlines(&bytes[start..start + ends]);
            if start + ends < bytes.len() {
                break;
            }
        }
        1 + self.skipped_lines + count
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = &buffer[..count];
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.line = count - end - 1,
            None => self.line += count,
        }
        if self.line > MAX_LINE {
            return Err(io::Error::other(TooMuch(MAX_LINE, "bytes in a line")));
        }
        if self.read + count as u64 > MAX_BYTES {
            return Err(io::Error::other(TooMuch(MAX_BYTES as usize, "bytes")));
        }
        self.pieces.push_back((self.read, self.lines, bytes.to_vec()));
        self.kept += count;
        self.read += count as u64;
        self.lines += newlines(bytes);
        while self.kept > KEPT
            && let Some((_, _, oldest)) = self.pieces.pop_front()
        {
            self.kept -= oldest.len();
        }
        Ok(count)
    }
}
