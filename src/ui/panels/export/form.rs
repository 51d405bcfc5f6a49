//! A run that was edited while it trained is two runs: the one that was trained, and the one that is planned.

use crate::experiment::{Experiment, Run};
use crate::schedule::kind::{Kind, Listed, Table};
use crate::schedule::{Clock, ScheduleError};
use crate::ui::used_rates::UsedRates;

/// Rates nearer than this share of the peak are the same.
const SAME: f64 = 1e-6;

/// Which of the two is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Planned,
    Trained,
}

/// The run with the rate of each update it made, and the planned ones from there on. What a controller did is in the
/// rates, so it has none.
///
/// # Errors
/// When the run's schedule cannot be resolved.
pub fn as_trained(run: &Run, clock: Clock, used: &[f64]) -> Result<Run, ScheduleError> {
    let curve = run.lr.resolve(clock)?;
    let ahead = (used.len() as u64..clock.updates).map(|update| curve.at(update));
    let values = used.iter().copied().chain(ahead).take(clock.updates as usize).collect();
    let lr = Kind::Listed(Listed { values: Table { values, file: None } }).into();
    Ok(Run { lr, controller: None, ..run.clone() })
}

/// Where the rates that were used are farthest from the planned ones: the update, the used and the planned rate.
pub(super) fn farthest(run: &Run, clock: Clock, used: &[f64]) -> Option<(u64, f64, f64)> {
    let curve = run.lr.resolve(clock).ok()?;
    let peak = curve.range().1.max(used.iter().copied().fold(0.0, f64::max));
    let pairs = (0..clock.updates).zip(used).map(|(update, used)| (update, *used, curve.at(update)));
    let apart = |(_, used, planned): &(u64, f64, f64)| (used - planned).abs();
    pairs.max_by(|a, b| apart(a).total_cmp(&apart(b))).filter(|pair| apart(pair) > SAME * peak)
}

/// The run to export, as is chosen, and the experiment with it in its place.
pub(super) fn chosen(
    experiment: &Experiment,
    run: &Run,
    form: Form,
    clock: Clock,
    used: &UsedRates,
) -> (Experiment, Run) {
    let run = match form {
        Form::Planned => run.clone(),
        // What cannot be resolved is told by the export.
        Form::Trained => as_trained(run, clock, &used.rates).unwrap_or_else(|_| run.clone()),
    };
    let mut experiment = experiment.clone();
    if let Some(place) = experiment.runs.iter_mut().find(|other| other.name == run.name) {
        place.clone_from(&run);
    }
    (experiment, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::document::first;

    #[test]
    fn a_run_as_trained_has_its_used_rates_first_and_then_the_plan() {
        let clock = Clock { updates: 100, updates_per_epoch: 10 };
        let run = first().unwrap().runs.remove(1);
        let planned = run.lr.resolve(clock).unwrap();
        let used = vec![0.25; 40];
        let trained = as_trained(&run, clock, &used).unwrap().lr.resolve(clock).unwrap();
        for update in 0..100 {
            let wanted = if update < 40 { 0.25 } else { planned.at(update) };
            assert_eq!(trained.at(update), wanted, "{update}");
        }
        let (at, was, is) = farthest(&run, clock, &used).unwrap();
        assert_eq!((was, is), (0.25, planned.at(at)));
        let same: Vec<f64> = (0..40).map(|update| planned.at(update)).collect();
        assert_eq!(farthest(&run, clock, &same), None);
    }
}
