//! From published numbers to model inputs and back.

use super::{Samples, Targets};

/// A straight line between a published number and what a model sees of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The published number that becomes 0.
    pub offset: f64,
    /// How much of the published number makes 1; never 0.
    pub scale: f64,
}

/// The lines fitted to a training part, one a feature and one a target value.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    pub features: Vec<Affine>,
    /// None for classes.
    pub values: Vec<Affine>,
}

/// How a kind of data is usually scaled. All statistics are the training part's, deviations are
/// population ones (divided by n), and what does not vary is only centred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standard {
    /// As published.
    AsIs,
    /// Divided by a constant, each feature centred by its mean.
    Centred { divisor: f64 },
    /// All features by one mean and deviation, as images are.
    Global,
    /// Each feature by its own mean and deviation, and regression targets alike.
    Columns,
}

impl Affine {
    pub const IDENTITY: Self = Self { offset: 0.0, scale: 1.0 };

    /// The model's number for a published one.
    pub fn to_model(self, published: f64) -> f64 {
        (published - self.offset) / self.scale
    }

    /// The published number for a model's one.
    pub fn to_published(self, model: f64) -> f64 {
        model * self.scale + self.offset
    }

    fn standardising(moments: Moments) -> Self {
        // Rounding alone gives equal numbers a deviation of about 1e-16 of their size.
        let varies = moments.deviation > 1e-12 * moments.mean.abs();
        Self { offset: moments.mean, scale: if varies { moments.deviation } else { 1.0 } }
    }
}

impl Standard {
    /// The lines for this training part.
    pub(super) fn fit(self, train: &Samples) -> Scaling {
        let width = train.shape.features();
        let features = match self {
            Self::AsIs => vec![Affine::IDENTITY; width],
            Self::Centred { divisor } => columns(&train.features, width)
                .into_iter()
                .map(|moments| Affine { offset: moments.mean, scale: divisor })
                .collect(),
            Self::Global => columns(&train.features, 1)
                .into_iter()
                .flat_map(|moments| vec![Affine::standardising(moments); width])
                .collect(),
            Self::Columns => columns(&train.features, width).into_iter().map(Affine::standardising).collect(),
        };
        let values = match (&train.targets, self) {
            (Targets::Classes { .. }, _) => Vec::new(),
            (Targets::Values { values, width }, Self::Columns) => {
                columns(values, *width).into_iter().map(Affine::standardising).collect()
            }
            (Targets::Values { width, .. }, _) => vec![Affine::IDENTITY; *width],
        };
        Scaling { features, values }
    }
}

impl Scaling {
    /// Replaces published numbers by the model's.
    pub(super) fn apply(&self, samples: &mut Samples) {
        scale(&mut samples.features, &self.features);
        if let Targets::Values { values, .. } = &mut samples.targets {
            scale(values, &self.values);
        }
    }
}

fn scale(values: &mut [f32], lines: &[Affine]) {
    // Of no lines there is nothing to scale, but a chunk must have a width.
    for row in values.chunks_mut(lines.len().max(1)) {
        for (value, line) in row.iter_mut().zip(lines) {
            *value = line.to_model(f64::from(*value)) as f32;
        }
    }
}

#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    deviation: f64,
}

/// Each column's mean and deviation; of no rows, 0.
fn columns(values: &[f32], width: usize) -> Vec<Moments> {
    let width = width.max(1);
    let rows = (values.len() / width).max(1) as f64;
    let mut means = vec![0.0; width];
    for row in values.chunks_exact(width) {
        for (mean, &value) in means.iter_mut().zip(row) {
            *mean += f64::from(value);
        }
    }
    for mean in &mut means {
        *mean /= rows;
    }
    let mut squares = vec![0.0; width];
    for row in values.chunks_exact(width) {
        for ((square, mean), &value) in squares.iter_mut().zip(&means).zip(row) {
            *square += (f64::from(value) - mean).powi(2);
        }
    }
    let moments = |(mean, square): (f64, f64)| Moments { mean, deviation: (square / rows).sqrt() };
    means.into_iter().zip(squares).map(moments).collect()
}
