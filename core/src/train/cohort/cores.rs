//! How many cores share a lane's batch, decided by timing: no rule of sizes knows the machine, or who else uses it.
//!
//! A lane's numbers do not depend on who sums them, so the choice changes no bit. Two numbers of cores take turns for
//! short stretches of training. What a stretch begins with is left out, for caches and sleeping threads are then as
//! the other way left them; two stretches side by side are a pair, and the pairs' ratios decide. What the slower way
//! cost is earned back more than a hundredfold before the next comparison, unless an update suddenly takes another time.

use std::time::Duration;

/// What is timed of a stretch takes about this long, or is one update.
const STRETCH: Duration = Duration::from_millis(5);
/// Stretches by more cores before a comparison: threads that slept may wake on one core, where they are as slow as one
/// thread until the system parts them.
const PARTING: u64 = 30;
/// Pairs that decide whatever they say.
const PAIRS: usize = 9;
/// More cores have to take less than this share of the time: a gain that small is not worth a core.
const WORTH: f64 = 0.97;
/// Pairs in which more cores are all faster by this, divided by how many they are, are enough.
const CLEAR: f64 = 0.3;
/// So are pairs in which they all take so many times as long.
const HOPELESS: f64 = 2.5;
/// Training between two comparisons, at least.
const KEEP: Duration = Duration::from_secs(2);
/// So many times what a comparison cost is trained before the next.
const EARN: u32 = 125;
/// An update that takes this much longer or shorter, several times in a row, is news.
const NEWS: f64 = 1.25;

/// What is known of the cores that a lane may have.
#[derive(Debug, Default)]
pub struct Cores {
    /// The most there are.
    most: usize,
    /// How many are best, as far as known.
    best: usize,
    /// Whether the next comparison is with more.
    upwards: bool,
    /// Updates that take about [`STRETCH`].
    length: u64,
    part: Part,
    state: State,
}

/// Updates made one way, between two looks at the clock; they may come in pieces.
#[derive(Debug, Default)]
struct Part {
    cores: usize,
    updates: u64,
    done: u64,
    time: Duration,
}

impl Part {
    fn new(cores: usize, updates: u64) -> Self {
        Self { cores, updates: updates.max(1), ..Self::default() }
    }

    /// Seconds an update.
    fn pace(&self) -> f64 {
        self.time.as_secs_f64() / self.done as f64
    }
}

#[derive(Debug, Default)]
enum State {
    /// How many updates make a stretch is being found.
    #[default]
    Sizing,
    Comparing(Comparison),
    /// Training until the next comparison.
    Settled {
        left: Duration,
        /// Seconds an update took when it was settled, and how often in a row it took another time since.
        usual: f64,
        news: u32,
    },
}

/// The best number of cores beside a rival.
#[derive(Debug, Default)]
struct Comparison {
    rival: usize,
    /// Time and updates by more cores before anything counts.
    parting: (f64, u64),
    /// Stretches so far, and whether the beginning of the present one is over.
    stretches: usize,
    begun: bool,
    /// Seconds an update in the present pair: of fewer cores, and of more.
    pair: [f64; 2],
    /// The time of more cores as a share of that of fewer, a pair each.
    ratios: Vec<f64>,
    /// Time and updates in all, of fewer and of more.
    spent: [(f64, u64); 2],
}

impl Cores {
    /// By how many cores to make how many updates next, where a lane may have up to `most`.
    pub fn next(&mut self, most: usize) -> (usize, u64) {
        if most <= 1 {
            *self = Self::default();
            return (1, u64::MAX);
        }
        if most != self.most {
            *self = Self { most, best: most, length: 1, part: Part::new(most, 1), ..Self::default() };
        }
        (self.part.cores, self.part.updates - self.part.done)
    }

    /// Whether two ways are being compared.
    pub fn compares(&self) -> bool {
        self.most > 1 && !matches!(self.state, State::Settled { .. })
    }

