//! What predictions are worth: loss, accuracy, calibration, and how far two sets of them are apart.

use serde::Serialize;

use super::Disputed;
use crate::model::{Batch, Inputs, Score, Targets};
use crate::train::task::Task;

/// Bins of the calibration error.
const BINS: usize = 15;
/// The least probability whose logarithm is taken: where single precision underflows.
const LEAST: f64 = f32::MIN_POSITIVE as f64;

/// What a set of predictions is worth on the held-out samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// What training minimises. Of an ensemble trained on squared errors of classes it is their NLL,
    /// since probabilities are what is averaged.
    pub loss: f64,
    /// The share answered right, where right and wrong exist.
    pub accuracy: Option<f64>,
    /// The mean negative logarithm of the probability given to the right answer, in nats.
    pub nll: Option<f64>,
    /// The expected calibration error over 15 equal bins of confidence (Guo et al. 2017, arXiv 1706.04599).
    pub ece: Option<f64>,
}

impl Measures {
    /// The accuracy, or the negative loss where there is none: the larger, the better.
    pub fn goodness(&self) -> f64 {
        let goodness = self.accuracy.unwrap_or(-self.loss);
        if goodness.is_nan() { f64::NEG_INFINITY } else { goodness }
    }
}

/// Predictions for every held-out sample, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    width: usize,
    values: Vec<f32>,
}

impl Outputs {
    fn row(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.width..(sample + 1) * self.width]
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }
}

/// What the held-out samples are to become.
pub enum Truth {
    Classes { labels: Vec<u32> },
    Values { values: Vec<f32>, width: usize },
}

impl Truth {
    /// Nothing when nothing is held out.
    pub fn of(task: &Task) -> Option<Self> {
        let (mut labels, mut all, mut width) = (Vec::new(), Vec::new(), 0);
        for batch in task.validation() {
            match (batch.targets, batch.inputs) {
                (Targets::Classes(classes), _) => {
                    labels.extend(batch.rows.iter().map(|&row| classes[row as usize]));
                }
                (Targets::Values { values, width: numbers }, _) => {
                    width = numbers;
                    for &row in batch.rows {
                        all.extend_from_slice(&values[row as usize * numbers..(row as usize + 1) * numbers]);
                    }
                }
                (Targets::NextCharacter, Inputs::Characters { tokens }) => {
                    let Answers { skipped, each } = answers(task)?;
                    for &row in batch.rows {
                        let next = row as usize + 1 + skipped;
                        labels.extend(tokens[next..next + each].iter().map(|&token| u32::from(token)));
                    }
                }
                (Targets::NextCharacter, Inputs::Dense { .. }) => return None,
            }
        }
        if !labels.is_empty() {
            return Some(Self::Classes { labels });
        }
        (!all.is_empty()).then_some(Self::Values { values: all, width })
    }

    /// Samples (of a text: characters).
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels } => labels.len(),
            Self::Values { values, width } => values.len() / width,
        }
    }

    /// Predicts with the weights and judges what comes out. The loss is the one training validates with.
    pub fn measure(&self, task: &Task, weights: &[f32]) -> (Measures, Outputs) {
        let width = task.model.outputs();
        let mut values = vec![0.0; self.len() * width];
        let mut scratch = task.model.scratch(task.scratch_samples());
        let (mut score, mut start) = (Score::default(), 0);
        for batch in task.validation() {
            let scored = task.model.score(weights, batch, &mut scratch);
            let end = start + scored.count as usize * width;
            task.model.predict(weights, batch, &mut values[start..end], &mut scratch);
            score = score.plus(scored);
            start = end;
        }
        let outputs = Outputs { width, values };
        (Measures { loss: score.mean_loss(), ..self.judge(&outputs) }, outputs)
    }

    /// What predictions are worth.
    pub fn judge(&self, outputs: &Outputs) -> Measures {
        match self {
            Self::Classes { labels } => {
                let count = labels.len() as f64;
                let nll = labels
                    .iter()
                    .zip(outputs.rows())
                    .map(|(&label, row)| -log(row[label as usize]))
                    .sum::<f64>();
                let right =
                    labels.iter().zip(outputs.rows()).filter(|(label, row)| answer(row) == **label).count();
                let ece = calibration(labels, outputs);
                let nll = nll / count;
                Measures { loss: nll, accuracy: Some(right as f64 / count), nll: Some(nll), ece: Some(ece) }
            }
            Self::Values { values, .. } => {
                let squares = values.iter().zip(&outputs.values).map(|(y, x)| f64::from(x - y).powi(2));
                let loss = 0.5 * squares.sum::<f64>() / self.len() as f64;
                Measures { loss, accuracy: None, nll: None, ece: None }
            }
        }
    }

    /// Samples that only the first gets right, and only the second.
    pub fn only_one_right(&self, a: &Outputs, b: &Outputs) -> (u64, u64) {
        let Self::Classes { labels } = self else { return (0, 0) };
        labels.iter().zip(a.rows().zip(b.rows())).fold((0, 0), |(first, second), (label, (a, b))| {
            match (answer(a) == *label, answer(b) == *label) {
                (true, false) => (first + 1, second),
                (false, true) => (first, second + 1),
                _ => (first, second),
            }
        })
    }

    /// How differently two sets of predictions answer.
    pub fn disagreement(&self, a: &Outputs, b: &Outputs) -> f64 {
        let count = self.len() as f64;
        match self {
            Self::Classes { .. } => {
                a.rows().zip(b.rows()).filter(|(a, b)| answer(a) != answer(b)).count() as f64 / count
            }
            Self::Values { .. } => {
                let squares = a.values.iter().zip(&b.values).map(|(a, b)| f64::from(a - b).powi(2));
                (squares.sum::<f64>() / a.values.len() as f64).sqrt()
            }
        }
    }

    /// What members say of one sample.
    pub fn dispute(&self, sample: usize, members: &[&Outputs], together: &Outputs) -> Disputed {
        let rows = members.iter().map(|outputs| outputs.row(sample));
        let mean = together.row(sample);
        let count = members.len() as f64;
        match self {
            Self::Classes { labels } => Disputed {
                sample,
                disagreement: entropy(mean) - rows.clone().map(entropy).sum::<f64>() / count,
                answers: rows.map(answer).collect(),
                together: Some(answer(mean)),
                truth: labels.get(sample).copied(),
            },
            Self::Values { .. } => {
                let apart = |row: &[f32]| -> f64 {
                    row.iter().zip(mean).map(|(x, mean)| f64::from(x - mean).powi(2)).sum()
                };
                let disagreement = rows.map(apart).sum::<f64>() / count;
                Disputed { sample, disagreement, answers: Vec::new(), together: None, truth: None }
            }
        }
    }
}

