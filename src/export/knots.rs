//! A curve of many values as straight lines between a few of them.

/// The most knots that an export carries.
const MAX_KNOTS: usize = 2000;

/// Lines between knots: exact for short runs, staircases and straight lines, close for everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Knots {
    /// Updates, increasing, with the value at each.
    pub points: Vec<(u64, f64)>,
}

impl Knots {
    /// Knots through `values`, one an update: as close as two thousand of them come.
    pub fn through(values: &[f64]) -> Self {
        let scale = values.iter().copied().fold(0.0, f64::max);
        let tolerances = [1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
        for tolerance in tolerances {
            if let Some(points) = Self::fitted(values, tolerance * scale) {
                return Self { points };
            }
        }
        let ends = [0, values.len().saturating_sub(1)];
        Self { points: ends.iter().filter_map(|at| Some((*at as u64, *values.get(*at)?))).collect() }
    }

    /// The longest lines from knot to knot that stay within `tolerance`; `None` when too many are needed.
    fn fitted(values: &[f64], tolerance: f64) -> Option<Vec<(u64, f64)>> {
        let mut points = Vec::new();
        let Some(first) = values.first() else {
            return Some(points);
        };
        points.push((0, *first));
        let (mut start, mut from) = (0, *first);
        // The slopes that pass within the tolerance of every value since the last knot.
        let (mut lowest, mut highest) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut last = (0, *first);
        for (at, value) in values.iter().copied().enumerate().skip(1) {
            let slope = (value - from) / (at - start) as f64;
            if slope < lowest || slope > highest {
                if points.len() >= MAX_KNOTS {
                    return None;
                }
                points.push((last.0 as u64, last.1));
                (start, from) = last;
                (lowest, highest) = (f64::NEG_INFINITY, f64::INFINITY);
            }
            let width = (at - start) as f64;
            lowest = lowest.max((value - tolerance - from) / width);
            highest = highest.min((value + tolerance - from) / width);
            last = (at, value);
        }
        if last.0 > start {
            points.push((last.0 as u64, last.1));
        }
        Some(points)
    }

    /// The value at `update`; the last is held.
    pub fn at(&self, update: u64) -> f64 {
        let passed = self.points.partition_point(|(at, _)| *at <= update);
        let before = passed.checked_sub(1).and_then(|index| self.points.get(index));
        match (before, self.points.get(passed)) {
            (Some((start, from)), Some((end, to))) => {
                from + (to - from) * ((update - start) as f64 / (end - start) as f64)
            }
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Knots;

    #[test]
    fn stairs_and_lines_need_few_knots_and_are_exact() {
        let stairs: Vec<f64> = (0..100_000).map(|i| 0.1_f64.powf(f64::from(i / 25_000))).collect();
        let knots = Knots::through(&stairs);
        assert_eq!(knots.points.len(), 8);
        for (update, value) in stairs.iter().enumerate() {
            assert_eq!(knots.at(update as u64), *value);
        }
        let line: Vec<f64> = (0..5000).map(|i| 0.5 - f64::from(i) / 10_000.0).collect();
        assert!(Knots::through(&line).points.len() < 10);
    }

    #[test]
    fn a_long_cosine_is_close() {
        let cosine: Vec<f64> = (0..1_000_000).map(|i| 1.0 + (f64::from(i) * 3.1e-6).cos()).collect();
        let knots = Knots::through(&cosine);
        assert!(knots.points.len() <= 2001);
        let worst = cosine.iter().enumerate().map(|(at, value)| (knots.at(at as u64) - value).abs());
        assert!(worst.fold(0.0, f64::max) < 3e-5);
    }
}
