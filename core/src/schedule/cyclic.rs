//! Triangular cycles (arXiv 1506.01186) with the arithmetic of PyTorch's `CyclicLR`.

#[derive(Clone, Debug)]
pub(super) struct Cyclic {
    pub floor: f64,
    pub peak: f64,
    /// Ticks a cycle climbs.
    pub up: f64,
    /// Ticks a cycle falls.
    pub down: f64,
    pub amplitude: Amplitude,
}

/// How the triangles' height changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amplitude {
    Same,
    /// Half as high each cycle.
    Halved,
    /// `gamma^tick` times as high.
    Shrinking(f64),
}

impl Cyclic {
    pub fn at(&self, tick: u64) -> f64 {
        let (share, scale) = self.height(tick);
        self.floor + (self.peak - self.floor) * share * scale
    }

    /// Momentum: down from `high` as the rate climbs, by a range that shrinks with the rate's.
    pub fn mirror(&self, tick: u64, low: f64, high: f64) -> f64 {
        let (share, scale) = self.height(tick);
        high - (high - low) * share * scale
    }

    /// The height within the triangle, and the triangle's own height.
    fn height(&self, tick: u64) -> (f64, f64) {
        let total = self.up + self.down;
        let ratio = self.up / total;
        let cycle = (1.0 + tick as f64 / total).floor();
        let x = 1.0 + tick as f64 / total - cycle;
        let share = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        let scale = match self.amplitude {
            Amplitude::Same => 1.0,
            Amplitude::Halved => 1.0 / 2.0_f64.powf(cycle - 1.0),
            Amplitude::Shrinking(gamma) => gamma.powf(tick as f64),
        };
        (share, scale)
    }
}
