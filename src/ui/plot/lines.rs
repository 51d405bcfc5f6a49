//! From buckets and curves to lines on the screen.

use egui_plot::PlotPoint;

use crate::schedule::Curve;
use crate::telemetry::Bucket;

use super::Scale;
use super::along::Along;

/// Lines of a series, broken where it is not a number or has no height.
#[derive(Debug, Default)]
pub struct Strokes {
    pub lines: Vec<Vec<PlotPoint>>,
    /// Updates at which the series is NaN or infinite.
    pub lost: Vec<f64>,
    /// Finite values that have no height on a log axis.
    pub hidden: usize,
}

impl Strokes {
    fn put(&mut self, update: u64, height: f64) {
        let Some(line) = self.lines.last_mut() else { return };
        let point = PlotPoint::new(update as f64, height);
        // A level stretch is one segment: dashes on it would otherwise be cut to pieces.
        if let [.., before, last] = line.as_mut_slice()
            && before.y == height
            && last.y == height
        {
            *last = point;
        } else {
            line.push(point);
        }
    }

    /// A new line, with room for so many points.
    fn begin(points: usize) -> Self {
        Self { lines: vec![Vec::with_capacity(points)], ..Self::default() }
    }

    fn lift(&mut self) {
        if self.lines.last().is_none_or(|line| !line.is_empty()) {
            self.lines.push(Vec::new());
        }
    }

    /// Every value of a series: first, extremes and last of each bucket.
    pub fn raw(buckets: &[Bucket], scale: Scale) -> Self {
        let mut strokes = Self::begin(2 * buckets.len());
        for bucket in buckets {
            let (first, last) = (bucket.first_update, bucket.last_update);
            strokes.pass(first, bucket.first, scale);
            if bucket.count > 1 {
                // Where it only rises or falls, its ends are its extremes.
                let ends = bucket.first.min(bucket.last)..=bucket.first.max(bucket.last);
                for extreme in [bucket.min, bucket.max] {
                    if !ends.contains(&extreme) {
                        strokes.pass(u64::midpoint(first, last), extreme, scale);
                    }
                }
                strokes.pass(last, bucket.last, scale);
            }
            if bucket.nonfinite > 0 {
                strokes.lost.push(first as f64);
                strokes.lift();
            }
        }
        strokes
    }

    /// The next value of a series.
    fn pass(&mut self, update: u64, value: f64, scale: Scale) {
        match scale.height(value) {
            Some(height) => self.put(update, height),
            None => {
                self.hidden += usize::from(value.is_finite());
                self.lift();
            }
        }
    }

    /// One value for each bucket.
    pub fn last(buckets: &[Bucket], scale: Scale) -> Self {
        let mut strokes = Self::begin(buckets.len());
        for bucket in buckets {
            match scale.height(bucket.last) {
                Some(height) => strokes.put(bucket.last_update, height),
                None => strokes.lift(),
            }
        }
        strokes
    }

    /// A value for each of these updates.
    pub fn points(points: &[(u64, f64)], scale: Scale) -> Self {
        let mut strokes = Self::begin(points.len());
        for (update, value) in points {
            match scale.height(*value) {
                Some(height) => strokes.put(*update, height),
                None => strokes.lift(),
            }
        }
        strokes
    }

    /// A function of the update over `range`, one value for each of so many columns, and both sides of each jump.
    pub fn curve(
        curve: &Curve,
        value: impl Fn(u64) -> f64,
        (from, to): (u64, u64),
        (columns, along): (usize, &Along),
        scale: Scale,
    ) -> Self {
        if from > to {
            return Self::default();
        }
        let step = ((to - from) / columns.max(1) as u64).max(1);
        let jumps = curve
            .landmarks()
            .into_iter()
            .flat_map(|landmark| [landmark.update.saturating_sub(1), landmark.update])
            .filter(|update| (from..=to).contains(update));
        let evenly = (from..=to).step_by(step as usize);
        let mut updates: Vec<u64> = evenly.chain(along.looks(from, to)).chain(jumps).chain([to]).collect();
        updates.sort_unstable();
        updates.dedup();
        let mut strokes = Self::begin(updates.len());
        for update in updates {
            match scale.height(value(update)) {
                Some(height) => strokes.put(update, height),
                None => strokes.lift(),
            }
        }
        strokes
    }

    /// The same with so many of our updates in one of the series' own.
    #[must_use]
    pub fn stretched(mut self, stretch: f64) -> Self {
        if stretch != 1.0 {
            self.lines.iter_mut().flatten().for_each(|point| point.x *= stretch);
            self.lost.iter_mut().for_each(|update| *update *= stretch);
        }
        self
    }

    /// The lines that have a length.
    pub fn into_lines(self) -> impl Iterator<Item = Vec<PlotPoint>> {
        self.lines.into_iter().filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Precision, Series};

    fn strokes(values: &[f64], scale: Scale) -> Strokes {
        let mut series = Series::new(Precision::Double, Series::MIN_BYTES);
        for (update, value) in values.iter().enumerate() {
            series.push(update as u64, *value);
        }
        let mut buckets = Vec::new();
        series.view(0..=u64::MAX, 1000, &mut buckets);
        Strokes::raw(&buckets, scale)
    }

    #[test]
    fn a_line_breaks_where_the_series_is_lost_and_says_where() {
        let strokes = strokes(&[1.0, 2.0, f64::NAN, 4.0, f64::INFINITY, 6.0, 7.0], Scale::Linear);
        assert_eq!(strokes.lost, [2.0, 4.0]);
        let lengths: Vec<usize> = strokes.into_lines().map(|line| line.len()).collect();
        assert_eq!(lengths, [2, 1, 2]);
    }

    #[test]
    fn a_bucket_is_its_ends_and_the_extremes_beyond_them() {
        let mut series = Series::new(Precision::Double, Series::MIN_BYTES);
        for (update, value) in [3.0, 1.0, 9.0, 4.0, 5.0, 6.0, 7.0, 8.0].into_iter().enumerate() {
            series.push(update as u64, value);
        }
        let mut buckets = Vec::new();
        series.view(0..=u64::MAX, 2, &mut buckets);
        let lines: Vec<_> = Strokes::raw(&buckets, Scale::Linear).into_lines().collect();
        let points: Vec<_> = lines.concat().iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(points, [(0.0, 3.0), (1.0, 1.0), (1.0, 9.0), (3.0, 4.0), (4.0, 5.0), (7.0, 8.0)]);
    }

    #[test]
    fn what_has_no_logarithm_is_counted() {
        let strokes = strokes(&[1.0, 0.0, -3.0, 2.0], Scale::Log);
        assert_eq!(strokes.hidden, 2);
        assert!(strokes.lost.is_empty());
        assert_eq!(strokes.into_lines().count(), 2);
    }

    #[test]
    fn nothing_but_nonsense_is_no_line() {
        for values in [&[][..], &[f64::NAN], &[f64::INFINITY, f64::NEG_INFINITY]] {
            assert_eq!(strokes(values, Scale::Linear).into_lines().count(), 0);
        }
    }
}
