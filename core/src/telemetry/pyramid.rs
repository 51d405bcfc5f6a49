//! Samples under a pyramid of summaries, each level half as long as the one below.

use std::ops::Range;

use super::push_tight;
use super::summary::{Summary, float};

/// Samples under one node of the lowest level. A scan of so few values costs no more than a look
/// at a node, and the pyramid takes no more memory than the values under it.
const BLOCK: usize = 16;

/// A floating-point number as it is stored.
pub(super) trait Stored: Copy + Into<f64> {
    fn round(value: f64) -> Self;
}

impl Stored for f32 {
    #[allow(clippy::cast_possible_truncation, reason = "rounding to single precision is what this is for")]
    fn round(value: f64) -> Self {
        value as Self
    }
}

impl Stored for f64 {
    fn round(value: f64) -> Self {
        value
    }
}

/// A [`Summary`] as it is stored: its count is known from its level.
#[derive(Clone, Copy, Debug)]
struct Node<T> {
    min: T,
    max: T,
    min_positive: T,
    mean: T,
    first: T,
    last: T,
    nonfinite: u32,
}

impl<T: Stored> Node<T> {
    fn pack(summary: &Summary) -> Self {
        Self {
            min: T::round(summary.min),
            max: T::round(summary.max),
            min_positive: T::round(summary.min_positive),
            mean: T::round(summary.mean()),
            first: T::round(summary.first),
            last: T::round(summary.last),
            nonfinite: u32::try_from(summary.nonfinite).unwrap_or(u32::MAX),
        }
    }

    fn unpack(&self, count: usize) -> Summary {
        let mut summary = Summary {
            count,
            nonfinite: self.nonfinite as usize,
            min: self.min.into(),
            max: self.max.into(),
            min_positive: self.min_positive.into(),
            sum: 0.0,
            first: self.first.into(),
            last: self.last.into(),
        };
        if summary.finite() > 0 {
            summary.sum = self.mean.into() * float(summary.finite());
        }
        summary
    }
}

/// Samples by index, in the finest detail kept, which is one leaf: a sample at first; after
/// [`Pyramid::coarsen`] a node of the lowest level that is left.
#[derive(Clone, Debug)]
pub(super) struct Pyramid<T> {
    /// Every sample; `None` once only summaries are kept.
    values: Option<Vec<T>>,
    /// `levels[k][i]` summarises the `base << k` samples from `i * (base << k)` on.
    levels: Vec<Vec<Node<T>>>,
    /// Samples under a node of `levels[0]`, a power of two.
    base: usize,
    /// The samples that do not fill a node yet, fewer than `base`.
    tail: Summary,
}

impl<T: Stored> Pyramid<T> {
    pub fn new() -> Self {
        Self { values: Some(Vec::new()), levels: Vec::new(), base: BLOCK, tail: Summary::EMPTY }
    }

    /// An empty pyramid with the same leaves.
    pub fn with_leaves_of(other: &Self) -> Self {
        Self { values: other.values.as_ref().map(|_| Vec::new()), base: other.base, ..Self::new() }
    }

