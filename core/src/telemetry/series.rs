//! One quantity over the updates of a run, at the detail that its share of memory allows.

use std::ops::RangeInclusive;

use super::positions::Positions;
use super::pyramid::Pyramid;
use super::summary::Summary;

/// A value and the update that measured it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub update: u64,
    pub value: f64,
}

/// A stretch of samples as one column of pixels shows it: a line through first, extremes and last
/// looks the same as one through every sample (M4, Jugel et al. 2014, PVLDB 7(10)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The update of the first sample.
    pub first_update: u64,
    /// The update of the last sample.
    pub last_update: u64,
    /// The least finite value; NaN when none is finite.
    pub min: f64,
    /// The greatest finite value; NaN when none is finite.
    pub max: f64,
    /// The first sample's value, finite or not.
    pub first: f64,
    /// The last sample's value, finite or not.
    pub last: f64,
    /// The mean of the finite values; NaN when none is finite.
    pub mean: f64,
    /// Samples, at least one.
    pub count: u32,
    /// How many of them are NaN or infinite.
    pub nonfinite: u32,
}

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `f32`; greater magnitudes become infinite.
    Single,
    /// `f64`.
    Double,
}

/// Samples of one quantity, in order of their updates, within a fixed number of bytes.
///
/// While they fit, every sample is kept. When they do not, leaves of 16 samples take their place,
/// then of 32, and so on: each leaf has the exact first, last, least and greatest of its samples.
#[derive(Clone, Debug)]
pub struct Series {
    samples: Samples,
    positions: Positions,
    budget: usize,
}

#[derive(Clone, Debug)]
enum Samples {
    Single(Pyramid<f32>),
    Double(Pyramid<f64>),
}

/// Calls the same method on either pyramid.
macro_rules! either {
    ($samples:expr, $pyramid:ident => $call:expr) => {
        match $samples {
            Samples::Single($pyramid) => $call,
            Samples::Double($pyramid) => $call,
        }
    };
}

impl Series {
    /// Less memory than this is not worth asking for, in bytes.
    pub const MIN_BYTES: usize = 16 << 10;

    /// What the pushes between two checks of the budget may add, in bytes.
    const MARGIN: usize = 4 << 10;

    /// An empty series that never allocates more than `budget_bytes` (or [`Self::MIN_BYTES`], if
    /// that is more).
    pub fn new(precision: Precision, budget_bytes: usize) -> Self {
        Self {
            samples: match precision {
                Precision::Single => Samples::Single(Pyramid::new()),
                Precision::Double => Samples::Double(Pyramid::new()),
            },
            positions: Positions::default(),
            budget: budget_bytes.max(Self::MIN_BYTES),
        }
    }

    /// Appends a sample. Updates go forward: a second value for the last update is ignored, and an
    /// earlier update first forgets everything from there on, as if the run had been taken back.
    pub fn push(&mut self, update: u64, value: f64) {
        match self.positions.last() {
            Some(last) if update == last => return,
            Some(last) if update < last => self.truncate(update),
            _ => {}
        }
        self.positions.push(self.len(), update, self.stride());
        either!(&mut self.samples, pyramid => pyramid.push(value));
        if either!(&self.samples, pyramid => pyramid.is_whole()) {
            self.keep_to_budget();
        }
    }

    /// Drops detail until what is used, and the eighth that vectors grow by, fits the budget.
    fn keep_to_budget(&mut self) {
        loop {
            let samples = either!(&self.samples, pyramid => pyramid.used());
            let used = size_of::<Self>() + samples + self.positions.used();
            if used + used / 8 + Self::MARGIN <= self.budget || self.stride() > self.len() {
                return;
            }
            either!(&mut self.samples, pyramid => pyramid.coarsen());
            self.positions.coarsen(self.stride(), self.len());
        }
    }

    /// Forgets every sample at and after the update. Where samples are only kept in leaves, the
    /// whole leaf that the update falls in goes: what it holds cannot be told apart any more.
    pub fn truncate(&mut self, update: u64) {
        let leaves = self.count_leaves(|series, leaf| series.last_update(leaf) < update);
        let len = leaves * self.stride();
        if len == 0 {
            self.clear();
        } else if len < self.len() {
            either!(&mut self.samples, pyramid => pyramid.truncate(len));
            self.positions.truncate(len);
        }
    }

    /// Forgets every sample; new ones are kept one by one again.
    pub fn clear(&mut self) {
        let precision = match self.samples {
            Samples::Single(_) => Precision::Single,
            Samples::Double(_) => Precision::Double,
        };
        *self = Self::new(precision, self.budget);
    }

