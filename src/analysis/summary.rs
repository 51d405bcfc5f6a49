//! What a training comes to, run by run: `summary.json` and the table at the end.

use serde::Serialize;

use super::audit::{Measure, Tally};
use crate::experiment::Metric;
use crate::experiment::names::name_of;
use crate::plain;
use crate::train::Stopped;

/// One run of one replica, in `summary.json` and in the table at the end.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    pub name: String,
    replica: u32,
    seed: u64,
    updates: u64,
    final_train_loss: Option<f64>,
    final_val_loss: Option<f64>,
    best_val_loss: Option<f64>,
    final_val_accuracy: Option<f64>,
    diverged_at: Option<u64>,
    /// Wall time of the whole training, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updates_per_second: Option<f64>,
    /// Where early stopping ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<StopSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// How early stopping ended a run.
#[derive(Clone, Debug, Serialize)]
struct StopSummary {
    /// Updates done, and the updates at the best epoch.
    update: u64,
    best_update: Option<u64>,
    metric: &'static str,
    best: Option<f64>,
    /// Whether the weights are those of the best epoch; the final values are theirs then.
    restored: bool,
}

impl StopSummary {
    fn of(stopped: &Stopped) -> Self {
        Self {
            update: stopped.update,
            best_update: stopped.best.map(|(_, at)| at),
            metric: name_of(&Metric::ALL, &stopped.metric),
            best: stopped.best.map(|(best, _)| best),
            restored: stopped.restored,
        }
    }

    fn told(&self) -> String {
        match self.best_update.filter(|_| self.restored) {
            Some(at) => format!("stopped at update {}, weights of update {at}", self.update),
            None => format!("stopped at update {}", self.update),
        }
    }
}

impl RunSummary {
    /// What a lane came to: its updates, where it diverged and why it failed, if it did.
    pub(crate) fn of(
        name: String,
        replica: u32,
        (updates, diverged_at, failed): (u64, Option<u64>, Option<String>),
        tally: &Tally,
        seconds: Option<f64>,
    ) -> Self {
        Self {
            name,
            replica,
            seed: tally.seed,
            updates,
            final_train_loss: tally.final_train_loss,
            final_val_loss: tally.last(Measure::Loss),
            best_val_loss: tally.best(Measure::Loss),
            final_val_accuracy: tally.last(Measure::Accuracy),
            diverged_at,
            seconds,
            updates_per_second: seconds.map(|seconds| updates as f64 / seconds.max(1e-9)),
            stopped: tally.stopped.as_ref().map(StopSummary::of),
            failed,
        }
    }
}

/// The table at the end: one line a run and replica.
pub(crate) fn table(summaries: &[RunSummary]) -> String {
    let names: Vec<String> = summaries.iter().map(|summary| plain::name(&summary.name)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(3);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut text = format!(
        "{:<widest$}  {:>7}  {:>7}  {:>10}  {:>8}  {:>8}  {:>12}\n",
        "run", "replica", "updates", "train loss", "val loss", "accuracy", "updates / s"
    );
    for (summary, name) in summaries.iter().zip(&names) {
        text += &format!(
            "{name:<widest$}  {:>7}  {:>7}  {:>10}  {:>8}  {:>8}  {:>12}{}\n",
            summary.replica,
            summary.updates,
            number(summary.final_train_loss),
            number(summary.final_val_loss),
            number(summary.final_val_accuracy),
            summary.updates_per_second.map_or_else(|| "-".to_owned(), |speed| format!("{speed:.0}")),
            match (&summary.diverged_at, &summary.stopped) {
                (Some(at), _) => format!("  diverged at update {at}"),
                (None, Some(stopped)) => format!("  {}", stopped.told()),
                (None, None) => String::new(),
            }
        );
    }
    text
}
