//! The law's numbers from runs that were made: bounded robust least squares from many starts.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{Dyn, Matrix, OMatrix, OVector, SMatrix, SVector, U7, Vector};
use rayon::prelude::*;

use super::course::Course;
use super::law::{Law, NUMBERS};
use super::measured::Measured;

/// Places that are looked at: a lattice that fills the box evenly, so that nothing is drawn.
const PLACES: usize = 64;
/// The best places, from which the fit starts.
const STARTS: usize = 8;
/// Tries of one start for each number and one more.
const PATIENCE: usize = 40;
/// The nearest that a start comes to a bound, as a share of the way: on it nothing would draw it back.
const EDGE: f64 = 1e-3;
/// Residuals above this share of the mean loss weigh less than their square: the law's authors take a Huber loss of
/// the same width over logarithms (arXiv 2503.12811). So the beginning of a run, which no law meets, does not bend the
/// end.
const ROBUST: f64 = 1e-3;
/// Starts agree that end within this share of the least error.
const AGREES: f64 = 1.02;
/// Starts that are this much worse than the best are no other explanation of the same runs.
const EXPLAINS: f64 = 1.15;
/// Laws that a band is made of, beside each seed's.
const MOST_OTHERS: usize = 5;
/// A run that ends at this many times the least loss of the others has diverged.
const DIVERGED: f64 = 100.0;
/// The runs' least points: twice the numbers.
const LEAST_POINTS: usize = 2 * NUMBERS;

/// Laws fitted to the same runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The best for the mean over the seeds.
    pub law: Law,
    /// The other laws that explain the runs about as well, and the best one of each seed alone.
    pub others: Vec<Law>,
    /// The root of the mean squared error of the best over what it was fitted to, in units of the loss.
    pub error: f64,
    /// The mean deviation of the fitted runs' ends between seeds.
    pub seeds: Option<f64>,
    /// How many starts there were, at the best of many places, and how many of them came to about the least error.
    pub starts: usize,
    pub agree: usize,
    /// The names of the runs.
    pub runs: Vec<String>,
}

/// Why no law can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    #[error("{0} runs are too few: a forecast needs three, of which one falls sharply")]
    Runs(usize),
    #[error("the runs have {found} losses after their warmup: a fit needs {LEAST_POINTS}")]
    Points { found: usize },
    #[error("run \"{0}\" diverged, or measured no loss: lower its peak, or fit other runs")]
    Diverged(String),
    #[error("no rate of these runs falls: a forecast needs one that decays and one that falls sharply")]
    NoFall,
    #[error("no start of the fit came to an end")]
    Lost,
}

/// Runs from which a law is fitted.
pub const LEAST_RUNS: usize = 3;

/// Fits the law to at least three runs.
///
/// # Errors
/// When there are too few, or their losses say too little.
pub fn fit(runs: &[Measured]) -> Result<Fit, FitError> {
    if runs.len() < LEAST_RUNS {
        return Err(FitError::Runs(runs.len()));
    }
    let described: Vec<Measured> = runs.iter().map(Measured::described).collect();
    // A saturated model diverges without ever losing its numbers.
    let least = described.iter().filter_map(Measured::last).fold(f64::INFINITY, f64::min);
    let diverged = |run: &&Measured| run.last().is_none_or(|last| least > 0.0 && last > DIVERGED * least);
    if let Some(run) = described.iter().find(diverged) {
        return Err(FitError::Diverged(run.name.clone()));
    }
    let found = described.iter().map(|run| run.updates.len()).sum();
    if found < LEAST_POINTS {
        return Err(FitError::Points { found });
    }
    if described.iter().all(|run| run.course.drops().is_empty()) {
        return Err(FitError::NoFall);
    }
    let mean: Vec<Vec<f64>> = described.iter().map(Measured::mean).collect();
    let whole = Problem::new(&described, &mean);
    let mut starts: Vec<End> = (0..PLACES).into_par_iter().filter_map(|at| whole.start(at)).collect();
    starts.sort_by(|a, b| a.error.total_cmp(&b.error));
    starts.truncate(STARTS);
    let mut ends: Vec<End> = starts.par_iter().filter_map(|start| whole.run(&start.at)).collect();
    ends.sort_by(|a, b| a.error.total_cmp(&b.error));
    let best = *ends.first().ok_or(FitError::Lost)?;
    let agree = ends.iter().filter(|end| end.error <= AGREES * best.error).count();
    let mut others: Vec<Law> = Vec::new();
    for end in ends.iter().filter(|end| end.error <= EXPLAINS * best.error).skip(1) {
        let near = |other: &End| (other.at.map(f64::sin) - end.at.map(f64::sin)).norm() < 1e-2;
        if !near(&best) && others.len() < MOST_OTHERS {
            others.push(whole.plain(end));
        }
    }
    let count = described.iter().map(|run| run.seeds.len()).min().unwrap_or(0);
    if count > 1 {
        let alone = |seed: usize| {
            let losses: Vec<Vec<f64>> = described.iter().map(|run| run.seeds[seed].clone()).collect();
            let problem = Problem { losses: losses.concat(), ..whole.clone() };
            problem.run(&best.at).map(|end| problem.plain(&end))
        };
        others.extend((0..count).into_par_iter().filter_map(alone).collect::<Vec<_>>());
    }
    let deviations: Vec<f64> = runs.iter().filter_map(Measured::deviation).collect();
    let seeds = (!deviations.is_empty()).then(|| deviations.iter().sum::<f64>() / deviations.len() as f64);
    Ok(Fit {
        law: whole.plain(&best),
        others,
        error: whole.plain_error(&best),
        seeds,
        starts: STARTS,
        agree,
        runs: runs.iter().map(|run| run.name.clone()).collect(),
    })
}

