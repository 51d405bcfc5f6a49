//! Which heights a plot shows.

use crate::telemetry::Bucket;
use crate::ui::frame::LaneFrame;

use super::Scale;

/// The narrowest range worth drawing, in heights.
const NARROWEST: f64 = 1e-9;
/// A rate this much below the highest is not looked for: schedules that end at nothing have no lowest rate.
const RATE_DECADES: f64 = 4.5;

/// Bounds that grow with what they are shown.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    low: f64,
    high: f64,
}

impl Bounds {
    pub const EMPTY: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    pub fn add(&mut self, height: Option<f64>) {
        if let Some(height) = height.filter(|height| height.is_finite()) {
            self.low = self.low.min(height);
            self.high = self.high.max(height);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.low > self.high
    }

    fn width(&self) -> f64 {
        self.high - self.low
    }

    /// With a share of the width as room below and above; `default` if there is nothing to show.
    pub fn padded(self, below: f64, above: f64, least: f64, default: (f64, f64)) -> (f64, f64) {
        if self.is_empty() {
            return default;
        }
        let width = self.width().max(least).max(NARROWEST * self.high.abs());
        if width <= 0.0 {
            return default;
        }
        let spare = (width - self.width()) / 2.0;
        (self.low - spare - below * width, self.high + spare + above * width)
    }
}

/// The heights of the rate plot for rates from `low` to `high`, where `low` may be nothing.
pub fn rates(ranges: impl Iterator<Item = (f64, f64)>, scale: Scale) -> (f64, f64) {
    let mut bounds = Bounds::EMPTY;
    for end in ends(ranges.flat_map(|(low, high)| [low, high]).filter(|rate| scale.has(*rate))) {
        bounds.add(scale.height(end));
    }
    match scale {
        Scale::Log => {
            bounds.low = bounds.low.max(bounds.high - RATE_DECADES);
            bounds.padded(0.08, 0.14, 1.0, (-3.0, 0.0))
        }
        Scale::Linear => {
            bounds.add(Some(0.0));
            bounds.padded(0.04, 0.16, 0.0, (0.0, 1.0))
        }
    }
}

/// The heights of a measured quantity: all of the smoothed lines and of a forecast, and as much of the raw ones as
/// leaves those readable.
pub fn measured<'a>(
    lanes: impl Iterator<Item = &'a LaneFrame>,
    scale: Scale,
    chance: Option<f64>,
    forecast: impl Iterator<Item = f64>,
) -> (f64, f64) {
    let mut calm = Bounds::EMPTY;
    let mut raw = Bounds::EMPTY;
    let mut means = Vec::new();
    let mut diverged = false;
    for lane in lanes {
        diverged |= lane.diverged_at.is_some();
        let curves = &lane.curves;
        let smooth: &[Bucket] = if curves.smooth.is_empty() { &curves.raw } else { &curves.smooth };
        let smooth = smooth.iter().chain(&curves.validation).map(|bucket| bucket.mean);
        means.extend(smooth.filter(|mean| scale.has(*mean)));
        let all = curves.raw.iter().flat_map(|bucket| [bucket.min, bucket.max]);
        for end in ends(all.filter(|value| scale.has(*value))) {
            raw.add(scale.height(end));
        }
    }
    let mut cap = f64::INFINITY;
    if diverged {
        means.sort_by(f64::total_cmp);
        cap = usual_top(&means.iter().filter_map(|mean| scale.height(*mean)).collect::<Vec<_>>());
    }
    let ends = ends(means.into_iter()).into_iter().filter_map(|mean| scale.height(mean));
    for height in ends.chain(forecast) {
        calm.add(Some(height.min(cap)));
    }
    if let Some(height) = chance.and_then(|chance| scale.height(chance))
        && !calm.is_empty()
        && height <= calm.high + 0.5 * calm.width()
    {
        calm.add(Some(height));
    }
    let spread = 0.3 * calm.width();
    if !calm.is_empty() && !raw.is_empty() {
        let (low, high) = (raw.low.max(calm.low - spread), raw.high.min(calm.high + spread));
        calm.add(Some(low));
        calm.add(Some(high.min(cap)));
    }
    let least = if scale == Scale::Log { 0.2 } else { 0.0 };
    calm.padded(0.06, 0.1, least, (-1.0, 1.0))
}

/// The least and the greatest value; without any, what has no height. Heights rise with their values, and taking the
/// logarithm of each would be most of the work.
fn ends(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

/// Where most heights end: a run that diverges must not hide the others.
fn usual_top(sorted: &[f64]) -> f64 {
    let at =
        |share: f64| sorted.get(((sorted.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.05), at(0.8));
    high + (high - low).max(0.3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_nothing_does_not_stretch_the_axis() {
        let (low, high) = rates([(0.0, 0.1), (1e-30, 0.01)].into_iter(), Scale::Log);
        assert!(low > -7.0 && high > -1.0 && high < 0.0, "{low} to {high}");
    }

    #[test]
    fn nothing_at_all_has_an_axis_too() {
        assert_eq!(rates(std::iter::empty(), Scale::Linear), (0.0, 1.0));
        let (low, high) = rates([(0.1, 0.1)].into_iter(), Scale::Log);
        assert!(high > low);
        assert_eq!(measured(std::iter::empty(), Scale::Log, None, std::iter::empty()), (-1.0, 1.0));
    }

    #[test]
    fn constant_values_have_a_range() {
        for value in [1e-12, 1.0, 1e12] {
            let mut bounds = Bounds::EMPTY;
            bounds.add(Some(value));
            let (low, high) = bounds.padded(0.1, 0.1, 0.0, (0.0, 1.0));
            assert!(low < value && value < high, "{low} {value} {high}");
        }
    }
}
