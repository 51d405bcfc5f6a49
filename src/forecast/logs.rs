//! Trainings that other programs wrote down, as a fit takes them.

use crate::recording::Recording;
use crate::telemetry::{Column, Series};

use super::course::Course;
use super::measured::Measured;

/// Means of a training loss that is measured on one batch at a time.
const BINS: usize = 64;

/// Why a recording is no use to a forecast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    #[error("it logs no learning rate: a forecast follows from the rates")]
    NoRate,
    #[error("it logs no loss")]
    NoLoss,
}

/// What a recording measured: its validation losses where there are enough, or else means of its training loss. Its
/// rates are those logged, with straight lines between them.
///
/// # Errors
/// When it has no rate, or no loss.
pub fn measured(name: &str, recording: &Recording) -> Result<Measured, LogError> {
    let points = |series: &Series| -> Vec<(u64, f64)> {
        series
            .finest()
            .filter(|bucket| bucket.mean.is_finite())
            .map(|bucket| (bucket.last_update, bucket.mean))
            .collect()
    };
    let column = |column| recording.column(column).map(|named| points(&named.points));
    let rates: Vec<(u64, f64)> =
        column(Column::Lr).unwrap_or_default().into_iter().filter(|(_, rate)| *rate >= 0.0).collect();
    if rates.is_empty() {
        return Err(LogError::NoRate);
    }
    let validations = column(Column::ValLoss).unwrap_or_default();
    let train = column(Column::TrainLoss).unwrap_or_default();
    let losses = if validations.len() >= BINS / 4 || train.is_empty() { validations } else { binned(&train) };
    if losses.is_empty() {
        return Err(LogError::NoLoss);
    }
    let length = recording.length();
    let course = Course::new(length, |update| between(&rates, update));
    let updates = losses.iter().map(|(update, _)| (update + 1).min(length)).collect();
    let seeds = vec![losses.into_iter().map(|(_, loss)| loss).collect()];
    Ok(Measured { name: name.to_owned(), course, updates, seeds })
}

/// The rate of an update, on a straight line between the two that were logged around it.
fn between(rates: &[(u64, f64)], update: u64) -> f64 {
    let after = rates.partition_point(|(at, _)| *at <= update);
    match (after.checked_sub(1).map(|before| rates[before]), rates.get(after)) {
        (Some((from, low)), Some(&(to, high))) => {
            low + (high - low) * (update - from) as f64 / (to - from).max(1) as f64
        }
        (Some((_, rate)), None) => rate,
        (None, rate) => rate.map_or(0.0, |(_, rate)| *rate),
    }
}

/// Means over equal numbers of losses, each at its middle; of the last at its end. Losses that are no numbers make
/// their mean none.
pub(super) fn binned(losses: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let size = losses.len().div_ceil(BINS).max(1);
    let bins = losses.chunks(size);
    let mean = |bin: &[(u64, f64)]| {
        let sum: f64 = bin.iter().map(|(_, loss)| loss).sum();
        (bin[bin.len() / 2].0, sum / bin.len() as f64)
    };
    bins.map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_between_those_that_were_logged_lie_on_a_line() {
        let rates = [(10, 1.0), (20, 0.5), (40, 0.5)];
        let found: Vec<f64> = [0, 10, 15, 20, 30, 100].map(|at| between(&rates, at)).to_vec();
        assert_eq!(found, [1.0, 1.0, 0.75, 0.5, 0.5, 0.5]);
    }

    #[test]
    fn a_noisy_loss_is_taken_in_means() {
        let losses: Vec<(u64, f64)> =
            (0..6400).map(|at| (at, 2.0 + if at % 2 == 0 { 0.5 } else { -0.5 })).collect();
        let bins = binned(&losses);
        assert_eq!(bins.len(), BINS);
        assert!(bins.iter().all(|(_, loss)| (loss - 2.0).abs() < 1e-12));
        assert_eq!(bins[0].0, 50);
        assert!(binned(&[(3, f64::NAN)])[0].1.is_nan());
    }
}
