//! What pruning cost: some of the trials it gave up, trained to their end after all.
//!
//! Schedules that decay late look bad until they end, so a rule that compares on the way may kill the best.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SweepError;
use super::front::best;
use super::journal::{Journal, JournalError, Kept};
use super::pruner::STEPS;
use super::space::Chosen;
use super::trial::{Status, Trial};
use crate::experiment::Sweep;
use crate::random::{Stream, rng, shuffle};

/// The share of pruned trials that is audited, and bounds of how many.
const SHARE: f64 = 0.1;
const LEAST: usize = 4;
const MOST: usize = 16;

/// What pruning did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Trials that were pruned, and how many of them were trained to their end.
    pub pruned: usize,
    pub audited: usize,
    /// Audited trials that would have been better than the best that was kept.
    pub winners_killed: Vec<usize>,
    /// The best of the audited trials.
    pub best_audited: Option<f64>,
    /// Updates, of all seeds, that pruning left out, and their share of what all trials would have been.
    pub updates_saved: u64,
    pub share_saved: f64,
    /// Updates that the audit cost.
    pub updates_audited: u64,
}

impl Audit {
    /// In words.
    pub fn sentence(&self) -> String {
        if self.pruned == 0 {
            return "pruning gave up no trial".to_owned();
        }
        let saved = format!(
            "pruning gave up {} trials and saved {:.0} % of the updates",
            self.pruned,
            100.0 * self.share_saved
        );
        let verdict = match self.winners_killed.as_slice() {
            [] => format!("none of the {} that were audited would have won", self.audited),
            [one] => format!("of the {} that were audited, 1 would have won (trial {one})", self.audited),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                format!(
                    "of the {} that were audited, {} would have won (trials {})",
                    self.audited,
                    several.len(),
                    names.join(", ")
                )
            }
        };
        format!("{saved}; {verdict}")
    }
}

/// Trains a seeded sample of the pruned trials to the end.
pub(super) fn audit(
    (sweep, seed): (&Sweep, u64),
    trials: &[Trial],
    mut journal: Option<&mut Journal>,
    kept: &mut Kept,
    train_whole: impl FnOnce(Vec<(usize, Chosen)>) -> Result<Vec<Trial>, SweepError>,
) -> Result<Audit, SweepError> {
    let objectives = &sweep.objectives;
    let seeds = sweep.seeds as u64;
    let pruned: Vec<&Trial> = trials.iter().filter(|trial| trial.status == Status::Pruned).collect();
    let wanted = ((pruned.len() as f64 * SHARE).ceil() as usize).clamp(LEAST, MOST).min(pruned.len());
    let mut order: Vec<usize> = (0..pruned.len()).collect();
    shuffle(&mut rng(seed, Stream::Audit), &mut order);
    let mut sample: Vec<&Trial> = order.into_iter().take(wanted).map(|at| pruned[at]).collect();
    sample.sort_by_key(|trial| trial.trial);

    let mut whole: BTreeMap<usize, Trial> = BTreeMap::new();
    let mut todo: Vec<(usize, Chosen)> = Vec::new();
    for trial in sample {
        match kept.take(trial.trial, true, &trial.values) {
            Some(Ok(known)) => drop(whole.insert(known.trial, known)),
            Some(Err(())) => {
                let folder = journal.map(|journal| journal.folder().to_owned()).unwrap_or_default();
                return Err(JournalError::Values { folder, trial: trial.trial }.into());
            }
            None => todo.push((trial.trial, trial.values.clone())),
        }
    }
    for trial in train_whole(todo)? {
        if let Some(journal) = &mut journal {
            journal.append_audit(&trial)?;
        }
        whole.insert(trial.trial, trial);
    }

    let to_beat = best(trials, objectives).map_or(f64::INFINITY, |best| best.badness(objectives));
    let ends: Vec<Trial> = whole.into_values().collect();
    let saved: u64 = pruned.iter().map(|trial| whole_run(trial).saturating_sub(trial.updates) * seeds).sum();
    let made: u64 = trials.iter().map(|trial| trial.updates * seeds).sum();
    Ok(Audit {
        pruned: pruned.len(),
        audited: ends.len(),
        winners_killed: ends
            .iter()
            .filter(|end| end.badness(objectives) < to_beat)
            .map(|end| end.trial)
            .collect(),
        best_audited: best(&ends, objectives).and_then(|best| best.objectives.first().copied().flatten()),
        updates_saved: saved,
        share_saved: saved as f64 / (saved + made).max(1) as f64,
        updates_audited: ends.iter().map(|end| end.updates * seeds).sum(),
    })
}

/// The updates of a pruned trial's whole run, from the step at which it was given up.
fn whole_run(trial: &Trial) -> u64 {
    let step = trial.curve.last().map_or(STEPS, |(step, _)| *step).max(1);
    (trial.updates * STEPS).div_ceil(step)
}
