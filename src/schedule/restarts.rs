//! Cosine cycles with warm restarts (SGDR, arXiv 1608.03983).

use std::f64::consts::PI;

/// Cycles whose lengths grow by `mult`. Their ends lie on whole ticks, so that every restart is at its peak.
#[derive(Clone, Debug)]
pub(super) struct Restarts {
    pub peak: f64,
    pub floor: f64,
    /// The first cycle's ticks.
    pub first: u64,
    pub mult: f64,
    pub peak_decay: f64,
    /// Ticks that each cycle climbs from the floor before it falls; fewer than `first`.
    pub climb: u64,
}

/// The cycle a tick is in.
struct Cycle {
    index: f64,
    /// Ticks since the cycle's start.
    elapsed: f64,
    length: f64,
}

impl Restarts {
    pub fn at(&self, tick: u64) -> f64 {
        let cycle = self.cycle(tick);
        let peak = (self.peak * self.peak_decay.powf(cycle.index)).max(self.floor.min(self.peak));
        let climb = self.climb as f64;
        if cycle.elapsed < climb {
            return self.floor + (peak - self.floor) * (cycle.elapsed / climb);
        }
        let share = ((cycle.elapsed - climb) / (cycle.length - climb)).clamp(0.0, 1.0);
        self.floor + (peak - self.floor) * f64::midpoint(1.0, (PI * share).cos())
    }

    /// The tick at which cycle `index` starts.
    pub fn start(&self, index: f64) -> f64 {
        let first = self.first as f64;
        let growth = self.mult - 1.0;
        if growth > 0.0 {
            // first·(mult^index - 1) / (mult - 1), exact also where mult is barely above 1
            let start = first * (index * growth.ln_1p()).exp_m1() / growth;
            // The margin rounds halves up whatever the last bits are.
            (start + 1e-6).round()
        } else {
            first * index
        }
    }

    fn cycle(&self, tick: u64) -> Cycle {
        let growth = self.mult - 1.0;
        if growth <= 0.0 {
            return Cycle {
                index: (tick / self.first) as f64,
                elapsed: (tick % self.first) as f64,
                length: self.first as f64,
            };
        }
        let tick = tick as f64;
        let mut index = ((tick / self.first as f64 * growth).ln_1p() / growth.ln_1p()).floor();
        // The logarithm may miss a boundary by one; PyTorch's closed form does at T_mult 3.
        if self.start(index) > tick {
            index -= 1.0;
        } else if self.start(index + 1.0) <= tick {
            index += 1.0;
        }
        let start = self.start(index);
        Cycle { index, elapsed: tick - start, length: (self.start(index + 1.0) - start).max(1.0) }
    }
}
