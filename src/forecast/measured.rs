//! What a run measured, as the fit takes it: its course, and the losses of each seed along it.

use super::course::Course;

/// Losses that are kept of a run: more make a fit slower and no better.
const MOST_POINTS: usize = 64;
/// The share of a run at its beginning that the law does not describe.
const BEGINNING: f64 = 0.05;

/// A training that was made: ours, or a recording of another program's.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub name: String,
    pub course: Course,
    /// Updates made before each loss.
    pub updates: Vec<u64>,
    /// The losses of each seed, as many as `updates`.
    pub seeds: Vec<Vec<f64>>,
}

impl Measured {
    /// The mean over the seeds.
    pub fn mean(&self) -> Vec<f64> {
        let count = self.seeds.len().max(1) as f64;
        let sum = |at: usize| self.seeds.iter().filter_map(|seed| seed.get(at)).sum::<f64>();
        (0..self.updates.len()).map(|at| sum(at) / count).collect()
    }

    /// The mean loss at the end.
    pub fn last(&self) -> Option<f64> {
        self.mean().last().copied()
    }

    /// The deviation of the seeds at the end; nothing of a single seed.
    pub fn deviation(&self) -> Option<f64> {
        let ends: Vec<f64> = self.seeds.iter().filter_map(|seed| seed.last()).copied().collect();
        if ends.len() < 2 {
            return None;
        }
        let mean = ends.iter().sum::<f64>() / ends.len() as f64;
        let squares: f64 = ends.iter().map(|end| (end - mean).powi(2)).sum();
        Some((squares / (ends.len() - 1) as f64).sqrt())
    }

    /// Only what the law describes: finite losses, after the beginning and the warmup, thinned evenly where there
    /// are many. The end is kept.
    #[must_use]
    pub fn described(&self) -> Self {
        let from = (BEGINNING * self.course.updates() as f64) as u64;
        let after = self.course.warm().max(from);
        let finite =
            |at: usize| self.seeds.iter().all(|seed| seed.get(at).is_some_and(|loss| loss.is_finite()));
        let kept: Vec<usize> =
            (0..self.updates.len()).filter(|&at| self.updates[at] >= after && finite(at)).collect();
        let step = kept.len().div_ceil(MOST_POINTS).max(1);
        // From the end on, so that the last one is among them.
        let mut kept: Vec<usize> = kept.into_iter().rev().step_by(step).collect();
        kept.reverse();
        Self {
            name: self.name.clone(),
            course: self.course.clone(),
            updates: kept.iter().map(|&at| self.updates[at]).collect(),
            seeds: self.seeds.iter().map(|seed| kept.iter().map(|&at| seed[at]).collect()).collect(),
        }
    }

    /// How far a law's losses are from those that were measured: the mean absolute difference over what the law
    /// describes, and the difference at the end (predicted minus measured).
    pub fn miss(&self, predicted: impl Fn(&[u64]) -> Vec<f64>) -> Option<Miss> {
        let described = self.described();
        let predicted = predicted(&described.updates);
        let differences: Vec<f64> =
            predicted.iter().zip(described.mean()).map(|(predicted, mean)| predicted - mean).collect();
        let end = *differences.last()?;
        let mean = differences.iter().map(|it| it.abs()).sum::<f64>() / differences.len() as f64;
        Some(Miss { mean, end })
    }
}

/// How far a forecast was from the run that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Miss {
    /// The mean absolute error over the curve.
    pub mean: f64,
    /// At the end: predicted minus measured.
    pub end: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let updates: Vec<u64> = (1..=200).map(|at| at * 5).collect();
        let mut first: Vec<f64> = updates.iter().map(|&at| 3.0 - at as f64 / 1000.0).collect();
        let second = first.iter().map(|loss| loss + 0.2).collect();
        first[100] = f64::NAN;
        let course = Course::new(1000, |update| (update as f64 / 200.0).min(1.0));
        Measured { name: "run".into(), course, updates, seeds: vec![first, second] }
    }

    #[test]
    fn what_is_described_begins_after_the_warmup_and_ends_at_the_end() {
        let described = measured().described();
        assert!(described.updates.len() <= MOST_POINTS && described.updates.len() > 30);
        assert!(described.updates[0] >= 200);
        assert_eq!(described.updates.last(), Some(&1000));
        assert!(described.seeds.iter().flatten().all(|loss| loss.is_finite()));
    }

    #[test]
    fn a_miss_is_told_over_the_curve_and_at_the_end() {
        let measured = measured();
        assert!((measured.last().unwrap() - 2.1).abs() < 1e-12);
        assert!((measured.deviation().unwrap() - 0.2 / 2f64.sqrt()).abs() < 1e-9);
        let miss = measured.miss(|updates| updates.iter().map(|&at| 3.15 - at as f64 / 1000.0).collect());
        let miss = miss.unwrap();
        assert!((miss.mean - 0.05).abs() < 1e-9 && (miss.end - 0.05).abs() < 1e-9, "{miss:?}");
    }
}
