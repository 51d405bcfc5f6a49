//! A plane in parameter space, given by a row of weights and two directions.

use rand_chacha::rand_core::RngCore;
use thiserror::Error;

use super::spread;
use crate::model::Parameter;
use crate::random;
use crate::vector::wide_dot;

/// The rows `origin + x · axes[0] + y · axes[1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    origin: Vec<f32>,
    axes: [Vec<f32>; 2],
    /// The products of the axes with each other: xx, xy, yy.
    products: [f64; 3],
}

/// Where a row of weights lies as seen from a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The nearest point of the plane.
    pub x: f64,
    pub y: f64,
    /// How far from it the row is, in the Euclidean norm of the weights.
    pub distance: f64,
}

/// Why rows do not make a plane.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlaneError {
    #[error(
        "a row of {found} weights does not fit a plane of rows of {expected}: choose snapshots of one model"
    )]
    Width { found: usize, expected: usize },
    #[error("weights that are not finite lie in no plane: choose snapshots from before the run diverged")]
    NotFinite,
    #[error(
        "all the rows lie on one line, which many planes contain: choose other snapshots, or a random plane"
    )]
    Line,
    #[error("a plane of a trajectory takes at least 3 rows and there are {found}: choose more snapshots")]
    TooFew { found: usize },
}

/// The least sine of the angle between two axes.
const LEAST_SINE: f64 = 1e-4;

impl Plane {
    /// The plane through `origin` along two axes, which need not be of one length nor at right angles.
    ///
    /// # Errors
    /// When the rows differ in length, hold a number that is not finite, or the axes are parallel.
    pub fn new(origin: Vec<f32>, axes: [Vec<f32>; 2]) -> Result<Self, PlaneError> {
        check(&[&origin, &axes[0], &axes[1]])?;
        let [x, y] = &axes;
        let products = [wide_dot(x, x), wide_dot(x, y), wide_dot(y, y)];
        let [xx, _, yy] = products;
        // The relative size of the determinant is the squared sine of the angle between the axes.
        if determinant(products) > LEAST_SINE * LEAST_SINE * xx * yy {
            Ok(Self { origin, axes, products })
        } else {
            Err(PlaneError::Line)
        }
    }

    /// The plane around a row along two random directions, filter-normalised (Li, Xu, Taylor, Studer
    /// and Goldstein 2018, arXiv 1712.09913): see [`random_direction`].
    ///
    /// # Errors
    /// When the row is of another length than the parameters, is not finite, or its matrices are all 0.
    pub fn random(row: &[f32], parameters: &[Parameter], rng: &mut impl RngCore) -> Result<Self, PlaneError> {
        fits(row, parameters)?;
        let axes = [random_direction(row, parameters, rng), random_direction(row, parameters, rng)];
        Self::new(row.to_vec(), axes)
    }

    /// The plane through two rows and a random filter-normalised direction from the first, made orthogonal
    /// to the line between them and as long. The rows are at (0, 0) and (1, 0).
    ///
    /// # Errors
    /// As [`Plane::random`]; and when the rows are the same.
    pub fn through_two(
        from: &[f32],
        to: &[f32],
        parameters: &[Parameter],
        rng: &mut impl RngCore,
    ) -> Result<Self, PlaneError> {
        fits(from, parameters)?;
        let direction = random_direction(from, parameters, rng);
        let third: Vec<f32> = from.iter().zip(&direction).map(|(row, step)| row + step).collect();
        Self::through_three(from, to, &third)
    }

    /// The plane through three rows: at (0, 0), at (1, 0), and somewhere off the line between these. The
    /// axes are orthogonal and of one length (Garipov and others 2018, arXiv 1802.10026).
    ///
    /// # Errors
    /// When the rows differ in length, are not finite, or lie on one line.
    pub fn through_three(first: &[f32], second: &[f32], third: &[f32]) -> Result<Self, PlaneError> {
        check(&[first, second, third])?;
        let (x, slanted) = (difference(second, first), difference(third, first));
        let length = wide_dot(&x, &x);
        let share = wide_dot(&slanted, &x) / length;
        let mut y: Vec<f32> =
            slanted.iter().zip(&x).map(|(y, x)| (f64::from(*y) - share * f64::from(*x)) as f32).collect();
        let (rest, slant) = (wide_dot(&y, &y), wide_dot(&slanted, &slanted));
        if length.is_nan() || length <= 0.0 || rest.is_nan() || rest <= LEAST_SINE * LEAST_SINE * slant {
            return Err(PlaneError::Line);
        }
        let stretch = (length / rest).sqrt();
        for y in &mut y {
            *y = (f64::from(*y) * stretch) as f32;
        }
        Self::new(first.to_vec(), [x, y])
    }

