//! The warmup microscope: what the first updates do to each layer.
//!
//! A [`Microscope`] reads slices that a lane has anyway (parameters before and after, gradient, second
//! moments), in one pass over the weights, and keeps a fixed number of readings: those of the first updates.

use crate::model::Parameter;
use crate::telemetry::Row;

/// A layer whose weights change by about this share of themselves an update learns at a sound pace
/// (CS231n's rule of thumb).
pub const SOUND_RATIO: f64 = 1e-3;
/// Bins of the histogram of `|update|`, each twice as wide as the one before.
pub const BINS: usize = 32;
/// The first bin begins at two to minus this; the ends take what lies outside.
const LOWEST: i32 = 30;

/// Where a bin of the histogram begins, from 2^-30 (about 1e-9) to 2; the last one is open.
pub fn bin_start(bin: usize) -> f64 {
    2.0_f64.powi(bin.min(BINS - 1) as i32 - LOWEST)
}

/// What one update is made of, as slices over a row.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    pub update: u64,
    /// Parameters before and after it.
    pub before: &'a [f32],
    pub after: &'a [f32],
    /// The gradient, as the update used it (after clipping).
    pub gradient: &'a [f32],
    /// Its norm before clipping.
    pub grad_norm: f64,
    /// What norms are clipped to, if they are.
    pub clip_norm: Option<f64>,
    /// The running mean of squared gradients, of a rule that has one, and its beta.
    pub second: Option<(&'a [f32], f64)>,
}

/// What was seen of one update.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub update: u64,
    pub grad_norm: f64,
    pub clipped: bool,
    /// RAdam's rectification of this update, of a rule with a second moment; see [`rectification`].
    pub rectification: Option<f64>,
    /// One for each layer.
    pub layers: Vec<LayerReading>,
}

/// What was seen of one layer, its matrices and vectors together.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReading {
    /// The norm of the change over the norm of the weights before; 0 of weights that are all zero.
    pub ratio: f64,
    pub grad_norm: f64,
    /// How many weights changed by how much: see [`bin_start`]. Weights that did not change are in the first.
    pub histogram: [u32; BINS],
    /// The variance of `1/sqrt(v)` over the mean squared, where `v` is the debiased second moment:
    /// how unevenly Adam's rate is spread while `v` has seen few gradients (RAdam, arXiv 1908.03265).
    /// Weights whose `v` is zero are left out.
    pub adaptive_variance: Option<f64>,
}

/// Looks at the first updates of a lane.
#[derive(Clone, Debug)]
pub struct Microscope {
    ranges: Vec<Vec<std::ops::Range<usize>>>,
    names: Vec<String>,
    most: usize,
    readings: Vec<Reading>,
}

impl Microscope {
    /// For rows laid out like this, keeping the readings of the first `most` updates that it is shown.
    pub fn new(parameters: &[Parameter], most: usize) -> Self {
        let layers = parameters.iter().map(|parameter| parameter.layer + 1).max().unwrap_or(0);
        let mut ranges = vec![Vec::new(); layers];
        let mut names = vec![String::new(); layers];
        for parameter in parameters {
            ranges[parameter.layer].push(parameter.range());
            if names[parameter.layer].is_empty() {
                names[parameter.layer].clone_from(&parameter.name);
            }
        }
        Self { ranges, names, most, readings: Vec::new() }
    }

    /// The name of each layer's first parameter, from the input on.
    pub fn layers(&self) -> &[String] {
        &self.names
    }

    /// Whether it has seen all it keeps: a lane then need not copy its weights before an update.
    pub fn is_full(&self) -> bool {
        self.readings.len() >= self.most
    }

    /// What was seen, in order.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The share of the readings whose gradient was clipped.
    pub fn clip_rate(&self) -> Option<f64> {
        let clipped = self.readings.iter().filter(|reading| reading.clipped).count();
        (!self.readings.is_empty()).then(|| clipped as f64 / self.readings.len() as f64)
    }

    /// Forgets readings of updates at and after an update, when the lane goes back to there.
    pub fn truncate(&mut self, update: u64) {
        self.readings.retain(|reading| reading.update < update);
    }

    /// Looks at an update, if there is room. Slices that are too short for a layer leave it empty.
    pub fn read(&mut self, update: &Update<'_>) {
        if self.is_full() {
            return;
        }
        let layers = self.ranges.iter().map(|ranges| layer(ranges, update)).collect();
        self.readings.push(Reading {
            update: update.update,
            grad_norm: update.grad_norm,
            clipped: update.clip_norm.is_some_and(|clip| update.grad_norm > clip),
            rectification: update.second.map(|(_, beta2)| rectification(update.update + 1, beta2)),
            layers,
        });
    }
}

fn layer(ranges: &[std::ops::Range<usize>], update: &Update<'_>) -> LayerReading {
    let (mut change, mut size, mut gradient) = (0.0, 0.0, 0.0);
    let mut histogram = [0; BINS];
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0_u64);
    // The debiasing factor scales 1/sqrt(v) alike everywhere, and the variance over the squared mean not at all.
    for range in ranges {
        let slices = (update.before.get(range.clone()), update.after.get(range.clone()));
        if let (Some(before), Some(after)) = slices {
            for (before, after) in before.iter().zip(after) {
                let step = after - before;
                change += f64::from(step).powi(2);
                size += f64::from(*before).powi(2);
                histogram[bin(step)] += 1;
            }
        }
        let part = update.gradient.get(range.clone()).unwrap_or_default();
        gradient += part.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>();
        let second = update.second.and_then(|(second, _)| second.get(range.clone())).unwrap_or_default();
        for v in second.iter().filter(|v| **v > 0.0 && v.is_finite()) {
            let adaptive = f64::from(*v).sqrt().recip();
            sum += adaptive;
            squares += adaptive * adaptive;
            count += 1;
        }
    }
    let mean = sum / count.max(1) as f64;
    LayerReading {
        ratio: if size > 0.0 { (change / size).sqrt() } else { 0.0 },
        grad_norm: gradient.sqrt(),
        histogram,
        adaptive_variance: (count > 1).then(|| ((squares / count as f64) / (mean * mean) - 1.0).max(0.0)),
    }
}

/// By the exponent's bits, which is much faster than a logarithm. NaN is in the last bin, with infinity.
fn bin(step: f32) -> usize {
    let exponent = (step.abs().to_bits() >> 23) as i32 - 127;
    (exponent + LOWEST).clamp(0, BINS as i32 - 1) as usize
}

/// RAdam's rectification `r_t` of update `t`, counted from 1 (Liu et al. 2020, arXiv 1908.03265): the share
/// of Adam's step that the variance of its adaptive rate lets pass, a warmup that follows from `beta2`.
/// Where RAdam would not adapt at all (`rho_t` of 5 or less, as in PyTorch), it is 0.
pub fn rectification(t: u64, beta2: f64) -> f64 {
    let steps = t as f64;
    let longest = 2.0 / (1.0 - beta2) - 1.0;
    let decayed = beta2.powf(steps);
    let length = longest - 2.0 * steps * decayed / (1.0 - decayed);
    if length.is_nan() || length <= 5.0 {
        return 0.0;
    }
    ((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)).sqrt()
}

/// The share of rows whose gradient norm was over what it is clipped to.
pub fn clip_rate(rows: &[Row], clip_norm: f64) -> f64 {
    let clipped = rows.iter().filter(|row| f64::from(row.grad_norm) > clip_norm).count();
    clipped as f64 / rows.len().max(1) as f64
}
