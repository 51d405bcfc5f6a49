//! CSV text as rows of cells, all as long as the header.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::Problem;

/// The cells of a table, without the spaces around them.
pub(super) struct Cells<'a> {
    bytes: &'a [u8],
    pub header: StringRecord,
    /// At least one.
    pub rows: Vec<StringRecord>,
}

impl<'a> Cells<'a> {
    /// Reads UTF-8 text with a header line.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Problem> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().delimiter(delimiter(bytes)).trim(Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|error| problem(&error, bytes))?.clone();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(|error| problem(&error, bytes))?;
        if rows.is_empty() {
            return Err(Problem::Empty);
        }
        Ok(Self { bytes, header, rows })
    }

    /// The line a row starts on, from 1.
    pub(super) fn line(&self, row: usize) -> u64 {
        line(self.rows.get(row).and_then(StringRecord::position), self.bytes)
    }
}

/// The separator the first line has most of; a comma where it has none.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| first.split(|&byte| byte == separator).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).unwrap_or(b',')
}

fn problem(error: &csv::Error, bytes: &[u8]) -> Problem {
    let line = line(error.position(), bytes);
    match error.kind() {
        ErrorKind::Utf8 { .. } => Problem::NotUtf8 { line },
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Problem::Ragged { line, found: *len, expected: *expected_len }
        }
        _ => Problem::Unreadable(error.to_string()),
    }
}

/// The line of a record. The reader's own count stands before the empty lines, or the second half of a
/// line end, that come before the record.
fn line(position: Option<&Position>, bytes: &[u8]) -> u64 {
    let start = position.map_or(0, Position::byte) as usize;
    let (before, after) = bytes.split_at(start.min(bytes.len()));
    let ends = after.iter().take_while(|byte| b"\r\n".contains(byte));
    let newlines = before.iter().chain(ends).filter(|&&byte| byte == b'\n');
    1 + newlines.count() as u64
}
