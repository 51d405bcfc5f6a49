//! What several detectors want to know about the training so far.

use crate::telemetry::Row;

/// Updates whose mean is the level a training began at.
const OPENING: u64 = 10;

/// Running levels of a lane; values that are no numbers are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub updates: u64,
    opening_loss: Mean,
    opening_norm: Mean,
    pub loss: Average<98>,
    pub light: Average<90>,
    pub norm: Average<98>,
    /// Of the smoothed loss, once ten updates are in it.
    pub best: Option<f64>,
    /// The sum of all update norms.
    pub path: f64,
}

impl Trace {
    pub fn update(&mut self, row: &Row) {
        self.updates += 1;
        let (loss, norm) = (f64::from(row.train_loss), f64::from(row.grad_norm));
        if self.updates <= OPENING {
            self.opening_loss.add(loss);
            self.opening_norm.add(norm);
        }
        self.loss.add(loss);
        self.light.add(loss);
        self.norm.add(norm);
        if let Some(smooth) = self.light.value().filter(|_| self.updates >= OPENING) {
            self.best = Some(self.best.map_or(smooth, |best| best.min(smooth)));
        }
        if row.update_norm.is_finite() {
            self.path += f64::from(row.update_norm);
        }
    }

    /// The mean loss of the first updates.
    pub fn first_loss(&self) -> Option<f64> {
        self.opening_loss.value()
    }

    /// The mean gradient norm of the first updates.
    pub fn first_norm(&self) -> Option<f64> {
        self.opening_norm.value()
    }
}

#[derive(Clone, Debug, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A debiased exponential moving average that keeps so many percent of its past.
#[derive(Clone, Debug, Default)]
pub(super) struct Average<const PERCENT: u32> {
    sum: f64,
    weight: f64,
}

impl<const PERCENT: u32> Average<PERCENT> {
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            let keep = f64::from(PERCENT) / 100.0;
            self.sum = keep * self.sum + (1.0 - keep) * value;
            self.weight = keep * self.weight + (1.0 - keep);
        }
    }

    pub fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}
