//! Two weights and an analytic loss: a schedule steers a point.

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::kernel::scratch::Scratch;
use super::readout::Job;
use super::resident::Resident;
use super::{Batch, Model, Parameter, Score, Targets, Wgsl};
use crate::experiment::SurfaceFunction;
use crate::random::{Stream, fill_normal, rng};

/// A loss of two weights `x` and `y` that needs no data: a batch's samples are all alike, and each
/// one's loss is the function's value.
///
/// | function | value | minima, where it is 0 |
/// |---|---|---|
/// | quadratic | `x²/2 + 25 y²/2` | (0, 0) |
/// | rosenbrock | `(1 - x)² + 100 (y - x²)²` | (1, 1) |
/// | beale | `(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²` | (3, 0.5) |
/// | himmelblau | `(x² + y - 11)² + (x + y² - 7)²` | (3, 2) and three more |
/// | saddle | `x²/2 + (y² - 1)²/4` | (0, 1) and (0, -1), the saddle between them at (0, 0) |
///
/// The quadratic's curvatures are 1 and 25: plain gradient descent is stable at rates below 2/25.
pub struct Surface {
    function: SurfaceFunction,
    start: [f32; 2],
    parameters: [Parameter; 1],
}

/// The functions in WGSL, which their constants below are put before.
const FUNCTIONS: &str = include_str!("../../shaders/train_surface.wgsl");
/// The quadratic's curvature along y.
const STEEP: f64 = 25.0;
/// Rosenbrock's weight of leaving the valley.
const WALL: f64 = 100.0;
/// Beale's three constants; the powers of y that go with them are 1, 2 and 3.
const BEALE: [f64; 3] = [1.5, 2.25, 2.625];
/// Himmelblau's two constants.
const HIMMELBLAU: [f64; 2] = [11.0, 7.0];

impl Surface {
    /// Every run starts at `start`.
    pub fn new(function: SurfaceFunction, start: [f64; 2]) -> Self {
        let parameters = [Parameter { name: "point".into(), shape: vec![2], offset: 0, layer: 0 }];
        Self { function, start: start.map(|number| number as f32), parameters }
    }

    /// The function's value at a point, and its slopes along x and y.
    pub fn at(&self, [x, y]: [f64; 2]) -> (f64, [f64; 2]) {
        match self.function {
            SurfaceFunction::Quadratic => (0.5 * (x * x + STEEP * y * y), [x, STEEP * y]),
            SurfaceFunction::Rosenbrock => {
                let (left, off) = (1.0 - x, y - x * x);
                (left * left + WALL * off * off, [-2.0 * left - 4.0 * WALL * x * off, 2.0 * WALL * off])
            }
            SurfaceFunction::Beale => {
                let (mut value, mut slopes) = (0.0, [0.0; 2]);
                let (mut power, mut below) = (y, 1.0);
                for (constant, order) in BEALE.into_iter().zip([1.0, 2.0, 3.0]) {
                    let off = constant - x + x * power;
                    value += off * off;
                    slopes[0] += 2.0 * off * (power - 1.0);
                    slopes[1] += 2.0 * off * x * order * below;
                    (power, below) = (power * y, power);
                }
                (value, slopes)
            }
            SurfaceFunction::Himmelblau => {
                let (first, second) = (x * x + y - HIMMELBLAU[0], x + y * y - HIMMELBLAU[1]);
                let slopes = [4.0 * x * first + 2.0 * second, 2.0 * first + 4.0 * y * second];
                (first * first + second * second, slopes)
            }
            SurfaceFunction::Saddle => {
                let off = y * y - 1.0;
                (0.5 * x * x + 0.25 * off * off, [x, y * off])
            }
        }
    }

    /// The part of the plane that shows what the function is like, its minima inside: x, then y, each from
    /// and to.
    pub fn extent(&self) -> [[f64; 2]; 2] {
        match self.function {
            SurfaceFunction::Quadratic => [[-3.0, 3.0], [-3.0, 3.0]],
            SurfaceFunction::Rosenbrock => [[-2.0, 2.0], [-1.0, 3.0]],
            SurfaceFunction::Beale => [[-4.5, 4.5], [-4.5, 4.5]],
            SurfaceFunction::Himmelblau => [[-5.0, 5.0], [-5.0, 5.0]],
            SurfaceFunction::Saddle => [[-2.0, 2.0], [-2.0, 2.0]],
        }
    }

