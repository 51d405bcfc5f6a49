//! Covariance matrix adaptation, as in Hansen's tutorial (arXiv 1604.00772) with its default numbers.
//!
//! Of our own because the crates that offer it bring a linear algebra library, whose build is longer than all of
//! ours; a sweep has a handful of dimensions, for which Jacobi's eigenvectors are enough.

use rand_chacha::ChaCha8Rng;

use crate::random::normal;

/// How far the first generation spreads, as a share of the space.
const FIRST_STEP: f64 = 0.3;
/// Draws before a candidate outside the space is put on its edge.
const DRAWS: usize = 64;
/// Rounds of Jacobi's method; a few are enough.
const ROUNDS: usize = 60;

/// The strategy in the unit cube, between two generations.
pub struct CmaEs {
    mean: Vec<f64>,
    step: f64,
    covariance: Matrix,
    /// Its eigenvectors, a column each, and the square roots of its eigenvalues.
    axes: Matrix,
    lengths: Vec<f64>,
    step_path: Vec<f64>,
    covariance_path: Vec<f64>,
    generations: i32,
    /// What was told of this generation: points and how bad they are.
    told: Vec<(Vec<f64>, f64)>,
}

type Matrix = Vec<Vec<f64>>;

impl CmaEs {
    /// Begins in the middle of a cube of so many dimensions.
    pub fn new(dimensions: usize) -> Self {
        Self {
            mean: vec![0.5; dimensions],
            step: FIRST_STEP,
            covariance: identity(dimensions),
            axes: identity(dimensions),
            lengths: vec![1.0; dimensions],
            step_path: vec![0.0; dimensions],
            covariance_path: vec![0.0; dimensions],
            generations: 0,
            told: Vec::new(),
        }
    }

    /// Candidates of a generation, for so many dimensions.
    pub fn population(dimensions: usize) -> usize {
        4 + (3.0 * (dimensions.max(1) as f64).ln()).floor() as usize
    }

    /// A candidate of the generation that is under way.
    pub fn ask(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        for _ in 0..DRAWS {
            let candidate = self.draw(rng);
            if candidate.iter().all(|x| (0.0..=1.0).contains(x)) {
                return candidate;
            }
        }
        self.draw(rng).into_iter().map(|x| x.clamp(0.0, 1.0)).collect()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let along: Vec<f64> = self.lengths.iter().map(|length| length * normal(rng)).collect();
        let turned = self.axes.iter().map(|row| dot(row, &along));
        self.mean.iter().zip(turned).map(|(mean, turned)| mean + self.step * turned).collect()
    }

    /// How a candidate did, lower is better; the last of a generation begins the next one.
    pub fn tell(&mut self, point: Vec<f64>, badness: f64) {
        self.told.push((point, badness));
        if self.told.len() >= Self::population(self.mean.len()) {
            let mut told = std::mem::take(&mut self.told);
            told.sort_by(|a, b| a.1.total_cmp(&b.1));
            if !self.mean.is_empty() {
                self.adapt(&told);
            }
        }
    }

    fn adapt(&mut self, ranked: &[(Vec<f64>, f64)]) {
        let n = self.mean.len() as f64;
        let parents = ranked.len() / 2;
        let raw: Vec<f64> =
            (1..=parents).map(|rank| ((ranked.len() as f64 + 1.0) / 2.0).ln() - (rank as f64).ln()).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / sum).collect();
        let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let step_rate = (effective + 2.0) / (n + effective + 5.0);
        let damping = 1.0 + 2.0 * (((effective - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + step_rate;
        let path_rate = (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n);
        let one = 2.0 / ((n + 1.3).powi(2) + effective);
        let many =
            (1.0 - one).min(2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective));
        let usual_length = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));

        let steps: Vec<Vec<f64>> = ranked[..parents]
            .iter()
            .map(|(point, _)| point.iter().zip(&self.mean).map(|(x, mean)| (x - mean) / self.step).collect())
            .collect();
        let shift: Vec<f64> = (0..self.mean.len())
            .map(|at| weights.iter().zip(&steps).map(|(weight, step)| weight * step[at]).sum())
            .collect();
        self.mean.iter_mut().zip(&shift).for_each(|(mean, shift)| *mean += self.step * shift);

