//! Smoothing that means the same at any sampling density and any zoom.

use super::series::Bucket;

/// A debiased exponential moving average over updates.
///
/// Weight halves every `half_life` updates. A sample stands for the updates since the one before
/// it, so a value every tenth update is smoothed as much as one every update. The average is
/// divided by the weight collected so far (Kingma and Ba, arXiv 1412.6980, section 3): it starts
/// at the first value instead of being pulled towards zero.
///
/// A value that is not finite answers NaN and is otherwise skipped, as if it had not been measured.
#[derive(Clone, Debug)]
pub struct Smoother {
    half_life: f64,
    /// The share of the average that one update replaces.
    share_of_one: f64,
    average: f64,
    /// The weight collected, 0 to 1.
    weight: f64,
    /// The update of the last finite value.
    last: Option<u64>,
}

impl Smoother {
    /// Longer half-lives, in updates, are indistinguishable from a plain mean.
    const LONGEST: f64 = 1e12;

    /// A half-life in updates. One that is zero, negative or not a number switches smoothing off:
    /// every value answers itself.
    pub fn new(half_life: f64) -> Self {
        let half_life = if half_life > 0.0 { half_life.min(Self::LONGEST) } else { 0.0 };
        Self { half_life, share_of_one: share(half_life, 1.0), average: 0.0, weight: 0.0, last: None }
    }

    /// The half-life in updates; 0 when smoothing is off.
    pub fn half_life(&self) -> f64 {
        self.half_life
    }

    /// Takes the value measured at the update, and answers the average there. An update that is
    /// not after the last one starts afresh.
    pub fn push(&mut self, update: u64, value: f64) -> f64 {
        self.absorb(update, update, value)
    }

    /// Takes a bucket's mean for all its updates, and answers the average at its last one.
    pub fn push_bucket(&mut self, bucket: &Bucket) -> f64 {
        self.absorb(bucket.first_update, bucket.last_update, bucket.mean)
    }

    fn absorb(&mut self, first: u64, last: u64, value: f64) -> f64 {
        if !value.is_finite() {
            return f64::NAN;
        }
        if self.last.is_some_and(|before| first <= before) {
            *self = Self::new(self.half_life);
        }
        let span = self.last.map_or((last - first).saturating_add(1), |before| last - before);
        let share = if span == 1 {
            self.share_of_one
        } else {
            #[allow(clippy::cast_precision_loss, reason = "a span of 2^53 updates is rounded")]
            share(self.half_life, span as f64)
        };
        self.last = Some(last);
        self.weight += share * (1.0 - self.weight);
        let part = share / self.weight;
        // Rounding must not carry an average outside of what it averages.
        let (low, high) = (self.average.min(value), self.average.max(value));
        self.average = (self.average * (1.0 - part) + value * part).clamp(low, high);
        self.average
    }
}

/// The share of an average that `span` updates replace.
fn share(half_life: f64, span: f64) -> f64 {
    if half_life > 0.0 { -(-std::f64::consts::LN_2 * span / half_life).exp_m1() } else { 1.0 }
}
