//! Detectors on gradients in 16 bits: those that become 0, and a loss scale that falls without end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::losses::evidence;
use super::rates::{UNLEARNED, late};
use super::trace::Trace;
use super::{Alarm, Context, Kind, Remedy};
use crate::schedule::Span;
use crate::telemetry::Row;

/// So many updates left out
const LEFT_OUT: usize = 20;
/// of so many are no search for a scale any more; nor is one that is left out at a scale of 1 or less, with which every
/// gradient of a sound training is in range.
const WINDOW: u64 = 40;
/// Updates over which lost numbers are averaged.
const LOST_WINDOW: u64 = 50;
/// The average share of a gradient's numbers that became 0 that is too much.
const LOST: f64 = 0.5;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Scales {
    left_out: VecDeque<u64>,
    lost: (f64, u64),
}

impl Scales {
    pub fn update(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        if row.is_left_out() {
            self.left_out(context, row, alarms);
        }
        if let Some(share) = row.grad_underflow {
            self.underflow(context, trace, row, f64::from(share), alarms);
        }
    }

    fn left_out(&mut self, context: &Context, row: &Row, alarms: &mut Vec<Alarm>) {
        self.left_out.push_back(row.update);
        self.left_out.retain(|update| update + WINDOW > row.update);
        let scale = row.loss_scale.unwrap_or(1.0);
        let often = self.left_out.len() >= LEFT_OUT && row.update >= context.quiet_until;
        let evidence = if scale <= 1.0 {
            evidence(row, "loss scale", scale, "a harmless scale", 1.0)
        } else if often {
            let count = self.left_out.len() as f64;
            evidence(row, "updates left out of the last 40", count, "a limit", LEFT_OUT as f64)
        } else {
            return;
        };
        let remedies = vec![Remedy::ScaleLoss, Remedy::ScaleRate(0.1), Remedy::Warmup(Span::Percent(10.0))];
        alarms.push(Alarm { kind: Kind::LossScaleCollapse, evidence, remedies });
    }

    fn underflow(
        &mut self,
        context: &Context,
        trace: &Trace,
        row: &Row,
        share: f64,
        alarms: &mut Vec<Alarm>,
    ) {
        if late(context, row.update) || row.update < context.quiet_until {
            return;
        }
        self.lost = (self.lost.0 + share, self.lost.1 + 1);
        if self.lost.1 < LOST_WINDOW {
            return;
        }
        let (sum, count) = std::mem::take(&mut self.lost);
        let share = sum / count as f64;
        let levels = trace.light.value().zip(trace.first_loss());
        let learned = levels.is_none_or(|(now, first)| now < UNLEARNED * first);
        if share > LOST && !learned {
            let evidence = evidence(row, "share of the gradient that became 0", share, "a limit", LOST);
            alarms.push(Alarm { kind: Kind::GradientUnderflow, evidence, remedies: vec![Remedy::ScaleLoss] });
        }
    }
}
