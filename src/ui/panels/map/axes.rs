//! Which numbers of a run a map can be over, and between which ends at first.

use crate::experiment::sweep::{Range, Unit};
use crate::experiment::{BatchSize, Experiment, Number, Run, Source};
use crate::schedule::Kind;
use crate::schedule::formula::Definition;
use crate::schedule::kind::{Role, Value};

/// How far from its present value a rate's ends are, as a factor.
const AROUND: f64 = 30.0;

/// A number to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub path: String,
    pub label: String,
    pub range: Range,
    /// Where it is now.
    pub here: Option<f64>,
}

/// Every number of the run, of its data and of its training that a map can be over.
pub fn candidates(experiment: &Experiment, run: &Run) -> Vec<Candidate> {
    let mut found = schedule(run);
    let percent = |from, to| range(from, to, Unit::Percent, false);
    let share = |span: Option<crate::schedule::Span>| match span {
        Some(crate::schedule::Span::Percent(percent)) => Some(percent),
        Some(_) => None,
        None => Some(0.0),
    };
    if run.lr.kind.name() != "noam" {
        let here = share(run.lr.warmup.as_ref().map(|warmup| warmup.over));
        found.push(candidate("lr.warmup.over", "Warmup length", percent(0.0, 50.0), here));
    }
    let here = share(run.lr.cooldown.as_ref().map(|cooldown| cooldown.over));
    found.push(candidate("lr.cooldown.over", "Cooldown length", percent(0.0, 50.0), here));
    for (info, number) in run.optimizer.values() {
        let Number::Fixed(value) = number else { continue };
        let path = format!("optimizer.{}", info.name);
        let ends = match () {
            _ if info.open && info.max == 1.0 && *value > 0.98 => range(0.9, 0.9999, Unit::Number, false),
            _ if info.open && info.max == 1.0 => range(0.0, 0.99, Unit::Number, false),
            _ if *value > 0.0 => around(*value),
            _ => range(1e-5, 1.0, Unit::Number, true),
        };
        found.push(candidate(&path, info.title, ends, Some(*value)));
    }
    if experiment.data.source != Source::None {
        if let BatchSize::Samples(samples) = experiment.data.batch_size {
            let ends = range(8.0, 256.0, Unit::Whole, true);
            found.push(candidate("data.batch_size", "Batch size", ends, Some(samples as f64)));
        }
        let ends = range(0.0, 0.5, Unit::Number, false);
        found.push(candidate("data.label_noise", "Label noise", ends, Some(experiment.data.label_noise)));
    }
    let here = experiment.train.clip_norm;
    found.push(candidate("train.clip_norm", "Clip norm", range(0.1, 10.0, Unit::Number, true), here));
    found
}

/// The numbers of the schedule's own kind.
fn schedule(run: &Run) -> Vec<Candidate> {
    let mut found = Vec::new();
    for field in Kind::fields(run.lr.kind.name()).unwrap_or_default() {
        let (ends, here) = match (field.role, run.lr.kind.get(field.name)) {
            (Role::Rate, Some(Value::Number(rate))) if rate > 0.0 => (around(rate), Some(rate)),
            (Role::Rate, Some(Value::Number(rate))) => (range(1e-6, 1e-1, Unit::Number, true), Some(rate)),
            (Role::Number { min, max }, Some(Value::Number(number))) => {
                let high = if max <= 1.0 { max } else { max.min((4.0 * number).max(1.0)) };
                (range(min.max(0.0), high, Unit::Number, false), Some(number))
            }
            (Role::Span, Some(Value::Span(span))) => {
                let here = match span {
                    Some(crate::schedule::Span::Percent(percent)) => Some(percent),
                    _ => None,
                };
                (range(2.0, 98.0, Unit::Percent, false), here)
            }
            _ => continue,
        };
        let path = format!("lr.{}", field.name);
        let mut label = field.name.replace('_', " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        found.push(candidate(&path, &label, ends, here));
    }
    for (name, value) in run.lr.kind.definition().into_iter().flat_map(Definition::constants) {
        let ends =
            if value > 0.0 { around(value) } else { range(value - 1.0, value + 1.0, Unit::Number, false) };
        found.push(candidate(&format!("lr.{name}"), name, ends, Some(value)));
    }
    found
}

fn candidate(path: &str, label: &str, range: Range, here: Option<f64>) -> Candidate {
    Candidate { path: path.to_owned(), label: label.to_owned(), range, here }
}

const fn range(from: f64, to: f64, unit: Unit, log: bool) -> Range {
    Range { from, to, unit, log, points: None }
}

/// Ends of one digit on either side of a value.
fn around(value: f64) -> Range {
    let digit = |end: f64| {
        let power = 10f64.powf(end.log10().floor());
        (end / power).round() * power
    };
    range(digit(value / AROUND), digit(value * AROUND), Unit::Number, true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::vary::Base;
    use crate::schedule::Clock;

    #[test]
    fn every_number_that_is_offered_can_be_set_to_both_ends() {
        let experiment = crate::ui::document::first().unwrap();
        let clock = Clock { updates: 1000, updates_per_epoch: 20 };
        for run in &experiment.runs {
            let base = Base::new(&experiment, &run.name, Path::new("first.toml"), clock).unwrap();
            let candidates = candidates(&experiment, run);
            assert!(candidates.len() > 5);
            for Candidate { path, range, .. } in candidates {
                for end in [range.from, range.to] {
                    let set = base.with(&[(&path, &range.value(end))]);
                    assert!(set.is_ok(), "{path} = {end}: {}", set.unwrap_err());
                }
            }
        }
    }

    #[test]
    fn the_ends_around_a_rate_have_one_digit() {
        let ends = around(0.1);
        assert!((ends.from - 0.003).abs() < 1e-12 && (ends.to - 3.0).abs() < 1e-12, "{ends:?}");
    }
}