    /// The plane through the last row of a trajectory along its two principal components, of length 1,
    /// and what share of the trajectory's variance each explains (Lorch 2016; Li and others 2018).
    ///
    /// # Errors
    /// When there are fewer than 3 rows, they differ in length, are not finite, or lie on one line.
    pub fn of_trajectory(rows: &[&[f32]]) -> Result<(Self, [f64; 2]), PlaneError> {
        let [_, _, .., last] = rows else { return Err(PlaneError::TooFew { found: rows.len() }) };
        check(rows)?;
        let components = spread::principal(rows).ok_or(PlaneError::Line)?;
        let shares = [components[0].share, components[1].share];
        let axes = components.map(|component| component.direction);
        Ok((Self::new(last.to_vec(), axes)?, shares))
    }

    /// How many weights a row has.
    pub fn width(&self) -> usize {
        self.origin.len()
    }

    /// Writes the row of a point.
    pub fn row(&self, x: f64, y: f64, row: &mut [f32]) {
        let (x, y) = (x as f32, y as f32);
        let steps = self.axes[0].iter().zip(&self.axes[1]);
        for ((out, origin), (along, across)) in row.iter_mut().zip(&self.origin).zip(steps) {
            *out = origin + x * along + y * across;
        }
    }

    /// The point of the plane nearest to a row.
    ///
    /// # Errors
    /// When the row is of another length or not finite.
    pub fn place(&self, row: &[f32]) -> Result<Place, PlaneError> {
        check(&[&self.origin, row])?;
        let step = difference(row, &self.origin);
        let [along, across] = [wide_dot(&step, &self.axes[0]), wide_dot(&step, &self.axes[1])];
        let ([xx, xy, yy], determinant) = (self.products, determinant(self.products));
        let (x, y) = ((along * yy - across * xy) / determinant, (across * xx - along * xy) / determinant);
        let axes = self.axes[0].iter().zip(&self.axes[1]);
        let off = step.iter().zip(axes).map(|(step, (along, across))| {
            let off = f64::from(*step) - x * f64::from(*along) - y * f64::from(*across);
            off * off
        });
        Ok(Place { x, y, distance: off.sum::<f64>().sqrt() })
    }
}

/// A normal draw for every weight, each filter of it scaled to the norm of the same filter of `row`, so
/// that a step of 1 changes every filter by as much as it weighs. A filter is what leads to one output: a
/// column of a matrix. Vectors (biases, gains) stay as they are, as in the authors' program.
pub fn random_direction(row: &[f32], parameters: &[Parameter], rng: &mut impl RngCore) -> Vec<f32> {
    let mut direction = vec![0.0; row.len()];
    random::fill_normal(rng, 1.0, &mut direction);
    for parameter in parameters {
        let (Some(weights), Some(steps)) = (row.get(parameter.range()), direction.get_mut(parameter.range()))
        else {
            continue;
        };
        let columns = match *parameter.shape.as_slice() {
            [.., inputs, outputs] if inputs > 0 && outputs > 0 => outputs,
            _ => {
                steps.fill(0.0);
                continue;
            }
        };
        for column in 0..columns {
            let norm = |values: &[f32]| {
                let squares = values.iter().skip(column).step_by(columns).map(|v| f64::from(*v).powi(2));
                squares.sum::<f64>().sqrt()
            };
            let (weight, step) = (norm(weights), norm(steps));
            let scale = if step > 0.0 { weight / step } else { 0.0 };
            for value in steps.iter_mut().skip(column).step_by(columns) {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
    }
    direction
}

/// Whether all rows have one length and are finite.
fn check(rows: &[&[f32]]) -> Result<(), PlaneError> {
    let expected = rows.first().map_or(0, |row| row.len());
    if let Some(row) = rows.iter().find(|row| row.len() != expected) {
        return Err(PlaneError::Width { found: row.len(), expected });
    }
    if rows.iter().all(|row| row.iter().all(|weight| weight.is_finite())) {
        Ok(())
    } else {
        Err(PlaneError::NotFinite)
    }
}

fn fits(row: &[f32], parameters: &[Parameter]) -> Result<(), PlaneError> {
    let expected = parameters.last().map_or(0, |last| last.range().end);
    if row.len() == expected { Ok(()) } else { Err(PlaneError::Width { found: row.len(), expected }) }
}

fn determinant([xx, xy, yy]: [f64; 3]) -> f64 {
    xx * yy - xy * xy
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
