//! The updates of a lane that a team trains.

use super::Lane;
use crate::telemetry::Row;
use crate::train::optimizer::{self, Numbers};
use crate::train::task::Task;
use crate::train::team::{Done, Stretch};

impl Lane {
    /// Trains up to `to` updates done, each an update of everybody in the team.
    pub(super) fn advance_together(&mut self, task: &Task, weights: &mut [f32], to: u64) {
        let Some(mut team) = self.team.take() else { return };
        while self.update < to && !self.has_stopped() {
            let count = team.stretch(self.update).min(to - self.update).min(self.until_judged(task));
            let numbers: Vec<Numbers> = (0..count).map(|ahead| self.numbers_after(ahead)).collect();
            let stretch = Stretch {
                task,
                rule: optimizer::rule(self.plan.kind),
                numbers: &numbers,
                update: self.update,
                updates: task.clock.updates,
                seed: self.seed,
                buffers: self.plan.buffers,
                cores: self.scratch.cores(),
            };
            let mut all = team.train(&stretch, weights);
            let last = all.pop();
            for (done, numbers) in all.iter().zip(&numbers) {
                self.learned(task, done, numbers, weights);
            }
            if let (Some(mut done), Some(numbers)) = (last, numbers.last()) {
                team.close(&stretch, weights, &mut done);
                self.learned(task, &done, numbers, weights);
            }
            if let Some(best) = self.result() {
                weights.copy_from_slice(best);
            }
        }
        self.team = Some(team);
    }

    /// Updates until an epoch ends, where what it came to may change the next one.
    fn until_judged(&self, task: &Task) -> u64 {
        let epoch = task.clock.updates_per_epoch.max(1);
        if self.is_judged_by_epoch() { epoch - self.update % epoch } else { u64::MAX }
    }

    /// Takes note of an update that everybody has made.
    fn learned(&mut self, task: &Task, done: &Done, numbers: &Numbers, weights: &[f32]) {
        let mut groups = self.group_rates(task, 0, numbers);
        groups.set_members(done.first.into_iter().take(self.beside.len()));
        let row = Row {
            update: self.update,
            groups,
            lr: numbers.lr,
            momentum: numbers.momentum(),
            weight_decay: Some(numbers.weight_decay()),
            batch: Some(done.samples),
            train_loss: done.loss,
            grad_norm: done.gradient_norm,
            update_norm: done.update_norm,
            loss_spread: Some(done.spread),
            member_drift: done.drift,
            member_cosine: done.cosine,
            ..Row::default()
        };
        self.record(task, row);
        self.evaluate(task, weights);
    }
}
