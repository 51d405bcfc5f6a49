//! Sharpness: the largest eigenvalue of the training loss's Hessian, against the rate it allows.
//!
//! Gradient descent on a quadratic is stable while the sharpness is below `2/rate`, with heavy-ball
//! momentum `m` below `2(1+m)/rate`. Full-batch training drives the sharpness up to that limit and
//! hovers there, the edge of stability (Cohen et al. 2021, arXiv 2103.00065).
//!
//! A Hessian-vector product is a central difference of two of the model's fused gradients,
//! `(∇L(w + εv) - ∇L(w - εv)) / 2ε` with a unit vector `v`. The distance `ε` is a thousandth of the
//! weights' norm: rounding in f32 then costs about 1e-4 of the product and curvature that changes
//! along the way about as much.

use crate::model::kernel::scratch::Scratch;
use crate::model::{Batch, Score};
use crate::random::{Stream, fill_normal, rng};
use crate::train::task::Task;
use crate::vector::{dot, norm, scale};

/// Samples of one call of the model.
const CHUNK: usize = 128;
/// The distance of a Hessian-vector product's two points from the weights, as a share of their norm.
const DISTANCE: f64 = 1e-3;
/// The same for weights that are all zero.
const LEAST_DISTANCE: f64 = 1e-4;

/// The sharpness at which gradient descent with this rate and momentum stops being stable: `2(1+m)/rate`.
/// With Nesterov momentum the limit is another. A rate of zero is never unstable: infinity.
pub fn limit(rate: f64, momentum: f64) -> f64 {
    2.0 * (1.0 + momentum) / rate
}

/// The loss over chosen training samples, as a function of a row of parameters.
pub struct Objective<'a> {
    task: &'a Task,
    rows: Vec<u32>,
    scratch: Scratch,
    part: Vec<f32>,
}

impl<'a> Objective<'a> {
    /// The first `samples` training samples, or all of them.
    pub fn new(task: &'a Task, samples: Option<usize>) -> Self {
        let count = samples.unwrap_or(task.samples).clamp(1, task.samples.max(1));
        Self {
            task,
            rows: (0..count as u32).collect(),
            scratch: task.model.scratch(CHUNK),
            part: vec![0.0; task.model.width()],
        }
    }

    /// These training samples from now on.
    pub fn choose(&mut self, rows: &[u32]) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
    }

    /// Numbers in a row of parameters.
    pub fn width(&self) -> usize {
        self.part.len()
    }

    /// The mean loss; `gradient` is overwritten with its gradient.
    pub fn gradient(&mut self, parameters: &[f32], gradient: &mut [f32]) -> f64 {
        let Self { task, rows, scratch, part } = self;
        gradient.fill(0.0);
        let mut loss = 0.0;
        for chunk in rows.chunks(CHUNK) {
            let share = chunk.len() as f64 / rows.len() as f64;
            loss += share * f64::from(task.model.gradient(parameters, task.training(chunk), part, scratch));
            for (sum, part) in gradient.iter_mut().zip(part.iter()) {
                *sum += share as f32 * part;
            }
        }
        loss
    }

    /// The mean loss alone, which costs a third of the gradient.
    pub fn loss(&mut self, parameters: &[f32]) -> f64 {
        let Self { task, rows, scratch, .. } = self;
        let score = |chunk: &[u32]| -> Score {
            let batch: Batch<'_> = task.training(chunk);
            task.model.score(parameters, batch, scratch)
        };
        rows.chunks(CHUNK).map(score).fold(Score::default(), Score::plus).mean_loss()
    }
}

/// Power iteration for the largest Hessian eigenvalue, which remembers its vector: along a training the
/// next look needs only an iteration or two.
#[derive(Clone, Debug)]
pub struct Sharpness {
    vector: Vec<f32>,
    product: Vec<f32>,
    point: Vec<f32>,
    other: Vec<f32>,
    /// Added to every eigenvalue so that the most negative one is not the largest in magnitude.
    shift: f64,
}

/// What a look at the curvature found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The largest eigenvalue; not finite when the loss is not.
    pub sharpness: f64,
    /// Hessian-vector products made, two gradients each.
    pub products: usize,
    /// The last relative change of the estimate.
    pub change: f64,
}

