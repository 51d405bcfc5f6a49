//! Cosine cycles with warm restarts (SGDR, arXiv 1608.03983).

use std::f64::consts::PI;

/// Cycles whose lengths grow by `mult`. Where the first has whole ticks the ends of all lie on whole ticks, so that
/// every restart is at its peak.
#[derive(Clone, Debug)]
pub(super) struct Restarts {
    pub peak: f64,
    pub floor: f64,
    /// The first cycle's ticks, at least one.
    pub first: f64,
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
        // It may fall below the floor, which the cycle then climbs to, as in timm.
        let peak = self.peak * self.peak_decay.powf(cycle.index);
        let climb = self.climb as f64;
        if cycle.elapsed < climb {
            return self.floor + (peak - self.floor) * (cycle.elapsed / climb);
        }
        let share = ((cycle.elapsed - climb) / (cycle.length - climb)).clamp(0.0, 1.0);
        self.floor + (peak - self.floor) * f64::midpoint(1.0, (PI * share).cos())
    }

    /// The tick at which cycle `index` starts.
    pub fn start(&self, index: f64) -> f64 {
        let growth = self.mult - 1.0;
        if growth > 0.0 {
            // first·(mult^index - 1) / (mult - 1), exact also where mult is barely above 1
            let start = self.first * (index * growth.ln_1p()).exp_m1() / growth;
            // The margin rounds halves up whatever the last bits are.
            if self.is_whole() { (start + 1e-6).round() } else { start }
        } else {
            self.first * index
        }
    }

    fn is_whole(&self) -> bool {
        self.first.fract() == 0.0
    }

    fn cycle(&self, tick: u64) -> Cycle {
        let growth = self.mult - 1.0;
        if growth <= 0.0 && self.is_whole() {
            let first = self.first as u64;
            let (index, elapsed) = ((tick / first) as f64, (tick % first) as f64);
            return Cycle { index, elapsed, length: self.first };
        }
        let tick = tick as f64;
        // A cycle that ends on a tick but for rounding, as three of 17.67 ticks do on the 53rd, ends there.
        let margin = if self.is_whole() { 0.0 } else { 1e-9 };
        let mut index = if growth > 0.0 {
            ((tick / self.first * growth).ln_1p() / growth.ln_1p()).floor()
        } else {
            (tick / self.first + margin).floor()
        };
        // The logarithm may miss a boundary by one; PyTorch's closed form does at T_mult 3.
        if self.start(index) > tick + margin * self.first {
            index -= 1.0;
        } else if self.start(index + 1.0) <= tick + margin * self.first {
            index += 1.0;
        }
        let start = self.start(index);
        let elapsed = (tick - start).max(0.0);
        Cycle { index, elapsed, length: (self.start(index + 1.0) - start).max(1.0) }
    }
}