    /// Of what was to be made next, so many updates are made, and took so long.
    pub fn took(&mut self, updates: u64, time: Duration) {
        if self.most <= 1 || updates == 0 {
            return;
        }
        self.part.done += updates;
        self.part.time += time;
        if self.part.done < self.part.updates {
            return;
        }
        let part = std::mem::take(&mut self.part);
        self.part = match std::mem::take(&mut self.state) {
            State::Sizing => self.size(&part),
            State::Comparing(comparison) => self.compare(comparison, &part),
            State::Settled { left, usual, news } => {
                self.length = (STRETCH.as_secs_f64() / part.pace()).clamp(1.0, 1e9) as u64;
                let change = part.pace() / usual;
                let news = if (1.0 / NEWS..NEWS).contains(&change) { 0 } else { news + 1 };
                let left = left.saturating_sub(part.time);
                if left.is_zero() || news > 2 {
                    self.upwards = self.best == 1 || !self.upwards && self.best < self.most;
                    self.challenge(if self.upwards { self.more() } else { self.fewer() })
                } else {
                    self.state = State::Settled { left, usual, news };
                    self.settled_part()
                }
            }
        };
    }

    fn size(&mut self, part: &Part) -> Part {
        let share = STRETCH.as_secs_f64() / part.time.as_secs_f64().max(1e-9);
        if share > 2.0 {
            self.length *= 2;
            self.state = State::Sizing;
            return Part::new(self.best, self.length);
        }
        self.length = ((self.length as f64 * share) as u64).max(1);
        self.challenge(self.fewer())
    }

    fn more(&self) -> usize {
        (2 * self.best).min(self.most)
    }

    fn fewer(&self) -> usize {
        (self.best / 2).max(1)
    }

    fn settled_part(&self) -> Part {
        Part::new(self.best, self.length.saturating_mul(4))
    }

    /// Compares the best with another number.
    fn challenge(&mut self, rival: usize) -> Part {
        self.state = State::Comparing(Comparison { rival, ..Comparison::default() });
        Part::new(self.best.max(rival), self.length.saturating_mul(PARTING))
    }

    fn compare(&mut self, mut comparison: Comparison, part: &Part) -> Part {
        let ways = [self.best.min(comparison.rival), self.best.max(comparison.rival)];
        if comparison.parting.1 == 0 {
            comparison.parting = (part.time.as_secs_f64(), part.done);
            self.state = State::Comparing(comparison);
            return Part::new(ways[0], self.length / 4);
        }
        let way = usize::from(part.cores == ways[1]);
        let (time, updates) = &mut comparison.spent[way];
        (*time, *updates) = (*time + part.time.as_secs_f64(), *updates + part.done);
        comparison.begun = !comparison.begun;
        if comparison.begun {
            self.state = State::Comparing(comparison);
            return Part::new(part.cores, self.length);
        }
        comparison.pair[way] = part.pace();
        comparison.stretches += 1;
        if comparison.stretches.is_multiple_of(2) {
            let [fewer, more] = comparison.pair;
            comparison.ratios.push(more / fewer);
            if let Some(pays) = verdict(&comparison.ratios) {
                return self.settle(&comparison, ways, pays);
            }
        }
        // Fewer, more, more, fewer: what drifts weighs on both alike.
        let next = ways[usize::from(matches!(comparison.stretches % 4, 1 | 2))];
        self.state = State::Comparing(comparison);
        Part::new(next, self.length / 4)
    }

    /// The comparison is over.
    fn settle(&mut self, comparison: &Comparison, ways: [usize; 2], pays: bool) -> Part {
        let pace = comparison.spent.map(|(time, updates)| time / updates.max(1) as f64);
        let (best, other) = if pays { (1, 0) } else { (0, 1) };
        let was = std::mem::replace(&mut self.best, ways[best]);
        // Who won may win on: further the same way.
        let rival = if pays { self.more() } else { self.fewer() };
        if was != self.best && rival != self.best && rival != was {
            return self.challenge(rival);
        }
        let (parting, updates) = comparison.parting;
        let parted = (parting - pace[best] * updates as f64).max(0.0);
        let cost = (pace[other] - pace[best]).max(0.0) * comparison.spent[other].1 as f64 + parted;
        let left = KEEP.max(EARN * Duration::try_from_secs_f64(cost).unwrap_or(KEEP));
        self.state = State::Settled { left, usual: pace[best], news: 0 };
        self.settled_part()
    }
}

