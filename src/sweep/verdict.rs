//! Whether a schedule that was found is better than the best cosine of as many trainings: both from scratch, under
//! seeds that neither was chosen under.

use super::SweepError;
use super::herd::{Herd, Report};
use crate::experiment::{Experiment, Run};
use crate::schedule::kind::{After, Cosine};
use crate::schedule::{Clock, Kind, Schedule, Tick};
use crate::train::TrainError;

/// Two schedules under the same seeds: their ends, and whether one is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The validation losses of the lineage trained alone from scratch, one a seed.
    pub lineage: Vec<f64>,
    /// Those of the best cosine of as many peaks, under the same seeds.
    pub cosine: Vec<f64>,
    /// The peak of that cosine.
    pub peak: f64,
}

impl Verdict {
    /// The mean difference, lineage minus cosine, and its standard error over the seeds.
    pub fn difference(&self) -> Option<(f64, f64)> {
        let differences: Vec<f64> = self.lineage.iter().zip(&self.cosine).map(|(a, b)| a - b).collect();
        let count = differences.len() as f64;
        if differences.len() < 2 || differences.iter().any(|it| !it.is_finite()) {
            return None;
        }
        let mean = differences.iter().sum::<f64>() / count;
        let variance = differences.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Some((mean, (variance / count).sqrt()))
    }

    /// In words. Better or worse is what lies beyond two standard errors.
    pub fn sentence(&self) -> String {
        let seeds = self.lineage.len();
        let Some((mean, error)) = self.difference() else {
            return "one of the trainings diverged, so the population's schedule and the cosine cannot be compared".to_owned();
        };
        let word = match mean {
            _ if mean.abs() <= 2.0 * error => "as good as",
            _ if mean < 0.0 => "better than",
            _ => "worse than",
        };
        format!(
            "trained alone from scratch under {seeds} seeds, the population's schedule is {word} the best cosine of as \
             many trainings (peak {:.3e}): {mean:+.4} ± {error:.4} in validation loss",
            self.peak
        )
    }
}

/// Trains cosines at each of the peaks as often as the population has members and takes the best, then it and the
/// lineage alone under other seeds. `report` hears of updates done and in all, those of every run counted.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn judge(
    experiment: &Experiment,
    lineage: &[f64],
    (peaks, seeds, clock): (&[f64], usize, Clock),
    herd: &mut dyn Herd,
    report: &mut Report<'_>,
) -> Result<Option<Verdict>, SweepError> {
    let Some(run) = experiment.runs.first() else { return Ok(None) };
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    let cosine = |peak: f64| -> Result<Vec<f64>, TrainError> {
        let curve = cosine(run, peak).resolve(clock).map_err(named)?;
        Ok((0..clock.updates).map(|at| curve.at(at)).collect())
    };
    let rivals = peaks.iter().map(|peak| cosine(*peak)).collect::<Result<Vec<_>, _>>()?;
    let (first, second) = (rivals.len() as u64, 2 * seeds as u64);
    let total = clock.updates * (first + second);
    let found = herd.ends(&rivals, experiment.train.seed, 1, &mut |done, _| report(done * first, total))?;
    let best = found.iter().zip(peaks).filter(|(ends, _)| ends[0].is_finite());
    let Some((_, &peak)) = best.min_by(|a, b| a.0[0].total_cmp(&b.0[0])) else { return Ok(None) };
    // Seeds that neither was chosen under.
    let seed = experiment.train.seed.wrapping_add(1);
    let before = clock.updates * first;
    let mut both = herd.ends(&[lineage.to_vec(), cosine(peak)?], seed, seeds, &mut |done, _| {
        report(before + done * second, total)
    })?;
    let cosine = both.pop().unwrap_or_default();
    let lineage = both.pop().unwrap_or_default();
    Ok(Some(Verdict { lineage, cosine, peak }))
}

/// A cosine with this peak, after the run's own warmup.
pub(super) fn cosine(run: &Run, peak: f64) -> Schedule {
    let warmup = run.lr.warmup.clone().filter(|_| run.lr.tick == Tick::Update);
    Schedule {
        warmup,
        ..Kind::Cosine(Cosine { peak, floor: 0.0, over: None, after: After::Hold, power: 1.0 }).into()
    }
}
