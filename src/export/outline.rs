//! What a curve looks like to a framework with a fixed list of shapes: where it peaks, ends, drops.
//!
//! Configurations cannot hold a formula, so their targets try each shape they have with these numbers and
//! keep the one whose simulated rates are closest to the drawn ones.

use super::formula::sampled;
use crate::schedule::kind::After;
use crate::schedule::lowered::Lowered;
use crate::schedule::{Clock, Kind, Schedule};

/// Candidates for the numbers a configuration asks for. Each list starts with what the schedule says.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    pub peak: f64,
    pub first: f64,
    /// Warmups in updates; 0 is none.
    pub warmups: Vec<u64>,
    /// Rates at the end.
    pub floors: Vec<f64>,
    /// Lengths of a last descent, in updates.
    pub decays: Vec<u64>,
    pub powers: Vec<f64>,
    /// Bends of k-decay.
    pub bends: Vec<f64>,
    /// Cosine cycles: first length, growth, decay of the peak.
    pub cycles: Option<(u64, f64, f64)>,
    /// The length of equal cosine cycles in updates, which need not be whole.
    pub cycle: Option<f64>,
    /// The length of half a cosine that rises again, in updates, which need not be whole.
    pub half_wave: Option<f64>,
    /// Equal drops: distance in updates, factor.
    pub steps: Option<(u64, f64)>,
    /// Drops: updates, factor.
    pub milestones: Option<(Vec<u64>, f64)>,
    /// The factor of one update.
    pub gamma: Option<f64>,
    /// Inverse square root: its timescale in updates.
    pub timescale: Option<f64>,
    /// Triangles: low, high, up, down in updates.
    pub triangle: Option<(f64, f64, u64, u64)>,
    /// Where a shape that ends can end, in updates.
    pub ends: Vec<u64>,
}

impl Outline {
    pub fn of(schedule: &Schedule, clock: Clock, drawn: &[f64]) -> Self {
        let node = Lowered::new(schedule, clock);
        let updates = drawn.len() as u64;
        let peak = drawn.iter().copied().fold(0.0, f64::max);
        // Rounding must not move the top.
        let near_peak = |rate: &f64| *rate >= peak * (1.0 - 1e-9);
        let top = drawn.iter().position(near_peak).unwrap_or(0) as u64;
        let last_top = drawn.iter().rposition(near_peak).unwrap_or(0) as u64;
        let mut outline = Self {
            peak,
            first: drawn.first().copied().unwrap_or(0.0),
            warmups: vec![top, 0],
            floors: vec![0.0, drawn.last().copied().unwrap_or(0.0)],
            decays: vec![updates.saturating_sub(last_top).max(1)],
            powers: vec![1.0, 2.0, 0.5],
            bends: vec![1.0],
            ends: vec![updates],
            ..Self::default()
        };
        let stride = node.stride;
        if let Some(slope) = node.warmup {
            outline.warmups.insert(0, slope.over * stride);
        }
        let lead = node.warmup.map_or(0, |slope| slope.lead() * stride);
        if let Some((_, slope)) = node.cooldown {
            outline.decays.insert(0, slope.over * stride);
            outline.floors.insert(0, slope.low * peak);
        }
        outline.add_kind(&node, lead);
        outline.warmups.dedup();
        outline.floors.dedup();
        outline.decays.dedup();
        outline
    }

