//! Early stopping of one lane: the best epoch so far, its weights, and how long ago it was.

use serde::{Deserialize, Serialize};

use crate::experiment::{Metric, Stop};
use crate::schedule::controller::Mode;

/// The rule with what it has seen.
#[derive(Clone, Debug)]
pub struct Stopper {
    rule: Stop,
    state: StopState,
    /// The weights after the best epoch, where they are to be the result.
    weights: Option<Vec<f32>>,
}

/// What the rule has seen, for a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopState {
    /// The bits of the best metric so far.
    best: Option<u64>,
    /// Updates done at the best epoch.
    best_update: u64,
    /// Epochs in a row without improvement.
    waited: u64,
    stopped: bool,
}

impl StopState {
    pub fn has_stopped(&self) -> bool {
        self.stopped
    }
}

/// A run that was stopped before its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// Updates done, and those of the whole run.
    pub update: u64,
    pub updates: u64,
    pub metric: Metric,
    pub patience: u64,
    /// The best of the metric, and the updates done there; nothing where it never was a number.
    pub best: Option<(f64, u64)>,
    /// Whether the weights are those of the best epoch.
    pub restored: bool,
}

impl Stopper {
    pub fn new(rule: Stop) -> Self {
        Self { rule, state: StopState::default(), weights: None }
    }

    /// What it watches.
    pub fn metric(&self) -> Metric {
        self.rule.metric
    }

    /// Whether the run is over.
    pub fn has_stopped(&self) -> bool {
        self.state.stopped
    }

    /// Takes in the metric at the end of an epoch, after `update` of `updates` updates. Returns whether the run
    /// stops here; at the end of a run there is nothing to stop.
    pub fn report(&mut self, metric: f64, (update, updates): (u64, u64), weights: &[f32]) -> bool {
        let better = match (self.best(), self.rule.metric.mode()) {
            (None, _) => !metric.is_nan(),
            (Some(best), Mode::Min) => metric < best - self.rule.min_delta,
            (Some(best), Mode::Max) => metric > best + self.rule.min_delta,
        };
        if better {
            self.state =
                StopState { best: Some(metric.to_bits()), best_update: update, ..StopState::default() };
            if self.rule.restore_best {
                let kept = self.weights.get_or_insert_default();
                kept.clear();
                kept.extend_from_slice(weights);
            }
            return false;
        }
        self.state.waited += 1;
        self.state.stopped = self.state.waited >= self.rule.patience && update < updates;
        self.state.stopped
    }

    fn best(&self) -> Option<f64> {
        self.state.best.map(f64::from_bits)
    }

    /// The best weights, where a run that was stopped is to end with them.
    pub fn result(&self) -> Option<&[f32]> {
        self.weights.as_deref().filter(|_| self.state.stopped)
    }

    /// The best weights so far, where they are kept.
    pub fn weights(&self) -> Option<&Vec<f32>> {
        self.weights.as_ref()
    }

    pub fn state(&self) -> StopState {
        self.state
    }

    /// Goes on from a saved state.
    pub fn resume(&mut self, state: StopState) {
        self.state = state;
    }

    /// Puts back the best weights of a checkpoint.
    pub fn keep(&mut self, weights: Option<Vec<f32>>) {
        self.weights = weights;
    }

    /// How the run was stopped, where it was: after `update` of `updates` updates.
    pub fn stopped(&self, update: u64, updates: u64) -> Option<Stopped> {
        let Stop { metric, patience, restore_best, .. } = self.rule;
        let best = self.best().map(|best| (best, self.state.best_update));
        let restored = restore_best && best.is_some();
        self.state.stopped.then_some(Stopped { update, updates, metric, patience, best, restored })
    }
}

impl Stopped {
    /// What happened, what it saves and what it costs, in a sentence.
    pub fn message(&self) -> String {
        let Self { update, updates, metric, patience, best, restored } = self;
        let name = match metric {
            Metric::TrainLoss => "training loss",
            Metric::ValLoss => "validation loss",
            Metric::ValAccuracy => "validation accuracy",
        };
        let epochs = if *patience == 1 { "an epoch".to_owned() } else { format!("{patience} epochs") };
        let saved = updates - update;
        let share = 100.0 * saved as f64 / (*updates).max(1) as f64;
        let best = match best {
            Some((best, at)) if *restored => {
                format!("its weights are those after update {at} again, with the best, {best:.4}")
            }
            Some((best, at)) => format!("its best was {best:.4}, after update {at}"),
            None => "it never was a number".to_owned(),
        };
        format!(
            "stopped after update {update}: the {name} has not improved for {epochs}; {best}; {saved} updates \
             ({share:.0} %) are saved"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Keras' own callback did, by `tests/golden/early_stopping.py`.
    const GOLDEN: &str = include_str!("../../../tests/golden/early_stopping.json");

    #[test]
    fn a_run_stops_where_keras_stops_it_with_the_weights_that_keras_keeps() {
        let entries: Vec<serde_json::Value> = serde_json::from_str(GOLDEN).unwrap();
        let mut stops = 0;
        for entry in &entries {
            let metrics = entry["metrics"].as_array().unwrap();
            let epochs = metrics.len() as u64;
            let rule = Stop {
                metric: if entry["mode"] == "max" { Metric::ValAccuracy } else { Metric::ValLoss },
                patience: entry["patience"].as_u64().unwrap(),
                min_delta: entry["min_delta"].as_f64().unwrap(),
                restore_best: entry["restore"].as_bool().unwrap(),
            };
            let mut stopper = Stopper::new(rule);
            let stops_at = (1..).zip(metrics).find(|(epoch, metric)| {
                // The weights are the number of the epoch, and the run is one epoch longer than what was recorded.
                stopper.report(metric.as_f64().unwrap(), (*epoch, epochs + 1), &[*epoch as f32 - 1.0])
            });
            let stopped = stops_at.map_or(-1, |(epoch, _)| epoch as i64 - 1);
            assert_eq!(stopped, entry["stopped"].as_i64().unwrap(), "{entry}");
            let told = stopper.stopped(1, epochs);
            assert_eq!(told.is_some(), stopped >= 0);
            if let Some(told) = told {
                stops += 1;
                assert_eq!(told.best.unwrap().1 as i64 - 1, entry["best_epoch"].as_i64().unwrap(), "{entry}");
                let result = stopper.result().map(|weights| f64::from(weights[0]));
                let kept = entry["weights"].as_f64().filter(|_| rule.restore_best);
                assert_eq!(result, kept, "{entry}");
            }
        }
        assert!(stops > 5, "{stops} of {}", entries.len());
    }

    #[test]
    fn a_loss_that_is_no_number_is_never_the_best() {
        let mut stopper = Stopper::new(Stop { patience: 2, ..Stop::default() });
        assert!(!stopper.report(f64::NAN, (1, 9), &[1.0]));
        assert!(stopper.report(f64::NAN, (2, 9), &[2.0]));
        let stopped = stopper.stopped(2, 9).unwrap();
        assert_eq!((stopped.best, stopped.restored, stopper.result()), (None, false, None));
        assert!(stopped.message().contains("it never was a number"), "{}", stopped.message());
    }
}
