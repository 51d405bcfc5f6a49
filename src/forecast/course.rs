//! A schedule as the law sees it: sums of its rates, and its falls.

/// Updates whose rates are looked at; of a longer run as many, evenly spread.
const SAMPLES: u64 = 1 << 14;
/// Stretches of a run whose falls are taken together.
const STRETCHES: usize = 128;
/// The same where many runs are kept, and fitted to at once.
const COARSE: (u64, usize) = (1 << 9, 32);
/// The least rate, as a share of the highest: the law divides by a power of it.
const LEAST: f64 = 1e-6;

/// The rates of a run: their sums up to any update, and where they fall.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    updates: u64,
    /// Updates that one entry of `sums` stands for.
    stride: u64,
    /// The sum of the rates of the updates before each entry, from 0; one more than there are samples.
    sums: Vec<f64>,
    drops: Vec<Drop>,
    peak: f64,
    warm: u64,
    /// The rate before the first fall.
    top: f64,
}

/// Falls of the rate that lie close together, or rises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drop {
    /// How much the rate falls; below 0 where it rises.
    pub by: f64,
    /// The sum of the rates before.
    pub before: f64,
    /// The rate after it, above 0.
    pub rate: f64,
}

impl Course {
    /// The course of a run of so many updates, whose rate is finite and not negative. Rises before the first fall
    /// are the warmup: they belong to the sums only, as in the law's paper.
    pub fn new(updates: u64, rate: impl Fn(u64) -> f64) -> Self {
        Self::sampled(updates, (SAMPLES, STRETCHES), rate)
    }

    /// As [`Course::new`], from fewer samples: it takes a few kilobytes, and a fit to it a quarter of the time.
    pub fn coarse(updates: u64, rate: impl Fn(u64) -> f64) -> Self {
        Self::sampled(updates, COARSE, rate)
    }