    /// Where every run starts.
    pub fn start(&self) -> [f64; 2] {
        self.start.map(f64::from)
    }

    fn at_row(&self, row: &[f32]) -> (f64, [f64; 2]) {
        self.at(if let [x, y, ..] = *row { [x.into(), y.into()] } else { [f64::NAN; 2] })
    }
}

/// Adds to a surface's gradient what a mini-batch would: normal noise of mean 0 and this standard
/// deviation, drawn anew for every update of every seed.
pub fn add_noise(seed: u64, update: u64, deviation: f64, gradient: &mut [f32]) {
    let mut draws = [0.0; 2];
    fill_normal(&mut rng(seed, Stream::Noise { update }), deviation, &mut draws);
    for (slope, draw) in gradient.iter_mut().zip(draws) {
        *slope += draw;
    }
}

impl Model for Surface {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn outputs(&self) -> usize {
        1
    }

    /// Nothing is drawn.
    fn initialise(&self, _: &mut ChaCha8Rng, row: &mut [f32]) {
        for (weight, start) in row.iter_mut().zip(self.start) {
            *weight = start;
        }
    }

    fn scratch_numbers(&self, _: usize) -> (usize, usize) {
        (0, 0)
    }

    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, _: &mut Scratch) -> Score {
        let (value, slopes) = self.at_row(row);
        match job {
            Job::Gradient { into, .. } => {
                for (slot, slope) in into.iter_mut().zip(slopes) {
                    *slot = slope as f32;
                }
            }
            Job::Predict { outputs, .. } => outputs.fill(value as f32),
            Job::Score => {}
        }
        let count = batch.rows.len();
        Score { loss: value * count as f64, correct: 0, count: count as u64 }
    }

    fn loss_tensor(&self, rows: &Tensor, _: &Resident, _: &[Batch<'_>]) -> candle_core::Result<Tensor> {
        let (x, y) = (rows.narrow(1, 0, 1)?.squeeze(1)?, rows.narrow(1, 1, 1)?.squeeze(1)?);
        match self.function {
            SurfaceFunction::Quadratic => (x.sqr()? + (y.sqr()? * STEEP)?)? * 0.5,
            SurfaceFunction::Rosenbrock => {
                let off = (y - x.sqr()?)?;
                (x - 1.0)?.sqr()? + (off.sqr()? * WALL)?
            }
            SurfaceFunction::Beale => {
                let mut value = x.zeros_like()?;
                let mut power = y.clone();
                for constant in BEALE {
                    value = (value + (((&x * &power)? - &x)? + constant)?.sqr()?)?;
                    power = (power * &y)?;
                }
                Ok(value)
            }
            SurfaceFunction::Himmelblau => {
                let first = ((x.sqr()? + &y)? - HIMMELBLAU[0])?;
                let second = ((x + y.sqr()?)? - HIMMELBLAU[1])?;
                first.sqr()? + second.sqr()?
            }
            SurfaceFunction::Saddle => {
                let off = (y.sqr()? - 1.0)?;
                (x.sqr()? * 0.5)? + (off.sqr()? * 0.25)?
            }
        }
    }

    fn most_cores(&self, _: usize) -> usize {
        1
    }

    /// In `f32`, where [`Surface::at`] is in `f64`.
    fn wgsl(&self, _: usize, _: Targets<'_>) -> Option<Wgsl> {
        let function = match self.function {
            SurfaceFunction::Quadratic => 0,
            SurfaceFunction::Rosenbrock => 1,
            SurfaceFunction::Beale => 2,
            SurfaceFunction::Himmelblau => 3,
            SurfaceFunction::Saddle => 4,
        };
        let ([a, b, c], [d, e]) = (BEALE, HIMMELBLAU);
        let text = format!(
            "const FUNCTION = {function}u;\nconst STEEP = {STEEP:?};\nconst WALL = {WALL:?};\n\
             const BEALE = array<f32, 3>({a:?}, {b:?}, {c:?});\nconst HIMMELBLAU = array<f32, 2>({d:?}, {e:?});\n{FUNCTIONS}"
        );
        Some(Wgsl { text, scratch: 0 })
    }

    /// A few dozen, whatever the function.
    fn flops(&self, _: usize) -> f64 {
        32.0
    }
}
