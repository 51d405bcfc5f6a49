//! What a sweep varies, as text.

use super::{Table, float, list, named, span, text};
use crate::experiment::sweep::{Axis, Objective, Prune, Search, Sweep, Unit, Values};

/// The section's lines, but for what is varied.
pub(super) fn section(sweep: &Sweep) -> Table {
    let mut table = Table::default();
    table.add("run", text(&sweep.run));
    table.add_unless(&Search::Grid, "search", &sweep.search, |it| named(&Search::ALL, it));
    if let Some(trials) = sweep.trials {
        table.add("trials", trials);
    }
    table.add_unless(&1, "seeds", &sweep.seeds, usize::to_string);
    if let Some(seed) = sweep.seed {
        table.add("seed", seed);
    }
    match sweep.objectives.as_slice() {
        [one] => table.add_unless(&Objective::FinalValLoss, "objective", one, |it| text(&it.name())),
        several => table.add("objective", list(several, |it| text(&it.name()))),
    }
    table.add_unless(&Prune::None, "prune", &sweep.prune, prune);
    table
}

fn prune(rule: &Prune) -> String {
    let mut table = Table::default();
    table.add("kind", text(rule.name()));
    let default = Prune::ALL.into_iter().find(|(name, _)| *name == rule.name()).map(|(_, rule)| rule);
    let written = match *rule {
        Prune::None => Vec::new(),
        Prune::Forecast { after } => vec![("after", span(&after))],
        Prune::Median { startup, after } => vec![("startup", startup.to_string()), ("after", span(&after))],
        Prune::SuccessiveHalving { factor, from } | Prune::Hyperband { factor, from } => {
            vec![("factor", factor.to_string()), ("from", span(&from))]
        }
    };
    if default.as_ref() != Some(rule) {
        written.into_iter().for_each(|(name, value)| table.add(name, value));
    }
    table.inline()
}

/// A range or a list of values.
pub(super) fn values(axis: &Axis) -> String {
    match &axis.values {
        Values::Choices(choices) => list(choices, toml::Value::to_string),
        Values::Range(range) => {
            let mut table = Table::default();
            let end = |number: f64| match range.unit {
                Unit::Number => float(&number),
                _ => range.value(number).to_string(),
            };
            table.add("from", end(range.from));
            table.add("to", end(range.to));
            table.add_unless(&false, "scale", &range.log, |_| text("log"));
            if let Some(points) = range.points {
                table.add("points", points);
            }
            table.inline()
        }
    }
}
