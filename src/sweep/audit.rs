//! What pruning cost: some of the trials it gave up, trained to their end after all.
//!
//! Schedules that decay late look bad until they end, so a rule that compares on the way may kill the best.

use serde::Serialize;
use serde_json::Value;

use super::front::best;
use super::steps::STEPS;
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
    /// The audited trials at their ends.
    #[serde(skip)]
    pub ends: Vec<Trial>,
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

/// A seeded sample of the trials that were pruned, in their order.
pub fn sample(trials: &[Trial], seed: u64) -> Vec<&Trial> {
    let pruned: Vec<&Trial> = trials.iter().filter(|trial| trial.status == Status::Pruned).collect();
    let wanted = ((pruned.len() as f64 * SHARE).ceil() as usize).clamp(LEAST, MOST).min(pruned.len());
    let mut order: Vec<usize> = (0..pruned.len()).collect();
    shuffle(&mut rng(seed, Stream::Audit), &mut order);
    let mut sample: Vec<&Trial> = order.into_iter().take(wanted).map(|at| pruned[at]).collect();
    sample.sort_by_key(|trial| trial.trial);
    sample
}

impl Audit {
    /// What the sampled trials say that were trained to their `ends`.
    pub fn of(trials: &[Trial], ends: Vec<Trial>, sweep: &Sweep) -> Self {
        let (objectives, seeds) = (sweep.objectives.as_slice(), sweep.seeds as u64);
        let pruned = || trials.iter().filter(|trial| trial.status == Status::Pruned);
        let to_beat = best(trials, objectives).map_or(f64::INFINITY, |best| best.badness(objectives));
        let winners = ends.iter().filter(|end| end.badness(objectives) < to_beat);
        let saved: u64 = pruned().map(|trial| whole_run(trial).saturating_sub(trial.updates) * seeds).sum();
        let made: u64 = trials.iter().map(|trial| trial.updates * seeds).sum();
        Self {
            pruned: pruned().count(),
            audited: ends.len(),
            winners_killed: winners.map(|end| end.trial).collect(),
            best_audited: best(&ends, objectives).and_then(|best| best.objectives.first().copied().flatten()),
            updates_saved: saved,
            share_saved: saved as f64 / (saved + made).max(1) as f64,
            updates_audited: ends.iter().map(|end| end.updates * seeds).sum(),
            ends,
        }
    }

    /// For other programs, with the verdict in words.
    pub fn as_json(&self) -> Value {
        let mut all = serde_json::to_value(self).unwrap_or_default();
        all["verdict"] = self.sentence().into();
        all
    }
}

/// The updates of a pruned trial's whole run, from the step at which it was given up.
fn whole_run(trial: &Trial) -> u64 {
    let step = trial.curve.last().map_or(STEPS, |(step, _)| *step).max(1);
    (trial.updates * STEPS).div_ceil(step)
}
