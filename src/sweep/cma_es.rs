//! Covariance matrix adaptation (arXiv 1604.00772) by the `optimizer` crate, in the unit cube.

use optimizer::sampler::cma_es::CmaEsSampler;
use optimizer::sampler::{CompletedTrial, Sampler as _};

use super::told::{finished, line, number};

/// How far the first generation spreads, as a share of the space.
const FIRST_STEP: f64 = 0.3;

/// The strategy, asked for points and told in the same order how they did: so it is where it was after a resume.
pub struct CmaEs {
    sampler: CmaEsSampler,
    dimensions: usize,
    /// Trials of this generation that are done, and how many there were of all.
    generation: Vec<CompletedTrial>,
    done: usize,
}

impl CmaEs {
    /// Begins in the middle of a cube of so many dimensions.
    pub fn new(dimensions: usize, seed: u64) -> Self {
        let sampler = CmaEsSampler::builder().sigma0(FIRST_STEP).seed(seed).build();
        // Of the first trial it only learns how many dimensions there are: it is none of ours.
        for _ in 0..dimensions {
            sampler.sample(&line(), u64::MAX, &[]);
        }
        Self { sampler, dimensions, generation: Vec::new(), done: 0 }
    }

    /// Candidates of a generation, for so many dimensions.
    pub fn population(dimensions: usize) -> usize {
        4 + (3.0 * (dimensions.max(1) as f64).ln()).floor() as usize
    }

    /// The candidate that a trial is. The first one that is asked for after a generation is done begins the next.
    pub fn ask(&mut self, trial: usize) -> Vec<f64> {
        let one = |_| number(&self.sampler.sample(&line(), trial as u64, &self.generation));
        let point = (0..self.dimensions).map(one).collect();
        if self.generation.len() >= Self::population(self.dimensions) {
            self.generation.clear();
        }
        point
    }

    /// How the next trial did, lower is better.
    pub fn tell(&mut self, badness: f64) {
        self.generation.push(finished(self.done, badness));
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_valley_is_found_in_few_generations() {
        // A quadratic whose axes are turned and a hundred times apart, best at (0.7, 0.3, 0.4).
        let badness = |x: &[f64]| {
            let (a, b, c) = (x[0] - 0.7, x[1] - 0.3, x[2] - 0.4);
            100.0 * (a + b).powi(2) + (a - b).powi(2) + 10.0 * c * c
        };
        let mut search = CmaEs::new(3, 1);
        let population = CmaEs::population(3);
        let mut best = f64::INFINITY;
        for generation in 0..90 {
            let trials = generation * population..(generation + 1) * population;
            let points: Vec<Vec<f64>> = trials.map(|trial| search.ask(trial)).collect();
            for point in &points {
                best = best.min(badness(point));
                search.tell(badness(point));
            }
        }
        assert!(best < 1e-7, "{best}");
    }
}
