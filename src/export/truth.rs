//! One drawn schedule under every target, side by side.

use super::recipe::Recipe;
use super::{Badge, Checked, Deviation, ExportError, Options, Target, write};
use crate::experiment::{Experiment, Run};
use crate::schedule::Clock;

/// What a target does with a schedule, in a row.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The rate of the first update.
    pub first: f64,
    /// The highest rate, and the first update that uses it.
    pub peak: (f64, u64),
    /// The rate of the last update.
    pub last: f64,
    pub deviation: Deviation,
    pub badge: Badge,
    pub checked: Checked,
}

/// A row for each target, in [`Target::ALL`]'s order.
///
/// # Errors
/// As [`export`](super::export).
pub fn truth_table(
    experiment: &Experiment,
    run: &Run,
    clock: Clock,
    options: &Options,
) -> Result<Vec<(&'static Target, Summary)>, ExportError> {
    let recipe = Recipe::new(experiment, run, clock, options)?;
    Ok(Target::ALL
        .iter()
        .map(|target| {
            let export = write(&recipe, target);
            let mut peak = (f64::NEG_INFINITY, 0);
            for (update, rate) in (0_u64..).zip(&export.predicted) {
                // A peak that is reached twice is where it is reached first, whatever the last bits say.
                if *rate > peak.0 * (1.0 + 1e-12) || update == 0 {
                    peak = (*rate, update);
                }
            }
            let summary = Summary {
                first: export.predicted.first().copied().unwrap_or(0.0),
                peak,
                last: export.predicted.last().copied().unwrap_or(0.0),
                deviation: export.deviation,
                badge: export.badge,
                checked: export.checked,
            };
            (target, summary)
        })
        .collect())
}
