//! A detector on gradient norms: repeated peaks.

use serde::{Deserialize, Serialize};

use super::losses::evidence;
use super::trace::Trace;
use super::{Alarm, Context, Kind, Remedy};
use crate::telemetry::Row;

/// A norm this many times its average is a peak,
const PEAK: f64 = 10.0;
/// when it is also this many times what norms were at the beginning.
const PEAK_LEVEL: f64 = 3.0;
/// So many peaks
const PEAKS: usize = 3;
/// within so many updates: one alone means little.
const WINDOW: u64 = 500;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Norms {
    peaks: Vec<u64>,
    before: Option<f64>,
}

impl Norms {
    pub fn update(&mut self, context: &Context, trace: &Trace, row: &Row, alarms: &mut Vec<Alarm>) {
        let before = std::mem::replace(&mut self.before, trace.norm.value());
        let norm = f64::from(row.grad_norm);
        let (Some(before), Some(first)) = (before, trace.first_norm()) else { return };
        // One that overflowed in 16 bits and was left out is the loss scale's.
        let peak = norm > PEAK * before && norm > PEAK_LEVEL * first && !row.is_left_out();
        // Where easy samples come first, harder ones that follow are no outliers.
        let is_curriculum = context.curricula.iter().any(|stretch| stretch.contains(&row.update));
        if row.update < context.quiet_until || !peak || is_curriculum {
            return;
        }
        self.peaks.push(row.update);
        self.peaks.retain(|update| update + WINDOW > row.update);
        if self.peaks.len() >= PEAKS {
            let evidence = evidence(row, "gradient norm", norm, "an average", before);
            let remedies = vec![Remedy::Clip(clip_at(before)), Remedy::ScaleRate(0.5)];
            alarms.push(Alarm { kind: Kind::GradientPeaks, evidence, remedies });
            self.peaks.clear();
        }
    }
}

/// Twice the usual norm, in one digit.
fn clip_at(usual: f64) -> f64 {
    format!("{:.0e}", 2.0 * usual).parse().unwrap_or(1.0)
}
