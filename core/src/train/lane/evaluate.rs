//! What a lane is told after an update: how well the held-out samples are predicted, and what follows from it.

use std::ops::Range;

use super::Lane;
use crate::experiment::Metric;
use crate::model::{Batch, Score};
use crate::train::attack::robustness;
use crate::train::control::Control;
use crate::train::task::Task;

impl Lane {
    /// Whether the held-out samples are to be scored after so many updates.
    pub(super) fn validation_is_due(&self, task: &Task, updates: u64) -> bool {
        task.validates_after(updates, self.is_judged_by_epoch())
    }

    /// Whether something wants to know at the end of every epoch how well it does.
    pub(super) fn is_judged_by_epoch(&self) -> bool {
        self.controller.is_some() || self.stopper.is_some()
    }

    /// Takes note of where two weights stand.
    pub(super) fn stand(&mut self, parameters: &[f32]) {
        if let [x, y] = *parameters {
            self.log.places.push((self.update, [x, y]));
        }
    }

    /// Whether, `ahead` updates from now, the held-out samples are scored, an epoch ends or weights are
    /// kept or noted.
    pub fn evaluates_after(&self, task: &Task, ahead: u64) -> bool {
        let update = self.update + ahead;
        task.model.width() == 2
            || update.is_multiple_of(task.clock.updates_per_epoch)
            || self.pauses_after(task, ahead)
    }

    /// Whether, `ahead` updates from now, somebody looks at the weights, or decides how the training goes on.
    pub fn pauses_after(&self, task: &Task, ahead: u64) -> bool {
        let update = self.update + ahead;
        self.validation_is_due(task, update)
            || self.is_judged_by_epoch() && update.is_multiple_of(task.clock.updates_per_epoch)
            || self.keeper.as_ref().is_some_and(|keeper| keeper.needs_weights(update))
    }

    /// Lanes that are equally far and of which this is the same pause together; nothing where a lane keeps weights at
    /// moments of its own.
    pub fn pauses_by(&self) -> Option<bool> {
        self.keeper.is_none().then(|| self.is_judged_by_epoch())
    }

    /// As [`Lane::evaluate`] after an update at which the lane does not pause; `place` is where two weights are.
    pub fn go_by(&mut self, task: &Task, place: Option<&[f32]>) {
        self.stand(place.unwrap_or_default());
        if self.update.is_multiple_of(task.clock.updates_per_epoch) {
            self.epoch_loss = (0.0, 0);
            self.epoch_score = None;
        }
    }

    /// After an update: notes the place, scores the held-out samples and keeps the weights if that is due, and
    /// ends the epoch.
    pub fn evaluate(&mut self, task: &Task, parameters: &[f32]) {
        self.stand(parameters);
        if self.validation_is_due(task, self.update) {
            let score = self.validate(task, parameters);
            self.record_validation(task, score);
            self.record_norm(task, parameters);
            self.record_memory(task, parameters);
            self.record_phases(task, parameters, score);
            self.record_robustness(task, parameters);
        }
        self.end_epoch(task, parameters);
        if let Some(keeper) = &mut self.keeper {
            keeper.record(self.update, parameters);
        }
    }

    /// Takes note of how well the held-out samples were predicted after the last update.
    fn record_validation(&mut self, task: &Task, score: Score) {
        if let Some(row) = self.log.rows.last_mut() {
            row.val_loss = Some(score.mean_loss() as f32);
            row.val_accuracy = task.has_accuracy().then(|| score.accuracy() as f32);
        }
        self.epoch_score = Some(score);
        self.val_loss = Some(score.mean_loss());
    }

    /// Where labels are noisy, takes note of how well the right and the wrong ones are known.
    fn record_memory(&mut self, task: &Task, parameters: &[f32]) {
        let Some(labels) = &task.labels else { return };
        let mut share = |rows: &[u32]| {
            let batches = rows.chunks(task.scratch_samples()).map(|rows| task.training(rows));
            let scores = batches.map(|batch| task.model.score(parameters, batch, &mut self.scratch));
            let score = scores.fold(Score::default(), Score::plus);
            (score.count > 0).then(|| score.accuracy() as f32)
        };
        let (clean, noisy) = (share(&labels.clean), share(&labels.wrong));
        if let Some(row) = self.log.rows.last_mut() {
            (row.clean_accuracy, row.noisy_accuracy) = (clean, noisy);
        }
    }

    /// Where the data has phases, takes note of how well the held-out samples of each are predicted; `whole` is the score
    /// on those of the whole data set.
    fn record_phases(&mut self, task: &Task, parameters: &[f32], whole: Score) {
        let Some(stream) = &task.stream else { return };
        let mut known: Vec<(Option<Range<u32>>, Score)> = vec![(None, whole)];
        let mut scores = Vec::new();
        for held_out in stream.held_out() {
            let score = match known.iter().find(|(rows, _)| *rows == held_out) {
                Some((_, score)) => *score,
                None => {
                    let rows: Vec<u32> = held_out.clone().unwrap_or_default().collect();
                    let batches = task.held_out(&rows);
                    let batches = batches.map(|batch| task.model.score(parameters, batch, &mut self.scratch));
                    let score = batches.fold(Score::default(), Score::plus);
                    known.push((held_out, score));
                    score
                }
            };
            let accuracy = task.has_accuracy().then(|| score.accuracy() as f32);
            scores.push((score.mean_loss() as f32, accuracy));
        }
        if let Some(row) = self.log.rows.last_mut() {
            row.groups.set_scores(scores);
        }
    }

    /// Where the model is attacked, takes note of how many attacked samples it still classifies correctly.
    fn record_robustness(&mut self, task: &Task, parameters: &[f32]) {
        let Some(attack) = task.attack.filter(|_| task.has_accuracy()) else { return };
        let score = |batch: Batch<'_>| task.model.score(parameters, batch, &mut self.scratch);
        let robust = robustness(task, &attack, parameters, score);
        if let (Some(row), Ok(score)) = (self.log.rows.last_mut(), robust) {
            row.robust_accuracy = Some(score.accuracy() as f32);
        }
    }

    /// Where an epoch ends, tells the controller and what may stop the run.
    fn end_epoch(&mut self, task: &Task, parameters: &[f32]) {
        if !self.update.is_multiple_of(task.clock.updates_per_epoch) {
            return;
        }
        let (sum, count) = std::mem::take(&mut self.epoch_loss);
        let score = self.epoch_score.take();
        let reported = |metric| match (metric, score) {
            (Metric::TrainLoss, _) => Some(sum / count.max(1) as f64),
            (Metric::ValLoss, Some(score)) => Some(score.mean_loss()),
            (Metric::ValAccuracy, Some(score)) => Some(score.accuracy()),
            (_, None) => None,
        };
        if let Some(stopper) = &mut self.stopper
            && let Some(metric) = reported(stopper.metric())
            && stopper.report(metric, (self.update, task.clock.updates), parameters)
        {
            self.log.stopped = stopper.stopped(self.update, task.clock.updates);
        }
        let Some(metric) = self.controller.as_ref().and_then(Control::metric) else { return };
        let base = self.plan.lr.at(self.update - 1 - self.schedule_from);
        if let (Some(controller), Some(reported)) = (&mut self.controller, reported(metric))
            && let Some(change) = controller.report(reported, base)
        {
            self.log.rate_changes.push((self.update, change));
        }
    }

    /// How well the held-out samples are predicted.
    pub fn validate(&mut self, task: &Task, parameters: &[f32]) -> Score {
        task.validation()
            .map(|batch| task.model.score(parameters, batch, &mut self.scratch))
            .fold(Score::default(), Score::plus)
    }
}
