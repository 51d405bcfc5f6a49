//! What is done with a model's outputs: predictions, a score, or the gradient of the loss.

use pulp::Simd;

use super::kernel::padded;
use super::kernel::softmax::{cross_entropy, softmax_row};
use super::{Score, Targets};
use crate::experiment::Loss;

/// What a fused call is for.
pub enum Job<'a> {
    /// The gradient of the mean loss is written here.
    Gradient(&'a mut [f32]),
    Score,
    /// The outputs are written here, as probabilities where they are scores of classes. The samples may
    /// have no answers.
    Predict {
        outputs: &'a mut [f32],
        classes: bool,
    },
}

/// What one row of outputs is to become.
#[derive(Clone, Copy)]
pub enum Answer<'a> {
    Class(usize),
    Values(&'a [f32]),
}

impl<'a> Answer<'a> {
    /// What a sample is to become. A character's answer is not the sample's alone: for text there is none.
    #[inline(always)]
    pub fn of(targets: Targets<'a>, sample: u32) -> Self {
        let at = sample as usize;
        match targets {
            Targets::Classes(labels) => Self::Class(labels[at] as usize),
            Targets::Values { values, width } => Self::Values(&values[at * width..(at + 1) * width]),
            Targets::NextCharacter => Self::Values(&[]),
        }
    }
}

/// Scores rows of `width` outputs, padded. A gradient replaces them, that of `scale` times the summed
/// loss; what they predict is written to the job's memory.
/// `room` is for [`super::kernel::softmax::room_len`] numbers.
#[inline(always)]
pub fn read_out<'a, S: Simd>(
    simd: S,
    outputs: &mut [f32],
    width: usize,
    answer: impl Fn(usize) -> Answer<'a>,
    (loss, scale): (Loss, f32),
    job: &mut Job<'_>,
    room: &mut [f32],
) -> Score {
    let stride = padded(width);
    let rows = outputs.len() / stride;
    let mut score = Score { loss: 0.0, correct: 0, count: rows as u64 };
    if let Job::Predict { outputs: predictions, classes } = job {
        for (outputs, prediction) in outputs.chunks_exact_mut(stride).zip(predictions.chunks_exact_mut(width))
        {
            if *classes {
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
        cross_entropy(simd, width, outputs, class, scale, room)
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
                Answer::Values(values) => values.get(column).copied().unwrap_or(0.0),
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
