//! fastai's `fit_one_cycle` and `fit_flat_cos` (2.8.12): functions of the share of training done,
//! `update / updates`, so that an end value is never used. fastai computes the shares in f32; here in f64.

use std::f64::consts::PI;

/// `combined_cos(pct, start, middle, end)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CombinedCos {
    pub pct: f64,
    pub start: f64,
    pub middle: f64,
    pub end: f64,
}

impl CombinedCos {
    /// The rates of `fit_one_cycle`.
    pub fn one_cycle(lr_max: f64, div: f64, div_final: f64, pct_start: f64) -> Self {
        Self { pct: pct_start, start: lr_max / div, middle: lr_max, end: lr_max / div_final }
    }

    /// The rates of `fit_flat_cos`.
    pub fn flat_cos(lr: f64, div_final: f64, pct_start: f64) -> Self {
        Self { pct: pct_start, start: lr, middle: lr, end: lr / div_final }
    }

    /// The value update `update` of `updates` uses.
    pub fn at(&self, update: u64, updates: u64) -> f64 {
        let share = update as f64 / updates.max(1) as f64;
        if share < self.pct {
            cosine(self.start, self.middle, share / self.pct)
        } else {
            cosine(self.middle, self.end, (share - self.pct) / (1.0 - self.pct))
        }
    }
}

/// `SchedCos`.
fn cosine(start: f64, end: f64, share: f64) -> f64 {
    start + (1.0 + (PI * (1.0 - share)).cos()) * (end - start) / 2.0
}
