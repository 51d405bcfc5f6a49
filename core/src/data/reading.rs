//! How far the table is that is being read now: a meter for people who wait. It decides nothing, and two tables that
//! are read at once share it.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

static READ: AtomicU64 = AtomicU64::new(0);
static ALL: AtomicU64 = AtomicU64::new(0);

/// The share of the table that was read, 0 to 1; nothing where none is being read.
#[must_use]
pub fn share() -> Option<f32> {
    let all = ALL.load(Ordering::Relaxed);
    (all > 0).then(|| (READ.load(Ordering::Relaxed) as f64 / all as f64).min(1.0) as f32)
}

/// A file whose reading is metered until it is dropped.
pub(super) struct Metered<R> {
    from: R,
}

impl<R> Metered<R> {
    pub fn new(from: R, bytes: u64) -> Self {
        READ.store(0, Ordering::Relaxed);
        ALL.store(bytes, Ordering::Relaxed);
        Self { from }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        READ.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R> Drop for Metered<R> {
    fn drop(&mut self) {
        ALL.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_runs_while_a_table_is_read() {
        let text = vec![b'x'; 1000];
        let mut metered = Metered::new(text.as_slice(), 1000);
        let mut half = [0; 500];
        metered.read_exact(&mut half).unwrap();
        // Another test may read a table of its own meanwhile.
        assert!(share().is_none_or(|share| (0.0..=1.0).contains(&share)));
        drop(metered);
    }
}
