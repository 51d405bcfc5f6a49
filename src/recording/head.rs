//! The start of a file, by which it is told what it is.

use std::path::Path;

use super::table::header::Header;

/// The bytes that are looked at.
pub const SNIFFED: usize = 64 << 10;

/// The start of a file.
#[derive(Debug)]
pub struct Head {
    name: String,
    bytes: Vec<u8>,
    text: String,
    /// Whether this is the whole file.
    complete: bool,
    header: Option<Header>,
}

impl Head {
    /// The first bytes of a file of this name; of a text that has none, any name will do.
    pub fn new(path: &Path, bytes: &[u8]) -> Self {
        let complete = bytes.len() < SNIFFED;
        let bytes = &bytes[..bytes.len().min(SNIFFED)];
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).to_vec();
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).trim_start().to_owned();
        let mut head = Self { name, bytes, text, complete, header: None };
        head.header = Header::find(head.whole_lines());
        head
    }

    /// The file's name in lower case.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The start as text, without white space before it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The lines that are there from end to end.
    pub(super) fn whole_lines(&self) -> &[u8] {
        if self.complete {
            return &self.bytes;
        }
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n').map_or(self.bytes.len(), |end| end + 1);
        &self.bytes[..end]
    }

    /// The line that names the columns, where the text is a table.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }
}
