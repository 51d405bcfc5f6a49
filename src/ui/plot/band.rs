//! A run's replicas as one curve: their mean, and the band from the least to the greatest of them.

use eframe::egui::Color32;
use egui_plot::{FilledArea, PlotPoint};

use crate::telemetry::Bucket;
use crate::train::ids::RunId;
use crate::ui::frame::{Curves, LaneFrame};
use crate::ui::studio::Studio;

use super::Scale;

/// Replicas at one update.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slice {
    update: f64,
    low: f64,
    mean: f64,
    high: f64,
}

/// Stretches over which some replica is a number.
#[derive(Debug, Default, PartialEq)]
pub struct Band {
    stretches: Vec<Vec<Slice>>,
}

impl Band {
    /// A curve of each of a run's lanes as a band, as far as all of them have come. Where a replica is not a number the
    /// others stand for the run.
    pub fn of(lanes: &[&LaneFrame], curve: impl Fn(&Curves) -> &Vec<Bucket>) -> Self {
        let stretch = lanes.first().map_or(1.0, |lane| lane.stretch);
        let curves: Vec<&[Bucket]> = lanes.iter().map(|lane| curve(&lane.curves).as_slice()).collect();
        Self::of_curves(&curves, stretch)
    }

    pub fn of_curves(curves: &[&[Bucket]], stretch: f64) -> Self {
        let Some((first, others)) = curves.split_first() else { return Self::default() };
        let mut stretches = vec![Vec::new()];
        for (at, bucket) in first.iter().enumerate() {
            let same = |other: &&Bucket| other.last_update == bucket.last_update;
            let replicas: Option<Vec<f64>> =
                others.iter().map(|curve| Some(curve.get(at).filter(same)?.last)).collect();
            // Lanes train in step: beyond this, one of them has just begun again.
            let Some(replicas) = replicas else { break };
            let finite = replicas.into_iter().chain([bucket.last]).filter(|value| value.is_finite());
            let values: Vec<f64> = finite.collect();
            match values.as_slice() {
                [] => stretches.push(Vec::new()),
                values => {
                    let slice = Slice {
                        update: bucket.last_update as f64 * stretch,
                        low: values.iter().copied().fold(f64::INFINITY, f64::min),
                        mean: values.iter().sum::<f64>() / values.len() as f64,
                        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    };
                    stretches.last_mut().into_iter().for_each(|stretch| stretch.push(slice));
                }
            }
        }
        stretches.retain(|stretch| !stretch.is_empty());
        Self { stretches }
    }

    /// The updates and the means there.
    pub fn means(&self) -> impl Iterator<Item = (f64, f64)> {
        self.stretches.iter().flatten().map(|slice| (slice.update, slice.mean))
    }

    /// The updates with the least and the greatest there.
    pub fn edges(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.stretches.iter().flatten().map(|slice| (slice.update, slice.low, slice.high))
    }

    /// The lines of the means; what has no height is left out.
    pub fn lines(&self, scale: Scale) -> impl Iterator<Item = Vec<PlotPoint>> {
        self.stretches.iter().map(move |stretch| {
            let point = |slice: &Slice| Some(PlotPoint::new(slice.update, scale.height(slice.mean)?));
            stretch.iter().filter_map(point).collect()
        })
    }

    /// The areas between the least and the greatest.
    /// `at` says where an update stands.
    pub fn areas(
        &self,
        scale: Scale,
        color: Color32,
        at: impl Fn(f64) -> f64,
    ) -> impl Iterator<Item = FilledArea> {
        self.stretches.iter().filter(|stretch| stretch.len() > 1).map(move |stretch| {
            let (mut updates, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
            for slice in stretch {
                if let (Some(bottom), Some(top)) = (scale.height(slice.low), scale.height(slice.high)) {
                    updates.push(at(slice.update));
                    low.push(bottom);
                    high.push(top);
                }
            }
            FilledArea::new("", &updates, &low, &high).fill_color(color).allow_hover(false)
        })
    }
}

/// What the replicas of a run were given, where they part.
pub(super) fn parted(studio: &Studio, run: RunId, of: fn(&Curves) -> &Vec<Bucket>) -> Option<Band> {
    let replicas: Vec<&LaneFrame> = studio.frame.replicas(run).collect();
    (studio.document.parts(run) && replicas.len() > 1).then(|| Band::of(&replicas, of))
}

/// The updates of a curve and its values there, of a run that trains alone.
pub(super) fn alone(curve: &[Bucket], stretch: f64) -> Vec<(f64, f64)> {
    curve.iter().map(|bucket| (bucket.last_update as f64 * stretch, bucket.last)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Precision, Series};

    fn buckets(values: &[f64]) -> Vec<Bucket> {
        let mut series = Series::new(Precision::Double, Series::MIN_BYTES);
        for (update, value) in values.iter().enumerate() {
            series.push(update as u64, *value);
        }
        let mut buckets = Vec::new();
        series.view(0..=u64::MAX, 1000, &mut buckets);
        buckets
    }

    fn band(curves: &[&[f64]]) -> Band {
        let curves: Vec<Vec<Bucket>> = curves.iter().map(|values| buckets(values)).collect();
        Band::of_curves(&curves.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1.0)
    }

    #[test]
    fn a_band_is_the_mean_between_the_least_and_the_greatest() {
        let band = band(&[&[1.0, 4.0], &[2.0, 4.0], &[6.0, 1.0]]);
        let slice = |update, low, mean, high| Slice { update, low, mean, high };
        assert_eq!(band.stretches, [[slice(0.0, 1.0, 3.0, 6.0), slice(1.0, 1.0, 3.0, 4.0)]]);
    }

    #[test]
    fn a_replica_that_is_lost_leaves_the_band_to_the_others_and_all_of_them_break_it() {
        let nan = f64::NAN;
        let band = band(&[&[1.0, nan, 1.0, nan], &[3.0, nan, nan, nan]]);
        assert_eq!(band.means().collect::<Vec<_>>(), [(0.0, 2.0), (2.0, 1.0)]);
        assert_eq!(band.stretches.len(), 2);
        assert_eq!(band.lines(Scale::Log).count(), 2);
    }

    #[test]
    fn a_band_ends_where_the_first_replica_does() {
        assert_eq!(band(&[&[1.0, 2.0, 3.0], &[1.0]]).means().count(), 1);
        assert_eq!(band(&[]), Band::default());
    }
}
