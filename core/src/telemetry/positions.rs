//! At which update each sample of a series was measured.

use super::push_tight;

/// The updates of a series' samples, run by run: only where an update does not follow the one
/// before it by one is a knot stored, so that a value per update costs nothing.
///
/// Once the series keeps leaves of `stride` samples, only the updates of each leaf's first and
/// last sample are known; nobody asks for another.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    knots: Vec<Knot>,
    last: Option<u64>,
}

/// From this sample on, updates follow each other by one.
#[derive(Clone, Copy, Debug)]
struct Knot {
    index: usize,
    update: u64,
}

impl Positions {
    /// The update of the last sample.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Notes the update of the sample at `index`, the next one. `stride` is a power of two.
    pub fn push(&mut self, index: usize, update: u64, stride: usize) {
        self.last = Some(update);
        if self.get(index) != Some(update) {
            let place = index & (stride - 1);
            if place == 0 || place + 1 == stride {
                push_tight(&mut self.knots, Knot { index, update });
            }
        }
    }

    /// The update of the sample at `index`; `None` before the first.
    pub fn get(&self, index: usize) -> Option<u64> {
        // Almost always there is one knot, or the last one is meant.
        let knot = match self.knots.last() {
            Some(last) if last.index <= index => last,
            _ => {
                let after = self.knots.partition_point(|knot| knot.index <= index);
                self.knots.get(after.checked_sub(1)?)?
            }
        };
        Some(knot.update.saturating_add((index - knot.index) as u64))
    }

    /// How many of the first `len` samples are at this update or before it.
    pub fn count_until(&self, update: u64, len: usize) -> usize {
        let after = self.knots.partition_point(|knot| knot.update <= update);
        let Some(knot) = after.checked_sub(1).and_then(|at| self.knots.get(at)) else { return 0 };
        let end = self.knots.get(after).map_or(len, |next| next.index);
        let follow = usize::try_from(update - knot.update).unwrap_or(usize::MAX);
        end.min(knot.index.saturating_add(follow).saturating_add(1))
    }

    /// Forgets what leaves of `stride` samples do not need; `len` samples were noted.
    pub fn coarsen(&mut self, stride: usize, len: usize) {
        let Some(last) = self.last else { return };
        if self.knots.len() <= 1 {
            return;
        }
        let mut coarse = Self::default();
        for first in (0..len).step_by(stride) {
            let end = first + stride - 1;
            for index in [first, end] {
                if let Some(update) = self.get(index).filter(|_| index < len) {
                    coarse.push(index, update, stride);
                }
            }
        }
        coarse.last = Some(last);
        *self = coarse;
    }

    /// Keeps the first `len` samples; `len` is a whole number of leaves.
    pub fn truncate(&mut self, len: usize) {
        let keep = self.knots.partition_point(|knot| knot.index < len);
        self.last = len.checked_sub(1).and_then(|index| self.get(index));
        self.knots.truncate(keep);
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.knots.len() * size_of::<Knot>()
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.knots.capacity() * size_of::<Knot>()
    }
}
