//! Means, spreads and paired comparisons of a few numbers.

/// The arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample's standard deviation, with `n - 1` below; `None` of fewer than two.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// The middle value, or the mean of the two in the middle; `None` of nothing. NaN sorts last.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(sorted[middle - 1], upper)) }
}

/// The median of positive values on a logarithmic scale; `None` of nothing.
pub fn log_median(values: &[f64]) -> Option<f64> {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    median(&logs).map(f64::exp)
}

/// How many factors of ten lie between the least and the greatest of positive values; `None` of nothing.
pub fn decades(values: &[f64]) -> Option<f64> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((high / low).log10())
}

/// A two-sided paired t-test (Student 1908): is the mean of differences zero?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedTest {
    /// The mean difference.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom: one less than the pairs.
    pub freedom: usize,
    /// The chance of a mean at least so far from zero, were there no difference.
    pub p: f64,
    /// The 95 % confidence interval of the mean difference.
    pub interval: (f64, f64),
}

/// The paired t-test of differences; `None` of fewer than two, or when one is not finite.
pub fn paired_t(differences: &[f64]) -> Option<PairedTest> {
    let spread = deviation(differences).filter(|spread| spread.is_finite())?;
    let mean = mean(differences)?;
    let freedom = differences.len() - 1;
    let error = spread / (differences.len() as f64).sqrt();
    let p = match (error == 0.0, mean == 0.0) {
        (true, true) => 1.0,
        (true, false) => 0.0,
        _ => two_sided_p(mean / error, freedom),
    };
    let reach = critical_t(freedom) * error;
    Some(PairedTest { mean, error, freedom, p, interval: (mean - reach, mean + reach) })
}

/// The chance that |t| of Student's distribution is at least as large, in closed form for whole
/// degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
pub fn two_sided_p(t: f64, freedom: usize) -> f64 {
    let theta = (t.abs() / (freedom as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let within = if freedom % 2 == 1 {
        let mut term = cos;
        let mut sum = 0.0;
        for k in 1..=(freedom - 1) / 2 {
            sum += term;
            term *= cos * cos * (2 * k) as f64 / (2 * k + 1) as f64;
        }
        (theta + sin * sum) * std::f64::consts::FRAC_2_PI
    } else {
        let mut term = 1.0;
        let mut sum = 0.0;
        for k in 1..=freedom / 2 {
            sum += term;
            term *= cos * cos * (2 * k - 1) as f64 / (2 * k) as f64;
        }
        sin * sum
    };
    (1.0 - within).clamp(0.0, 1.0)
}

/// The t beyond which 5 % of Student's distribution lie, both tails together.
fn critical_t(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0_f64, 13.0_f64);
    while high - low > 1e-9 {
        let middle = f64::midpoint(low, high);
        if two_sided_p(middle, freedom) > 0.05 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may")]
mod tests {
    use super::*;

    #[test]
    fn t_tables() {
        // Fisher's table: the two-sided 5 % points.
        for (freedom, t) in [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042)] {
            assert!((critical_t(freedom) - t).abs() < 6e-4, "{freedom}: {}", critical_t(freedom));
        }
        assert_eq!(two_sided_p(0.0, 4), 1.0);
        assert!((two_sided_p(-4.604, 4) - 0.01).abs() < 1e-5);
    }

    #[test]
    fn paired_differences() {
        let test = paired_t(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((test.mean, test.freedom), (2.0, 2));
        assert!((test.error - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12);
        // t = 3.4641 with 2 degrees: p = 1 - t/sqrt(t^2 + 2) = 0.0742.
        assert!((test.p - 0.074_179).abs() < 1e-5, "{}", test.p);
        assert_eq!(paired_t(&[0.0, 0.0]).unwrap().p, 1.0);
        assert_eq!(paired_t(&[1.0, 1.0]).unwrap().p, 0.0);
        assert_eq!(paired_t(&[1.0]), None);
        assert_eq!(paired_t(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn middles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert!((log_median(&[0.01, 1.0]).unwrap() - 0.1).abs() < 1e-12);
        assert!((decades(&[0.01, 1.0, 0.1]).unwrap() - 2.0).abs() < 1e-12);
    }
}
