//! Schedules that a log might be of, each with its parameters estimated from the log.

use std::collections::BTreeMap;

use super::Sample;
use super::measure::curve_of;
use crate::schedule::kind::{
    After, Anneal, Bent, Choice, Constant, Cosine, CosineRestarts, Cyclic, Decay, Exponential, InverseSqrt,
    KDecay, Kind, Multistep, Noam, OneCycle, Polynomial, Power, Rex, Step, Tanh, Triangles, Value, Wsd,
};
use crate::schedule::{Ramp, Schedule, Span, Warmup};

/// The most samples that parameters are searched with.
const SEARCHED: usize = 512;
/// Golden section steps of one search.
const STEPS: usize = 28;

/// A schedule, and how many numbers were fitted.
pub struct Candidate {
    pub schedule: Schedule,
    pub parameters: i32,
}

/// Every kind's best.
pub fn all(samples: &[Sample], total: u64, top: f64) -> Vec<Candidate> {
    let mut candidates = whole(samples, total, top);
    // The warmups of one length lead to the same bodies.
    let mut found: BTreeMap<u64, Vec<(Kind, i32)>> = BTreeMap::new();
    for (warmup, parameters) in warmups(samples, top) {
        let lead = warmup.as_ref().map_or(0, |warmup| warmup.over.amount() as u64);
        let bodies = found.entry(lead).or_insert_with(|| {
            let body: Vec<Sample> = samples
                .iter()
                .filter(|sample| sample.update >= lead)
                .map(|sample| Sample { update: sample.update - lead, rate: sample.rate })
                .collect();
            bodies(&body, total.saturating_sub(lead).max(1))
        });
        for (kind, own) in bodies {
            let schedule = Schedule { warmup: warmup.clone(), ..kind.clone().into() };
            candidates.push(Candidate { schedule, parameters: parameters + *own });
        }
    }
    candidates
}

/// No warmup, and what leads from the first rate to the first peak, if anything does.
fn warmups(samples: &[Sample], top: f64) -> Vec<(Option<Warmup>, i32)> {
    let mut warmups = vec![(None, 0)];
    let peak = samples.iter().position(|sample| sample.rate >= top * (1.0 - 1e-6));
    let (Some(first), Some(peak)) = (samples.first(), peak) else { return warmups };
    let climb = samples.get(..=peak).unwrap_or_default();
    let rises = climb.windows(2).all(|pair| matches!(pair, [a, b] if b.rate >= a.rate));
    if peak == 0 || !rises {
        return warmups;
    }
    let from = (first.rate / top).clamp(0.0, 1.0);
    let mut lengths: Vec<u64> = climb.last().map(|sample| sample.update).into_iter().collect();
    // Between rows that are far apart the line of the climb says where it ends.
    if let [a, .., b] = climb.get(..climb.len().saturating_sub(1)).unwrap_or_default()
        && b.rate > a.rate
    {
        let slope = (b.rate - a.rate) / (b.update - a.update) as f64;
        lengths.push((a.update as f64 + (top - a.rate) / slope).round() as u64);
    }
    lengths.dedup();
    for over in lengths.into_iter().filter(|over| *over > 0) {
        for (_, shape) in Ramp::ALL {
            if shape != Ramp::Exponential || from > 0.0 {
                let warmup = Warmup::new(Span::Updates(over as f64), from, shape);
                warmups.push((Some(warmup), 2));
            }
        }
    }
    warmups
}

/// At most so many of the samples, at even distances.
fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let step = samples.len().div_ceil(SEARCHED).max(1);
    samples.iter().step_by(step).chain(samples.last()).copied().collect()
}

