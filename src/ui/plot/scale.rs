//! Axes: where a value is drawn, and which lines and numbers stand beside it.

use crate::numbers::round_steps;
use crate::ui::format;

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Powers of ten at equal distances; what is not above zero has no place.
    Log,
    Linear,
}

/// A line of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The height it is drawn at.
    pub at: f64,
    /// What is written beside it; nothing for a line between two that say something.
    pub label: Option<String>,
}

impl Scale {
    /// Whether a value has a height.
    pub fn has(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    /// The height of a value; `None` where it has none.
    pub fn height(self, value: f64) -> Option<f64> {
        if !self.has(value) {
            return None;
        }
        Some(match self {
            Self::Log => value.log10(),
            Self::Linear => value,
        })
    }

    /// The value at a height.
    pub fn value(self, height: f64) -> f64 {
        match self {
            Self::Log => 10f64.powf(height),
            Self::Linear => height,
        }
    }

    /// The grid between two heights that has room for so many labels.
    pub fn ticks(self, (low, high): (f64, f64), room: usize) -> Vec<Tick> {
        if !low.is_finite() || !high.is_finite() || high <= low {
            return Vec::new();
        }
        match self {
            Self::Linear => linear_ticks((low, high), room, |value| format::significant(value, 4)),
            Self::Log if high - low < 0.7 => {
                let values = (10f64.powf(low), 10f64.powf(high));
                linear_ticks(values, room, |value| format::significant(value, 4))
                    .into_iter()
                    .filter_map(|tick| Some(Tick { at: self.height(tick.at)?, ..tick }))
                    .collect()
            }
            Self::Log => decades((low, high), room),
        }
    }
}

/// Ticks at round numbers.
pub fn linear_ticks((low, high): (f64, f64), room: usize, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let tick = |at| Tick { at, label: Some(label(format::round_to(at, 12))) };
    round_steps((low, high), room.max(1) as f64, 1000).into_iter().map(tick).collect()
}

/// Decades without a label are drawn only where one in so many has one.
const MOST_PLAIN: i64 = 3;

/// A line at each power of ten, and between them where there is room.
fn decades((low, high): (f64, f64), room: usize) -> Vec<Tick> {
    let count = high - low;
    let every = (count / room.max(1) as f64).ceil().max(1.0) as i64;
    let halves = count * 3.0 <= room as f64;
    let mut ticks = Vec::new();
    for decade in low.floor() as i64..=high.ceil() as i64 {
        let labelled = decade.rem_euclid(every) == 0;
        let mut put = |mantissa: f64, say: bool| {
            let at = decade as f64 + mantissa.log10();
            if (low..=high).contains(&at) {
                let label = say.then(|| decade_label(mantissa, decade));
                ticks.push(Tick { at, label });
            }
        };
        if labelled || every <= MOST_PLAIN {
            put(1.0, labelled);
        }
        if every == 1 {
            for mantissa in 2..10 {
                put(f64::from(mantissa), halves && matches!(mantissa, 2 | 5));
            }
        }
    }
    ticks
}

fn decade_label(mantissa: f64, decade: i64) -> String {
    match decade {
        0..3 => format!("{}", mantissa * 10f64.powi(decade as i32)),
        _ => format!("{mantissa}e{decade}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().filter_map(|tick| tick.label.as_deref()).collect()
    }

    #[test]
    fn decades_are_written_as_powers() {
        assert_eq!(labels(&Scale::Log.ticks((-4.2, 0.3), 6)), ["1e-4", "1e-3", "1e-2", "1e-1", "1"]);
        assert_eq!(
            labels(&Scale::Log.ticks((-2.0, 0.0), 7)),
            ["1e-2", "2e-2", "5e-2", "1e-1", "2e-1", "5e-1", "1"]
        );
        assert_eq!(labels(&Scale::Log.ticks((-12.0, 0.0), 4)), ["1e-12", "1e-9", "1e-6", "1e-3", "1"]);
    }

    #[test]
    fn a_narrow_log_axis_still_says_something() {
        assert!(labels(&Scale::Log.ticks((-0.05, 0.05), 4)).len() >= 2);
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&Scale::Linear.ticks((0.0, 1.0), 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    }

    #[test]
    fn hostile_bounds_draw_nothing_and_do_not_hang() {
        for bounds in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (1.0, 1.0), (2.0, 1.0)] {
            assert!(Scale::Linear.ticks(bounds, 5).is_empty());
            assert!(Scale::Log.ticks(bounds, 5).is_empty());
        }
        assert!(Scale::Log.ticks((-300.0, 300.0), 4).len() < 200);
    }

    #[test]
    fn only_positive_values_have_a_height_on_a_log_axis() {
        assert_eq!(Scale::Log.height(0.0), None);
        assert_eq!(Scale::Log.height(f64::INFINITY), None);
        assert_eq!(Scale::Linear.height(f64::NAN), None);
        assert!((Scale::Log.value(-3.0) - 1e-3).abs() < 1e-18);
    }
}
