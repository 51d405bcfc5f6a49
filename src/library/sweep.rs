//! A sweep's folder: every trial under every seed is a run, with what its journal says of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::lane::Contents;
use super::training::summary;
use super::{LaneRecord, LibraryError, Validated};
use crate::experiment::sweep::Objective;
use crate::experiment::{Experiment, Sweep};
use crate::sweep::{Status, Trial, journal};

/// # Errors
/// When its journal cannot be read.
pub(super) fn read(folder: &Path) -> Result<Contents, LibraryError> {
    let bad = |error: journal::JournalError| LibraryError::BadFile {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    let (experiment, sweep, trials) = journal::open(folder).map_err(bad)?;
    let summary = summary(folder);
    let seconds = summary["seconds"].as_f64();
    let mut shared = settings(&experiment, &sweep.run);
    shared.remove("train.seed");
    shared.remove("train.replicas");
    let lanes = trials.iter().flat_map(|trial| {
        (0..trial.seeds.len().max(1)).map(|seed| LaneRecord {
            seconds,
            joules: summary["joules"].as_f64(),
            ..lane(&experiment, &sweep, &shared, trial, seed)
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
    experiment: &Experiment,
    sweep: &Sweep,
    shared: &BTreeMap<String, String>,
    trial: &Trial,
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
    // A journal has the end of a trial and no curve: the one look that is known is the last.
    if lane.final_val_loss.is_some() || lane.final_val_accuracy.is_some() {
        let (loss, accuracy) = (lane.final_val_loss, lane.final_val_accuracy);
        lane.validations.push(Validated { updates: trial.updates, loss, accuracy });
    }
    lane
}
