//! The directions in which rows differ most, from the small matrix of their products with each other.

use crate::vector::wide_dot;

/// A principal component.
pub struct Component {
    /// Of length 1.
    pub direction: Vec<f32>,
    /// What share of the variance lies along it, 0 to 1.
    pub share: f64,
}

/// Stop when no entry of the directions moves more than this,
const SETTLED: f64 = 1e-10;
/// or after so many rounds: then two variances are nearly one, and any directions between serve alike.
const ROUNDS: usize = 1000;
/// What is less of the variance than this is rounding.
const LEAST_SHARE: f64 = 1e-10;

/// The first two principal components of rows around their mean; `None` where the rows lie on one line.
///
/// The components are combinations of the rows. Their coefficients are eigenvectors of the centred rows'
/// matrix of products, which is as small as there are rows, found by orthogonal iteration.
pub fn principal(rows: &[&[f32]]) -> Option<[Component; 2]> {
    let products = centred_products(rows);
    let count = rows.len();
    let total: f64 = (0..count).map(|at| products[at * count + at]).sum();
    // A trajectory's components look like waves over its rows, so these begin near them.
    let wave = |turns: f64| -> Vec<f64> {
        let angle = |at: usize| turns * std::f64::consts::PI * (at as f64 + 0.5) / count as f64;
        (0..count).map(|at| angle(at).cos()).collect()
    };
    let mut vectors = [wave(1.0), wave(2.0)];
    orthonormalise(&mut vectors);
    for _ in 0..ROUNDS {
        let before = vectors.clone();
        for vector in &mut vectors {
            *vector = products.chunks_exact(count).map(|row| inner(row, vector)).collect();
        }
        orthonormalise(&mut vectors);
        let moved = vectors.iter().flatten().zip(before.iter().flatten()).map(|(a, b)| (a - b).abs());
        if moved.fold(0.0, f64::max) < SETTLED {
            break;
        }
    }
    let [first, second] = vectors;
    let component = |vector: &[f64]| -> Option<Component> {
        let product: Vec<f64> = products.chunks_exact(count).map(|row| inner(row, vector)).collect();
        let variance = inner(&product, vector);
        if variance.is_nan() || variance <= LEAST_SHARE * total {
            return None;
        }
        Some(Component { direction: combine(rows, vector, variance.sqrt()), share: variance / total })
    };
    Some([component(&first)?, component(&second)?])
}

/// The products of the rows with each other after their mean is taken off.
fn centred_products(rows: &[&[f32]]) -> Vec<f64> {
    let count = rows.len();
    // Taking off one row first keeps the digits: rows of a trajectory differ by little of what they are.
    let Some((base, _)) = rows.split_first() else { return Vec::new() };
    let steps: Vec<Vec<f32>> =
        rows.iter().map(|row| row.iter().zip(*base).map(|(a, b)| a - b).collect()).collect();
    let mut products = vec![0.0; count * count];
    for (a, left) in steps.iter().enumerate() {
        for (b, right) in steps.iter().enumerate().take(a + 1) {
            let product = wide_dot(left, right);
            products[a * count + b] = product;
            products[b * count + a] = product;
        }
    }
    let means: Vec<f64> =
        products.chunks_exact(count).map(|row| row.iter().sum::<f64>() / count as f64).collect();
    let mean = means.iter().sum::<f64>() / count as f64;
    for (a, row) in products.chunks_exact_mut(count).enumerate() {
        for (b, product) in row.iter_mut().enumerate() {
            *product += mean - means[a] - means[b];
        }
    }
    products
}

/// The sum of the rows, each around their mean, times its coefficient, over `length`.
fn combine(rows: &[&[f32]], coefficients: &[f64], length: f64) -> Vec<f32> {
    // Coefficients of centred rows may themselves be centred: the mean row then drops out.
    let mean = coefficients.iter().sum::<f64>() / coefficients.len() as f64;
    let width = rows.first().map_or(0, |row| row.len());
    let mut sum = vec![0.0_f64; width];
    for (row, coefficient) in rows.iter().zip(coefficients) {
        let coefficient = (coefficient - mean) / length;
        for (sum, value) in sum.iter_mut().zip(*row) {
            *sum += coefficient * f64::from(*value);
        }
    }
    sum.into_iter().map(|value| value as f32).collect()
}

/// Makes the first of length 1, and the second orthogonal to it and of length 1.
fn orthonormalise([first, second]: &mut [Vec<f64>; 2]) {
    scale(first);
    // Twice, since one round leaves what cancellation lost.
    for _ in 0..2 {
        let share = inner(first, second);
        for (second, first) in second.iter_mut().zip(&*first) {
            *second -= share * first;
        }
        scale(second);
    }
}

fn scale(vector: &mut [f64]) {
    let length = inner(vector, vector).sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
