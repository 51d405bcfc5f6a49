//! What is done with a model's outputs: predictions, a score, or the gradient of the loss.

use pulp::Simd;

use super::Targets;
use super::kernel::padded;
use super::kernel::softmax::{cross_entropy, softmax_row};
use crate::experiment::Loss;

/// What a fused call is for.
pub enum Job<'a> {
    /// The gradient of the mean loss is written here; whether what is predicted right is counted, too.
    Gradient {
        into: &'a mut [f32],
        counts: bool,
    },
    Score,
    /// The outputs are written here, as probabilities where they are scores of classes. The samples may
    /// have no answers.
    Predict {
        outputs: &'a mut [f32],
        classes: bool,
    },
}

impl<'a> Job<'a> {
    /// Where the gradient is to be written, if it is wanted; the job remembers only that it is.
    pub fn take_gradient(&mut self) -> Option<&'a mut [f32]> {
        if let Self::Gradient { into, .. } = self { Some(std::mem::take(into)) } else { None }
    }

    /// The same for the first so many numbers of outputs, and for the others. The gradient is neither's.
    pub fn split(self, at: usize) -> (Self, Self) {
        match self {
            Self::Gradient { counts, .. } => {
                (Self::Gradient { into: &mut [], counts }, Self::Gradient { into: &mut [], counts })
            }
            Self::Score => (Self::Score, Self::Score),
            Self::Predict { outputs, classes } => {
                let (outputs, others) = outputs.split_at_mut(at);
                (Self::Predict { outputs, classes }, Self::Predict { outputs: others, classes })
            }
        }
    }
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
/// loss; what they predict is written to the job's memory, and each one's loss to `losses` if it is not asked
/// what they predict. Returns how many were right, where that is asked.
/// `room` is for [`super::kernel::softmax::room_len`] numbers.
#[inline(always)]
pub fn read_out<'a, S: Simd>(
    simd: S,
    outputs: &mut [f32],
    width: usize,
    answer: impl Fn(usize) -> Answer<'a>,
    (loss, scale): (Loss, f32),
    job: &mut Job<'_>,
    losses: &mut [f32],
    room: &mut [f32],
) -> u64 {
    let stride = padded(width);
    if let Job::Predict { outputs: predictions, classes } = job {
        for (outputs, prediction) in outputs.chunks_exact_mut(stride).zip(predictions.chunks_exact_mut(width))
        {
            if *classes {
                softmax_row(simd, width, outputs);
            }
            prediction.copy_from_slice(&outputs[..width]);
        }
        return 0;
    }
    let mut correct = 0;
    if matches!(job, Job::Score | Job::Gradient { counts: true, .. }) {
        for (at, outputs) in outputs.chunks_exact(stride).enumerate() {
            let right = matches!(answer(at), Answer::Class(class) if largest(&outputs[..width]) == class);
            correct += u64::from(right);
        }
    }
    if loss == Loss::CrossEntropy {
        let class = |at| if let Answer::Class(class) = answer(at) { class } else { 0 };
        cross_entropy(simd, width, outputs, class, scale, losses, room);
    } else {
        half_squared_error(outputs, width, answer, scale, losses);
    }
    correct
}

/// Turns outputs into the gradient of the scaled half squared error, which is left in `losses`, not scaled.
#[inline(always)]
fn half_squared_error<'a>(
    outputs: &mut [f32],
    width: usize,
    answer: impl Fn(usize) -> Answer<'a>,
    scale: f32,
    losses: &mut [f32],
) {
    for (at, (row, loss)) in outputs.chunks_exact_mut(padded(width)).zip(losses).enumerate() {
        let (answer, mut sum) = (answer(at), 0.0);
        for (column, y) in row[..width].iter_mut().enumerate() {
            let target = match answer {
                Answer::Class(class) => f32::from(u8::from(class == column)),
                Answer::Values(values) => values.get(column).copied().unwrap_or(0.0),
            };
            let error = *y - target;
            sum += error * error;
            *y = error * scale;
        }
        row[width..].fill(0.0);
        *loss = 0.5 * sum;
    }
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
