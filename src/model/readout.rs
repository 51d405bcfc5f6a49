//! What is done with a model's outputs: predictions, a score, or the gradient of the loss.

use pulp::Simd;

use super::Score;
use super::kernel::padded;
use super::kernel::softmax::{cross_entropy, softmax_row};
use crate::experiment::Loss;

/// What a fused call is for.
pub enum Job<'a> {
    /// The gradient of the mean loss is written here.
    Gradient(&'a mut [f32]),
    Score,
    /// The outputs are written here.
    Predict(&'a mut [f32]),
}

/// What one row of outputs is to become.
#[derive(Clone, Copy)]
pub enum Answer<'a> {
    Class(usize),
    Values(&'a [f32]),
}

/// Scores rows of `width` outputs, padded. A gradient replaces them, that of `scale` times the summed
/// loss; what they predict is written to the job's memory, as probabilities where answers are classes.
/// `sums` is room for [`super::kernel::softmax::sums_len`] numbers.
#[inline(always)]
pub fn read_out<'a, S: Simd>(
    simd: S,
    outputs: &mut [f32],
    width: usize,
    answer: impl Fn(usize) -> Answer<'a>,
    (loss, scale): (Loss, f32),
    job: &mut Job<'_>,
    sums: &mut [f32],
) -> Score {
    let stride = padded(width);
    let rows = outputs.len() / stride;
    let mut score = Score { loss: 0.0, correct: 0, count: rows as u64 };
    if let Job::Predict(predictions) = job {
        let pairs = outputs.chunks_exact_mut(stride).zip(predictions.chunks_exact_mut(width));
        for (at, (outputs, prediction)) in pairs.enumerate() {
            if matches!(answer(at), Answer::Class(_)) {
                softmax_row(simd, width, outputs);
            }
            prediction.copy_from_slice(&outputs[..width]);
        }
        return score;
    }
    if matches!(job, Job::Score) {
        for (at, outputs) in outputs.chunks_exact(stride).enumerate() {
            let right = matches!(answer(at), Answer::Class(class) if largest(&outputs[..width]) == class);
            score.correct += u64::from(right);
        }
    }
    score.loss = if loss == Loss::CrossEntropy {
        let class = |at| if let Answer::Class(class) = answer(at) { class } else { 0 };
        cross_entropy(simd, width, outputs, class, scale, sums)
    } else {
        half_squared_error(outputs, width, answer, scale)
    };
    score
}

/// Turns outputs into the gradient of the scaled half squared error; returns the sum, not scaled.
#[inline(always)]
fn half_squared_error<'a>(
    outputs: &mut [f32],
    width: usize,
    answer: impl Fn(usize) -> Answer<'a>,
    scale: f32,
) -> f64 {
    let mut total = 0.0;
    for (at, row) in outputs.chunks_exact_mut(padded(width)).enumerate() {
        let answer = answer(at);
        for (column, y) in row[..width].iter_mut().enumerate() {
            let target = match answer {
                Answer::Class(class) => f32::from(u8::from(class == column)),
                Answer::Values(values) => values[column],
            };
            let error = *y - target;
            total += 0.5 * f64::from(error * error);
            *y = error * scale;
        }
        row[width..].fill(0.0);
    }
    total
}

/// The index of the largest number, the first one where several are.
fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = at;
        }
    }
    best
}