    /// Samples pushed and not forgotten, whatever detail is left of them.
    pub fn len(&self) -> usize {
        either!(&self.samples, pyramid => pyramid.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples in the finest bucket that is kept: 1 while every sample is, then 16, 32, ...
    pub fn stride(&self) -> usize {
        either!(&self.samples, pyramid => pyramid.stride())
    }

    /// The sample pushed last.
    pub fn last(&self) -> Option<Sample> {
        self.positions.last().and_then(|update| self.at(update))
    }

    /// The sample at the update, or the nearest before it that is still known by itself.
    pub fn at(&self, update: u64) -> Option<Sample> {
        let after = self.positions.count_until(update, self.len()).div_ceil(self.stride());
        let leaf = self.bucket(after.checked_sub(1)?, after);
        Some(if leaf.last_update <= update {
            Sample { update: leaf.last_update, value: leaf.last }
        } else {
            Sample { update: leaf.first_update, value: leaf.first }
        })
    }

    /// Fills `out` with at most `max_buckets + 2` buckets, in order: those that the range touches,
    /// and the neighbour on either side, to which a line runs out of the picture.
    ///
    /// Buckets hold a power of two of leaves counted from the first sample, so they stay the same
    /// while a view moves. The cost depends on `max_buckets`, not on the length of the series.
    pub fn view(&self, range: RangeInclusive<u64>, max_buckets: usize, out: &mut Vec<Bucket>) {
        out.clear();
        if range.is_empty() {
            return;
        }
        let (from, to) = self.leaves_in(&range);
        let mut width = 1;
        while to.div_ceil(width) - from / width > max_buckets.max(1) {
            width *= 2;
        }
        let leaves = self.leaves();
        let first = (from / width).saturating_sub(1);
        let end = (to.div_ceil(width) + 1).min(leaves.div_ceil(width));
        out.reserve(end.saturating_sub(first));
        either!(&self.samples, pyramid => pyramid.stretches(width * self.stride(), first..end, |bucket, summary| {
            let start = bucket * width;
            out.push(self.bucket_of(summary, start, (start + width).min(leaves)));
        }));
    }

    /// The least and greatest finite value in the range, widened to whole leaves.
    pub fn finite_bounds(&self, range: RangeInclusive<u64>) -> Option<(f64, f64)> {
        let summary = self.summary_in(&range);
        (summary.finite() > 0).then_some((summary.min, summary.max))
    }

    /// The least and greatest finite value above zero in the range, widened to whole leaves: the
    /// ends of a logarithmic axis.
    pub fn positive_bounds(&self, range: RangeInclusive<u64>) -> Option<(f64, f64)> {
        let summary = self.summary_in(&range);
        summary.min_positive.is_finite().then_some((summary.min_positive, summary.max))
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        let samples = either!(&self.samples, pyramid => pyramid.allocated());
        size_of::<Self>() + samples + self.positions.allocated()
    }

    /// The finest buckets that are kept.
    pub fn finest(&self) -> impl Iterator<Item = Bucket> {
        (0..self.leaves()).map(|leaf| self.bucket(leaf, leaf + 1))
    }

    /// The same updates with other values, one for each of the finest buckets.
    pub fn map_finest(&self, mut value: impl FnMut(&Bucket) -> f64) -> Self {
        let mut mapped = Self {
            samples: match &self.samples {
                Samples::Single(pyramid) => Samples::Single(Pyramid::with_leaves_of(pyramid)),
                Samples::Double(pyramid) => Samples::Double(Pyramid::with_leaves_of(pyramid)),
            },
            positions: self.positions.clone(),
            budget: self.budget,
        };
        for bucket in self.finest() {
            let leaf = Summary::constant(value(&bucket), bucket.count as usize);
            either!(&mut mapped.samples, pyramid => pyramid.push_leaf(&leaf));
        }
        mapped
    }

    fn leaves(&self) -> usize {
        self.len().div_ceil(self.stride())
    }

    fn first_update(&self, leaf: usize) -> u64 {
        let first = leaf * self.stride();
        self.positions.get(first).unwrap_or_default()
    }

    fn last_update(&self, leaf: usize) -> u64 {
        let end = (leaf + 1) * self.stride();
        let update = if end < self.len() { self.positions.get(end - 1) } else { self.positions.last() };
        update.unwrap_or_default()
    }

    /// How many leaves the condition holds for; it holds for the first ones only.
    fn count_leaves(&self, holds: impl Fn(&Self, usize) -> bool) -> usize {
        let (mut low, mut high) = (0, self.leaves());
        while low < high {
            let middle = usize::midpoint(low, high);
            if holds(self, middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The leaves that the range touches, from and up to; the two are equal where it falls between
    /// two samples.
    fn leaves_in(&self, range: &RangeInclusive<u64>) -> (usize, usize) {
        let from = self.count_leaves(|series, leaf| series.last_update(leaf) < *range.start());
        let to = self.count_leaves(|series, leaf| series.first_update(leaf) <= *range.end());
        (from, to)
    }

    fn summary_in(&self, range: &RangeInclusive<u64>) -> Summary {
        if range.is_empty() {
            return Summary::EMPTY;
        }
        let (from, to) = self.leaves_in(range);
        self.summary(from, to)
    }

    fn summary(&self, from: usize, to: usize) -> Summary {
        let start = from * self.stride();
        let end = (to * self.stride()).min(self.len());
        either!(&self.samples, pyramid => pyramid.summary(start, end))
    }

    fn bucket(&self, from: usize, to: usize) -> Bucket {
        self.bucket_of(&self.summary(from, to), from, to)
    }

    fn bucket_of(&self, summary: &Summary, from: usize, to: usize) -> Bucket {
        let finite = summary.finite() > 0;
        Bucket {
            first_update: self.first_update(from),
            last_update: self.last_update(to - 1),
            min: if finite { summary.min } else { f64::NAN },
            max: if finite { summary.max } else { f64::NAN },
            first: summary.first,
            last: summary.last,
            mean: summary.mean(),
            count: u32::try_from(summary.count).unwrap_or(u32::MAX),
            nonfinite: u32::try_from(summary.nonfinite).unwrap_or(u32::MAX),
        }
    }
}