    fn add_kind(&mut self, node: &Lowered<'_>, lead: u64) {
        let stride = node.stride;
        let whole = |span| node.length(span) * stride;
        let end = |over| lead + node.rest_or(over) * stride;
        match node.kind {
            Kind::Step(kind) => self.steps = Some((whole(kind.every), kind.gamma)),
            Kind::Multistep(kind) => {
                let at =
                    kind.milestones.iter().map(|span| lead + node.position(*span).round() as u64 * stride);
                let mut milestones: Vec<u64> = at.collect();
                milestones.sort_unstable();
                self.milestones = Some((milestones, kind.gamma));
            }
            Kind::Exponential(kind) => self.gamma = (stride == 1).then_some(kind.gamma),
            Kind::Linear(kind) => {
                self.floors.insert(0, kind.peak * kind.to);
                self.ends.insert(0, end(kind.over));
            }
            Kind::Polynomial(kind) => {
                self.floors.insert(0, kind.floor);
                self.powers.insert(0, kind.power);
                self.ends.insert(0, end(kind.over));
            }
            Kind::Cosine(kind) => {
                if kind.after == After::Rebound && stride == 1 {
                    self.half_wave = Some(node.exact_or_rest(kind.over));
                }
                self.floors.insert(0, kind.floor);
                self.ends.insert(0, end(kind.over));
            }
            Kind::KDecay(kind) => {
                self.floors.insert(0, kind.floor);
                self.ends.insert(0, end(kind.over));
                self.bends.insert(0, kind.k);
                self.powers.insert(0, kind.power);
            }
            Kind::Tanh(kind) => {
                self.floors.insert(0, kind.floor);
                self.ends.insert(0, end(kind.over));
            }
            Kind::Rex(kind) => {
                self.floors.insert(0, kind.floor);
                self.ends.insert(0, end(kind.over));
            }
            Kind::CosineRestarts(kind) => {
                self.floors.insert(0, kind.floor);
                self.cycles = Some((whole(kind.first), kind.mult, kind.peak_decay));
                let is_equal = kind.mult == 1.0 && kind.peak_decay == 1.0 && stride == 1;
                self.cycle = is_equal.then(|| node.exact(kind.first));
            }
            Kind::Wsd(kind) => {
                self.floors.insert(0, kind.floor);
                self.decays.insert(0, whole(kind.decay));
            }
            Kind::InverseSqrt(kind) => {
                self.floors.insert(0, kind.floor);
                self.timescale = Some(node.body.exact(kind.timescale) * stride as f64);
            }
            Kind::Power(kind) => {
                self.floors.insert(0, kind.floor);
                let timescale = node.body.exact(kind.timescale) * stride as f64;
                self.timescale = (kind.exponent == 0.5).then_some(timescale);
            }
            Kind::Cyclic(kind) => {
                let up = whole(kind.up);
                self.triangle = Some((kind.floor, kind.peak, up, kind.down.map_or(up, whole)));
            }
            Kind::OneCycle(kind) => self.ends.insert(0, end(kind.over)),
            // What the drawn curve shows is all there is to say.
            Kind::Constant(_)
            | Kind::Noam(_)
            | Kind::Formula(_)
            | Kind::Noise(_)
            | Kind::Points(_)
            | Kind::Listed(_)
            | Kind::Sequence(_)
            | Kind::Product(_) => {}
        }
    }

    /// The floors that are at most the peak.
    pub fn floors(&self) -> impl Iterator<Item = f64> {
        let peak = self.peak;
        self.floors.iter().copied().filter(move |floor| *floor <= peak)
    }
}

/// The candidate whose rates are closest to the drawn ones on average, the first where two are as close.
///
/// On average, since one update that no candidate reaches must not make all of them as bad.
pub fn closest<T>(
    drawn: &[f64],
    candidates: impl IntoIterator<Item = T>,
    rate: impl Fn(&T, u64) -> f64,
) -> Option<T> {
    let samples: Vec<(u64, f64)> = sampled(drawn.len() as u64)
        .filter_map(|update| Some((update, *drawn.get(usize::try_from(update).ok()?)?)))
        .collect();
    // Rounding must not choose between two that are both right.
    let rounding = 1e-11 * samples.iter().map(|(_, drawn)| drawn).sum::<f64>();
    let mut best: Option<(f64, T)> = None;
    for candidate in candidates {
        let limit = best.as_ref().map_or(f64::INFINITY, |(limit, _)| *limit);
        let mut apart = 0.0;
        for (update, drawn) in &samples {
            apart += (rate(&candidate, *update) - drawn).abs();
            if apart.is_nan() {
                apart = f64::INFINITY;
            }
            if apart >= limit {
                break;
            }
        }
        if best.is_none() || apart.max(rounding) < limit * (1.0 - 1e-6) {
            best = Some((apart.max(rounding), candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
