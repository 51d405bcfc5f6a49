//! The beginning of a file that grows, known by its length and checksum.

use std::io::{self, Read, Write};

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

/// Length and CRC-32 of a file's beginning, which are its identity.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seal {
    pub bytes: u64,
    pub crc: u32,
    /// What finds the line that is another; seals of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lines: Option<LineSums>,
}

impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes, self.crc) == (other.bytes, other.crc)
    }
}

impl Eq for Seal {}

impl Seal {
    /// The number of the line, from 1, that alone is another in this file's beginning, where that can be told.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn line_that_differs(&self, mut file: impl Read) -> io::Result<Option<u32>> {
        let Some(expected) = self.lines else { return Ok(None) };
        let (mut found, mut block) = (LineSums::default(), vec![0; BLOCK]);
        // The line may have become longer, so it is lines that are counted.
        while found.count < expected.count {
            let count = file.read(&mut block)?;
            if count == 0 {
                break;
            }
            let lines = block[..count].split_inclusive(|byte| *byte == b'\n');
            lines.for_each(|piece| {
                if found.count < expected.count {
                    found.pass(piece);
                }
            });
        }
        Ok(found.differs(&expected))
    }
}

/// Sums of lines' checksums: of all lines, and for each binary digit of a line's number, of those lines that have it.
/// Where one line alone is another, the sums that differ spell its number (Hamming 1950).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct LineSums {
    /// Whole lines.
    count: u32,
    all: u32,
    of_digit: [u32; u32::BITS as usize],
    /// Length and checksum of the line that has no end yet.
    open: (u64, u32),
}

impl LineSums {
    fn pass(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut hasher = Hasher::new_with_initial_len(self.open.1, self.open.0);
            hasher.update(piece);
            let sum = hasher.finalize();
            if !piece.ends_with(b"\n") {
                self.open = (self.open.0 + piece.len() as u64, sum);
                continue;
            }
            self.open = (0, 0);
            self.count = self.count.wrapping_add(1);
            self.all ^= sum;
            for (digit, sums) in self.of_digit.iter_mut().enumerate() {
                // Without a branch: digits of line numbers are hard to guess.
                *sums ^= sum * (self.count >> digit & 1);
            }
        }
    }

    fn differs(&self, other: &Self) -> Option<u32> {
        let change = self.all ^ other.all;
        let mut line = 0;
        for (digit, (a, b)) in self.of_digit.iter().zip(other.of_digit).enumerate() {
            match a ^ b {
                0 => {}
                found if found == change => line |= 1 << digit,
                _ => return None,
            }
        }
        (change != 0 && self.count == other.count && (1..=self.count).contains(&line)).then_some(line)
    }
}

/// Passes bytes on, read or written, and seals what has passed.
#[derive(Debug)]
pub struct Sealing<T> {
    inner: T,
    hasher: Hasher,
    bytes: u64,
    /// Nothing after a seal that has none.
    lines: Option<LineSums>,
}

impl<T> Sealing<T> {
    /// From the beginning of a file on.
    pub fn new(inner: T) -> Self {
        Self::after(Seal { lines: Some(LineSums::default()), ..Seal::default() }, inner)
    }

    /// From the end of what is sealed already.
    pub fn after(seal: Seal, inner: T) -> Self {
        let hasher = Hasher::new_with_initial_len(seal.crc, seal.bytes);
        Self { inner, hasher, bytes: seal.bytes, lines: seal.lines }
    }

    pub fn seal(&self) -> Seal {
        Seal { bytes: self.bytes, crc: self.hasher.clone().finalize(), lines: self.lines }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if let Some(lines) = &mut self.lines {
            lines.pass(bytes);
        }
    }
}

impl<R: Read> Read for Sealing<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(to)?;
        self.pass(&to[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(from)?;
        self.pass(&from[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_the_same_however_often_the_writing_was_cut_short() {
        let mut whole = Sealing::new(Vec::new());
        whole.write_all(b"one line\nanother\n").unwrap();
        let mut first = Sealing::new(Vec::new());
        first.write_all(b"one li").unwrap();
        let mut second = Sealing::after(first.seal(), Vec::new());
        second.write_all(b"ne\nanother\n").unwrap();
        assert_eq!(second.seal(), whole.seal());
        let mut read = Sealing::new(&b"one line\nanother\n"[..]);
        io::copy(&mut read, &mut io::sink()).unwrap();
        assert_eq!(read.seal(), whole.seal());
    }

    #[test]
    fn one_line_that_is_another_is_found_by_its_number() {
        let text: Vec<String> = (1..=300).map(|line| format!("one,0,{line},0.{}\n", line * 7919)).collect();
        let seal = |lines: &[String]| {
            let text = lines.concat();
            let (first, rest) = text.split_at(text.len() / 3);
            let mut begun = Sealing::new(Vec::new());
            begun.write_all(first.as_bytes()).unwrap();
            let mut sealing = Sealing::after(begun.seal(), Vec::new());
            sealing.write_all(rest.as_bytes()).unwrap();
            sealing.seal()
        };
        let whole = seal(&text);
        let line = |lines: &[String]| whole.line_that_differs(lines.concat().as_bytes()).unwrap();
        assert_eq!(line(&text), None);
        for at in 1..=text.len() {
            let mut other = text.clone();
            other[at - 1] = other[at - 1].replacen("0.", "0.5", 1);
            assert_eq!(line(&other), Some(at as u32));
            // Two lines are not taken for a third.
            other[at * 11 % 300] = "one,0,0,0\n".to_owned();
            let found = line(&other);
            assert!(found.is_none() || at * 11 % 300 == at - 1, "{at}: {found:?}");
        }
        let older: Seal = serde_json::from_str(r#"{"bytes": 3, "crc": 7}"#).unwrap();
        assert_eq!(older.line_that_differs(text.concat().as_bytes()).unwrap(), None);
    }
}
