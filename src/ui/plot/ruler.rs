//! A ruler along a side of a small plot: numbers on a linear or logarithmic scale, or words.

use crate::experiment::sweep::{Axis, Unit, Values};
use crate::sweep::isolation::plain;
use crate::ui::format;

use super::Scale;

/// Positive values this many times apart are shown on a logarithmic scale.
const LOGARITHMIC: f64 = 20.0;
/// The share of the worst values that may lie beyond the end, where they would stretch it.
const BEYOND: f64 = 0.1;
/// They do where the way to them is this many times as long as to the others.
const STRETCHED: f64 = 3.0;
/// Room at both ends, as a share of the way.
const ROOM: f64 = 0.06;

/// Where values are, in shares of the way from one end to the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruler {
    /// Heights of the scale at both ends, and what is written behind a number.
    Numbers { scale: Scale, low: f64, high: f64, unit: &'static str },
    /// Values are places in the list.
    Words(Vec<String>),
}

impl Ruler {
    /// The ruler of what a sweep varies; its scale is the sweep's own.
    pub fn of_axis(axis: &Axis) -> Self {
        match &axis.values {
            Values::Choices(choices) => Self::Words(choices.iter().map(plain).collect()),
            Values::Range(range) => {
                let scale = if range.log { Scale::Log } else { Scale::Linear };
                let ends = [range.from, range.to].map(|end| scale.height(end).unwrap_or_default());
                let unit = if range.unit == Unit::Percent { "%" } else { "" };
                Self::roomy(scale, ends[0], ends[1], unit)
            }
        }
    }

    /// A ruler for values of which the least, or the greatest, is the best; a few that are far worse are beyond its end.
    pub fn of_values(values: impl Iterator<Item = f64>, is_maximised: bool) -> Self {
        let sign = if is_maximised { -1.0 } else { 1.0 };
        let mut badness: Vec<f64> = values.filter(|it| it.is_finite()).map(|value| sign * value).collect();
        badness.sort_by(f64::total_cmp);
        let (Some(&best), Some(&worst)) = (badness.first(), badness.last()) else {
            return Self::roomy(Scale::Linear, 0.0, 1.0, "");
        };
        let usual = badness[((badness.len() as f64 * (1.0 - BEYOND)) as usize).min(badness.len() - 1)];
        let end = if worst - best > STRETCHED * (usual - best) && usual > best { usual } else { worst };
        let (low, high) = if is_maximised { (sign * end, sign * best) } else { (best, end) };
        Self::between(low, high)
    }

    /// A ruler from one number to another, logarithmic where they are far apart.
    pub fn between(low: f64, high: f64) -> Self {
        let scale = if low > 0.0 && high / low >= LOGARITHMIC { Scale::Log } else { Scale::Linear };
        let (from, to) = (scale.height(low).unwrap_or(low), scale.height(high).unwrap_or(high));
        Self::roomy(scale, from, to, "")
    }

    /// A ruler on a linear scale.
    pub fn linear(low: f64, high: f64) -> Self {
        Self::roomy(Scale::Linear, low, high, "")
    }

    fn roomy(scale: Scale, low: f64, high: f64, unit: &'static str) -> Self {
        let room = ((high - low) * ROOM).max(1e-3 * high.abs()).max(1e-9);
        Self::Numbers { scale, low: low - room, high: high + room, unit }
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Numbers { scale: Scale::Log, .. })
    }

    /// The share of the way of a value; below 0 or above 1 where it is beyond an end.
    pub fn share(&self, value: f64) -> f32 {
        match self {
            Self::Words(words) => ((value + 0.5) / words.len().max(1) as f64) as f32,
            Self::Numbers { scale, low, high, .. } => {
                // What has no logarithm lies below everything that has.
                let height = scale.height(value).unwrap_or(if value > 0.0 { f64::MAX } else { f64::MIN });
                ((height - low) / (high - low)).clamp(-1.0, 2.0) as f32
            }
        }
    }

    /// The value at a share of the way; between words it lies between their places.
    pub fn at(&self, share: f32) -> f64 {
        match self {
            Self::Words(words) => f64::from(share) * words.len() as f64 - 0.5,
            Self::Numbers { scale, low, high, .. } => scale.value(low + f64::from(share) * (high - low)),
        }
    }

    /// Shares of the way and what is written there, for so many labels.
    pub fn ticks(&self, room: usize) -> Vec<(f32, String)> {
        match self {
            Self::Words(words) => {
                let every = words.len().div_ceil(room.max(1)).max(1);
                let word = |(at, word): (usize, &String)| (self.share(at as f64), word.clone());
                words.iter().enumerate().step_by(every).map(word).collect()
            }
            Self::Numbers { scale, low, high, unit } => {
                let ticks = scale.ticks((*low, *high), room).into_iter();
                let label = |tick: super::Tick| Some((tick.at, tick.label?));
                ticks
                    .filter_map(label)
                    .map(|(at, label)| (((at - low) / (high - low)) as f32, format!("{label}{unit}")))
                    .collect()
            }
        }
    }

    /// A value in words.
    pub fn word(&self, value: f64) -> String {
        match self {
            Self::Words(words) => words.get(value as usize).cloned().unwrap_or_default(),
            Self::Numbers { unit, .. } => format!("{}{unit}", format::significant(value, 3)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_far_worse_values_lie_beyond_the_end() {
        let values = (0..19).map(|at| 1.0 + f64::from(at) / 20.0).chain([1e9]);
        let ruler = Ruler::of_values(values, false);
        assert!(!ruler.is_log());
        assert!(ruler.share(1e9) > 1.0 && ruler.share(1.9) < 1.0 && ruler.share(1.0) > 0.0);
        let accuracies = (0..20).map(|at| 0.9 + f64::from(at) / 1000.0).chain([0.1]);
        let ruler = Ruler::of_values(accuracies, true);
        assert!(ruler.share(0.1) < 0.0 && ruler.share(0.919) < 1.0);
    }

    #[test]
    fn values_that_are_far_apart_are_logarithmic() {
        assert!(Ruler::of_values([1e-3, 1e-2, 1e-1].into_iter(), false).is_log());
        assert!(!Ruler::of_values([0.0, 1.0, 100.0].into_iter(), false).is_log());
        let ruler = Ruler::of_values([1e-3, 1e-2, 1e-1].into_iter(), false);
        assert!((ruler.share(1e-2) - 0.5).abs() < 1e-6);
        assert!(ruler.share(0.0) < 0.0);
        assert!((ruler.at(ruler.share(3e-2)) - 3e-2).abs() < 1e-6);
        assert!(!ruler.ticks(4).is_empty());
    }

    #[test]
    fn nothing_and_one_value_have_a_ruler() {
        assert!(!Ruler::of_values(std::iter::empty(), false).ticks(4).is_empty());
        let share = Ruler::of_values([2.0].into_iter(), false).share(2.0);
        assert!((0.0..=1.0).contains(&share), "{share}");
        let words = Ruler::Words(vec!["a".into(), "b".into()]);
        assert_eq!((words.share(0.0), words.share(1.0), words.word(1.0)), (0.25, 0.75, "b".to_owned()));
        assert_eq!((words.at(0.25), words.at(0.75)), (0.0, 1.0));
    }
}
