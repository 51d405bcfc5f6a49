//! How many cores share one lane's batch, found by timing both ways while training.
//!
//! A lane's numbers do not depend on who sums them, so the choice changes no bit. Whether the help of another core
//! pays depends on the machine, its load and the model's shape, so it is measured: one core and all of them take
//! turns for a few short stretches, the faster is kept, and after some seconds of training they are compared again.

use std::time::Duration;

/// A trial's stretch takes about this long: waking the other cores and filling their caches weighs little in it.
const STRETCH: Duration = Duration::from_millis(20);
/// Pairs of stretches that a comparison takes the medians of.
const PAIRS: usize = 5;
/// Training between two comparisons.
const KEEP: Duration = Duration::from_secs(8);
/// All cores have to beat one by this factor: a gain that small is not worth a core.
const GAIN: f64 = 0.97;

/// The updates to make next, and by how many cores a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub cores: usize,
    pub updates: u64,
}

/// What is known of one core against all.
#[derive(Debug)]
pub struct Cores {
    /// Cores there are for each lane.
    all: usize,
    /// Updates that take about [`STRETCH`].
    length: u64,
    /// Seconds an update of one core, and of all.
    seconds: [Vec<f64>; 2],
    /// The faster, and the training that may still be done before the next comparison.
    settled: Option<(usize, Duration)>,
}

impl Default for Cores {
    fn default() -> Self {
        Self { all: 1, length: 1, seconds: [Vec::new(), Vec::new()], settled: None }
    }
}

impl Cores {
    /// What to do next where `all` cores could work on each lane.
    pub fn next(&mut self, all: usize) -> Stretch {
        if all != self.all {
            *self = Self { all, ..Self::default() };
        }
        if all <= 1 {
            return Stretch { cores: 1, updates: u64::MAX };
        }
        match self.settled {
            // Stretches stay short enough to notice when the time is up.
            Some((cores, _)) => Stretch { cores, updates: self.length.saturating_mul(4) },
            None => {
                let cores = if self.seconds[0].len() <= self.seconds[1].len() { 1 } else { all };
                Stretch { cores, updates: self.length }
            }
        }
    }

    /// `updates` of a stretch, which may be fewer than it asked for, took so long.
    pub fn took(&mut self, stretch: Stretch, updates: u64, time: Duration) {
        if self.all <= 1 || updates == 0 {
            return;
        }
        if let Some((_, left)) = &mut self.settled {
            *left = left.saturating_sub(time);
            if left.is_zero() {
                self.settled = None;
            }
            return;
        }
        if updates < stretch.updates {
            // Cut short by the end of a chunk: too little to go by, unless it was long enough.
            if time < STRETCH / 2 {
                return;
            }
        } else if time < STRETCH / 2 {
            self.length = self.length.saturating_mul(2);
            self.seconds = [Vec::new(), Vec::new()];
            return;
        }
        let which = usize::from(stretch.cores > 1);
        self.seconds[which].push(time.as_secs_f64() / updates as f64);
        if self.seconds.iter().all(|seconds| seconds.len() >= PAIRS) {
            let [one, all] = self.seconds.each_mut().map(|seconds| median(seconds));
            self.settled = Some((if all < GAIN * one { self.all } else { 1 }, KEEP));
            self.seconds = [Vec::new(), Vec::new()];
        }
    }
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trains for `seconds` on a machine where an update takes so many microseconds by one core and by all; returns
    /// the time it took, and the cores of the last stretch.
    fn train(cores: &mut Cores, all: usize, seconds: f64, micros: [f64; 2]) -> (f64, usize) {
        let (mut time, mut updates, mut last) = (0.0, 0, 1);
        while (updates as f64) * micros[0].min(micros[1]) < seconds * 1e6 {
            let stretch = cores.next(all);
            let done = stretch.updates.min(1_000);
            let each = micros[usize::from(stretch.cores > 1)];
            let took = done as f64 * each / 1e6;
            cores.took(stretch, done, Duration::from_secs_f64(took));
            (time, updates, last) = (time + took, updates + done, stretch.cores);
        }
        (time, last)
    }

    #[test]
    fn the_faster_way_is_kept_and_comparing_costs_less_than_two_percent() {
        for (micros, best) in
            [([60.0, 75.0], 1), ([400.0, 220.0], 2), ([3.0, 9.0], 1), ([5_000.0, 2_600.0], 2)]
        {
            let mut cores = Cores::default();
            let (time, last) = train(&mut cores, 2, 40.0, micros);
            assert_eq!(last, best, "{micros:?}");
            assert!(time < 40.0 * 1.02, "{micros:?}: {time} s for 40 s of work");
        }
    }

    #[test]
    fn a_machine_that_becomes_busy_is_noticed() {
        let mut cores = Cores::default();
        assert_eq!(train(&mut cores, 4, 20.0, [400.0, 150.0]).1, 4);
        assert_eq!(train(&mut cores, 4, 20.0, [400.0, 900.0]).1, 1);
        assert_eq!(train(&mut cores, 4, 20.0, [400.0, 150.0]).1, 4);
    }

    #[test]
    fn a_lane_without_a_core_to_spare_is_not_timed() {
        let mut cores = Cores::default();
        assert_eq!(cores.next(1), Stretch { cores: 1, updates: u64::MAX });
    }
}
