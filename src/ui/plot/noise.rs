//! What a run measured at every update: a line, or where it is crowded and a smooth line lies over it, an area.

use eframe::egui::Color32;
use egui_plot::{FilledArea, Line};

use crate::telemetry::Bucket;
use crate::ui::frame::LaneFrame;
use crate::ui::theme::{Tokens, metrics};

use super::Scale;
use super::along::Along;
use super::lines::Strokes;
use super::panel::Plots;

/// Points of the screen within which one does not see in which order values came.
const NARROW: f64 = 2.0;

/// What was measured of a lane, as it is drawn.
pub(super) struct Noise {
    pub areas: Vec<FilledArea>,
    pub lines: Vec<Line<'static>>,
    /// Updates at which it is NaN or infinite.
    pub lost: Vec<f64>,
    /// Buckets, or values of them, that have no height.
    pub hidden: usize,
}

impl Plots<'_> {
    /// What was measured of a run's only lane: faint where a smooth line is drawn over it.
    pub(super) fn noise(&self, lane: &LaneFrame, (color, tokens): (Color32, &Tokens), scale: Scale) -> Noise {
        let buckets = lane.curves.raw.as_slice();
        let is_faint = !lane.curves.smooth.is_empty();
        // By logarithm or sum, updates are not as wide everywhere.
        let is_even = matches!(self.studio.along, Along::Evenly);
        let narrow = if is_even { NARROW * self.grain.x() / lane.stretch } else { 0.0 };
        let is_narrow = |bucket: &Bucket| (bucket.last_update - bucket.first_update) as f64 <= narrow;
        let is_crowded = buckets.first().is_some_and(|bucket| bucket.count > 1);
        if is_faint && is_crowded && buckets.iter().all(is_narrow) {
            let least = f64::from(metrics::CURVE_FAINT) * self.grain.y();
            let lost = buckets.iter().filter(|bucket| bucket.nonfinite > 0);
            let hidden = |bucket: &&Bucket| bucket.min.is_finite() && !scale.has(bucket.min);
            return Noise {
                areas: areas(buckets, lane.stretch, scale, least, tokens.faded(color)).collect(),
                lines: Vec::new(),
                lost: lost.map(|bucket| bucket.first_update as f64 * lane.stretch).collect(),
                hidden: buckets.iter().filter(hidden).count(),
            };
        }
        let raw = Strokes::raw(buckets, scale).stretched(lane.stretch);
        let (lost, hidden) = (raw.lost.clone(), raw.hidden);
        let (color, width) = if is_faint {
            (tokens.faded(color), metrics::CURVE_FAINT)
        } else {
            (color, metrics::CURVE * 0.7)
        };
        // Many points a pixel: their extremes are what shows.
        let line = |points| self.line(lane.id.run, points, color, width).allow_band(true);
        Noise { areas: Vec::new(), lines: raw.into_lines().map(line).collect(), lost, hidden }
    }
}

/// The areas between the extremes of a noisy curve's buckets, at least so high. What has no height lies below all that
/// has one.
fn areas(
    buckets: &[Bucket],
    stretch: f64,
    scale: Scale,
    least: f64,
    color: Color32,
) -> impl Iterator<Item = FilledArea> {
    let bottom = scale.height(f64::MIN_POSITIVE).unwrap_or_default();
    let whole = buckets.split(move |bucket| bucket.nonfinite > 0 || !scale.has(bucket.max));
    whole.filter(|buckets| !buckets.is_empty()).map(move |buckets| {
        let (mut updates, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
        for bucket in buckets {
            let top = scale.height(bucket.max).unwrap_or(bottom);
            let under = scale.height(bucket.min).unwrap_or(bottom);
            let spare = (least - (top - under)).max(0.0) / 2.0;
            updates.push(u64::midpoint(bucket.first_update, bucket.last_update) as f64 * stretch);
            low.push(under - spare);
            high.push(top + spare);
        }
        FilledArea::new("", &updates, &low, &high).fill_color(color).allow_hover(false)
    })
}

#[cfg(test)]
mod tests {
    use egui_plot::PlotItem as _;

    use super::*;
    use crate::telemetry::{Precision, Series};

    fn buckets(values: &[f64]) -> Vec<Bucket> {
        let mut series = Series::new(Precision::Double, Series::MIN_BYTES);
        for (update, value) in values.iter().enumerate() {
            series.push(update as u64, *value);
        }
        series.finest().collect()
    }

    #[test]
    fn noise_is_cut_where_it_is_lost_and_nothing_of_it_is_below_a_hairline() {
        let buckets = buckets(&[1.0, 1.0, f64::NAN, 10.0, 0.0, -1.0]);
        let bounds = |scale| {
            let areas = areas(&buckets, 2.0, scale, 0.5, Color32::default());
            areas.map(|area| (area.bounds().min(), area.bounds().max())).collect::<Vec<_>>()
        };
        assert_eq!(bounds(Scale::Linear), [([0.0, 0.75], [2.0, 1.25]), ([6.0, -1.25], [10.0, 10.25])]);
        let logs = bounds(Scale::Log);
        assert_eq!(logs, [([0.0, -0.25], [2.0, 0.25]), ([6.0, 0.75], [6.0, 1.25])], "no height, no place");
        let mut both = buckets.clone();
        both[3].min = 0.0;
        let area = areas(&both[3..4], 1.0, Scale::Log, 0.5, Color32::default()).next().unwrap();
        assert!(area.bounds().min()[1] < -300.0 && area.bounds().max()[1] == 1.0, "out of every plot");
    }
}
