//! Detectors on validations and controllers: overfitting, and cuts that follow noise.

use serde::{Deserialize, Serialize};

use super::trace::Trace;
use super::{Alarm, Context, Evidence, Kind, Remedy};
use crate::telemetry::Validation;

/// Validations that are averaged: one alone is noise.
const RECENT: usize = 3;
/// A validation loss this many times its best has risen,
const RISEN: f64 = 1.25;
/// and accuracy, where there is one, has fallen by this,
const FALLEN: f64 = 0.02;
/// while it is above this share of chance: near zero, multiples mean nothing,
const GAP_LEVEL: f64 = 0.5;
/// and the training loss is below this share of it.
const GAP: f64 = 0.5;
/// So many cuts
const CUTS: usize = 5;
/// that left less than this share of the rate
const LEFT: f64 = 0.05;
/// before this share of the run is over were not plateaus.
const EARLY: f64 = 0.75;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Recent {
    loss: f64,
    accuracy: Option<f64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Validations {
    recent: Vec<Recent>,
    /// The least averaged loss and its update.
    best_loss: Option<(f64, u64)>,
    best_accuracy: Option<f64>,
    cuts: usize,
    before_cuts: Option<f64>,
}

impl Validations {
    pub fn validation(&mut self, context: &Context, trace: &Trace, v: &Validation) -> Option<Alarm> {
        let loss = f64::from(v.loss);
        if !loss.is_finite() {
            return None;
        }
        self.recent.push(Recent { loss, accuracy: v.accuracy.map(f64::from) });
        if self.recent.len() > RECENT {
            self.recent.remove(0);
        }
        if self.recent.len() < RECENT {
            return None;
        }
        let mean = |f: &dyn Fn(&Recent) -> Option<f64>| {
            let sum: Option<f64> = self.recent.iter().map(f).sum();
            sum.map(|sum| sum / RECENT as f64)
        };
        let now = mean(&|entry| Some(entry.loss))?;
        let accuracy = mean(&|entry| entry.accuracy);
        self.best_accuracy = match (self.best_accuracy, accuracy) {
            (Some(best), Some(now)) => Some(best.max(now)),
            (best, now) => best.or(now),
        };
        let (best, at) = match self.best_loss {
            Some(best) if best.0 <= now => best,
            _ => *self.best_loss.insert((now, v.update)),
        };
        let worse = match (self.best_accuracy, accuracy) {
            (Some(best), Some(now)) => now < best - FALLEN,
            _ => true,
        };
        let training = trace.loss.value()?;
        let tiny = context.chance.is_some_and(|chance| now < GAP_LEVEL * chance);
        if v.update < context.quiet_until || tiny || now <= RISEN * best || !worse || training >= GAP * now {
            return None;
        }
        let evidence = Evidence {
            update: v.update,
            what: "validation loss".into(),
            value: now,
            against: best,
            against_what: "a best".into(),
        };
        let remedies = vec![Remedy::Updates(at + 1), Remedy::WeightDecay(5e-4)];
        Some(Alarm { kind: Kind::OverfittingGap, evidence, remedies })
    }

    pub fn cut(&mut self, context: &Context, update: u64, from: f64, to: f64) -> Option<Alarm> {
        self.cuts += 1;
        let before = *self.before_cuts.get_or_insert(from);
        let early = (update as f64) < EARLY * context.updates as f64;
        (self.cuts >= CUTS && to < LEFT * before && early).then(|| Alarm {
            kind: Kind::PlateauThrash,
            evidence: Evidence {
                update,
                what: "rate".into(),
                value: to,
                against: before,
                against_what: "a first rate".into(),
            },
            remedies: vec![Remedy::Patience(3), Remedy::NoController],
        })
    }
}
