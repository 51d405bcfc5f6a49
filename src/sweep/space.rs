//! The space of a sweep as a unit cube: every search chooses coordinates from 0 to 1, which become values.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;
use toml::Value;

use super::shape::{Shape, choice};
use crate::experiment::sweep::{Axis, Values};
use crate::experiment::vary::{Base, VaryError, has_field, is_kind};
use crate::experiment::{Experiment, Sweep};
use crate::random::{Stream, below, rng, shuffle};

/// Draws in a row that find no new point of a grid before those found are all.
const PATIENCE: usize = 10_000;

/// The axes of a sweep and the run they vary.
#[derive(Clone, Debug)]
pub struct Space {
    axes: Vec<Axis>,
    base: Base,
}

/// One trial's values by their paths, in the order of the axes; what its kinds do not have is left out.
pub type Chosen = Vec<(String, Value)>;

impl Space {
    pub fn new(axes: Vec<Axis>, base: Base) -> Self {
        Self { axes, base }
    }

    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The shapes of the coordinates, an axis each.
    pub fn shapes(&self) -> Vec<Shape> {
        let shape = |axis: &Axis| match &axis.values {
            Values::Range(_) => Shape::Line,
            Values::Choices(choices) => Shape::Choices(choices.len()),
        };
        self.axes.iter().map(shape).collect()
    }

    /// The values at a point.
    pub fn values(&self, point: &[f64]) -> Chosen {
        let value = |(axis, &share): (&Axis, &f64)| match &axis.values {
            Values::Range(range) => range.value(range.number(share)),
            Values::Choices(choices) => choices[choice(share, choices.len())].clone(),
        };
        let values = self.axes.iter().zip(point).map(|pair| (pair.0.path.clone(), value(pair)));
        self.had(values.collect())
    }

    /// The experiment of these values.
    ///
    /// # Errors
    /// When they cannot be together.
    pub fn experiment(&self, values: &[(String, Value)]) -> Result<Experiment, VaryError> {
        let values: Vec<(&str, &Value)> = values.iter().map(|(path, value)| (path.as_str(), value)).collect();
        self.base.with(&values)
    }

    /// The experiment of one value alone, under the first kind that has its path.
    pub fn alone(&self, path: &str, value: &Value) -> Option<Experiment> {
        let kinds = self.axes.iter().filter(|axis| is_kind(&axis.path));
        let choices = kinds.filter_map(|axis| match &axis.values {
            Values::Choices(choices) => Some(choices.iter().map(|kind| (axis.path.as_str(), kind))),
            Values::Range(_) => None,
        });
        let own = self.base.with(&[(path, value)]);
        own.ok().or_else(|| choices.flatten().find_map(|kind| self.base.with(&[kind, (path, value)]).ok()))
    }

    /// Without the values that belong to other kinds than the chosen ones.
    fn had(&self, values: Chosen) -> Chosen {
        let kinds: Vec<(&str, &Value)> = values
            .iter()
            .filter(|(path, _)| is_kind(path))
            .map(|(path, value)| (path.as_str(), value))
            .collect();
        if kinds.is_empty() {
            return values;
        }
        match self.base.with(&kinds) {
            Ok(variant) => values.into_iter().filter(|(path, _)| has_field(&variant, path)).collect(),
            Err(_) => values,
        }
    }

    /// The points of the grid: all combinations, the last axis fastest. With fewer `trials` than combinations a
    /// seeded choice of them. Combinations that differ only in what their kinds do not have are one.
    pub fn grid(&self, trials: Option<usize>, seed: u64) -> Vec<Vec<f64>> {
        let axes: Vec<Vec<f64>> = self.axes.iter().map(coordinates).collect();
        let cells = self.cells();
        let mut rng = rng(seed, Stream::Search { trial: 0 });
        if cells > Sweep::MAX_TRIALS {
            return self.drawn(&axes, trials.unwrap_or(Sweep::MAX_TRIALS), &mut rng);
        }
        let mut order: Vec<usize> = (0..cells).collect();
        if trials.is_some_and(|trials| trials < order.len()) {
            shuffle(&mut rng, &mut order);
        }
        let point = |mut cell: usize| {
            let mut point: Vec<f64> = axes.iter().map(|_| 0.0).collect();
            for (coordinate, along) in point.iter_mut().zip(&axes).rev() {
                *coordinate = along[cell % along.len()];
                cell /= along.len();
            }
            point
        };
        let depends = self.depends();
        let mut seen = HashSet::new();
        let points = order
            .into_iter()
            .map(point)
            .filter(|point| !depends || seen.insert(format!("{:?}", self.values(point))));
        points.take(trials.unwrap_or(usize::MAX)).collect()
    }

    /// Different points of a grid that is too large to be listed, every cell as likely as any other. The last ones are
    /// left out where cells differ so seldom that they are not come upon.
    fn drawn(&self, axes: &[Vec<f64>], trials: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let depends = self.depends();
        let (mut cells, mut seen) = (HashSet::new(), HashSet::new());
        let (mut points, mut in_vain) = (Vec::new(), 0);
        while points.len() < trials && in_vain < PATIENCE {
            let cell: Vec<u16> = axes.iter().map(|along| below(rng, along.len()) as u16).collect();
            let point: Vec<f64> = cell.iter().zip(axes).map(|(&at, along)| along[usize::from(at)]).collect();
            let is_new =
                cells.insert(cell) && (!depends || seen.insert(format!("{:?}", self.values(&point))));
            in_vain = if is_new { 0 } else { in_vain + 1 };
            if is_new {
                points.push(point);
            }
        }
        points
    }

    /// Whether some values decide which others there are.
    fn depends(&self) -> bool {
        self.axes.iter().any(|axis| is_kind(&axis.path))
    }

    /// How many different trials the grid has.
    pub fn cells(&self) -> usize {
        self.axes.iter().map(|axis| coordinates(axis).len()).fold(1, usize::saturating_mul)
    }
}

/// The coordinates that a grid has of an axis.
fn coordinates(axis: &Axis) -> Vec<f64> {
    match &axis.values {
        Values::Range(range) => range.shares(range.points.unwrap_or(2)),
        Values::Choices(choices) => {
            (0..choices.len()).map(|at| (at as f64 + 0.5) / choices.len() as f64).collect()
        }
    }
}
