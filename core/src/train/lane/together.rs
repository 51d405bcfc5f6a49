//! The updates of a lane that a team trains.

use super::Lane;
use crate::telemetry::Row;
use crate::train::optimizer;
use crate::train::task::Task;
use crate::train::team::Step;

impl Lane {
    /// Trains up to `to` updates done, each an update of everybody in the team.
    pub(super) fn advance_together(&mut self, task: &Task, weights: &mut [f32], to: u64) {
        let Some(mut team) = self.team.take() else { return };
        while self.update < to && !self.has_stopped() {
            let step = Step {
                task,
                rule: optimizer::rule(self.plan.kind),
                numbers: self.numbers_after(0),
                update: self.update,
                updates: task.clock.updates,
                seed: self.seed,
                buffers: self.plan.buffers,
                cores: self.scratch.cores(),
            };
            let done = team.update(&step, weights);
            let row = Row {
                update: self.update,
                groups: self.group_rates(task, 0, &step.numbers),
                lr: step.numbers.lr,
                momentum: step.numbers.momentum(),
                weight_decay: Some(step.numbers.weight_decay()),
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
            if let Some(best) = self.result() {
                weights.copy_from_slice(best);
            }
        }
        self.team = Some(team);
    }
}
