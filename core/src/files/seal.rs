//! The beginning of a file that grows, known by its length and checksum.

use std::io::{self, Read, Write};

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

/// Length and CRC-32 of a file's beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub bytes: u64,
    pub crc: u32,
}

/// Passes bytes on, read or written, and seals what has passed.
#[derive(Debug)]
pub struct Sealing<T> {
    inner: T,
    hasher: Hasher,
    bytes: u64,
}

impl<T> Sealing<T> {
    /// From the beginning of a file on.
    pub fn new(inner: T) -> Self {
        Self::after(Seal::default(), inner)
    }

    /// From the end of what is sealed already.
    pub fn after(seal: Seal, inner: T) -> Self {
        Self { inner, hasher: Hasher::new_with_initial_len(seal.crc, seal.bytes), bytes: seal.bytes }
    }

    pub fn seal(&self) -> Seal {
        Seal { bytes: self.bytes, crc: self.hasher.clone().finalize() }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
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
}
