//! Where updates stand across a plot: evenly, by their logarithm, or by the sum of the rates so far.

use std::sync::Arc;

use egui_plot::PlotPoint;

use crate::train::ids::RunId;
use crate::ui::view::Window;

/// Looks at a curve, evenly along the axis.
const LOOKS: u64 = 1000;

/// What stands where on the axis below the plots.
#[derive(Clone, Debug, Default)]
pub enum Along {
    #[default]
    Evenly,
    /// By the logarithm of the update counted from 1, so that the first one has a place.
    Decades,
    /// Each run by the sum of its own rates.
    Sums(Arc<Sums>),
}

/// The sums of the runs' rates.
#[derive(Debug, Default)]
pub struct Sums {
    /// The run that handles, the cursor and what happened go by.
    pub lead: Option<RunId>,
    pub runs: Vec<(RunId, Sum)>,
}

/// Updates and the sum of the rates before them, both rising.
#[derive(Debug, Default)]
pub struct Sum(Vec<(f64, f64)>);

impl Sum {
    /// Adds updates up to `until` at this mean rate.
    pub fn add(&mut self, until: f64, rate: f64) {
        let (update, sum) = self.0.last().copied().unwrap_or_default();
        if self.0.is_empty() {
            self.0.push((0.0, 0.0));
        }
        if until > update {
            self.0.push((until, sum + rate.max(0.0) * (until - update)));
        }
    }

    /// The sum of all rates.
    pub fn end(&self) -> f64 {
        self.0.last().map_or(0.0, |last| last.1)
    }

    /// The updates that were added.
    pub fn updates(&self) -> f64 {
        self.0.last().map_or(0.0, |last| last.0)
    }

    fn at(&self, update: f64) -> f64 {
        between(&self.0, update, |point| *point)
    }

    fn update(&self, sum: f64) -> f64 {
        between(&self.0, sum, |point| (point.1, point.0))
    }
}

