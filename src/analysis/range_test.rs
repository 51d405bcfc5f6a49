//! The learning-rate range test (Smith 2015, arXiv 1506.01186): one short training under an exponentially
//! rising rate, over several seeds, and what each finder would suggest from it.
//!
//! It trains a cohort of its own, so the training it asks about goes on untouched; a test from a
//! cohort's present state says so with two fingerprints of that state.

mod sweep;

use std::sync::Arc;

use super::statistics::{decades, log_median};
use super::suggest::Rule;
use crate::experiment::Experiment;
use crate::jobs::Progress;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::errand::{Errand, Promise};
use crate::train::ids::RunId;
pub use sweep::{Stand, Start};

/// How a range test sweeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The first rate, above 0.
    pub start: f64,
    /// The rate the sweep goes up to, above the first.
    pub end: f64,
    /// Updates, from 20 on.
    pub updates: usize,
    /// Lanes, each with its own initial weights and order of the data.
    pub seeds: usize,
    /// A seed stops when its smoothed loss exceeds this many times its best (fastai and Lightning: 4).
    pub stop: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, updates: 200, seeds: 3, stop: 4.0 }
    }
}

impl Options {
    /// The rate of an update: equal factors, the end just not reached, as in fastai.
    pub fn rate(&self, update: usize) -> f64 {
        self.start * (self.end / self.start).powf(update as f64 / self.updates as f64)
    }

    fn check(&self) -> Result<(), TrainError> {
        let say = |why: &'static str| Err(TrainError::Refused { work: "range test", why });
        if !(self.start > 0.0 && self.end > self.start && self.end <= 1e6) {
            return say("the rates must rise from above 0 to at most 1e6");
        }
        if !(20..=1_000_000).contains(&self.updates) {
            return say("between 20 and 1,000,000 updates are needed");
        }
        if !(1..=256).contains(&self.seeds) {
            return say("between 1 and 256 seeds are needed");
        }
        if self.stop.is_nan() || self.stop <= 1.0 {
            return say("the stop factor must be above 1");
        }
        Ok(())
    }
}

/// What one seed showed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedCurve {
    pub seed: u64,
    pub rates: Vec<f64>,
    /// The loss of each update's batch, before the update.
    pub losses: Vec<f64>,
    /// The debiased average with beta 0.98.
    pub smooth: Vec<f64>,
    /// The debiased average with beta `LIGHT_BETA`, which lags less.
    pub light: Vec<f64>,
    /// Whether the sweep ended before its last rate.
    pub stopped: bool,
    /// The first rate after the best at which the raw loss was back where it began, or no number.
    pub limit: Option<f64>,
}

/// A rate read off every seed's curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// One for each seed, where there is one.
    pub per_seed: Vec<Option<f64>>,
    /// Over the seeds that have one, on a logarithmic scale.
    pub median: Option<f64>,
    /// Factors of ten between the lowest and the highest.
    pub decades: Option<f64>,
}

impl Spread {
    fn of(per_seed: Vec<Option<f64>>) -> Self {
        let found: Vec<f64> = per_seed.iter().copied().flatten().collect();
        Self { median: log_median(&found), decades: decades(&found), per_seed }
    }
}

/// The state a test began from, before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untouched {
    pub before: u64,
    pub after: u64,
}

/// A finished range test.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeTest {
    /// The run's name.
    pub run: String,
    pub options: Options,
    pub curves: Vec<SeedCurve>,
    /// One for each of [`Rule::ALL`].
    pub suggestions: Vec<(Rule, Spread)>,
    /// Where training stops being stable.
    pub limit: Spread,
    /// For a test from a present state.
    pub untouched: Option<Untouched>,
}

impl RangeTest {
    /// The default suggestion, for the peak of a one-cycle schedule: [`Rule::Edge`]'s, or valley's when no
    /// seed became unstable.
    pub fn recommended(&self) -> Option<f64> {
        self.suggestion(Rule::Edge).or_else(|| self.suggestion(Rule::Valley))
    }

    /// What a rule suggests over all seeds.
    pub fn suggestion(&self, rule: Rule) -> Option<f64> {
        self.suggestions.iter().find(|(found, _)| *found == rule).and_then(|(_, spread)| spread.median)
    }
}

/// A range test from fresh weights.
///
/// # Errors
/// As [`Stand::fresh`] and [`Stand::test`].
pub fn range_test(
    experiment: &Experiment,
    run: &str,
    options: &Options,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<RangeTest, TrainError> {
    Stand::fresh(experiment, run, pool)?.test(options, &Progress::default())
}

/// A range test beside a training, which rests meanwhile: the result says with two fingerprints that it
/// is untouched.
pub fn errand(run: RunId, options: Options, start: Start) -> (Errand, Promise<RangeTest>) {
    Errand::holding(
        "range test",
        move |cohort| Ok((fingerprint(cohort)?, Stand::of(cohort, run, start)?)),
        move |(before, stand), progress| Ok((before, stand.test(&options, progress)?)),
        |cohort, (before, test)| {
            Ok(RangeTest { untouched: Some(Untouched { before, after: fingerprint(cohort)? }), ..test })
        },
    )
}

/// A number that changes when any weight, buffer or update count of the cohort does (FNV-1a, 64 bits).
///
/// # Errors
/// When the tensor library fails.
pub fn fingerprint(cohort: &Cohort) -> Result<u64, TrainError> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for lane in cohort.lanes() {
        take(&lane.update.to_le_bytes());
    }
    for number in cohort.rows().flatten_all()?.to_vec1::<f32>()? {
        take(&number.to_bits().to_le_bytes());
    }
    Ok(hash)
}