        // The shift as it would be if the covariance were that of a sphere.
        let along: Vec<f64> = (0..shift.len())
            .map(|axis| self.axes.iter().zip(&shift).map(|(row, shift)| row[axis] * shift).sum::<f64>())
            .zip(&self.lengths)
            .map(|(along, length)| along / length)
            .collect();
        let round = self.axes.iter().map(|row| dot(row, &along));
        let gain = (step_rate * (2.0 - step_rate) * effective).sqrt();
        let stepped =
            self.step_path.iter().zip(round).map(|(path, round)| (1.0 - step_rate) * path + gain * round);
        self.step_path = stepped.collect();
        self.generations += 1;
        let length = dot(&self.step_path, &self.step_path).sqrt();
        let expected = (1.0 - (1.0 - step_rate).powi(2 * self.generations)).sqrt() * usual_length;
        let is_long = length / expected >= 1.4 + 2.0 / (n + 1.0);
        let gain = if is_long { 0.0 } else { (path_rate * (2.0 - path_rate) * effective).sqrt() };
        for (path, shift) in self.covariance_path.iter_mut().zip(&shift) {
            *path = (1.0 - path_rate) * *path + gain * shift;
        }
        let stalled = if is_long { one * path_rate * (2.0 - path_rate) } else { 0.0 };
        for row in 0..self.mean.len() {
            for column in 0..self.mean.len() {
                let spread: f64 =
                    weights.iter().zip(&steps).map(|(weight, step)| weight * step[row] * step[column]).sum();
                let path = self.covariance_path[row] * self.covariance_path[column];
                let kept = (1.0 - one - many + stalled) * self.covariance[row][column];
                self.covariance[row][column] = kept + one * path + many * spread;
            }
        }
        self.step =
            (self.step * ((step_rate / damping) * (length / usual_length - 1.0)).exp()).clamp(1e-8, 1.0);
        let (values, axes) = eigen(&self.covariance);
        self.axes = axes;
        self.lengths = values.into_iter().map(|value| value.max(1e-14).sqrt()).collect();
    }
}

fn identity(size: usize) -> Matrix {
    (0..size).map(|row| (0..size).map(|column| f64::from(u8::from(row == column))).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Eigenvalues and eigenvectors, a column each, of a symmetric matrix, by Jacobi's rotations.
fn eigen(symmetric: &Matrix) -> (Vec<f64>, Matrix) {
    let size = symmetric.len();
    let mut matrix = symmetric.clone();
    let mut vectors = identity(size);
    for _ in 0..ROUNDS {
        let off: f64 =
            (0..size).map(|row| (0..row).map(|column| matrix[row][column].powi(2)).sum::<f64>()).sum();
        if off < 1e-30 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                if matrix[p][q].abs() < 1e-300 {
                    continue;
                }
                let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
                let tangent = slope.signum() / (slope.abs() + (slope * slope + 1.0).sqrt());
                let tangent = if slope == 0.0 { 1.0 } else { tangent };
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                for row in &mut matrix {
                    (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
                let (upper, lower) = matrix.split_at_mut(q);
                for (above, below) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*above, *below) = (cosine * *above - sine * *below, sine * *above + cosine * *below);
                }
                for row in &mut vectors {
                    (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
            }
        }
    }
    ((0..size).map(|at| matrix[at][at]).collect(), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, rng};

    #[test]
    fn eigenvectors_give_the_matrix_back() {
        let matrix = vec![vec![4.0, 1.0, -2.0], vec![1.0, 2.0, 0.5], vec![-2.0, 0.5, 3.0]];
        let (values, vectors) = eigen(&matrix);
        for row in 0..3 {
            for column in 0..3 {
                let product: f64 = (0..3).map(|at| vectors[row][at] * values[at] * vectors[column][at]).sum();
                assert!((product - matrix[row][column]).abs() < 1e-12, "{row}, {column}: {product}");
                let unit: f64 = (0..3).map(|at| vectors[at][row] * vectors[at][column]).sum();
                assert!((unit - f64::from(u8::from(row == column))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_bent_valley_is_found_in_few_generations() {
        // A quadratic whose axes are turned and a hundred times apart, best at (0.7, 0.3, 0.4).
        let badness = |x: &[f64]| {
            let (a, b, c) = (x[0] - 0.7, x[1] - 0.3, x[2] - 0.4);
            100.0 * (a + b).powi(2) + (a - b).powi(2) + 10.0 * c * c
        };
        let mut search = CmaEs::new(3);
        let mut rng = rng(1, Stream::Generate);
        for _ in 0..90 * CmaEs::population(3) {
            let point = search.ask(&mut rng);
            let bad = badness(&point);
            search.tell(point, bad);
        }
        assert!(badness(&search.mean) < 1e-7, "{:?}", search.mean);
    }
}
