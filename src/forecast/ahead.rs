//! What a fit says of a schedule that was not trained, and how sure it is.

use super::course::Course;
use super::fit::Fit;

/// Deviations on each side of a forecast.
const DEVIATIONS: f64 = 2.0;

/// The losses of a run that was not made.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Updates made before each loss.
    pub updates: Vec<u64>,
    pub losses: Vec<f64>,
    /// Half the band's height at each: two deviations of what starts and seeds, the fit's own error and the seeds'
    /// differences leave open.
    pub bands: Vec<f64>,
}

impl Forecast {
    /// The loss at the end, and half its band.
    pub fn end(&self) -> Option<(f64, f64)> {
        Some((*self.losses.last()?, *self.bands.last()?))
    }
}

impl Fit {
    /// The losses of a course after so many updates each.
    pub fn forecast(&self, course: &Course, updates: Vec<u64>) -> Forecast {
        let losses = self.law.losses(course, &updates);
        let others: Vec<Vec<f64>> = self.others.iter().map(|law| law.losses(course, &updates)).collect();
        let noise = self.error.powi(2) + self.seeds.unwrap_or(0.0).powi(2);
        let band = |at: usize| {
            let squares: f64 = others.iter().map(|other| (other[at] - losses[at]).powi(2)).sum();
            DEVIATIONS * (squares / others.len().max(1) as f64 + noise).sqrt()
        };
        let bands = (0..updates.len()).map(band).collect();
        Forecast { updates, losses, bands }
    }

    /// The loss at the end of a course, and half its band.
    pub fn end(&self, course: &Course) -> (f64, f64) {
        self.forecast(course, vec![course.updates()]).end().unwrap_or((f64::NAN, f64::NAN))
    }
}

/// Places of forecast ends, 1 for the best. Ends that lie within each other's bands of the place's first share it:
/// what the forecast cannot tell apart it does not rank.
pub fn rank(ends: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].0.total_cmp(&ends[b].0));
    let mut places = vec![0; ends.len()];
    let mut first: Option<(usize, f64, f64)> = None;
    for (position, &at) in order.iter().enumerate() {
        let (loss, band) = ends[at];
        match first {
            Some((place, best, its)) if loss - best <= band.max(its) => places[at] = place,
            _ => {
                places[at] = position + 1;
                first = Some((position + 1, loss, band));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_within_a_band_shares_a_place() {
        assert_eq!(rank(&[(2.1, 0.01), (2.0, 0.01), (2.005, 0.01), (2.2, 0.01)]), [3, 1, 1, 4]);
        assert_eq!(rank(&[(2.1, 0.5), (2.0, 0.01)]), [1, 1], "the wider band decides");
        assert!(rank(&[]).is_empty());
    }
}