/// Kinds whose tick 0 is the peak.
fn bodies(samples: &[Sample], rest: u64) -> Vec<(Kind, i32)> {
    let thin = thinned(samples);
    let search = Search { samples: &thin, rest };
    let mut found = Vec::new();
    let mut put = |kind: Option<Kind>, parameters: i32| found.extend(kind.map(|kind| (kind, parameters)));

    put(search.fitted(Kind::Constant(Constant { peak: 1.0 })), 1);
    for over in lengths(samples, rest) {
        let own = 2 + i32::from(over.is_some());
        put(
            search.fitted(Kind::Cosine(Cosine {
                peak: 1.0,
                floor: 0.0,
                over,
                after: After::Hold,
                power: 1.0,
            })),
            own,
        );
        put(search.fitted(Kind::Rex(Rex { peak: 1.0, floor: 0.0, over })), own);
        put(search.fitted(Kind::Tanh(Tanh { peak: 1.0, floor: 0.0, over, lower: -7.0, upper: 3.0 })), own);
        let polynomial = |power: f64| Kind::Polynomial(Polynomial { peak: 1.0, power, floor: 0.0, over });
        put(search.fitted(polynomial(1.0)), own);
        put(search.best((0.1, 8.0), polynomial), own + 1);
        let cosine =
            |power: f64| Kind::Cosine(Cosine { peak: 1.0, floor: 0.0, over, after: After::Hold, power });
        put(search.best((0.2, 6.0), cosine), own + 1);
        let k_decay =
            |k: f64| Kind::KDecay(KDecay { peak: 1.0, floor: 0.0, over, k, shape: Bent::Cosine, power: 1.0 });
        put(search.best((0.2, 6.0), k_decay), own + 1);
    }
    let exponential = |slope: f64| {
        let gamma = (-slope.exp() / rest as f64).exp();
        Kind::Exponential(Exponential { peak: 1.0, gamma })
    };
    put(search.best((-7.0, 5.0), exponential), 2);
    let longest = (rest as f64).ln() + 3.0;
    let timescale = |log: f64| Span::Updates(log.exp().round().max(1.0));
    let inverse =
        |log: f64| Kind::InverseSqrt(InverseSqrt { peak: 1.0, timescale: timescale(log), floor: 0.0 });
    put(search.best((0.0, longest), inverse), 2);
    let power = |log: f64| {
        let power =
            |exponent: f64| Kind::Power(Power { peak: 1.0, timescale: timescale(log), exponent, floor: 0.0 });
        search.best((0.05, 3.0), power)
    };
    let powers = (0..=12).filter_map(|index| power(longest * f64::from(index) / 12.0));
    put(powers.min_by(|a, b| search.error(a).total_cmp(&search.error(b))), 3);
    for shape in Decay::ALL.iter().copied() {
        let wsd = |decay: f64| {
            Kind::Wsd(Wsd { peak: 1.0, floor: 0.0, decay: Span::Updates(decay.round().max(1.0)), shape })
        };
        let flat = samples
            .iter()
            .rev()
            .find(|sample| samples.first().is_some_and(|first| sample.rate >= first.rate * (1.0 - 1e-9)));
        let decay = rest.saturating_sub(flat.map_or(0, |sample| sample.update)).max(1) as f64;
        put(search.fitted(wsd(decay)), 3);
        put(search.best((1.0, rest as f64), wsd), 3);
    }
    put(step(samples), 3);
    put(multistep(samples), 4);
    put(restarts(samples, &search), 5);
    found
}

/// How long a descent may be: the whole stretch, one update less, or until the rates stay as they are.
fn lengths(samples: &[Sample], rest: u64) -> Vec<Option<Span>> {
    let mut lengths = vec![None];
    if rest > 2 {
        lengths.push(Some(Span::Updates((rest - 1) as f64)));
    }
    if let Some(last) = samples.last() {
        let flat = samples.iter().rev().take_while(|sample| sample.rate == last.rate).count();
        let start = samples.get(samples.len() - flat).map_or(0, |sample| sample.update);
        if flat > 2 && start > 0 {
            lengths.push(Some(Span::Updates(start as f64)));
        }
    }
    lengths
}

/// Searches for numbers on some of the samples.
struct Search<'s> {
    samples: &'s [Sample],
    rest: u64,
}

