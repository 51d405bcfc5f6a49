//! Detectors on the rate: ignored schedules, wrong resumes, updates lost to rounding.

use serde::{Deserialize, Serialize};

use super::losses::evidence;
use super::trace::Trace;
use super::{Alarm, Context, Evidence, Kind, Remedy};
use crate::experiment::WeightFormat;
use crate::telemetry::Row;

/// A rate that stays the same for so many updates,
const FLAT: u64 = 30;
/// while the schedule moves by this share, is a schedule ignored.
const MOVED: f64 = 0.2;
/// A step of the rate that is this far from the schedule's own step is a jump.
const JUMP: f64 = 0.3;
/// Updates over which lost updates are averaged.
const LOST_WINDOW: u64 = 50;
/// The average share of lost updates that is too much: in trainings of small networks in bf16 and f16 it is where
/// rounding begins to cost accuracy,
const LOST: f64 = 0.75;
/// while the loss is above this share of where it began. What has learned its samples moves little and needs no more.
pub(super) const UNLEARNED: f64 = 0.1;
/// Of the run: at its end, when rates go to zero, losing updates is harmless.
const LATE: f64 = 0.6;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rates {
    last: Option<(u64, f64)>,
    /// Since when the rate is what it is, and what the schedule said then.
    flat_since: Option<(u64, f64)>,
    /// The last step was a controller's.
    forgiven: bool,
    lost: (f64, u64),
    small: u64,
    /// Lost updates are counted, so nothing is to be guessed from their size.
    counted: bool,
}

impl Rates {
    /// A controller changed the rate, so its next step is no jump.
    pub fn forgive(&mut self) {
        self.forgiven = true;
    }

    pub fn update(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        let scheduled = context.rate(row.update);
        let last = self.last.replace((row.update, row.lr));
        let forgiven = std::mem::take(&mut self.forgiven);
        if let Some((update, rate)) = last {
            let expected = scheduled - context.rate(update);
            let scale =
                if context.controlled && scheduled > 0.0 { (row.lr / scheduled).min(1.0) } else { 1.0 };
            let surprise = (row.lr - rate - expected * scale).abs();
            let moved = surprise > JUMP * row.lr.max(rate) && row.lr != rate;
            // Where the schedule itself agrees with the rate, the odd one was the rate before.
            let right = (row.lr - scheduled).abs() <= 1e-6 * scheduled;
            if moved && !right && !forgiven && !context.controlled {
                let evidence = evidence(row, "rate", row.lr, "a scheduled rate", scheduled);
                let remedies = vec![Remedy::ResumeSchedule];
                alarms.push(Alarm { kind: Kind::CheckpointMismatch, evidence, remedies });
            }
            if row.lr != rate {
                self.flat_since = None;
            }
        }
        let (since, then) = *self.flat_since.get_or_insert((row.update, scheduled));
        let moved = (scheduled - then).abs() > MOVED * scheduled.max(then);
        let off = (row.lr - scheduled).abs() > 0.01 * scheduled.max(row.lr);
        if row.update >= since + FLAT && moved && off && !context.controlled {
            let evidence = evidence(row, "rate", row.lr, "a scheduled rate", scheduled);
            alarms.push(Alarm {
                kind: Kind::IgnoredUpdates,
                evidence,
                remedies: vec![Remedy::ResumeSchedule],
            });
            self.flat_since = Some((row.update, scheduled));
        }
        self.too_small(context, trace, row, alarms);
    }

    /// Without a count of lost updates: a usual update is far below half a step of a usual weight.
    fn too_small(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        let half_step = match context.weights {
            WeightFormat::F32 => return,
            WeightFormat::Bf16 => 2.0_f64.powi(-9),
            WeightFormat::F16 => 2.0_f64.powi(-12),
        };
        if self.counted
            || context.rounded_fairly
            || row.update < context.quiet_until
            || late(context, row.update)
        {
            return;
        }
        let norm =
            trace.norm.value().unwrap_or(f64::INFINITY).min(context.clip_norm.unwrap_or(f64::INFINITY));
        let usual = if context.adaptive {
            row.lr * (context.parameters as f64).sqrt()
        } else {
            row.lr * norm / (1.0 - row.momentum).max(1e-3)
        };
        let share = usual / context.weight_norm;
        self.small = if share < half_step / 4.0 { self.small + 1 } else { 0 };
        if self.small == LOST_WINDOW {
            let evidence = evidence(row, "an update's share of the weights", share, "half a step", half_step);
            let remedies = vec![Remedy::FullPrecision, Remedy::RoundStochastically, Remedy::ScaleRate(10.0)];
            alarms.push(Alarm { kind: Kind::PrecisionUnderflow, evidence, remedies });
            self.small = 0;
        }
    }

    /// With a count of lost updates.
    pub fn rounded_away(
        &mut self,
        context: &Context,
        trace: &Trace,
        update: u64,
        share: f64,
    ) -> Option<Alarm> {
        self.counted = true;
        if late(context, update) || update < context.quiet_until {
            return None;
        }
        self.lost.0 += share;
        self.lost.1 += 1;
        if self.lost.1 < LOST_WINDOW {
            return None;
        }
        let (sum, count) = std::mem::take(&mut self.lost);
        let share = sum / count as f64;
        let learned = trace.light.value()? < UNLEARNED * trace.first_loss()?;
        (share > LOST && !learned).then(|| Alarm {
            kind: Kind::PrecisionUnderflow,
            evidence: Evidence {
                update,
                what: "share of lost updates".into(),
                value: share,
                against: LOST,
                against_what: "a limit".into(),
            },
            remedies: vec![Remedy::FullPrecision, Remedy::RoundStochastically, Remedy::ScaleRate(10.0)],
        })
    }
}

pub(super) fn late(context: &Context, update: u64) -> bool {
    update as f64 > LATE * context.updates as f64
}
