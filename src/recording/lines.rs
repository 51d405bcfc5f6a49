//! Whole lines out of a file that is read piece by piece.

use super::Builder;

/// A longer line is left out.
pub(super) const MAX_LINE: usize = 1 << 20;

/// Reads a text a chunk of whole lines at a time.
pub(super) trait LineReader: Send {
    /// Takes in lines, each with its line end but for the very last.
    fn lines(&mut self, chunk: &[u8], to: &mut Builder);

    /// Nothing more comes for now.
    fn finish(&mut self, to: &mut Builder);
}

/// The lines of a chunk without their ends; a carriage return ends one too, as progress bars use it.
pub(super) fn split(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    chunk.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.trim_ascii().is_empty())
}

/// What stands before the first line end, without it, and the rest.
pub(super) fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (text[..end].trim_ascii_end(), &text[end + 1..]),
        None => (text.trim_ascii_end(), &[]),
    }
}
