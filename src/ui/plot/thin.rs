//! Lines with as many points as one can see: where a curve is straight on the screen, its ends are enough.

use eframe::egui::Vec2;
use egui_plot::PlotPoint;

/// How far a line may pass from a point that is left out, in points of the screen.
const REACH: f64 = 0.1;
/// Points closer than this across are one above the other.
const LEAST: f64 = 1e-6;

/// What a point of the screen stands for in a plot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grain {
    x: f64,
    y: f64,
}

impl Grain {
    /// Of a plot that shows these places and heights in so much room.
    pub fn new((left, right): (f64, f64), (low, high): (f64, f64), room: Vec2) -> Self {
        let a_point = |from: f64, to: f64, room: f32| (to - from) / f64::from(room.max(1.0));
        Self { x: a_point(left, right, room.x), y: a_point(low, high, room.y) }
    }

    /// How many updates, or what the axis counts, are as wide as a point.
    pub fn x(self) -> f64 {
        self.x
    }

    /// How much of the height is.
    pub fn y(self) -> f64 {
        self.y
    }

    /// The line without the points that it passes anyway. Goes once over the points and keeps the slopes under which
    /// all since the last one that stays would be passed (Williams 1978, Cartography and Geographic Information
    /// Science 8(2), without his look back).
    pub fn thin(self, mut points: Vec<PlotPoint>) -> Vec<PlotPoint> {
        let Some(last) = points.last().copied() else { return points };
        let (across, up) = (1.0 / self.x, 1.0 / self.y);
        let (mut kept, mut low, mut high) = (0, f64::NEG_INFINITY, f64::INFINITY);
        let (mut from, mut before) = (points[0], points[0]);
        for at in 1..points.len() {
            let point = points[at];
            let mut width = (point.x - from.x) * across;
            let mut slope = (point.y - from.y) * up / width;
            // One straight above is on no line with another.
            if width < LEAST || slope < low || slope > high {
                if at > 1 {
                    kept += 1;
                    points[kept] = before;
                    from = before;
                }
                (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
                width = (point.x - from.x) * across;
                slope = (point.y - from.y) * up / width;
            }
            if width < LEAST {
                (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
            } else {
                low = low.max(slope - REACH / width);
                high = high.min(slope + REACH / width);
            }
            before = point;
        }
        if points.len() > 1 {
            kept += 1;
            points[kept] = last;
            points.truncate(kept + 1);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grain of one.
    const PLAIN: Grain = Grain { x: 1.0, y: 1.0 };

    fn line(heights: impl IntoIterator<Item = f64>) -> Vec<PlotPoint> {
        heights.into_iter().enumerate().map(|(x, y)| PlotPoint::new(x as f64, y)).collect()
    }

    /// How far the thinned line passes from a point at most.
    fn farthest(all: &[PlotPoint], thinned: &[PlotPoint]) -> f64 {
        let height = |x: f64| {
            let after = thinned.partition_point(|point| point.x < x).max(1);
            let (a, b) = (thinned[after - 1], thinned[after]);
            a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)
        };
        all.iter().map(|point| (height(point.x) - point.y).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn straight_stretches_keep_their_ends_and_bends_stay() {
        let rise_and_fall = line((0..=100).chain((0..100).rev()).map(f64::from));
        let thinned = PLAIN.thin(rise_and_fall);
        assert_eq!(thinned.iter().map(|point| point.x).collect::<Vec<_>>(), [0.0, 100.0, 200.0]);
    }

    #[test]
    fn no_point_is_passed_farther_than_one_can_see() {
        let waves =
            line((0..2000).map(|x| 80.0 * (f64::from(x) * 0.01).sin() + (f64::from(x) * 0.31).sin() * 0.04));
        let thinned = PLAIN.thin(waves.clone());
        assert!(thinned.len() < 300, "{}", thinned.len());
        let far = farthest(&waves, &thinned);
        assert!(far <= REACH + 1e-9, "{far}");
        let noise = line((0..500).map(|x| f64::from(x * 7919 % 101)));
        assert!(farthest(&noise, &PLAIN.thin(noise.clone())) <= REACH + 1e-9);
    }

    #[test]
    fn what_stands_at_one_place_stays() {
        let jump =
            |points: &[(f64, f64)]| points.iter().map(|&(x, y)| PlotPoint::new(x, y)).collect::<Vec<_>>();
        let points = [(0.0, 0.0), (1.0, 0.0), (1.0, 9.0), (1.0, -9.0), (1.0, 5.0), (2.0, 5.0), (3.0, 5.0)];
        let thinned = PLAIN.thin(jump(&points));
        let expected = [(0.0, 0.0), (1.0, 0.0), (1.0, 9.0), (1.0, -9.0), (1.0, 5.0), (3.0, 5.0)];
        assert_eq!(thinned, jump(&expected));
        for short in [&points[..0], &points[..1], &points[..2]] {
            assert_eq!(PLAIN.thin(jump(short)), jump(short));
        }
    }
}