/// The mean of predictions, at least one set of them.
pub fn mean<'a>(members: impl ExactSizeIterator<Item = &'a Outputs>) -> Outputs {
    let count = members.len() as f64;
    let mut sums: Vec<f64> = Vec::new();
    let mut width = 1;
    for outputs in members {
        width = outputs.width;
        sums.resize(outputs.values.len(), 0.0);
        for (sum, value) in sums.iter_mut().zip(&outputs.values) {
            *sum += f64::from(*value);
        }
    }
    Outputs { width, values: sums.iter().map(|sum| (sum / count) as f32).collect() }
}

/// Pearson's correlation of two sets of predictions.
pub fn correlation(a: &Outputs, b: &Outputs) -> f64 {
    let mean = |outputs: &Outputs| {
        outputs.values.iter().map(|x| f64::from(*x)).sum::<f64>() / outputs.values.len() as f64
    };
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.values.iter().zip(&b.values) {
        let (x, y) = (f64::from(*x) - mean_a, f64::from(*y) - mean_b);
        both += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    both / (square_a * square_b).sqrt()
}

/// Which characters of a text a window's predictions are compared with.
struct Answers {
    /// Characters after the window's first that are not predicted.
    skipped: usize,
    /// Characters that are.
    each: usize,
}

fn answers(task: &Task) -> Option<Answers> {
    let batch = task.validation().next()?;
    let one = Batch { rows: batch.rows.get(..1)?, ..batch };
    let weights = vec![0.0; task.model.width()];
    let mut scratch = task.model.scratch(task.scratch_samples());
    let each = task.model.score(&weights, one, &mut scratch).count as usize;
    // Predictions end with the character after the window.
    Some(Answers { skipped: task.context?.saturating_sub(each), each })
}

/// The most probable class, the first where several are.
fn answer(row: &[f32]) -> u32 {
    let better = |best: (u32, f32), other: (u32, f32)| if other.1 > best.1 { other } else { best };
    (0..).zip(row.iter().copied()).reduce(better).map_or(0, |(class, _)| class)
}

/// The mean over samples of how far confidence and accuracy are apart in the sample's bin. Bin `b` of 15
/// holds the confidences above `b/15`, up to and with `(b+1)/15`.
fn calibration(labels: &[u32], outputs: &Outputs) -> f64 {
    let mut gaps = [0.0; BINS];
    for (&label, row) in labels.iter().zip(outputs.rows()) {
        let class = answer(row);
        let confidence = f64::from(row[class as usize]);
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        gaps[bin] += confidence - f64::from(u8::from(class == label));
    }
    gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / labels.len() as f64
}

fn entropy(row: &[f32]) -> f64 {
    row.iter().map(|&p| -f64::from(p) * log(p)).sum()
}

fn log(probability: f32) -> f64 {
    let probability = f64::from(probability);
    if probability < LEAST { LEAST.ln() } else { probability.ln() }
}
