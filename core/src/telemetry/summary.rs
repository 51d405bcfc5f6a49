//! What is known of a stretch of samples without the samples.

/// Extremes, sum and ends of a stretch of samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    /// Samples of any value.
    pub count: usize,
    /// Samples that are NaN or infinite; the four numbers below leave them out.
    pub nonfinite: usize,
    /// Infinity when no sample is finite.
    pub min: f64,
    /// Minus infinity when no sample is finite.
    pub max: f64,
    /// The least value above zero; infinity when there is none.
    pub min_positive: f64,
    pub sum: f64,
    /// The first and the last sample, finite or not.
    pub first: f64,
    pub last: f64,
}

impl Summary {
    pub const EMPTY: Self = Self {
        count: 0,
        nonfinite: 0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        min_positive: f64::INFINITY,
        sum: 0.0,
        first: f64::NAN,
        last: f64::NAN,
    };

    /// `count` samples of the same value.
    pub fn constant(value: f64, count: usize) -> Self {
        let mut summary = Self::EMPTY;
        summary.add(value);
        Self { count, nonfinite: summary.nonfinite * count, sum: summary.sum * float(count), ..summary }
    }

    /// Appends one sample.
    pub fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.first = value;
        }
        self.last = value;
        self.count += 1;
        if value.is_finite() {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.sum += value;
            if value > 0.0 {
                self.min_positive = self.min_positive.min(value);
            }
        } else {
            self.nonfinite += 1;
        }
    }

    /// Appends the stretch that follows.
    pub fn append(&mut self, next: &Self) {
        if next.count == 0 {
            return;
        }
        if self.count == 0 {
            self.first = next.first;
        }
        self.last = next.last;
        self.count += next.count;
        self.nonfinite += next.nonfinite;
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.min_positive = self.min_positive.min(next.min_positive);
        self.sum += next.sum;
    }

    pub fn finite(&self) -> usize {
        self.count.saturating_sub(self.nonfinite)
    }

    /// The mean of the finite values; NaN when there is none.
    pub fn mean(&self) -> f64 {
        match self.finite() {
            0 => f64::NAN,
            // Held between the extremes: a sum of huge values may overflow, their mean may not.
            finite => (self.sum / float(finite)).max(self.min).min(self.max),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a count of samples stays far below 2^53")]
pub(super) const fn float(count: usize) -> f64 {
    count as f64
}