type Numbers = SVector<f64, NUMBERS>;

/// Numbers, and how well they do: where a fit starts, or where it ended.
#[derive(Clone, Copy)]
struct End {
    at: Numbers,
    /// The root of the mean robust cost.
    error: f64,
}

/// A number between bounds, as one that has none: `low + (high - low)·(1 + sin x)/2`, of its logarithm where it is a
/// scale. Unlike with a sigmoid a bound is not infinitely far away, and what overshoots it comes back.
#[derive(Clone, Copy)]
struct Bounds {
    low: f64,
    high: f64,
    log: bool,
}

impl Bounds {
    fn plain(self, x: f64) -> f64 {
        let at = self.low + (self.high - self.low) * 0.5 * (1.0 + x.sin());
        if self.log { at.exp() } else { at }
    }

    /// The derivative of [`Bounds::plain`].
    fn slope(self, x: f64) -> f64 {
        let slope = (self.high - self.low) * 0.5 * x.cos();
        if self.log { slope * self.plain(x) } else { slope }
    }

    /// What stands for a number, which is drawn in from the bounds.
    fn free(self, plain: f64) -> f64 {
        let at = if self.log { plain.max(f64::MIN_POSITIVE).ln() } else { plain };
        let share = ((at - self.low) / (self.high - self.low)).clamp(EDGE, 1.0 - EDGE);
        (2.0 * share - 1.0).asin()
    }
}

/// The numbers of a law that its losses are not linear in, by their places.
const BENT: [usize; 4] = [2, 4, 5, 6];
/// The others.
const STRAIGHT: [usize; 3] = [0, 1, 3];

/// Losses to be met by a law, in units in which the highest rate and the longest sum are 1.
#[derive(Clone)]
struct Problem {
    bounds: [Bounds; NUMBERS],
    units: (f64, f64),
    courses: Vec<Course>,
    /// The course of each loss, and its sum of rates.
    places: Vec<(usize, f64)>,
    losses: Vec<f64>,
    /// Where residuals begin to weigh less.
    width: f64,
    at: Numbers,
    /// The law's loss at each place, and its derivatives, where the numbers are now.
    known: Vec<(f64, [f64; NUMBERS])>,
}

impl Problem {
    fn new(runs: &[Measured], losses: &[Vec<f64>]) -> Self {
        let rate = runs.iter().map(|run| run.course.peak()).fold(f64::MIN_POSITIVE, f64::max);
        let sum = runs.iter().map(|run| run.course.sum(u64::MAX)).fold(f64::MIN_POSITIVE, f64::max);
        let courses: Vec<Course> = runs.iter().map(|run| run.course.in_units(rate, sum)).collect();
        let place = |(at, run): (usize, &Measured)| {
            let course = &courses[at];
            run.updates.iter().map(move |&updates| (at, course.sum(updates))).collect::<Vec<_>>()
        };
        let places = runs.iter().enumerate().flat_map(place).collect();
        let losses = losses.concat();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let most = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = (most - least).max(1e-9);
        let mean = losses.iter().map(|loss| loss.abs()).sum::<f64>() / losses.len().max(1) as f64;
        let width = (ROBUST * mean).max(1e-6 * range);
        let scale = |low: f64, high: f64| Bounds { low: low.ln(), high: high.ln(), log: true };
        let plain = |low: f64, high: f64| Bounds { low, high, log: false };
        let bounds = [
            // A loss may be negative, and all of one's losses may be far from 0. What a constant rate comes to may lie
            // above the least of them: falls give back more.
            plain(least - 4.0 * range, least + range),
            scale(1e-3 * range, 1e2 * range),
            plain(0.02, 2.0),
            scale(1e-3 * range, 1e2 * range),
            scale(1e-2, 1e5),
            plain(0.02, 2.0),
            plain(0.0, 1.5),
        ];
        let (at, known) = (Numbers::zeros(), Vec::new());
        Self { bounds, units: (rate, sum), courses, places, losses, width, at, known }
    }

