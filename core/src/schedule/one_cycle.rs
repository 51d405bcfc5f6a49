//! One cycle (arXiv 1708.07120) with the arithmetic of PyTorch's `OneCycleLR`.

use std::f64::consts::PI;

use super::choice::Anneal;

#[derive(Clone, Debug)]
pub(super) struct OneCycle {
    pub peak: f64,
    /// The rate of tick 0.
    pub initial: f64,
    /// The rate of the cycle's last tick, held after it.
    pub last: f64,
    /// The cycle's ticks.
    pub over: u64,
    pub pct_start: f64,
    pub anneal: Anneal,
    pub three_phase: bool,
}

impl Anneal {
    fn between(self, from: f64, to: f64, share: f64) -> f64 {
        match self {
            Self::Cosine => to + (from - to) / 2.0 * ((PI * share).cos() + 1.0),
            Self::Linear => (to - from) * share + from,
        }
    }
}

/// What a cycle goes through: its ends and its turning points.
struct Levels {
    first: f64,
    turn: f64,
    /// Where three phases meet again after the climb.
    back: f64,
    last: f64,
}

impl OneCycle {
    pub fn at(&self, tick: u64) -> f64 {
        let levels = Levels { first: self.initial, turn: self.peak, back: self.initial, last: self.last };
        self.level(tick, &levels)
    }

    /// Momentum: down while the rate climbs, up while it falls.
    pub fn mirror(&self, tick: u64, low: f64, high: f64) -> f64 {
        self.level(tick, &Levels { first: high, turn: low, back: high, last: high })
    }

    /// Where the rate turns, in ticks, fractions included as in PyTorch.
    pub fn turns(&self) -> impl Iterator<Item = f64> {
        std::iter::once(self.peak_at()).chain(self.back_at())
    }

    fn peak_at(&self) -> f64 {
        self.pct_start * self.over as f64 - 1.0
    }

    /// Where the second of three phases ends.
    fn back_at(&self) -> Option<f64> {
        self.three_phase.then_some(2.0 * self.pct_start * self.over as f64 - 2.0)
    }

    fn level(&self, tick: u64, levels: &Levels) -> f64 {
        // PyTorch's value one step past the end is wrong (below zero for linear): the last is held.
        let end = self.over as f64 - 1.0;
        let tick = (tick as f64).min(end);
        let peak_at = self.peak_at();
        let (start, end, from, to) = match self.back_at() {
            _ if tick <= peak_at => (0.0, peak_at, levels.first, levels.turn),
            Some(back_at) if tick <= back_at => (peak_at, back_at, levels.turn, levels.back),
            Some(back_at) => (back_at, end, levels.back, levels.last),
            None => (peak_at, end, levels.turn, levels.last),
        };
        // A phase of no length (pct_start·over = 1, where PyTorch divides by zero) is at its end.
        let share = if end > start { (tick - start) / (end - start) } else { 1.0 };
        self.anneal.between(from, to, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(over: u64, pct_start: f64, anneal: Anneal, three_phase: bool) -> OneCycle {
        OneCycle { peak: 1.0, initial: 0.04, last: 4e-6, over, pct_start, anneal, three_phase }
    }

    #[test]
    fn a_climb_of_no_length_starts_at_the_peak() {
        for anneal in [Anneal::Cosine, Anneal::Linear] {
            for three_phase in [false, true] {
                let cycle = cycle(10, 0.1, anneal, three_phase);
                assert_eq!((cycle.at(0), cycle.mirror(0, 0.85, 0.95)), (1.0, 0.85));
                assert!(cycle.at(1) < 1.0);
                assert!((cycle.at(9) - 4e-6).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn a_cycle_that_only_climbs_ends_at_the_peak() {
        let cycle = cycle(10, 1.0, Anneal::Linear, false);
        assert!((0..9).all(|tick| cycle.at(tick) < cycle.at(tick + 1)));
        assert!((cycle.at(9) - 1.0).abs() < 1e-15);
        assert_eq!(cycle.at(100).to_bits(), cycle.at(9).to_bits());
    }

    #[test]
    fn the_last_value_is_held_where_pytorch_leaves_its_range() {
        for anneal in [Anneal::Cosine, Anneal::Linear] {
            let cycle = cycle(10, 0.3, anneal, false);
            assert_eq!(cycle.at(10).to_bits(), cycle.at(9).to_bits());
            assert!((cycle.at(u64::MAX) - 4e-6).abs() < 1e-15);
        }
    }

    #[test]
    fn the_third_phase_holds_the_momentum_high() {
        let cycle = cycle(100, 0.3, Anneal::Cosine, true);
        for tick in 58..100 {
            assert!((cycle.mirror(tick, 0.85, 0.95) - 0.95).abs() < 1e-15);
        }
        assert!(cycle.mirror(50, 0.85, 0.95) < 0.94);
    }
}
