//! What controllers have in common: they watch a metric and multiply a schedule.

use super::greedy::Greedy;
use super::plateau::Plateau;

/// A rule that changes the rate on what a metric does.
pub trait Controller {
    /// Takes a metric, and the schedule's own rate of the last update.
    fn report(&mut self, metric: f64, base_rate: f64) -> Option<Change>;

    /// The rate used where the schedule alone would give `base_rate`.
    fn rate(&self, base_rate: f64) -> f64;
}

/// What a report did to the effective rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub from: f64,
    pub to: f64,
}

/// One report of a replayed controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replayed {
    pub metric: f64,
    /// The schedule's own rate at the report.
    pub base: f64,
    /// The effective rate after it.
    pub rate: f64,
    pub change: Option<Change>,
}

/// What a controller would have done on a logged metric, report by report. `base` gives the schedule's own
/// rate at the report of an index from 0, such as `|report| curve.at((report + 1) * updates_per_epoch - 1)`.
pub fn replay(mut controller: impl Controller, metrics: &[f64], base: impl Fn(u64) -> f64) -> Vec<Replayed> {
    (0..)
        .zip(metrics)
        .map(|(report, &metric)| {
            let base = base(report);
            let change = controller.report(metric, base);
            Replayed { metric, base, rate: controller.rate(base), change }
        })
        .collect()
}

/// The rate where the schedule gives `base_rate`, if a controller's last change made `rate` of `base`: the
/// ratio of the two multiplies the schedule, and a constant one has exactly the controller's rates.
pub(super) fn scaled(base_rate: f64, rate: f64, base: f64) -> f64 {
    if base_rate == base { rate } else { base_rate * (rate / base) }
}

impl Controller for Plateau {
    fn report(&mut self, metric: f64, base_rate: f64) -> Option<Change> {
        self.report(metric, base_rate).map(|cut| Change { from: cut.from, to: cut.to })
    }

    fn rate(&self, base_rate: f64) -> f64 {
        self.rate(base_rate)
    }
}

impl Controller for Greedy {
    fn report(&mut self, metric: f64, base_rate: f64) -> Option<Change> {
        self.report(metric, base_rate)
    }

    fn rate(&self, base_rate: f64) -> f64 {
        self.rate(base_rate)
    }
}
