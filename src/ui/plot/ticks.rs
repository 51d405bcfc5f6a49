//! The numbers below the plots: where they stand, and which of them have room.

use crate::ui::format;
use crate::ui::theme::metrics;

use super::along::Along;
use super::scale::{Tick, linear_ticks};
use super::x_axis::Unit;

/// The points that a digit of a number below the axis takes.
const DIGIT: f32 = 7.0;

/// The lines across an axis between two places on it, and what is written below them, in so many points of the screen.
pub fn ticks(unit: Unit, along: &Along, (low, high): (f64, f64), width: f32) -> Vec<Tick> {
    // A number at the very edge would be cut off.
    let edge = high - (high - low) * f64::from(metrics::L / width.max(metrics::L));
    let named = |value: f64| {
        let whole = value.fract() == 0.0;
        let number = if whole { format::count(value.max(0.0) as u64) } else { format::significant(value, 4) };
        if value == 0.0 { format!("{} {number}", unit.name) } else { number }
    };
    let room = (width / metrics::GRID_STEP) as usize;
    let mut ticks = match along {
        Along::Decades => decades(along, (low, high), width, named),
        Along::Sums(_) => linear_ticks((low, high), room, named),
        Along::Evenly => {
            let per = unit.per_update;
            let ticks = linear_ticks((low * per, high * per), room, named).into_iter();
            // Updates are whole.
            let whole = ticks.filter(|tick| unit != Unit::UPDATE || tick.at.fract() == 0.0);
            whole.map(|tick| Tick { at: tick.at / per, ..tick }).collect()
        }
    };
    ticks.retain(|tick| tick.at >= 0.0);
    ticks.iter_mut().for_each(|tick| tick.label = tick.label.take().filter(|_| tick.at <= edge));
    ticks
}

/// Updates at round numbers of every power of ten. Powers of ten get their labels first, others where room is left.
fn decades(along: &Along, (low, high): (f64, f64), width: f32, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let points = |at: f64| ((at - low) / (high - low)) as f32 * width;
    let last = along.update(high);
    let powers = (0..).map(|power| 10f64.powi(power)).take_while(|power| *power <= last);
    let mut updates = vec![(0, 0.0)];
    for power in powers {
        updates.extend((1..10).map(|digit| {
            let rank = match digit {
                1 => 0,
                5 => 1,
                2 => 2,
                _ => 3,
            };
            (rank, f64::from(digit) * power)
        }));
    }
    updates.retain(|(_, update)| (low..=high).contains(&along.at(*update)));
    updates.sort_by_key(|(rank, _)| *rank);
    let mut taken: Vec<(f32, f32)> = Vec::new();
    let mut ticks: Vec<Tick> = Vec::new();
    for (rank, update) in updates {
        let at = along.at(update);
        let text = label(update);
        let half = DIGIT * (text.chars().count() + 2) as f32 / 2.0;
        let (left, right) = (points(at) - half, points(at) + half);
        let free = taken.iter().all(|(from, to)| right < *from || left > *to);
        let said = rank < 3 && free;
        if said {
            taken.push((left, right));
        }
        ticks.push(Tick { at, label: said.then_some(text) });
    }
    ticks.sort_by(|a, b| a.at.total_cmp(&b.at));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plot::x_axis::{Given, XAxis};

    #[test]
    fn powers_of_ten_are_written_first_on_a_logarithmic_axis() {
        let labels = |width: f32, last: f64| -> Vec<String> {
            let along = Along::Decades;
            let ticks = ticks(Unit::UPDATE, &along, (0.0, along.at(last)), width);
            assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
            ticks.into_iter().filter_map(|tick| tick.label).collect()
        };
        assert_eq!(labels(480.0, 2e6), ["update 0", "10", "100", "1,000", "10,000", "100,000", "1,000,000"]);
        let wide = labels(1200.0, 1500.0);
        for wanted in ["update 0", "1", "2", "5", "10", "20", "50", "100", "200", "500", "1,000"] {
            assert!(wide.iter().any(|label| label == wanted), "{wanted} is not in {wide:?}");
        }
    }

    #[test]
    fn a_sum_of_rates_begins_with_its_name() {
        let along = Along::Sums(std::sync::Arc::default());
        let unit = XAxis::Rates.unit(&Given {
            updates_per_epoch: 1,
            samples_per_update: 1.0,
            seconds_per_update: None,
        });
        let ticks = ticks(unit, &along, (0.0, 12.0), 400.0);
        assert_eq!(ticks[0].label.as_deref(), Some("sum of rates 0"));
    }
}