    /// The place of this index, which has the bent numbers by the additive recurrence of the generalised golden ratio,
    /// and the straight ones by linear least squares.
    fn start(&self, at: usize) -> Option<End> {
        // The positive root of x^5 = x + 1.
        const RATIO: f64 = 1.167_303_978_261_418_7;
        let mut problem = self.clone();
        let mut numbers = Numbers::zeros();
        for (number, step) in BENT.into_iter().zip(1..) {
            let share = 0.1 + 0.8 * ((0.5 + (at + 1) as f64 * RATIO.powi(-step)).fract());
            numbers[number] = (2.0 * share - 1.0).asin();
        }
        problem.go(numbers);
        // The loss is these derivatives times the numbers.
        let columns = |(_, by): &(f64, [f64; NUMBERS])| SVector::<f64, 3>::from_fn(|at, _| by[STRAIGHT[at]]);
        let (mut square, mut right) = (SMatrix::<f64, 3, 3>::zeros(), SVector::<f64, 3>::zeros());
        for (known, loss) in problem.known.iter().zip(&self.losses) {
            let columns = columns(known);
            square += columns * columns.transpose();
            right += columns * *loss;
        }
        let solved = square.cholesky()?.solve(&right);
        for (number, solved) in STRAIGHT.into_iter().zip(solved.iter()) {
            numbers[number] = self.bounds[number].free(*solved);
        }
        problem.go(numbers);
        let cost: f64 = problem.misses().map(|miss| self.robust(miss).0.powi(2)).sum();
        let error = (cost / self.losses.len() as f64).sqrt();
        error.is_finite().then_some(End { at: numbers, error })
    }

    /// Goes to these numbers.
    fn go(&mut self, to: Numbers) {
        self.at = to;
        let law = self.law();
        let spread = |course: &Course| -> Vec<f64> {
            course.drops().iter().map(|drop| drop.rate.powf(-law.gamma)).collect()
        };
        let spreads: Vec<Vec<f64>> = self.courses.iter().map(spread).collect();
        let one = |&(course, sum): &(usize, f64)| law.gradient(&self.courses[course], &spreads[course], sum);
        self.known = self.places.iter().map(one).collect();
    }

    /// The law's losses less those to be met.
    fn misses(&self) -> impl Iterator<Item = f64> {
        self.known.iter().zip(&self.losses).map(|((loss, _), met)| loss - met)
    }

    fn law(&self) -> Law {
        let number = |at: usize| self.bounds[at].plain(self.at[at]);
        let [l0, a, alpha, b, c, beta, gamma] = std::array::from_fn(number);
        Law { l0, a, alpha, b, c, beta, gamma }
    }

    /// The law of plain rates at which a start ended.
    fn plain(&self, end: &End) -> Law {
        let (rate, sum) = self.units;
        Self { at: end.at, ..self.clone() }.law().in_plain_units(rate, sum)
    }

    fn run(&self, from: &Numbers) -> Option<End> {
        let mut problem = self.clone();
        problem.go(*from);
        let solver = LevenbergMarquardt::new().with_ftol(1e-9).with_xtol(1e-9).with_patience(PATIENCE);
        let (solved, report) = solver.minimize(problem);
        // The objective is half the sum of squares.
        let error = (2.0 * report.objective_function / self.losses.len() as f64).sqrt();
        error.is_finite().then_some(End { at: solved.at, error })
    }

    /// The root of the mean squared error at which a start ended, in units of the loss.
    fn plain_error(&self, end: &End) -> f64 {
        let mut problem = self.clone();
        problem.go(end.at);
        let sum: f64 = problem.misses().map(|miss| miss.powi(2)).sum();
        (sum / self.losses.len().max(1) as f64).sqrt()
    }

    /// A residual whose square is the pseudo-Huber cost `2δ²(√(1 + (r/δ)²) - 1)`, and its slope: about `r` where `r` is
    /// small, and where it is large a cost in proportion to it.
    fn robust(&self, residual: f64) -> (f64, f64) {
        let share = residual / self.width;
        let root = share.hypot(1.0);
        // √(1 + s²) - 1, without the digits that it would lose where s is small.
        let scaled = (2.0 * share * share / (root + 1.0)).sqrt();
        let slope = if scaled > 0.0 { share.abs() / (root * scaled) } else { 1.0 };
        (self.width * scaled.copysign(residual), slope)
    }
}

impl LeastSquaresProblem<f64, Dyn, U7> for Problem {
    type ParameterStorage = Owned<f64, U7>;
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, U7>;

    fn set_params(&mut self, x: &Vector<f64, U7, Self::ParameterStorage>) {
        self.go(*x);
    }

