//! What a trial is judged by, read off the logs of its lanes.

use super::losses::Losses;
use crate::experiment::sweep::Objective;
use crate::telemetry::Row;
use crate::train::lane::Lane;
use crate::train::task::Task;

/// What one seed of a trial has shown so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    train_loss: Option<f64>,
    val_loss: Option<f64>,
    val_accuracy: Option<f64>,
    best_val_loss: Option<f64>,
    /// Updates until the aim of an `updates_to` was reached.
    reached: Option<u64>,
    /// Samples over which its updates averaged.
    samples: u64,
    losses: Losses,
}

impl Tally {
    /// Takes in what a lane, whose run has so many updates, measured since its log was last cleared.
    pub fn read(&mut self, lane: &Lane, objectives: &[Objective], updates: u64) {
        for row in &lane.log.rows {
            self.losses.add(row.update, updates, row.train_loss);
        }
        if let Some(row) = lane.log.rows.last() {
            self.train_loss = Some(row.train_loss.into());
        }
        self.samples += lane.log.rows.iter().filter_map(|row| row.batch).sum::<u64>();
        for validation in lane.log.rows.iter().filter_map(Row::validation) {
            let (loss, accuracy) = (f64::from(validation.loss), validation.accuracy.map(f64::from));
            (self.val_loss, self.val_accuracy) = (Some(loss), accuracy);
            self.best_val_loss = Some(self.best_val_loss.map_or(loss, |best| best.min(loss)));
            let is_there = objectives.iter().any(|objective| match *objective {
                Objective::UpdatesToAccuracy(aim) => accuracy.is_some_and(|accuracy| accuracy >= aim),
                Objective::UpdatesToLoss(aim) => loss <= aim,
                _ => false,
            });
            if is_there && self.reached.is_none() {
                self.reached = Some(validation.update + 1);
            }
        }
    }

    /// Training losses along the way.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// The objective as it stands; at the end of the run it is the seed's own.
    pub fn value(&self, objective: Objective, task: &Task) -> Option<f64> {
        let value = match objective {
            Objective::FinalTrainLoss => self.train_loss,
            Objective::FinalValLoss => self.val_loss,
            Objective::BestValLoss => self.best_val_loss,
            Objective::FinalValAccuracy => self.val_accuracy,
            Objective::UpdatesToAccuracy(_) | Objective::UpdatesToLoss(_) => {
                self.reached.map(|updates| updates as f64)
            }
            Objective::Cost => {
                let micro_batches = self.samples as f64 / task.batch.max(1) as f64;
                Some(micro_batches * task.model.flops(task.batch) / 1e9)
            }
        };
        value.filter(|value| value.is_finite())
    }

    /// How bad it looks on the way, lower is better: what pruning compares.
    pub fn badness(&self, objective: Objective) -> f64 {
        let badness = match objective {
            Objective::FinalTrainLoss => self.train_loss,
            Objective::FinalValLoss | Objective::UpdatesToLoss(_) => self.val_loss,
            Objective::BestValLoss => self.best_val_loss,
            Objective::FinalValAccuracy | Objective::UpdatesToAccuracy(_) => {
                self.val_accuracy.map(|accuracy| -accuracy)
            }
            Objective::Cost => Some(0.0),
        };
        badness.filter(|badness| !badness.is_nan()).unwrap_or(f64::INFINITY)
    }
}

/// The mean of all seeds, or `None` where one has no value.
pub fn mean(values: &[Option<f64>]) -> Option<f64> {
    let values: Option<Vec<f64>> = values.iter().copied().collect();
    values.filter(|values| !values.is_empty()).map(|values| values.iter().sum::<f64>() / values.len() as f64)
}
