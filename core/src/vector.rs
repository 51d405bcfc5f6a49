//! Sums over rows of weights, in double precision and in a fixed order.

/// The dot product, summed from the first number to the last. Of rows of two lengths the shorter counts.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The dot product as eight sums side by side, which a processor makes at once: quicker than [`dot`] for long rows,
/// and different from it in the last bits.
#[must_use]
pub fn wide_dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    sums.iter().sum()
}

/// The Euclidean norm.
#[must_use]
pub fn norm(row: &[f32]) -> f64 {
    dot(row, row).sqrt()
}

/// Multiplies every number of a row by another, rounding once.
pub fn scale(row: &mut [f32], by: f64) {
    for x in row {
        *x = (f64::from(*x) * by) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dot_products_are_the_sum_of_products() {
        let (a, b): (Vec<f32>, Vec<f32>) = (0..19).map(|at| (at as f32, 2.0 - at as f32 * 0.25)).unzip();
        let sum: f64 = (0..19).map(|at| f64::from(at) * (2.0 - f64::from(at) * 0.25)).sum();
        assert_eq!(dot(&a, &b), sum);
        assert_eq!(wide_dot(&a, &b), sum);
        assert_eq!(wide_dot(&a, &b[..10]), dot(&a, &b[..10]), "the shorter row counts");
    }

    #[test]
    fn a_scaled_row_has_a_scaled_norm() {
        let mut row = [3.0, -4.0];
        assert_eq!(norm(&row), 5.0);
        scale(&mut row, 0.5);
        assert_eq!((row, norm(&row)), ([1.5, -2.0], 2.5));
    }
}