    fn sampled(updates: u64, (samples, stretches): (u64, usize), rate: impl Fn(u64) -> f64) -> Self {
        let updates = updates.max(1);
        let stride = updates.div_ceil(samples);
        let count = updates.div_ceil(stride);
        let rates: Vec<f64> = (0..count).map(|at| rate(at * stride)).collect();
        let mut sums = Vec::with_capacity(rates.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for (at, rate) in (0..).zip(&rates) {
            let covered = stride.min(updates - at * stride);
            sum += rate * covered as f64;
            sums.push(sum);
        }
        let peak = rates.iter().copied().fold(0.0, f64::max);
        let drops = drops(&rates, &sums, peak, stretches);
        let climb = rates.windows(2).take_while(|pair| pair[1] >= pair[0]);
        let top = climb.enumerate().filter(|(_, pair)| pair[1] > pair[0]).last();
        let top = top.map_or(0, |(at, _)| at + 1);
        let (warm, top) = (top as u64 * stride, rates[top]);
        Self { updates, stride, sums, drops, peak, warm, top }
    }

    /// The same with all rises before the first fall as one, in the middle of their sum. The higher a rate rises, the
    /// more noise is in the loss until it falls: with it one law holds for runs of several peaks, which the paper does
    /// not compare.
    #[must_use]
    pub fn risen(mut self) -> Self {
        let (before, rate) = (self.sum(self.warm) / 2.0, self.top.max(f64::MIN_POSITIVE));
        self.drops.insert(0, Drop { by: -self.top, before, rate });
        self
    }

    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The highest rate.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// The sum of the rates of the first so many updates; at most of all.
    pub fn sum(&self, updates: u64) -> f64 {
        let updates = updates.min(self.updates);
        let (at, within) = (updates / self.stride, updates % self.stride);
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(self.sums.len() - 1);
        let Some(next) = self.sums.get(at + 1).filter(|_| within > 0) else { return self.sums[at] };
        let from = at as u64 * self.stride;
        let covered = self.stride.min(self.updates - from);
        self.sums[at] + (next - self.sums[at]) * within as f64 / covered as f64
    }

    /// The first update that is past the warmup.
    pub fn warm(&self) -> u64 {
        self.warm
    }

    /// The falls and rises of the rate, in their order.
    pub fn drops(&self) -> &[Drop] {
        &self.drops
    }

    /// The same in other units: rates are divided by `rate`, and sums by `sum`.
    #[must_use]
    pub(super) fn in_units(&self, rate: f64, sum: f64) -> Self {
        let drop =
            |drop: &Drop| Drop { by: drop.by / rate, before: drop.before / sum, rate: drop.rate / rate };
        Self {
            sums: self.sums.iter().map(|it| it / sum).collect(),
            drops: self.drops.iter().map(drop).collect(),
            peak: self.peak / rate,
            top: self.top / rate,
            ..self.clone()
        }
    }

    /// How much of the peak all falls together are.
    pub fn fall(&self) -> f64 {
        self.drops.iter().map(|drop| drop.by.max(0.0)).sum::<f64>() / self.peak.max(f64::MIN_POSITIVE)
    }

    /// The largest fall at one place, as a share of the peak, and the share of all rates that is left after it.
    pub fn sharpest(&self) -> Option<(f64, f64)> {
        let all = self.sums.last().copied().unwrap_or_default();
        let sharpest = self.drops.iter().max_by(|a, b| a.by.total_cmp(&b.by))?;
        (all > 0.0).then(|| (sharpest.by / self.peak, 1.0 - sharpest.before / all))
    }
}

/// Takes what falls, and what rises, within each stretch together, at the places' mean.
fn drops(rates: &[f64], sums: &[f64], peak: f64, stretches: usize) -> Vec<Drop> {
    let least = (LEAST * peak).max(f64::MIN_POSITIVE);
    let warm = rates.windows(2).position(|pair| pair[1] < pair[0]).unwrap_or(rates.len());
    let stretch = rates.len().div_ceil(stretches).max(1);
    let mut found = Vec::new();
    // The place of a change is the sum before the update that is the first to have the new rate.
    let changes = (warm + 1)..rates.len();
    for from in changes.clone().step_by(stretch) {
        for falls in [true, false] {
            let (mut by, mut before, mut log) = (0.0, 0.0, 0.0);
            for at in from..(from + stretch).min(changes.end) {
                let change = rates[at - 1] - rates[at];
                if change != 0.0 && (change > 0.0) == falls {
                    by += change;
                    before += change * sums[at];
                    log += change * rates[at].max(least).ln();
                }
            }
            if by != 0.0 {
                found.push(Drop { by, before: before / by, rate: (log / by).exp() });
            }
        }
    }
    // Of one stretch the falls may lie before the rises or after them.
    found.sort_by(|a, b| a.before.total_cmp(&b.before));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_rates_before_an_update() {
        let course = Course::new(10, |update| update as f64);
        assert_eq!(course.sum(0), 0.0);
        assert_eq!(course.sum(4), 6.0);
        assert_eq!(course.sum(10), 45.0);
        assert_eq!(course.sum(u64::MAX), 45.0);
        // A run so long that rates are sampled: of a constant every sum is exact.
        let long = Course::new(100_000, |_| 0.5);
        assert!((long.sum(77_777) - 0.5 * 77_777.0).abs() < 1e-6);
        assert!((long.sum(100_000) - 50_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_step_is_one_fall_at_its_place_and_a_warmup_is_none() {
        let rate = |update: u64| match update {
            0..100 => update as f64 / 100.0,
            100..600 => 1.0,
            _ => 0.1,
        };
        let course = Course::new(1000, rate);
        let [drop] = course.drops() else { panic!("{:?}", course.drops()) };
        assert!((drop.by - 0.9).abs() < 1e-12);
        assert!((drop.before - course.sum(600)).abs() < 1e-9);
        assert!((drop.rate - 0.1).abs() < 1e-12);
        assert_eq!(course.warm(), 100);
        assert!(Course::new(1000, |_| 0.1).drops().is_empty());
    }

    #[test]
    fn a_coarse_course_has_the_same_sums_and_falls_and_a_risen_one_falls_as_far_as_it_rose() {
        let rate = |update: u64| (update as f64 / 500.0).min(1.0) * (1.0 - update as f64 / 10_000.0);
        let (fine, coarse) = (Course::new(10_000, rate), Course::coarse(10_000, rate));
        for updates in [100, 501, 5000, 10_000] {
            let (fine, coarse) = (fine.sum(updates), coarse.sum(updates));
            // A sample stands for 20 updates, and is taken at the first of them.
            assert!((fine - coarse).abs() < 10.0, "{updates}: {fine}, {coarse}");
        }
        assert!(coarse.drops().len() <= 33 && (fine.fall() - coarse.fall()).abs() < 1e-2);
        let risen = coarse.clone().risen();
        assert_eq!(risen.drops().len(), coarse.drops().len() + 1);
        let total: f64 = risen.drops().iter().map(|drop| drop.by).sum();
        assert!(total.abs() < 1e-2, "from nothing to nothing: {total}");
        assert!(risen.drops()[0].before < coarse.sum(500) && risen.drops()[0].by < 0.0);
    }

    #[test]
    fn restarts_fall_and_rise() {
        let course = Course::new(900, |update| 1.0 - (update % 300) as f64 / 300.0);
        let (falls, rises): (Vec<Drop>, Vec<Drop>) =
            course.drops().iter().copied().partition(|drop| drop.by > 0.0);
        assert_eq!(rises.len(), 2);
        let total: f64 = falls.iter().map(|drop| drop.by).sum();
        assert!((total - 3.0 * 299.0 / 300.0).abs() < 1e-9, "{total}");
        assert!(course.drops().windows(2).all(|pair| pair[0].before <= pair[1].before));
    }

    #[test]
    fn a_rate_that_ends_at_nothing_stays_finite() {
        let course = Course::new(1000, |update| if update < 999 { 1.0 } else { 0.0 });
        assert!(course.drops().iter().all(|drop| drop.rate > 0.0 && drop.rate.is_finite()));
        let nothing = Course::new(5, |_| 0.0);
        assert_eq!((nothing.peak(), nothing.sharpest()), (0.0, None));
    }
}
