//! Detectors on runs whose data has phases: what comes new, what is forgotten, and what does harm.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::trace::Trace;
use super::{Alarm, Context, Evidence, Kind, Remedy};
use crate::data::SampleOrder;
use crate::experiment::Phase;
use crate::experiment::phase::begins;
use crate::schedule::{Clock, Piecewise};
use crate::telemetry::{GroupColumn, Row, Validation};

/// Updates at the beginning of a phase whose mean loss tells whether its samples are new to the model.
const FIRST: u64 = 20;
/// They are when it is this many times the loss before,
const NEW: f64 = 1.5;
/// and above it by this share of chance: near zero, multiples mean nothing.
const NEW_LEVEL: f64 = 0.1;
/// A rate below this share of the peak is too low to follow what is new.
const FALLEN: f64 = 0.5;
/// What a phase taught is forgotten when its accuracy has fallen by this,
const FORGOTTEN: f64 = 0.15;
/// and by this share of its best.
const SHARE: f64 = 0.25;
/// Training does harm when the accuracy on its own phase has fallen by this since the phase began,
const HARM: f64 = 0.1;
/// in so many validations in a row.
const IN_A_ROW: u32 = 2;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Phases {
    /// The place of the newest phase.
    at: usize,
    /// The smoothed loss before it.
    before: Option<f64>,
    /// The losses of its first updates, summed, and how many there were.
    first: (f64, u64),
    /// The best accuracy on its own held-out samples since just before it began, and validations in a row that are far below.
    own: Option<f64>,
    worse: u32,
    /// Of each phase, the best accuracy so far and validations in a row that are far below.
    best: Vec<(f64, u32)>,
    /// Of each phase, the newest accuracy; below 0 where there is none.
    last: Vec<f64>,
}

impl Phases {
    /// Whether a phase begins with this update; the first one does not.
    pub fn begins(context: &Context, row: &Row) -> bool {
        context.phases.iter().skip(1).any(|(_, begin)| *begin == row.update)
    }

    /// The evaluation on the held-out samples of the phase that a row is in, where it has one.
    pub fn own_validation(&self, row: &Row) -> Option<Validation> {
        let place = row.groups.len() + self.at;
        let of = |column| row.groups.get(column, place).map(|value| value as f32);
        let accuracy = of(GroupColumn::ValAccuracy);
        of(GroupColumn::ValLoss).map(|loss| Validation { update: row.update, loss, accuracy })
    }

    pub fn update(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        let newest = context.phases.iter().rposition(|(_, begin)| *begin <= row.update).unwrap_or(0);
        if newest != self.at {
            (self.at, self.before, self.first) = (newest, trace.loss.value(), (0.0, 0));
            // What was known of its samples before counts, too: harm may be done before they are scored again.
            (self.own, self.worse) = (self.last.get(newest).copied().filter(|known| *known >= 0.0), 0);
        }
        self.news(context, row, alarms);
        for place in 0..context.phases.len() {
            let accuracy = row.groups.get(GroupColumn::ValAccuracy, row.groups.len() + place);
            if let Some(accuracy) = accuracy.filter(|accuracy| accuracy.is_finite()) {
                self.scored(context, trace, (row.update, place, accuracy), alarms);
            }
        }
    }

    /// Compares the first losses of a phase with those before it.
    fn news(&mut self, context: &Context, row: &Row, alarms: &mut Vec<Alarm>) {
        if self.at == 0 || self.first.1 >= FIRST {
            return;
        }
        self.first = (self.first.0 + f64::from(row.train_loss), self.first.1 + 1);
        let mean = self.first.0 / self.first.1 as f64;
        let Some(before) = self.before.filter(|_| self.first.1 == FIRST && mean.is_finite()) else { return };
        if mean > NEW * before && mean - before > NEW_LEVEL * context.chance.unwrap_or(0.0) {
            let name = context.phases.get(self.at).map_or("", |(name, _)| name);
            alarms.push(Alarm {
                kind: Kind::Drift,
                evidence: Evidence {
                    update: row.update,
                    what: format!("loss at the beginning of the phase “{name}”").into(),
                    value: mean,
                    against: before,
                    against_what: "a loss before it".into(),
                },
                remedies: if has_fallen(context, row.update) {
                    vec![Remedy::FollowPhases]
                } else {
                    Vec::new()
                },
            });
        }
    }

    fn scored(
        &mut self,
        context: &Context,
        trace: &Trace,
        (update, place, accuracy): (u64, usize, f64),
        alarms: &mut Vec<Alarm>,
    ) {
        let name = context.phases.get(place).map_or("", |(name, _)| name);
        let alarm = |kind, against: f64, what: &str, remedies| Alarm {
            kind,
            evidence: Evidence {
                update,
                what: format!("accuracy on the phase “{name}”").into(),
                value: accuracy,
                against,
                against_what: what.to_owned().into(),
            },
            remedies,
        };
        if self.best.len() <= place {
            self.best.resize(place + 1, (0.0, 0));
            self.last.resize(place + 1, -1.0);
        }
        if let Some(last) = self.last.get_mut(place) {
            *last = accuracy;
        }
        if place == self.at {
            let best = self.own.map_or(accuracy, |own| own.max(accuracy));
            self.own = Some(best);
            self.worse = if accuracy < best - HARM { self.worse + 1 } else { 0 };
            // A loss that is no lower than at the beginning of the phase is a rate that is too high, say.
            let first = self.first.0 / self.first.1.max(1) as f64;
            let learns = trace.light.value().is_some_and(|loss| loss < first);
            if self.worse == IN_A_ROW && self.at > 0 && learns {
                alarms.push(alarm(
                    Kind::HarmfulData,
                    best,
                    "a best around its beginning",
                    vec![Remedy::ScaleRate(0.1)],
                ));
            }
        }
        let (best, worse) = &mut self.best[place];
        *best = best.max(accuracy);
        let is_over = place < self.at;
        let is_lost = accuracy < *best - FORGOTTEN && accuracy < (1.0 - SHARE) * *best;
        *worse = if is_over && is_lost { *worse + 1 } else { 0 };
        if *worse == IN_A_ROW {
            let best = *best;
            alarms.push(alarm(Kind::Forgetting, best, "a best", vec![Remedy::ScaleRate(0.3)]));
        }
    }
}

/// The phases whose samples come in an order.
pub(super) fn curricula(phases: &[Phase], clock: Clock) -> Vec<Range<u64>> {
    let begins = begins(phases, clock);
    let ends = begins.iter().skip(1).copied().chain([clock.updates]);
    let stretches = phases.iter().zip(begins.iter().copied().zip(ends));
    let ordered = stretches.filter(|(phase, _)| phase.order != SampleOrder::Shuffled);
    ordered.map(|(_, (begin, end))| begin..end).collect()
}

/// Whether the schedule has come down by an update.
fn has_fallen(context: &Context, update: u64) -> bool {
    let curves = context.scheduled.iter().flat_map(Piecewise::values);
    let peak = curves.map(|curve| curve.range().1).fold(0.0, f64::max);
    context.rate(update) < FALLEN * peak
}