/// The second number of a rising list where the first is `at`, straight between its points.
fn between(points: &[(f64, f64)], at: f64, of: impl Fn(&(f64, f64)) -> (f64, f64)) -> f64 {
    let after = points.partition_point(|point| of(point).0 < at).clamp(1, points.len().max(2) - 1);
    let (Some(left), Some(right)) = (points.get(after - 1).map(&of), points.get(after).map(&of)) else {
        return 0.0;
    };
    let share = ((at - left.0) / (right.0 - left.0).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    left.1 + share * (right.1 - left.1)
}

impl Sums {
    fn of(&self, run: RunId) -> Option<&Sum> {
        self.runs.iter().find(|(id, _)| *id == run).map(|(_, sum)| sum)
    }

    fn lead(&self) -> Option<&Sum> {
        self.lead.and_then(|lead| self.of(lead)).or_else(|| self.runs.first().map(|(_, sum)| sum))
    }
}

impl Along {
    /// Where an update stands, of the run that the axis goes by.
    pub fn at(&self, update: f64) -> f64 {
        match self {
            Self::Evenly => update,
            Self::Decades => (update.max(0.0) + 1.0).log10(),
            Self::Sums(sums) => sums.lead().map_or(update, |sum| sum.at(update)),
        }
    }

    /// Where an update of a run stands.
    pub fn of_run(&self, run: RunId, update: f64) -> f64 {
        match self {
            Self::Sums(sums) => sums.of(run).map_or_else(|| self.at(update), |sum| sum.at(update)),
            _ => self.at(update),
        }
    }

    /// The update that stands at a place, of the run that the axis goes by.
    pub fn update(&self, x: f64) -> f64 {
        match self {
            Self::Evenly => x,
            Self::Decades => 10f64.powf(x) - 1.0,
            Self::Sums(sums) => sums.lead().map_or(x, |sum| sum.update(x)),
        }
    }

    /// The update of the run that the axis goes by which stands where this one of another run does.
    pub fn beside(&self, run: RunId, update: f64) -> f64 {
        if let Self::Sums(_) = self { self.update(self.of_run(run, update)) } else { update }
    }

    /// A run's points with updates across, put where they stand.
    pub fn place(&self, run: RunId, mut points: Vec<PlotPoint>) -> Vec<PlotPoint> {
        if !matches!(self, Self::Evenly) {
            points.iter_mut().for_each(|point| point.x = self.of_run(run, point.x));
        }
        points
    }

    /// Updates between two at which a curve is to be looked at, beside those at even distances.
    pub fn looks(&self, from: u64, to: u64) -> Vec<u64> {
        let Self::Decades = self else { return Vec::new() };
        let (low, high) = (self.at(from as f64), self.at(to as f64));
        let look = |at: u64| self.update(low + (high - low) * at as f64 / LOOKS as f64).round() as u64;
        (0..=LOOKS).map(look).filter(|update| (from..=to).contains(update)).collect()
    }

    /// What a window shows of the axis: all of every run where it shows the whole.
    pub fn span(&self, window: Window, (from, to): (f64, f64)) -> (f64, f64) {
        let end = match self {
            Self::Sums(sums) if window == Window::Whole => {
                sums.runs.iter().map(|(_, sum)| sum.end()).fold(self.at(to), f64::max)
            }
            _ => self.at(to),
        };
        (self.at(from), end)
    }

    /// The updates of any run that stand between two places.
    pub fn updates(&self, (low, high): (f64, f64)) -> (f64, f64) {
        let own = (self.update(low), self.update(high));
        let Self::Sums(sums) = self else { return own };
        sums.runs
            .iter()
            .fold(own, |(from, to), (_, sum)| (from.min(sum.update(low)), to.max(sum.update(high))))
    }

    /// The window `shift` along the axis and `zoom` times as narrow around an update.
    pub fn moved(
        &self,
        window: Window,
        (playhead, updates): (u64, u64),
        shift: f64,
        zoom: f64,
        center: f64,
    ) -> Window {
        if let Self::Evenly = self {
            return window.moved(playhead, updates, shift, zoom, center);
        }
        let (low, high) = self.span(window, window.bounds(playhead, updates));
        let (least, most) = self.span(Window::Whole, Window::Whole.bounds(playhead, updates));
        let width = (high - low) / zoom.max(1e-6);
        if width >= most - least {
            return Window::Whole;
        }
        let center = self.at(center);
        let share = ((center - low) / (high - low)).clamp(0.0, 1.0);
        let from = (center - share * width + shift).clamp(least, most - width);
        Window::between(self.update(from), self.update(from + width), updates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums() -> Along {
        let sum = |rates: [f64; 2]| {
            let mut sum = Sum::default();
            sum.add(100.0, rates[0]);
            sum.add(200.0, rates[1]);
            sum
        };
        let runs = vec![(RunId(0), sum([0.1, 0.2])), (RunId(1), sum([0.4, 0.0001]))];
        Along::Sums(Arc::new(Sums { lead: Some(RunId(0)), runs }))
    }

    #[test]
    fn every_update_has_a_place_and_every_place_its_update() {
        for along in [Along::Evenly, Along::Decades, sums()] {
            let places: Vec<f64> = (0..=200).map(|update| along.at(f64::from(update))).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{along:?}");
            for (update, place) in places.into_iter().enumerate() {
                assert!((along.update(place) - update as f64).abs() < 1e-6, "{along:?} {update}");
            }
        }
        assert_eq!(Along::Decades.at(0.0), 0.0, "the first update stands at the left end");
    }

    #[test]
    fn runs_stand_by_their_own_sums() {
        let along = sums();
        assert!((along.of_run(RunId(1), 50.0) - 20.0).abs() < 1e-9);
        // Where the first run has summed up as much.
        assert!((along.beside(RunId(1), 50.0) - 150.0).abs() < 1e-6);
        let (low, high) = along.span(Window::Whole, (0.0, 200.0));
        assert!(low == 0.0 && (high - 40.01).abs() < 1e-9, "all of the longest");
        assert_eq!(along.updates((0.0, 20.0)), (0.0, 150.0));
    }

    #[test]
    fn zooming_and_panning_stay_within_the_run() {
        for along in [Along::Evenly, Along::Decades, sums()] {
            let near = along.moved(Window::Whole, (0, 200), 0.0, 2.0, 50.0);
            let (from, to) = near.bounds(0, 200);
            assert!(from >= 0.0 && to <= 200.0 && (from..=to).contains(&50.0), "{along:?}: {from} {to}");
            let far = along.moved(near, (0, 200), 1e9, 1.0, to);
            assert!(far.bounds(0, 200).1 > 199.0, "{along:?}: {far:?}");
            assert_eq!(along.moved(near, (0, 200), 0.0, 1e-3, 50.0), Window::Whole, "{along:?}");
        }
    }
}
