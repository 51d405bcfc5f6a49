//! The gradient of a lane's update: over its micro-batches, and as the format of gradients keeps it.

use super::Lane;
use crate::experiment::WeightFormat;
use crate::model::kernel::scratch::Scratch;
use crate::model::surface::add_noise;
use crate::telemetry::Row;
use crate::train::attack::Attacked;
use crate::train::optimizer;
use crate::train::scaler::{self, Scaler, Underflow};
use crate::train::task::Task;

/// What an update learned from.
pub(in crate::train) struct Learned {
    /// The mean loss of the samples, before the update.
    pub loss: f32,
    /// The share of them that was predicted right, where that is measured.
    pub right: Option<f32>,
    /// Of the gradient's numbers that were not 0 the share that are, where they are rounded.
    pub underflow: Option<f32>,
}

/// The mean loss of a batch, whose gradient replaces the one there is; the share that is predicted right is added to
/// `right` where that is asked. Attacked samples take the place of its own where the experiment says so.
fn learn(
    task: &Task,
    parameters: &[f32],
    rows: &[u32],
    gradient: &mut [f32],
    scratch: &mut Scratch,
    right: &mut Option<f32>,
) -> f32 {
    let batch = task.training(rows);
    let attack = task.attack.filter(|attack| attack.train);
    let attacked = attack.and_then(|attack| Attacked::of(task, &attack, parameters, batch).ok());
    let batch = attacked.as_ref().map_or(batch, Attacked::batch);
    let Some(right) = right else { return task.model.gradient(parameters, batch, gradient, scratch) };
    let score = task.model.gradient_and_score(parameters, batch, gradient, scratch);
    *right += score.accuracy() as f32;
    score.mean_loss() as f32
}

impl Lane {
    /// What the loss of the next update is multiplied by.
    pub(in crate::train) fn loss_scale(&self) -> f32 {
        self.scaler.as_ref().map_or(1.0, Scaler::scale)
    }

    /// Learns from the update's micro-batches: their mean gradient is left in `self.gradient`.
    pub(super) fn accumulated_gradient(&mut self, task: &Task, parameters: &[f32]) -> Learned {
        let (count, dealt) = (self.micro_batches(task, 0), self.dealt(task));
        let range = self.deal(task, dealt, self.update);
        let rows = &self.order[range];
        let counts = task.stream.is_some() && task.has_accuracy();
        let mut right = counts.then_some(0.0);
        let mut loss = learn(task, parameters, rows, &mut self.gradient, &mut self.scratch, &mut right);
        let share = 1.0 / count as f32;
        let is_short = task.gradients != WeightFormat::F32;
        let scale = self.loss_scale();
        let mut lost = Underflow::default();
        if count == 1 {
            self.add_noise(task);
            if is_short {
                lost = scaler::store(task.gradients, &mut self.gradient, scale);
                self.unscale(scale);
            }
        } else {
            let arch = pulp::Arch::new();
            if is_short {
                lost = scaler::store(task.gradients, &mut self.gradient, scale * share);
            }
            self.micro.resize(self.gradient.len(), 0.0);
            for at in 1..count {
                let range = self.deal(task, dealt + at, self.update);
                let rows = &self.order[range];
                loss += learn(task, parameters, rows, &mut self.micro, &mut self.scratch, &mut right);
                if is_short {
                    lost = lost.plus(scaler::store(task.gradients, &mut self.micro, scale * share));
                }
                optimizer::add(arch, &mut self.gradient, &self.micro);
            }
            loss *= share;
            if is_short {
                self.unscale(scale);
            } else {
                optimizer::scale(arch, &mut self.gradient, share);
            }
            self.add_noise(task);
        }
        let underflow = is_short.then(|| lost.share());
        Learned { loss, right: right.map(|right| right * share), underflow }
    }

    /// Takes the loss scale out of the gradient again.
    fn unscale(&mut self, scale: f32) {
        if self.scaler.is_some() {
            optimizer::scale(pulp::Arch::new(), &mut self.gradient, inverse(scale));
        }
    }

    fn add_noise(&mut self, task: &Task) {
        if let Some(deviation) = task.noise {
            add_noise(self.seed, self.update, deviation, &mut self.gradient);
        }
    }

    /// Whether the gradient overflowed, so that the update is to be left out: only who scales the loss looks.
    pub(super) fn has_overflowed(&self) -> bool {
        self.scaler.is_some() && !self.gradient.iter().all(|x| x.is_finite())
    }

    /// Takes note of what the update's gradient makes of the loss scale; the scale that the update used.
    pub(in crate::train) fn note_scale(&mut self, overflowed: bool) -> Option<f64> {
        let scaler = self.scaler.as_mut()?;
        let used = scaler.scale();
        if let Some(change) = scaler.update(overflowed) {
            self.log.scale_changes.push((self.update, change));
        }
        Some(f64::from(used))
    }

    /// Leaves the next update out, whose gradient overflowed: the schedule goes on, the optimizer does not count it.
    pub(in crate::train) fn leave_out(&mut self, task: &Task, learned: &Learned) {
        let numbers = self.numbers_after(0);
        let row = Row {
            update: self.update,
            groups: self.group_rates(task, 0, &numbers),
            lr: numbers.lr,
            momentum: numbers.momentum(),
            weight_decay: Some(numbers.weight_decay()),
            batch: Some(self.samples(task)),
            train_loss: learned.loss,
            prequential_accuracy: learned.right.map(f64::from),
            grad_norm: f32::INFINITY,
            loss_scale: self.note_scale(true),
            grad_underflow: learned.underflow,
            ..Row::default()
        };
        self.optimizer_from += 1;
        self.record(task, row);
    }
}

/// What a scaled gradient is multiplied by, rounded as PyTorch does.
pub(in crate::train) fn inverse(scale: f32) -> f32 {
    (1.0 / f64::from(scale)) as f32
}
