//! How much each update still counts in the weights at the end of a run, from its schedule alone.
//!
//! Under decoupled weight decay `w ← (1 - hλ)·w - h·u` the last weights are a sum over the optimizer's own updates `u`:
//! `w_T = Π(1 - h_j λ_j)·w_0 - Σ h_i·Π_{j>i}(1 - h_j λ_j)·u_i` (arXiv 2502.15938, there over `-u/λ`). What is forgotten, is forgotten
//! over `1/(hλ)` updates (arXiv 2405.13698).

/// Places that are looked at; of a longer run as many stretches of equal length.
const PLACES: u64 = 1 << 11;

/// A run's updates by how much they count at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    pub updates: u64,
    /// In their order.
    pub stretches: Vec<Stretch>,
    /// The factor before the first weights, in the last ones.
    pub first_weights: f64,
    /// The sum of all rates.
    pub rates: f64,
}

/// Updates that follow each other, of which the first one's numbers stand for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub update: u64,
    pub count: u64,
    /// The sum of the rates before it.
    pub rates_before: f64,
    /// The factor before one of its updates in the last weights, on average over the stretch: the rate, less what is forgotten after.
    pub factor: f64,
    /// Updates over which weights are forgotten there; nothing without decay.
    pub timescale: Option<f64>,
}

impl Memory {
    /// Of a run of so many updates; `rate` and `decay` are those of an update.
    pub fn of(updates: u64, rate: impl Fn(u64) -> f64, decay: impl Fn(u64) -> f64) -> Self {
        let stride = updates.div_ceil(PLACES).max(1);
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut rates = 0.0;
        for update in (0..updates).step_by(usize::try_from(stride).unwrap_or(usize::MAX)) {
            let count = stride.min(updates - update);
            let (rate, decay) = (rate(update), decay(update));
            let forgotten = rate * decay;
            let timescale = (forgotten > 0.0).then(|| 1.0 / forgotten);
            // For now the factor is the rate itself.
            stretches.push(Stretch { update, count, rates_before: rates, factor: rate, timescale });
            rates += rate * count as f64;
        }
        let mut left = 1.0;
        for stretch in stretches.iter_mut().rev() {
            let kept = 1.0 - stretch.timescale.map_or(0.0, |timescale| 1.0 / timescale);
            let count = stretch.count as f64;
            // The mean of 1, kept, kept², ...
            let within = if (1.0 - kept).abs() < 1e-12 {
                1.0
            } else {
                (1.0 - kept.powf(count)) / (count * (1.0 - kept))
            };
            stretch.factor *= left * within;
            left *= kept.powf(count);
        }
        Self { updates, stretches, first_weights: left, rates }
    }

    /// How much an update counts at each place, as a multiple of what the mean update counts.
    pub fn counts(&self) -> Vec<f64> {
        let total: f64 = self.stretches.iter().map(|it| it.factor.abs() * it.count as f64).sum();
        let mean = (total / self.updates.max(1) as f64).max(f64::MIN_POSITIVE);
        self.stretches.iter().map(|it| it.factor / mean).collect()
    }

    /// The fewest last updates that count for a share of all.
    pub fn newest(&self, share: f64) -> u64 {
        let total: f64 = self.stretches.iter().map(|it| it.factor.abs() * it.count as f64).sum();
        let (mut sum, mut updates) = (0.0, 0);
        for stretch in self.stretches.iter().rev() {
            let own = stretch.factor.abs() * stretch.count as f64;
            if sum + own >= share * total && own > 0.0 {
                let part = ((share * total - sum) / own).clamp(0.0, 1.0);
                return updates + (part * stretch.count as f64).ceil() as u64;
            }
            sum += own;
            updates += stretch.count;
        }
        updates
    }

    /// The shortest timescale of the run, in updates.
    pub fn shortest(&self) -> Option<f64> {
        let times = self.stretches.iter().filter_map(|it| it.timescale);
        times.min_by(f64::total_cmp)
    }

    /// The sum of the rates of the first so many updates.
    pub fn rates_of(&self, updates: f64) -> f64 {
        let after = self.stretches.partition_point(|it| (it.update as f64) <= updates);
        let Some(stretch) = after.checked_sub(1).and_then(|at| self.stretches.get(at)) else { return 0.0 };
        let end = self.stretches.get(after).map_or(self.rates, |next| next.rates_before);
        let within = ((updates - stretch.update as f64) / stretch.count as f64).clamp(0.0, 1.0);
        stretch.rates_before + within * (end - stretch.rates_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(update: u64) -> f64 {
        0.05 * (1.0 + (std::f64::consts::PI * update as f64 / 200.0).cos())
    }

    fn ramp(update: u64) -> f64 {
        0.1 + update as f64 / 1000.0
    }

    #[test]
    fn the_factors_are_those_of_a_training_under_decoupled_decay() {
        let memory = Memory::of(200, cosine, ramp);
        let push = |update: u64| ((update * 37 % 11) as f64 - 5.0) / 3.0;
        let mut weight = 2.5;
        (0..200).for_each(|at| weight = (1.0 - cosine(at) * ramp(at)) * weight - cosine(at) * push(at));
        let sum: f64 = memory.stretches.iter().map(|it| it.factor * push(it.update)).sum();
        assert!((memory.first_weights * 2.5 - sum - weight).abs() < 1e-12, "{sum} {weight}");
        assert_eq!(memory.stretches.len(), 200);
    }

    #[test]
    fn a_long_run_in_stretches_says_nearly_the_same() {
        let (rate, decay) = (|_: u64| 1e-3, |_: u64| 0.1);
        let memory = Memory::of(100_000, rate, decay);
        assert!(memory.stretches.len() <= 2048 && memory.stretches.len() > 1000);
        let sum: f64 = memory.stretches.iter().map(|it| it.factor * it.count as f64).sum();
        // Of constants the sum is that of a geometric series.
        let exact = (1.0 - (1.0 - 1e-4_f64).powf(1e5)) / 0.1;
        assert!((sum / exact - 1.0).abs() < 1e-9, "{sum} {exact}");
        assert!((memory.first_weights / (1.0 - 1e-4_f64).powf(1e5) - 1.0).abs() < 1e-9);
        let half = (0.5_f64).ln() / (1.0 - 1e-4_f64).ln();
        assert!((memory.newest(0.5) as f64 / half - 1.0).abs() < 0.01, "{}", memory.newest(0.5));
        assert_eq!(memory.shortest(), Some(1e4));
    }

    #[test]
    fn without_decay_an_update_counts_by_its_rate() {
        let memory = Memory::of(100, |at| if at < 50 { 3.0 } else { 1.0 }, |_| 0.0);
        let counts = memory.counts();
        assert_eq!((counts[0], counts[99], memory.first_weights, memory.shortest()), (1.5, 0.5, 1.0, None));
        assert_eq!((memory.newest(0.25), memory.newest(1.0)), (50, 100));
        assert_eq!((memory.rates, memory.rates_of(50.0), memory.rates_of(75.0)), (200.0, 150.0, 175.0));
        assert_eq!((memory.rates_of(0.0), memory.rates_of(1e9)), (0.0, 200.0));
    }

    #[test]
    fn nothing_to_remember_is_no_trouble() {
        let none = Memory::of(0, |_| 1.0, |_| 0.1);
        assert_eq!((none.newest(0.5), none.rates_of(3.0), none.counts().len()), (0, 0.0, 0));
        let still = Memory::of(10, |_| 0.0, |_| 0.1);
        assert!(still.counts().iter().all(|count| *count == 0.0));
    }
}
