//! Reading what somebody else wrote: regular files only, and no more of them than was allowed for.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::machine;

/// The name under which commands read standard input.
pub const STANDARD_INPUT: &str = "-";

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{bytes} bytes are more than the {max} allowed")]
    TooLarge { bytes: u64, max: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            large @ ReadError::TooLarge { .. } => Self::new(io::ErrorKind::FileTooLarge, large),
        }
    }
}

/// Opens a regular file for reading, or what a link to one leads to. A pipe would wait for ever and a device never
/// end, so both are refused before they are opened.
///
/// # Errors
/// When it cannot be opened, or is anything else.
pub fn open(path: &Path) -> io::Result<File> {
    regular(path)?;
    let file = File::open(path)?;
    // Another may have taken its place in between.
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(irregular("something that is")),
    }
}

/// # Errors
/// When the path does not lead to a regular file.
pub(super) fn regular(path: &Path) -> io::Result<()> {
    let there = fs::metadata(path)?;
    if there.is_file() {
        return Ok(());
    }
    if there.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, and a file is wanted"));
    }
    Err(irregular("a pipe or a device,"))
}

fn irregular(what: &str) -> io::Error {
    let why = format!(
        "it is {what} no regular file; where standard input is read, write {STANDARD_INPUT} and pipe into it"
    );
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// The bytes of a regular file that has at most `max` of them.
///
/// # Errors
/// When it cannot be read, is no regular file, is larger, or is more than the memory there is.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    let file = open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > max {
        return Err(ReadError::TooLarge { bytes, max });
    }
    if machine::free_memory().is_some_and(|free| bytes > free) {
        return Err(
            io::Error::new(io::ErrorKind::OutOfMemory, "it is larger than the memory that is free").into()
        );
    }
    let mut content = Vec::new();
    content.try_reserve_exact(bytes as usize).map_err(io::Error::from)?;
    all(file, content, max)
}

/// As [`read`], and standard input where the path is [`STANDARD_INPUT`].
///
/// # Errors
/// As [`read`].
pub fn read_input(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    if path == Path::new(STANDARD_INPUT) { all(io::stdin().lock(), Vec::new(), max) } else { read(path, max) }
}

/// A regular file to read from start to end, or standard input where the path is [`STANDARD_INPUT`].
///
/// # Errors
/// As [`open`].
pub fn input(path: &Path) -> io::Result<Box<dyn Read>> {
    Ok(if path == Path::new(STANDARD_INPUT) { Box::new(io::stdin()) } else { Box::new(open(path)?) })
}

fn all(source: impl Read, mut content: Vec<u8>, max: u64) -> Result<Vec<u8>, ReadError> {
    source.take(max + 1).read_to_end(&mut content)?;
    match content.len() as u64 {
        bytes if bytes > max => Err(ReadError::TooLarge { bytes, max }),
        _ => Ok(content),
    }
}

/// The lines of a text of any length, one at a time in one buffer. A line longer than allowed is an error, so that
/// a file without line ends cannot fill the memory.
pub struct Lines<R> {
    source: BufReader<R>,
    line: Vec<u8>,
    max: usize,
}

impl<R: Read> Lines<R> {
    pub fn new(source: R, max: usize) -> Self {
        Self { source: BufReader::with_capacity(1 << 16, source), line: Vec::new(), max }
    }

    /// The next line with its line end, which the last may lack; nothing at the end.
    ///
    /// # Errors
    /// When the source fails, or the line is too long.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        (&mut self.source).take(self.max as u64 + 1).read_until(b'\n', &mut self.line)?;
        match self.line.len() {
            0 => Ok(None),
            length if length > self.max => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line is longer than {} bytes", self.max),
            )),
            _ => Ok(Some(&self.line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_and_an_endless_one_is_refused() {
        let mut lines = Lines::new(&b"one\ntwo"[..], 8);
        assert_eq!(lines.next_line().unwrap(), Some(&b"one\n"[..]));
        assert_eq!(lines.next_line().unwrap(), Some(&b"two"[..]));
        assert_eq!(lines.next_line().unwrap(), None);
        assert!(Lines::new(io::repeat(b'x'), 1000).next_line().is_err());
    }

    #[test]
    fn a_folder_is_no_file_and_a_long_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), 10).unwrap_err().to_string().contains("a folder"));
        let file = folder.path().join("eleven");
        fs::write(&file, "elevenbytes").unwrap();
        assert!(matches!(read(&file, 10), Err(ReadError::TooLarge { bytes: 11, max: 10 })));
        assert_eq!(read(&file, 11).unwrap(), b"elevenbytes");
    }
}