    fn params(&self) -> Vector<f64, U7, Self::ParameterStorage> {
        self.at
    }

    fn residuals(&self) -> Option<Vector<f64, Dyn, Self::ResidualStorage>> {
        let robust = self.misses().map(|miss| self.robust(miss).0);
        let residuals = OVector::<f64, Dyn>::from_iterator(self.losses.len(), robust);
        residuals.iter().all(|it| it.is_finite()).then_some(residuals)
    }

    fn jacobian(&self) -> Option<Matrix<f64, Dyn, U7, Self::JacobianStorage>> {
        let slopes: [f64; NUMBERS] = std::array::from_fn(|at| self.bounds[at].slope(self.at[at]));
        let mut jacobian = OMatrix::<f64, Dyn, U7>::zeros(self.losses.len());
        for (at, (miss, (_, gradient))) in self.misses().zip(&self.known).enumerate() {
            let (_, weight) = self.robust(miss);
            for (number, (by, slope)) in gradient.iter().zip(slopes).enumerate() {
                jacobian[(at, number)] = weight * by * slope;
            }
        }
        jacobian.iter().all(|it| it.is_finite()).then_some(jacobian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law = Law { l0: 1.9, a: 0.9, alpha: 0.5, b: 2.0, c: 40.0, beta: 0.6, gamma: 0.4 };

    fn run(name: &str, noise: f64, rate: impl Fn(u64) -> f64) -> Measured {
        let course = Course::new(2000, rate);
        let updates: Vec<u64> = (1..=40).map(|at| at * 50).collect();
        let losses = LAW.losses(&course, &updates);
        // Seeds on both sides of the truth.
        let seed = |sign: f64| {
            losses.iter().zip(0..).map(|(loss, at)| loss + sign * noise * f64::from(at % 3 - 1)).collect()
        };
        Measured { name: name.into(), course, updates, seeds: vec![seed(1.0), seed(-1.0)] }
    }

    fn three(noise: f64) -> [Measured; 3] {
        [
            run("constant", noise, |_| 0.1),
            run("cosine", noise, |at| 0.05 * (1.0 + (std::f64::consts::PI * at as f64 / 2000.0).cos())),
            run("step", noise, |at| if at < 1200 { 0.1 } else { 0.01 }),
        ]
    }

    #[test]
    fn runs_that_follow_a_law_give_it_back() {
        let fit = fit(&three(0.0)).unwrap();
        // The law's exponents weigh against each other: several laws say nearly the same of three runs.
        assert!(fit.error < 1e-2, "{fit:?}");
        let unseen = run("linear", 0.0, |at| 0.1 * (1.0 - at as f64 / 2000.0));
        let miss = unseen.miss(|updates| fit.law.losses(&unseen.course, updates)).unwrap();
        assert!(miss.mean < 2e-2 && miss.end.abs() < 3.5e-2, "{miss:?}");
    }

    #[test]
    fn a_fit_is_the_same_each_time_and_has_a_law_of_each_seed() {
        let runs = three(0.01);
        let first = fit(&runs).unwrap();
        assert_eq!(first, fit(&runs).unwrap());
        assert!(first.others.len() >= 2);
        assert!(first.seeds.is_some());
    }

    #[test]
    fn a_robust_residual_has_the_slope_it_says_and_is_plain_where_it_is_small() {
        let runs = three(0.0);
        let losses: Vec<Vec<f64>> = runs.iter().map(Measured::mean).collect();
        let problem = Problem::new(&runs, &losses);
        for by in [-5.0, -0.3, -1e-3, 1e-3, 0.3, 5.0] {
            let residual = by * problem.width;
            let step = 1e-5 * residual.abs();
            let slope =
                (problem.robust(residual + step).0 - problem.robust(residual - step).0) / (2.0 * step);
            assert!((slope - problem.robust(residual).1).abs() < 1e-6, "{by}");
        }
        let small = 1e-4 * problem.width;
        assert!((problem.robust(small).0 / small - 1.0).abs() < 1e-6);
        let far = problem.robust(100.0 * problem.width).0;
        assert!((far * far / (2.0 * problem.width * 99.0 * problem.width) - 1.0).abs() < 0.01);
        assert_eq!(problem.robust(0.0), (0.0, 1.0));
    }

    #[test]
    fn what_says_too_little_is_refused() {
        let runs = three(0.0);
        assert_eq!(fit(&runs[..2]).unwrap_err(), FitError::Runs(2));
        let mut broken = runs.clone();
        broken[1].seeds[0].fill(f64::NAN);
        assert_eq!(fit(&broken).unwrap_err(), FitError::Diverged("cosine".into()));
        let flat: Vec<Measured> = (0..3).map(|_| runs[0].clone()).collect();
        assert_eq!(fit(&flat).unwrap_err(), FitError::NoFall);
    }
}