    /// Samples pushed.
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len) * self.base + self.tail.count
    }

    /// Samples in a leaf, a power of two; the last leaf may have fewer.
    pub fn stride(&self) -> usize {
        if self.values.is_some() { 1 } else { self.base }
    }

    /// Whole nodes of the lowest level in so many samples. A shift, where a division by a number
    /// unknown to the compiler would be the slowest step of a query.
    fn nodes(&self, samples: usize) -> usize {
        samples >> self.base.trailing_zeros()
    }

    /// Whether the last push filled a node.
    pub fn is_whole(&self) -> bool {
        self.tail.count == 0
    }

    pub fn push(&mut self, value: f64) {
        let value = T::round(value);
        if let Some(values) = &mut self.values {
            push_tight(values, value);
        }
        self.tail.add(value.into());
        if self.tail.count == self.base {
            self.close_node();
        }
    }

    /// Appends a whole leaf.
    pub fn push_leaf(&mut self, leaf: &Summary) {
        if self.values.is_some() {
            self.push(leaf.last);
            return;
        }
        self.tail.append(leaf);
        if self.tail.count == self.base {
            self.close_node();
        }
    }

    /// Stores the full tail as a node, and every node of a higher level that this completes.
    fn close_node(&mut self) {
        let mut summary = std::mem::replace(&mut self.tail, Summary::EMPTY);
        for level in &mut self.levels {
            push_tight(level, Node::pack(&summary));
            let [.., left, right] = level.as_slice() else {
                return;
            };
            if level.len() % 2 == 1 {
                return;
            }
            let count = summary.count;
            summary = left.unpack(count);
            summary.append(&right.unpack(count));
        }
        push_tight(&mut self.levels, vec![Node::pack(&summary)]);
    }

    /// Drops the finest detail: the values first, then level by level.
    pub fn coarsen(&mut self) {
        if self.values.take().is_some() {
            return;
        }
        if !self.levels.is_empty() {
            let lowest = self.levels.remove(0);
            // A node without a neighbour is no part of the level above: its samples wait again.
            if let Some(alone) = lowest.last().filter(|_| lowest.len() % 2 == 1) {
                let mut tail = alone.unpack(self.base);
                tail.append(&self.tail);
                self.tail = tail;
            }
        }
        self.base *= 2;
    }

    /// Keeps the first `len` samples; `len` is a whole number of leaves.
    pub fn truncate(&mut self, len: usize) {
        let whole = self.nodes(len);
        let mut keep = whole;
        for level in &mut self.levels {
            level.truncate(keep);
            keep /= 2;
        }
        self.levels.retain(|level| !level.is_empty());
        self.tail = Summary::EMPTY;
        if let Some(values) = &mut self.values {
            values.truncate(len);
            for &value in values.iter().skip(whole * self.base) {
                self.tail.add(value.into());
            }
        }
    }

    /// The summary of the samples from `start` to before `end`, both at the ends of leaves.
    pub fn summary(&self, start: usize, end: usize) -> Summary {
        let mut summary = Summary::EMPTY;
        self.cover(start, end, |piece| match piece {
            Piece::Value(value) => summary.add(value.into()),
            Piece::Node(node, count) => summary.append(&node.unpack(count)),
            Piece::Tail(tail) => summary.append(tail),
        });
        summary
    }

    /// Visits the summaries of the stretches of `width` samples with these numbers, counted from the first sample;
    /// `width` is a power of two of leaves. The last stretch may be shorter.
    pub fn stretches(&self, width: usize, numbers: Range<usize>, mut visit: impl FnMut(usize, &Summary)) {
        let height = self.nodes(width).checked_ilog2();
        let level = height.and_then(|height| self.levels.get(height as usize));
        for number in numbers {
            let summary = match level.and_then(|level| level.get(number)) {
                Some(node) => node.unpack(width),
                None => self.summary(number * width, ((number + 1) * width).min(self.len())),
            };
            visit(number, &summary);
        }
    }

    /// Visits the fewest pieces that make up the samples from `start` to before `end`, in order:
    /// one when they are just a node's, else at most two nodes a level and a block at either end.
    fn cover<'a>(&'a self, start: usize, end: usize, mut visit: impl FnMut(Piece<'a, T>)) {
        let mut at = start;
        while at < end {
            let nodes = self.nodes(end - at);
            let index = self.nodes(at);
            if nodes > 0 && index * self.base == at {
                // The highest node that starts here and is not too long.
                let height = index.trailing_zeros().min(nodes.ilog2());
                let level = self.levels.get(height as usize);
                let Some(node) = level.and_then(|level| level.get(index >> height)) else {
                    return;
                };
                let count = self.base << height;
                visit(Piece::Node(node, count));
                at += count;
            } else if let Some(values) = &self.values {
                // Up to the next node, or to the end.
                let stop = end.min((index + 1) * self.base);
                for &value in values.get(at..stop).unwrap_or_default() {
                    visit(Piece::Value(value));
                }
                at = stop;
            } else {
                visit(Piece::Tail(&self.tail));
                return;
            }
        }
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        let levels = self.levels.iter().map(Vec::len);
        Self::size(self.values.as_ref().map_or(0, Vec::len), self.levels.len(), levels.sum())
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        let levels = self.levels.iter().map(Vec::capacity);
        Self::size(self.values.as_ref().map_or(0, Vec::capacity), self.levels.capacity(), levels.sum())
    }

    fn size(values: usize, levels: usize, nodes: usize) -> usize {
        values * size_of::<T>() + levels * size_of::<Vec<Node<T>>>() + nodes * size_of::<Node<T>>()
    }
}

