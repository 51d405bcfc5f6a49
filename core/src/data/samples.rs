//! Labelled samples: inputs in a row each, and the answers to predict.

use std::sync::Arc;

/// The most numbers a data set may have (a quarter of a gibibyte as `f32`).
pub(super) const MAX_VALUES: usize = 1 << 26;

/// How the numbers of one sample are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many features in no particular arrangement, or a signal in time.
    Flat(usize),
    /// Pixels, row by row.
    Image { height: usize, width: usize },
    /// Characters; a window of them is cut to the model's context.
    Sequence,
}

/// Inputs with the answers to predict from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    pub shape: Shape,
    /// `shape.features()` numbers a sample, sample after sample.
    pub features: Vec<f32>,
    /// The features' names; none where they have none, as pixels do.
    pub feature_names: Arc<[String]>,
    pub targets: Targets,
}

/// The answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Each sample's class, an index into the classes' names.
    Classes { labels: Vec<u32>, names: Arc<[String]> },
    /// `width` numbers a sample, sample after sample.
    Values { values: Vec<f32>, width: usize },
}

impl Shape {
    /// Numbers in one sample; of a sequence, in one position.
    pub fn features(self) -> usize {
        match self {
            Self::Flat(features) => features,
            Self::Image { height, width } => height * width,
            Self::Sequence => 1,
        }
    }
}

impl Samples {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match &self.targets {
            Targets::Classes { labels, .. } => labels.len(),
            Targets::Values { values, width } => values.len() / (*width).max(1),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One sample's features, if there is such a sample.
    pub fn sample(&self, index: usize) -> Option<&[f32]> {
        nth(&self.features, self.shape.features(), index)
    }

    /// Adds the samples of a set with the same shape and kind of answers behind these.
    pub fn append(&mut self, more: &Self) {
        self.features.extend_from_slice(&more.features);
        match (&mut self.targets, &more.targets) {
            (Targets::Classes { labels, .. }, Targets::Classes { labels: more, .. }) => {
                labels.extend_from_slice(more);
            }
            (Targets::Values { values, .. }, Targets::Values { values: more, .. }) => {
                values.extend_from_slice(more);
            }
            (Targets::Classes { .. }, Targets::Values { .. })
            | (Targets::Values { .. }, Targets::Classes { .. }) => {}
        }
    }

    /// The samples of these indices, in their order; an index past the end gives none.
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        let targets = match &self.targets {
            Targets::Classes { labels, names } => {
                Targets::Classes { labels: select(labels, 1, indices), names: Arc::clone(names) }
            }
            Targets::Values { values, width } => {
                Targets::Values { values: select(values, *width, indices), width: *width }
            }
        };
        Self {
            shape: self.shape,
            features: select(&self.features, self.shape.features(), indices),
            feature_names: Arc::clone(&self.feature_names),
            targets,
        }
    }
}

impl Targets {
    /// What a model has to give for one sample: a score a class, or the values.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { names, .. } => names.len(),
            Self::Values { width, .. } => *width,
        }
    }
}

fn select<T: Copy>(values: &[T], width: usize, indices: &[u32]) -> Vec<T> {
    let mut selected = Vec::with_capacity(indices.len() * width);
    for &index in indices {
        selected.extend_from_slice(nth(values, width, index as usize).unwrap_or_default());
    }
    selected
}

/// The group of `width` values with this index.
fn nth<T>(values: &[T], width: usize, index: usize) -> Option<&[T]> {
    let start = index.checked_mul(width)?;
    values.get(start..start.checked_add(width)?)
}