impl Search<'_> {
    /// The kind, of peak 1 and floor 0, with the peak and floor of the least squares.
    fn fitted(&self, mut kind: Kind) -> Option<Kind> {
        let shape = curve_of(kind.clone(), self.samples, self.rest)?;
        let pairs = || shape.iter().zip(self.samples).map(|(shape, sample)| (*shape, sample.rate));
        let count = shape.len() as f64;
        // The floor of these is where they stop, not what they fall towards.
        let stops = matches!(kind, Kind::InverseSqrt(_) | Kind::Power(_));
        let has_floor = kind.get("floor").is_some() && !stops;
        let (mean, mean_rate) = if has_floor {
            (
                shape.iter().sum::<f64>() / count,
                self.samples.iter().map(|sample| sample.rate).sum::<f64>() / count,
            )
        } else {
            (0.0, 0.0)
        };
        let (mut both, mut squares) = (0.0, 0.0);
        for (shape, rate) in pairs() {
            both += (shape - mean) * (rate - mean_rate);
            squares += (shape - mean) * (shape - mean);
        }
        let height = if squares > 0.0 { both / squares } else { 0.0 };
        let floor = (mean_rate - height * mean).max(0.0);
        let peak = (floor + height).max(0.0);
        if has_floor {
            kind.set("floor", Value::Number(floor));
        }
        let name = if kind.get("peak").is_some() { "peak" } else { "scale" };
        kind.set(name, Value::Number(peak)).then_some(kind)
    }

    /// The mean squared error.
    fn error(&self, kind: &Kind) -> f64 {
        match curve_of(kind.clone(), self.samples, self.rest) {
            Some(curve) => {
                let squares =
                    curve.iter().zip(self.samples).map(|(rate, sample)| (rate - sample.rate).powi(2));
                squares.sum::<f64>() / curve.len().max(1) as f64
            }
            None => f64::INFINITY,
        }
    }

    /// The best of the kinds that one number between the bounds makes: the best of a grid, then golden
    /// section beside it.
    fn best(&self, (low, high): (f64, f64), kind: impl Fn(f64) -> Kind) -> Option<Kind> {
        const GRID: u32 = 12;
        let error =
            |number: f64| self.fitted(kind(number)).map_or(f64::INFINITY, |fitted| self.error(&fitted));
        let step = (high - low) / f64::from(GRID);
        let near = (0..=GRID)
            .map(|index| low + step * f64::from(index))
            .min_by(|a, b| error(*a).total_cmp(&error(*b)))?;
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut left, mut right) = ((near - step).max(low), (near + step).min(high));
        for _ in 0..STEPS {
            let (a, b) = (right - golden * (right - left), left + golden * (right - left));
            if error(a) < error(b) {
                right = b;
            } else {
                left = a;
            }
        }
        let middle = f64::midpoint(left, right);
        self.fitted(kind(if error(near) < error(middle) { near } else { middle }))
    }
}

/// Where the rate falls at once, with the share that is left; `None` where it also does anything else.
fn drops(samples: &[Sample]) -> Option<Vec<(u64, f64)>> {
    let mut drops = Vec::new();
    for pair in samples.windows(2) {
        if let [before, after] = pair
            && (after.rate - before.rate).abs() > 1e-9 * before.rate
        {
            if after.rate > before.rate || drops.len() >= 64 {
                return None;
            }
            drops.push((after.update, after.rate / before.rate));
        }
    }
    (!drops.is_empty()).then_some(drops)
}

fn step(samples: &[Sample]) -> Option<Kind> {
    let drops = drops(samples)?;
    let (every, gamma) = *drops.first()?;
    let kind = Step { peak: samples.first()?.rate, every: Span::Updates(every as f64), gamma };
    Some(Kind::Step(kind))
}

fn multistep(samples: &[Sample]) -> Option<Kind> {
    let drops = drops(samples)?;
    let gamma = drops.iter().map(|(_, left)| *left).fold(0.0, f64::max);
    if gamma <= 0.0 || gamma >= 1.0 {
        return None;
    }
    let mut milestones = Vec::new();
    for (at, left) in drops {
        // A deeper drop is several at once.
        let times = (left.ln() / gamma.ln()).round().clamp(1.0, 64.0) as usize;
        milestones.extend(std::iter::repeat_n(Span::Updates(at as f64), times));
    }
    Some(Kind::Multistep(Multistep { peak: samples.first()?.rate, milestones, gamma }))
}