/// A part of what is asked for.
enum Piece<'a, T> {
    Value(T),
    Node(&'a Node<T>, usize),
    Tail(&'a Summary),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pyramid: &Pyramid<f32>, start: usize, end: usize) -> usize {
        let mut pieces = 0;
        pyramid.cover(start, end, |_| pieces += 1);
        pieces
    }

    fn counting(len: u32) -> Pyramid<f32> {
        let mut pyramid = Pyramid::new();
        for value in 0..len {
            pyramid.push(f64::from(value));
        }
        pyramid
    }

    #[test]
    fn an_aligned_stretch_is_one_node_or_a_block_of_values() {
        let pyramid = counting(1 << 20);
        for height in 0..=20 {
            let width = 1_usize << height;
            for start in (0..1 << 20).step_by(width).take(2000) {
                let expected = if width < BLOCK { width } else { 1 };
                assert_eq!(pieces(&pyramid, start, start + width), expected);
            }
        }
    }

    #[test]
    fn any_stretch_of_a_million_samples_is_a_few_pieces() {
        let mut pyramid = counting(1_000_000);
        let levels = pyramid.levels.len();
        for start in (0..1_000_000).step_by(9_973) {
            for end in (start..1_000_000).step_by(7_919).chain([1_000_000]) {
                assert!(pieces(&pyramid, start, end) <= 2 * (BLOCK + levels));
            }
        }
        pyramid.coarsen();
        let leaf = pyramid.stride();
        assert!(pieces(&pyramid, 3 * leaf, 1_000_000) <= 2 * levels + 1);
    }

    #[test]
    fn stretches_are_summed_up_as_one_by_one() {
        let mut pyramid = counting(1000);
        for _ in 0..8 {
            for width in (0..6).map(|height| pyramid.stride() << height) {
                let mut numbers = Vec::new();
                pyramid.stretches(width, 0..1000usize.div_ceil(width), |number, summary| {
                    let alone = pyramid.summary(number * width, ((number + 1) * width).min(1000));
                    assert_eq!(format!("{summary:?}"), format!("{alone:?}"));
                    numbers.push(number);
                });
                assert!(numbers.into_iter().eq(0..1000usize.div_ceil(width)));
            }
            pyramid.coarsen();
        }
    }

    #[test]
    fn a_stretch_has_the_summary_of_its_samples_at_every_stride() {
        let mut pyramid = counting(1000);
        for _ in 0..8 {
            let stride = pyramid.stride();
            assert_eq!(pyramid.len(), 1000);
            for start in (0..1000).step_by(stride) {
                for end in (start + stride..=1000).step_by(stride).chain([1000]) {
                    let summary = pyramid.summary(start, end);
                    assert_eq!(summary.count, end - start);
                    let ends = (start as f64, (end - 1) as f64);
                    assert_eq!((summary.min, summary.max), ends);
                    assert_eq!((summary.first, summary.last), ends);
                    let mean = f64::midpoint(ends.0, ends.1);
                    assert!((summary.mean() - mean).abs() <= 1e-4 * mean.max(1.0));
                }
            }
            pyramid.coarsen();
        }
        assert!(pyramid.stride() > 1000, "the loop went past the whole length");
    }
}
