//! Detectors on the training loss: divergence, oscillation, too slow, stuck at chance.

use serde::{Deserialize, Serialize};

use super::trace::Trace;
use super::{Alarm, Context, Evidence, Kind, Remedy};
use crate::schedule::Span;
use crate::telemetry::Row;

/// The smoothed loss has exploded at this many times what it began at (or chance, if that is more).
const EXPLODED: f64 = 3.0;
/// A single loss this many times its average is a spike,
const SPIKE: f64 = 3.0;
/// when it is also above this many times chance: near zero, multiples mean nothing.
const SPIKE_LEVEL: f64 = 1.0;
/// So many spikes
const SPIKES: usize = 5;
/// within so many updates are an oscillation.
const SPIKE_WINDOW: u64 = 200;
/// From this share of the run on, having learned nothing is a finding.
const VERDICT: f64 = 0.5;
/// Updates before it, however short the run.
const LEAST_UPDATES: u64 = 100;
/// A loss above this share of where it began (or of chance) has hardly fallen.
const HARDLY: f64 = 0.93;
/// A loss above this share of chance has learned nothing,
const AT_CHANCE: f64 = 0.97;
/// and above this many times chance a network that its first updates broke is not stuck there, but diverging.
const BEYOND: f64 = 1.1;
/// Where nobody knows what chance is, a loss below this many times the first one is still there.
const NEAR: f64 = 1.1;
/// Below this share of chance a training has learned, and there may be nothing left to learn.
const LEARNED: f64 = 0.5;
/// Where nobody knows what chance is, a loss below this is small on any scale.
const SMALL: f64 = 1e-6;
/// All updates together moved the weights by less than this share of their norm: too slow.
const SHORT_WAY: f64 = 0.25;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Losses {
    spikes: Vec<u64>,
    /// The average before the present update.
    before: Option<f64>,
}

impl Losses {
    pub fn update(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        let loss = f64::from(row.train_loss);
        let before = std::mem::replace(&mut self.before, trace.loss.value());
        if !loss.is_finite() {
            let evidence = evidence(row, "loss", loss, "the first loss", trace.first.unwrap_or(f64::NAN));
            alarms.push(Alarm { kind: Kind::Divergence, evidence, remedies: calmer(context) });
            return;
        }
        let (Some(first), Some(light), Some(smooth)) =
            (trace.first_loss(), trace.light.value(), trace.loss.value())
        else {
            return;
        };
        if row.update < context.quiet_until {
            return;
        }
        let chance = context.chance.unwrap_or(first);
        let level = first.max(chance);
        if light > EXPLODED * level {
            let evidence = evidence(row, "smoothed loss", light, "a first loss or chance", level);
            alarms.push(Alarm { kind: Kind::Divergence, evidence, remedies: calmer(context) });
            return;
        }
        if let Some(before) = before
            && loss > SPIKE * before
            && loss > SPIKE_LEVEL * chance
        {
            self.spikes.push(row.update);
            self.spikes.retain(|update| update + SPIKE_WINDOW > row.update);
            if self.spikes.len() >= SPIKES {
                let evidence = evidence(row, "loss", loss, "its average", before);
                let remedies = vec![Remedy::ScaleRate(0.5), Remedy::Cooldown(Span::Percent(20.0))];
                alarms.push(Alarm { kind: Kind::Oscillation, evidence, remedies });
                self.spikes.clear();
            }
        }
        let due = (VERDICT * context.updates as f64) as u64;
        if row.update >= due.max(context.quiet_until * 2).max(LEAST_UPDATES) {
            Self::nothing_learned(context, trace, row, (first, chance, smooth), alarms);
        }
    }

    fn nothing_learned(
        context: &Context,
        trace: &Trace,
        row: &Row,
        (first, chance, smooth): (f64, f64, f64),
        alarms: &mut Vec<Alarm>,
    ) {
        let moved = trace.path > SHORT_WAY * context.weight_norm;
        // A surface has no inputs to ignore, and no chance.
        let known = context.chance.filter(|chance| *chance > 0.0);
        let is_high = known.map_or(smooth > SMALL, |chance| smooth > LEARNED * chance);
        if !moved && is_high && smooth > HARDLY * first {
            let evidence = evidence(row, "smoothed loss", smooth, "a first loss", first);
            let remedies = vec![Remedy::ScaleRate(10.0)];
            alarms.push(Alarm { kind: Kind::SilentSlowdown, evidence, remedies });
        } else if moved
            && smooth > AT_CHANCE * chance
            && (known.is_some() || context.chance.is_none() && smooth < NEAR * chance)
        {
            let evidence = evidence(row, "smoothed loss", smooth, context.chance_name, chance);
            if trace.began_soundly(context.weight_norm) {
                alarms.push(Alarm { kind: Kind::NoSignal, evidence, remedies: Vec::new() });
            } else if smooth < BEYOND * chance {
                let remedies = vec![Remedy::Warmup(Span::Percent(20.0)), Remedy::ScaleRate(0.3)];
                alarms.push(Alarm { kind: Kind::StuckAtChance, evidence, remedies });
            }
        }
    }
}

/// Against too high a rate.
fn calmer(context: &Context) -> Vec<Remedy> {
    let mut remedies = vec![Remedy::ScaleRate(0.3)];
    if context.clip_norm.is_none() {
        remedies.push(Remedy::Clip(1.0));
    }
    remedies.push(Remedy::Warmup(Span::Percent(10.0)));
    remedies
}

pub(super) fn evidence(
    row: &Row,
    what: &'static str,
    value: f64,
    against_what: &'static str,
    against: f64,
) -> Evidence {
    Evidence { update: row.update, what: what.into(), value, against, against_what: against_what.into() }
}