/// Whether more cores pay, as soon as that can be said. That they do not is only said in the end, and by the later
/// pairs: threads that the system has not parted yet look as if they did not.
fn verdict(ratios: &[f64]) -> Option<bool> {
    let margin = CLEAR / ratios.len() as f64;
    if ratios.len() > 1 && ratios.iter().all(|ratio| *ratio < 1.0 - margin) {
        return Some(true);
    }
    if ratios.len() > 1 && ratios.iter().all(|ratio| *ratio > HOPELESS) {
        return Some(false);
    }
    if ratios.len() < PAIRS {
        return None;
    }
    let mut later = ratios[PAIRS / 2..].to_vec();
    later.sort_by(f64::total_cmp);
    Some(later[later.len() / 2] < WORTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which an update takes so many microseconds by 1, 2, 4 and 8 cores.
    struct Machine {
        micros: [f64; 4],
        /// The first update after another way takes so much longer.
        cold: f64,
        cores: usize,
    }

    impl Machine {
        fn new(micros: [f64; 4]) -> Self {
            Self { micros, cold: 200.0, cores: 0 }
        }

        /// Makes updates for so many seconds of work done the best way; returns how many it took, and the number of
        /// cores that is best as far as known.
        fn train(&mut self, cores: &mut Cores, most: usize, seconds: f64) -> (f64, usize) {
            let best = self.micros[..=most.ilog2() as usize].iter().copied().fold(f64::MAX, f64::min);
            let (mut spent, mut updates) = (0.0, 0.0);
            while updates * best < seconds * 1e6 {
                let (by, stretch) = cores.next(most);
                // Whoever trains does not always train that far.
                let done = stretch.min(300);
                let cold = if by == self.cores { 0.0 } else { self.cold };
                self.cores = by;
                let micros = done as f64 * self.micros[by.ilog2() as usize] + cold;
                cores.took(done, Duration::from_secs_f64(micros / 1e6));
                (spent, updates) = (spent + micros / 1e6, updates + done as f64);
            }
            (spent, cores.best)
        }
    }

    #[test]
    fn the_fastest_way_is_kept_and_finding_it_costs_less_than_a_hundredth() {
        for (micros, most, fastest) in [
            ([60.0, 75.0, 90.0, 200.0], 2, 1),
            ([60.0, 75.0, 90.0, 200.0], 8, 1),
            ([400.0, 220.0, 130.0, 80.0], 8, 8),
            ([400.0, 220.0, 130.0, 180.0], 8, 4),
            ([400.0, 399.0, 400.0, 400.0], 2, 1),
            ([3.0, 30.0, 30.0, 30.0], 2, 1),
            ([50_000.0, 26_000.0, 14_000.0, 8_000.0], 4, 4),
        ] {
            let (mut cores, mut machine) = (Cores::default(), Machine::new(micros));
            machine.train(&mut cores, most, 2.0);
            let (time, best) = machine.train(&mut cores, most, 60.0);
            assert_eq!(best, fastest, "{micros:?} on up to {most}");
            assert!(time < 60.6, "{micros:?}: {time} s for 60 s of work");
        }
    }

    #[test]
    fn cold_caches_decide_nothing() {
        let (mut cores, mut machine) = (Cores::default(), Machine::new([9_000.0, 7_000.0, 0.0, 0.0]));
        machine.cold = 20_000.0;
        assert_eq!(machine.train(&mut cores, 2, 5.0).1, 2);
    }

    #[test]
    fn a_machine_that_becomes_busy_is_noticed() {
        let (mut cores, mut machine) = (Cores::default(), Machine::new([400.0, 250.0, 150.0, 0.0]));
        assert_eq!(machine.train(&mut cores, 4, 10.0).1, 4);
        machine.micros = [400.0, 600.0, 900.0, 0.0];
        assert_eq!(machine.train(&mut cores, 4, 1.0).1, 1);
        machine.micros = [400.0, 250.0, 150.0, 0.0];
        assert_eq!(machine.train(&mut cores, 4, 60.0).1, 4);
    }

    #[test]
    fn a_lane_without_a_core_to_spare_is_not_timed() {
        assert_eq!(Cores::default().next(1), (1, u64::MAX));
    }
}
