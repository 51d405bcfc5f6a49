//! What several detectors want to know about the training so far.

use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::analysis::microscope::SOUND_RATIO;
use crate::telemetry::Row;

/// Updates whose mean is the level a training began at.
const OPENING: u64 = 10;
/// Among so many updates is the one that breaks a network at its beginning.
const BEGINNING: u64 = 50;
/// An update that moves the weights by this many times a sound share of them is a blow-up,
const FAR: f64 = 10.0;
/// and so is a loss that is this many times what the training began at.
const HIGH: f64 = 1.1;

/// No update of a sound beginning moves the weights by this many times a sound share of them,
const BREAKING: f64 = 48.0;
/// and no loss of it is this many times what it began at. (Of trainings on labels that nothing predicts the longest
/// update was 44 sound shares and the highest loss 1.5 first ones, of those whose network broke 90 or a leap of 4.)
const LEAP: f64 = 2.0;

/// Running levels of a lane; values that are no numbers are left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Trace {
    pub updates: u64,
    /// Updates before other data came; older states have none.
    #[serde(default)]
    restarted: u64,
    opening_loss: Mean,
    opening_norm: Mean,
    pub loss: Average<98>,
    pub light: Average<90>,
    pub norm: Average<98>,
    /// Of the smoothed loss, once ten updates are in it.
    pub best: Option<f64>,
    /// The sum of all update norms.
    pub path: f64,
    /// The longest update of the beginning, and its highest loss, with their updates.
    longest: Option<(u64, f64)>,
    highest: Option<(u64, f64)>,
    /// The very first loss.
    pub first: Option<f64>,
}

impl Trace {
    pub fn update(&mut self, row: &Row) {
        self.updates += 1;
        let (loss, norm) = (f64::from(row.train_loss), f64::from(row.grad_norm));
        if self.updates - self.restarted <= OPENING {
            self.opening_loss.add(loss);
            self.opening_norm.add(norm);
        }
        if self.updates <= BEGINNING {
            let step = f64::from(row.update_norm);
            raise(&mut self.longest, row.update, step);
            raise(&mut self.highest, row.update, loss);
            self.first = self.first.or(Some(loss));
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

    /// Other data from here on: levels of losses and norms are no longer what they were.
    pub fn restart(&mut self) {
        (self.loss, self.light, self.norm) = Default::default();
        (self.opening_loss, self.opening_norm) = Default::default();
        self.restarted = self.updates;
        self.best = None;
    }

    /// What speaks for a beginning that broke the network: an update far too long for weights of this norm,
    /// and a loss that leapt.
    pub fn blow_up(&self, weight_norm: f64) -> Vec<Evidence> {
        let step = self.longest.map(|(update, step)| Evidence {
            update,
            what: "longest update's share of the weights".into(),
            value: step / weight_norm,
            against: SOUND_RATIO,
            against_what: "a sound share".into(),
        });
        let leap = self.highest.zip(self.first).map(|((update, loss), first)| Evidence {
            update,
            what: "highest loss".into(),
            value: loss,
            against: first,
            against_what: "the first update's".into(),
        });
        let step = step.filter(|e| e.value > FAR * e.against);
        let leap = leap.filter(|e| e.value > HIGH * e.against);
        step.into_iter().chain(leap).collect()
    }

    /// Whether nothing of the first updates can have broken a network whose weights have this norm. Where nobody knows
    /// the norm, nobody knows.
    pub fn began_soundly(&self, weight_norm: f64) -> bool {
        let calm = self.longest.is_some_and(|(_, step)| step < BREAKING * SOUND_RATIO * weight_norm);
        let level = self.highest.zip(self.first).is_some_and(|((_, loss), first)| loss < LEAP * first);
        calm && level
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

/// Keeps the greater of two finite values, with its update.
fn raise(most: &mut Option<(u64, f64)>, update: u64, value: f64) {
    if value.is_finite() && most.is_none_or(|(_, most)| value > most) {
        *most = Some((update, value));
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
