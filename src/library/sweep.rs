//! A sweep's folder: every trial under every seed is a run, with what its journal says of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::lane::Contents;
use super::training::summary;
use super::{LaneRecord, LibraryError, Validated};
use crate::experiment::sweep::Objective;
use crate::experiment::{Experiment, Sweep};
use crate::sweep::steps::STEPS;
use crate::sweep::{Status, Trial, journal};

/// # Errors
/// When its journal cannot be read.
pub(super) fn read(folder: &Path) -> Result<Contents, LibraryError> {
    let bad = |error: journal::JournalError| LibraryError::BadFile {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let journal::Opened { experiment, sweep, trials, .. } = journal::open(folder).map_err(bad)?;
    let summary = summary(folder);
    let seconds = summary["seconds"].as_f64();
    let mut shared = settings(&experiment, &sweep.run);
    shared.remove("train.seed");
    shared.remove("train.replicas");
    let longest = trials.iter().map(|trial| trial.updates).max().unwrap_or(0);
    let lanes = trials.iter().flat_map(|trial| {
        (0..trial.seeds.len().max(1)).map(|seed| LaneRecord {
            seconds,
            joules: summary["joules"].as_f64(),
            ..lane((&experiment, &sweep), &shared, (trial, longest), seed)
        })
    });
    Ok(Contents {
        lanes: lanes.collect(),
        experiment: experiment.name.clone(),
        finished: !summary.is_null(),
        problem: None,
    })
}

fn settings(experiment: &Experiment, run: &str) -> BTreeMap<String, String> {
    let text = |value: toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    experiment.settings_of(run).into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn lane(
    (experiment, sweep): (&Experiment, &Sweep),
    shared: &BTreeMap<String, String>,
    (trial, longest): (&Trial, u64),
    seed: usize,
) -> LaneRecord {
    let mut settings = shared.clone();
    let mut words = Vec::new();
    for (path, value) in &trial.values {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.push(format!("{path} {text}"));
        settings.insert(path.clone(), text);
    }
    let mut lane = LaneRecord {
        run: format!("trial {}", trial.trial),
        replica: seed as u32,
        seed: experiment.train.seed.wrapping_add(seed as u64),
        schedule: words.join(", "),
        updates: trial.updates,
        settings,
        pruned: trial.status == Status::Pruned,
        losses: losses(trial, longest),
        ..LaneRecord::default()
    };
    match trial.status {
        Status::Diverged => lane.diverged_at = Some(trial.updates.saturating_sub(1)),
        Status::Failed => lane.failed = Some("it could not be trained".to_owned()),
        Status::Complete | Status::Pruned => {}
    }
    let values = trial.seeds.get(seed).into_iter().flatten();
    for (objective, value) in sweep.objectives.iter().zip(values) {
        match objective {
            Objective::FinalTrainLoss => lane.final_train_loss = *value,
            Objective::FinalValLoss => lane.final_val_loss = *value,
            Objective::BestValLoss => lane.best_val_loss = *value,
            Objective::FinalValAccuracy => lane.final_val_accuracy = *value,
            Objective::UpdatesToAccuracy(_) | Objective::UpdatesToLoss(_) | Objective::Cost => {}
        }
    }
    // A journal has no looks on the way: the one that is known is the last.
    if lane.final_val_loss.is_some() || lane.final_val_accuracy.is_some() {
        let (loss, accuracy) = (lane.final_val_loss, lane.final_val_accuracy);
        lane.validations.push(Validated { updates: trial.updates, loss, accuracy });
    }
    lane
}

/// The training losses of a trial at the ends of its equal stretches. How long its run was to be is known where it came
/// to its end or was pruned after a step; of others it is taken to be that of the longest.
fn losses(trial: &Trial, longest: u64) -> Vec<(u64, f64)> {
    let whole = match (trial.status, trial.curve.last()) {
        (Status::Complete, _) => trial.updates,
        (Status::Pruned, Some(&(step, _))) if step > 0 => trial.updates * STEPS / step,
        _ => longest,
    };
    let at = |step: u64| (u128::from(whole) * u128::from(step) / u128::from(STEPS)) as u64;
    trial.losses.iter().map(|&(step, loss)| (at(step), f64::from(loss))).collect()
}