impl Sharpness {
    /// For rows of `width` parameters, from a random direction drawn from the seed.
    pub fn new(width: usize, seed: u64) -> Self {
        let mut vector = vec![0.0; width];
        fill_normal(&mut rng(seed, Stream::Noise { update: u64::MAX }), 1.0, &mut vector);
        Self {
            vector,
            product: vec![0.0; width],
            point: vec![0.0; width],
            other: vec![0.0; width],
            shift: 0.0,
        }
    }

    /// Iterates until the estimate changes by less than `tolerance` of itself, at most `most` times.
    pub fn estimate(
        &mut self,
        objective: &mut Objective<'_>,
        parameters: &[f32],
        tolerance: f64,
        most: usize,
    ) -> Estimate {
        let mut found = Estimate { sharpness: f64::NAN, products: 0, change: f64::INFINITY };
        for _ in 0..most {
            let sharpness = self.step(objective, parameters);
            found.products += 1;
            found.change = ((sharpness - found.sharpness) / sharpness).abs();
            found.sharpness = sharpness;
            if !sharpness.is_finite() {
                break;
            }
            if sharpness < 0.0 {
                // The most negative curvature won: lift all of it above zero, and go on.
                self.shift = self.shift.max(-1.5 * sharpness);
            } else if found.change < tolerance {
                break;
            }
        }
        found
    }

    /// One power iteration: the curvature along the present direction, which then turns towards the
    /// largest. Costs two gradients.
    pub fn step(&mut self, objective: &mut Objective<'_>, parameters: &[f32]) -> f64 {
        let Self { vector, product, point, other, shift } = self;
        let length = norm(vector);
        if length > 0.0 && length.is_finite() {
            scale(vector, 1.0 / length);
        } else {
            let even = (1.0 / vector.len().max(1) as f64).sqrt() as f32;
            vector.fill(even);
        }
        let distance = (DISTANCE * norm(parameters)).max(LEAST_DISTANCE) as f32;
        shifted(parameters, vector, distance, point);
        objective.gradient(point, product);
        shifted(parameters, vector, -distance, point);
        objective.gradient(point, other);
        let half = 0.5 / distance;
        for (ahead, behind) in product.iter_mut().zip(other.iter()) {
            *ahead = (*ahead - behind) * half;
        }
        let curvature = dot(product, vector);
        if curvature.is_finite() {
            for (next, old) in product.iter_mut().zip(vector.iter()) {
                *next += *shift as f32 * old;
            }
            std::mem::swap(vector, product);
        }
        curvature
    }
}

/// Critical sharpness, `2/η` of the smallest step `η` along an update's direction that raises the loss
/// (arXiv 2601.16979): about as telling as the sharpness, for a few forward passes.
///
/// `direction` is what a rate of one would subtract: the gradient for gradient descent, Adam's scaled
/// average for Adam. `guess` is where the last look ended, or the present rate. Returns `None` when the loss
/// rises along the direction from the very start (as it may along an average of gradients), does not rise
/// within a million times the guess, or is no number.
pub fn critical_sharpness(
    objective: &mut Objective<'_>,
    parameters: &[f32],
    direction: &[f32],
    guess: f64,
) -> Option<f64> {
    /// How finely the step is found: to a factor of 2^(1/8).
    const HALVINGS: usize = 3;
    const DOUBLINGS: usize = 20;
    /// What rises still after so many halvings rises from the start: there is no step that is too long.
    const SHORTER: usize = 12;
    let mut point = vec![0.0; parameters.len()];
    let start = objective.loss(parameters);
    if !start.is_finite()
        || !norm(direction).is_finite()
        || norm(direction) == 0.0
        || guess.is_nan()
        || guess <= 0.0
    {
        return None;
    }
    let mut raises = |step: f64| {
        shifted(parameters, direction, -step as f32, &mut point);
        let loss = objective.loss(&point);
        loss.is_nan() || loss > start
    };
    let mut step = guess;
    let raised = raises(step);
    let mut bracket = None;
    for _ in 0..if raised { SHORTER } else { DOUBLINGS } {
        let next = if raised { step / 2.0 } else { step * 2.0 };
        if raises(next) != raised {
            bracket = Some(if raised { (next, step) } else { (step, next) });
            break;
        }
        step = next;
    }
    let (mut low, mut high) = bracket?;
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        if raises(middle) { high = middle } else { low = middle }
    }
    Some(2.0 / (low * high).sqrt())
}

/// `out = row + by * direction`.
fn shifted(row: &[f32], direction: &[f32], by: f32, out: &mut [f32]) {
    for ((out, x), d) in out.iter_mut().zip(row).zip(direction) {
        *out = x + by * d;
    }
}