/// Cycles that begin where the rate jumps up.
fn restarts(samples: &[Sample], search: &Search) -> Option<Kind> {
    let top = samples.iter().map(|sample| sample.rate).fold(0.0, f64::max);
    let jumps: Vec<&Sample> = samples
        .windows(2)
        .filter_map(|pair| match pair {
            [before, after] if after.rate - before.rate > 0.1 * top => Some(after),
            _ => None,
        })
        .collect();
    let first = jumps.first()?;
    let mult =
        jumps.get(1).map_or(1.0, |second| (second.update - first.update) as f64 / first.update.max(1) as f64);
    let mult = if (mult - mult.round()).abs() < 0.02 { mult.round() } else { mult };
    let peak_decay = (first.rate / samples.first()?.rate).min(1.0);
    let kind = |floor: f64| {
        Kind::CosineRestarts(CosineRestarts {
            peak: samples.first().map_or(top, |sample| sample.rate),
            floor,
            first: Span::Updates(first.update as f64),
            mult: mult.max(1.0),
            peak_decay: if (peak_decay - 1.0).abs() < 1e-6 { 1.0 } else { peak_decay },
            cycle_warmup: None,
        })
    };
    let lowest = samples.iter().map(|sample| sample.rate).fold(f64::INFINITY, f64::min);
    let floors = (0..=200).map(|index| lowest * f64::from(index) / 200.0);
    floors.map(kind).min_by(|a, b| search.error(a).total_cmp(&search.error(b)))
}

/// Kinds that have their own way up.
fn whole(samples: &[Sample], total: u64, top: f64) -> Vec<Candidate> {
    let thin = thinned(samples);
    let search = Search { samples: &thin, rest: total };
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Vec::new() };
    let peak = samples.iter().find(|sample| sample.rate == top).map_or(0, |sample| sample.update);
    let mut kinds = Vec::new();
    if peak > 0 && first.rate > 0.0 && last.rate > 0.0 {
        let annealed = [Anneal::Cosine, Anneal::Linear];
        for (anneal, three_phase) in
            [false, true].into_iter().flat_map(|three| annealed.map(|anneal| (anneal, three)))
        {
            let kind = |pct_start: f64| {
                Kind::OneCycle(OneCycle {
                    peak: top,
                    over: None,
                    pct_start,
                    div_factor: top / first.rate,
                    final_div_factor: first.rate / last.rate,
                    anneal,
                    three_phase,
                })
            };
            let near = (peak + 1) as f64 / total as f64;
            kinds.push((kind(near), 4));
            let around = (0..=40).map(|index| near + (f64::from(index) - 20.0) / 20.0 / total as f64);
            let best = around
                .filter(|pct| (0.0..=1.0).contains(pct))
                .map(kind)
                .min_by(|a, b| search.error(a).total_cmp(&search.error(b)));
            kinds.extend(best.map(|kind| (kind, 5)));
        }
        let warmup = Span::Updates((peak + 1) as f64);
        kinds.extend(
            search.fitted(Kind::Noam(Noam { scale: 1.0, d_model: 512.0, warmup })).map(|kind| (kind, 2)),
        );
    }
    let low = samples.iter().map(|sample| sample.rate).fold(f64::INFINITY, f64::min);
    let after = samples.iter().filter(|sample| sample.update > peak);
    let turn = after
        .clone()
        .zip(after.skip(1))
        .find(|(here, next)| next.rate > here.rate)
        .map(|(here, _)| here.update);
    if let (Some(turn), true) = (turn, peak > 0) {
        for mode in [Triangles::Equal, Triangles::Halved] {
            let kind = Cyclic {
                floor: low,
                peak: top,
                up: Span::Updates(peak as f64),
                down: Some(Span::Updates((turn - peak) as f64)),
                mode,
                gamma: 1.0,
            };
            kinds.push((Kind::Cyclic(kind), 4));
        }
    }
    kinds.into_iter().map(|(kind, parameters)| Candidate { schedule: kind.into(), parameters }).collect()
}
