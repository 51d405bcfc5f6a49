//! Dealing a data set into a part to train on and a part to validate on.

use std::sync::Arc;

use rand_chacha::rand_core::RngCore;

use super::{
    Altered, Content, DataError, Dataset, Problem, Samples, Scaling, Shape, TableReport, Targets, Text,
};
use crate::random::{self, Stream};

/// How a data set is dealt out. Everything random about it follows from `seed`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    pub seed: u64,
    /// The share of all samples held out for validation, at least 0 and below 1; the count is rounded
    /// to the nearest.
    pub validation: f64,
    /// The share of training samples, 0 to 1, whose label is replaced. The new label is any class alike,
    /// so it may be the right one by chance (Zhang et al. 2017, arXiv 1611.03530); a regression's is the
    /// value of some training sample. Validation stays clean.
    pub label_noise: f64,
    /// Only the first so many of the shuffled training samples, or of a text's characters.
    pub limit: Option<usize>,
}

/// Data as models see it.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a training has one of it")]
pub enum Prepared {
    /// Samples, scaled by what the training part looks like.
    Samples {
        train: Samples,
        validation: Samples,
        scaling: Scaling,
        /// The training samples whose label noise made another one of, in order.
        mislabelled: Arc<[u32]>,
        /// What training sees of the samples in each phase of a run, where it has phases.
        phases: Arc<Vec<Altered>>,
        /// What became of the table that the samples were read from, where they were.
        table: Option<Arc<TableReport>>,
    },
    /// A text and the part that follows it.
    Text { train: Text, validation: Text },
}

impl Dataset {
    /// Deals the samples out and scales them.
    ///
    /// All samples are shuffled together, also where a set was published in two parts. The last ones
    /// validate, so that the first ones to train on are the same for any validation share. The scaling
    /// is fitted to the training part after `limit`, before its labels become noisy.
    ///
    /// A text is not shuffled: its end validates. Windows overlap, so with windows of both parts mixed
    /// nearly every character to predict would also have been seen in training.
    ///
    /// # Errors
    /// When a share is out of its range, nothing is left to train on, or labels of a text should be noisy.
    pub fn prepare(&self, split: &Split) -> Result<Prepared, DataError> {
        let prepared = match &self.content {
            Content::Samples { samples, standard } => {
                split.samples(samples).map(|(mut train, mut validation)| {
                    let scaling = standard.fit(&train);
                    scaling.apply(&mut train);
                    scaling.apply(&mut validation);
                    let mislabelled = split.add_label_noise(&mut train.targets).into();
                    let (table, phases) = (self.table.clone(), Arc::default());
                    Prepared::Samples { train, validation, scaling, mislabelled, phases, table }
                })
            }
            Content::Text(text) => {
                split.text(text).map(|(train, validation)| Prepared::Text { train, validation })
            }
        };
        prepared.map_err(|problem| problem.of(&self.name))
    }
}

impl Prepared {
    /// Whether the answers are numbers rather than classes.
    pub fn is_regression(&self) -> bool {
        matches!(self, Self::Samples { train, .. } if matches!(train.targets, Targets::Values { .. }))
    }

    /// The same data, of which runs see these phases.
    #[must_use]
    pub fn with_phases(mut self, altered: Vec<Altered>) -> Self {
        if let Self::Samples { phases, .. } = &mut self {
            *phases = Arc::new(altered);
        }
        self
    }

    /// What became of the table that the samples were read from, where they were.
    pub fn table(&self) -> Option<&TableReport> {
        match self {
            Self::Samples { table, .. } => table.as_deref(),
            Self::Text { .. } => None,
        }
    }

    /// What one input looks like.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Samples { train, .. } => train.shape,
            Self::Text { .. } => Shape::Sequence,
        }
    }

    /// Samples, or characters of a text, kept for validation.
    pub fn held_out(&self) -> usize {
        match self {
            Self::Samples { validation, .. } => validation.len(),
            Self::Text { validation, .. } => validation.tokens.len(),
        }
    }

    /// What a model has to give for one input: a score a class or character, or the values.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Samples { train, .. } => train.targets.outputs(),
            Self::Text { train, .. } => train.vocabulary.len(),
        }
    }
}

impl Split {
    pub(super) fn samples(&self, all: &Samples) -> Result<(Samples, Samples), Problem> {
        let (train, held_out) = self.sizes(all.len(), "samples")?;
        let mut order: Vec<u32> = (0..u32::try_from(all.len()).unwrap_or(u32::MAX)).collect();
        random::shuffle(&mut random::rng(self.seed, Stream::Split), &mut order);
        let validation = all.select(&order[order.len() - held_out..]);
        order.truncate(train);
        Ok((all.select(&order), validation))
    }

    fn text(&self, all: &Text) -> Result<(Text, Text), Problem> {
        if self.label_noise != 0.0 {
            return Err(Problem::NoLabels);
        }
        let (train, held_out) = self.sizes(all.tokens.len(), "characters")?;
        let part = |tokens: &[u8]| Text { tokens: tokens.to_vec(), vocabulary: all.vocabulary.clone() };
        Ok((part(&all.tokens[..train]), part(&all.tokens[all.tokens.len() - held_out..])))
    }

    /// # Errors
    /// When a number is out of its range.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let &Self { validation, label_noise, limit, .. } = self;
        if !(0.0..1.0).contains(&validation) {
            return Err(Problem::Validation { found: validation });
        }
        if !(0.0..=1.0).contains(&label_noise) {
            return Err(Problem::LabelNoise { found: label_noise });
        }
        if limit == Some(0) {
            return Err(Problem::Limit);
        }
        Ok(())
    }

    /// How many train and how many validate; together at most `total`.
    fn sizes(&self, total: usize, unit: &'static str) -> Result<(usize, usize), Problem> {
        self.check()?;
        let &Self { validation, limit, .. } = self;
        let held_out = (validation * total as f64).round() as usize;
        match total.saturating_sub(held_out) {
            0 => Err(Problem::NothingToTrainOn { validation, total, unit }),
            train => Ok((limit.map_or(train, |limit| train.min(limit)), held_out)),
        }
    }

    /// The samples whose labels are replaced.
    fn noisy(&self, count: usize, rng: &mut impl RngCore) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        random::shuffle(rng, &mut order);
        order.truncate((self.label_noise * count as f64).round() as usize);
        order
    }

    /// Replaces the labels of the first samples of a random order, so that more noise keeps the labels
    /// that less noise replaced. Returns which classes are another now, in order; of values, none.
    pub(super) fn add_label_noise(&self, targets: &mut Targets) -> Vec<u32> {
        let mut rng = random::rng(self.seed, Stream::LabelNoise);
        let mut other = Vec::new();
        match targets {
            Targets::Classes { labels, names } => {
                for index in self.noisy(labels.len(), &mut rng) {
                    let before =
                        std::mem::replace(&mut labels[index], random::below(&mut rng, names.len()) as u32);
                    if labels[index] != before {
                        other.push(index as u32);
                    }
                }
                other.sort_unstable();
            }
            Targets::Values { values, width } => {
                let clean = values.clone();
                let count = clean.len() / (*width).max(1);
                for index in self.noisy(count, &mut rng) {
                    let other = random::below(&mut rng, count);
                    values[index * *width..][..*width].copy_from_slice(&clean[other * *width..][..*width]);
                }
            }
        }
        other
    }
}
