//! What a model reaches that ignores its inputs: the line a run that learns nothing stays at.

use super::{Prepared, Samples, Targets, Text};

/// The best scores of a model that gives the same answer whatever it sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// The loss such targets are usually trained with. Cross-entropy in nats for classes and
    /// characters: the entropy of their frequencies, `ln k` for k equally frequent classes. Half the
    /// squared error for regression: half the targets' variance.
    pub loss: f64,
    /// Half the squared error summed over the outputs; classes are one-hot targets.
    pub squared_error: f64,
    /// The share of the most frequent class or character; a regression has none.
    pub accuracy: Option<f64>,
}

impl Prepared {
    /// What the training part allows without looking at inputs.
    pub fn chance(&self) -> Chance {
        match self {
            Self::Samples { train, .. } => train.chance(),
            Self::Text { train, .. } => train.chance(),
        }
    }

    /// [`Chance::loss`] of the training part.
    pub fn chance_loss(&self) -> f64 {
        self.chance().loss
    }
}

impl Samples {
    /// What these targets allow without looking at inputs.
    pub fn chance(&self) -> Chance {
        match &self.targets {
            Targets::Classes { labels, names } => {
                chance_of(&counts(labels.iter().map(|&label| label as usize), names.len()))
            }
            Targets::Values { values, width } => {
                let variance: f64 =
                    (0..*width).map(|at| variance(values.iter().skip(at).step_by(*width))).sum();
                Chance { loss: variance / 2.0, squared_error: variance / 2.0, accuracy: None }
            }
        }
    }
}

impl Text {
    /// What the characters' frequencies allow without looking at the context (the unigram entropy).
    pub fn chance(&self) -> Chance {
        chance_of(&counts(self.tokens.iter().map(|&token| usize::from(token)), self.vocabulary.len()))
    }
}

fn counts(indices: impl Iterator<Item = usize>, kinds: usize) -> Vec<usize> {
    let mut counts = vec![0; kinds];
    for index in indices {
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
    }
    counts
}

fn chance_of(counts: &[usize]) -> Chance {
    let total = counts.iter().sum::<usize>().max(1) as f64;
    let shares = || counts.iter().filter(|&&count| count > 0).map(move |&count| count as f64 / total);
    Chance {
        loss: shares().map(|share| -share * share.ln()).sum(),
        squared_error: (1.0 - shares().map(|share| share * share).sum::<f64>()) / 2.0,
        accuracy: Some(shares().fold(0.0, f64::max)),
    }
}

fn variance<'a>(values: impl Iterator<Item = &'a f32> + Clone) -> f64 {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(|&value| f64::from(value)).sum::<f64>() / count;
    values.map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count
}
