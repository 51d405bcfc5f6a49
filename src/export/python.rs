//! Functions of the update as Python.

use super::expression::{Language, statements};
use super::knots::Knots;
use super::recipe::{Recipe, Track};
use super::text::{self, float};
use crate::schedule::formula::Function;

/// Python's `def name(update)` for a track, with its constants and helpers.
pub fn function(name: &str, track: &Track, about: &str) -> String {
    match track {
        Track::Formula(formula) => {
            let statements = statements(formula, Language::Python, "update", 1);
            format!("def {name}(update):\n    \"\"\"{about}\"\"\"\n{statements}")
        }
        Track::Knots(Knots { points }) => {
            let knots: Vec<String> =
                points.iter().map(|(at, value)| format!("({at}, {})", float(*value))).collect();
            let constant = format!("{}_KNOTS", name.to_uppercase());
            let listed = wrapped(&knots);
            format!(
                "{constant} = [\n{listed}]\n\n\ndef {name}(update):\n    \"\"\"{about}\"\"\"\n    return \
                 between({constant}, update)\n"
            )
        }
    }
}

/// The helper that functions of knots call.
const BETWEEN: &str = "\
def between(knots, update):
    \"\"\"The value on the line between the two knots around `update`.\"\"\"
    after = bisect_right(knots, (update, float(\"inf\")))
    if after == 0 or after == len(knots):
        return knots[max(after - 1, 0)][1]
    (start, first), (end, last) = knots[after - 1], knots[after]
    return first + (last - first) * ((update - start) / (end - start))
";

/// Imports and helpers that `code` needs, in front of it. `imports` are the target's own.
pub fn module(header: &str, imports: &[String], code: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let needs_knots = code.contains("between(");
    if needs_knots || code.contains("bisect_right(") {
        lines.push("from bisect import bisect_right".to_owned());
    }
    let functions = Function::ALL.into_iter().filter(|(_, function, ..)| function.is_of_math());
    let calls = functions.filter(|(name, ..)| has_name(code, name, true)).map(|(name, ..)| name);
    let mut used: Vec<&str> = calls.chain(has_name(code, "pi", false).then_some("pi")).collect();
    used.sort_unstable();
    if !used.is_empty() {
        lines.push(format!("from math import {}", used.join(", ")));
    }
    if !lines.is_empty() && !imports.is_empty() {
        lines.push(String::new());
    }
    lines.extend(imports.iter().cloned());
    let helper = if needs_knots { format!("{BETWEEN}\n\n") } else { String::new() };
    let gap = if lines.is_empty() { "" } else { "\n\n" };
    let lead = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) };
    format!("{header}{lead}{gap}{helper}{code}")
}

/// Whether a name stands in the code that is nobody's attribute, and a function's where it is called.
fn has_name(code: &str, name: &str, is_called: bool) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        let after = code.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| is_part(c) || c == '.')
            && if is_called { after == Some('(') } else { !after.is_some_and(is_part) }
    })
}

/// `def micro_batches(update)`, where the run's batch is a schedule.
pub fn micro_batches(recipe: &Recipe<'_>, about: &str) -> Option<String> {
    let listed: Vec<String> = recipe
        .batches
        .as_ref()?
        .pieces(recipe.updates())
        .map(|(updates, count)| format!("({}, {count})", updates.start))
        .collect();
    Some(format!(
        "# From which update on how many micro-batches of {} samples make an update.\nMICRO_BATCHES = [\n{}]\n\n\ndef \
         micro_batches(update):\n    \"\"\"{about}\"\"\"\n    return MICRO_BATCHES[bisect_right(MICRO_BATCHES, (update, float(\"inf\"))) - 1][1]\n",
        recipe.batch_size(),
        wrapped(&listed)
    ))
}

/// Comments at the top of a file: what it is.
pub fn header(recipe: &Recipe<'_>, framework: &str, how: &str) -> String {
    let name = text::line(&recipe.experiment.name);
    let run = text::line(&recipe.run.name);
    format!("# {name}: run \"{run}\", {} updates, for {framework}.\n# {how}\n", recipe.updates())
}

/// Items of a list, several a line, indented.
fn wrapped(items: &[String]) -> String {
    let mut lines = String::new();
    let mut line = String::from("   ");
    for item in items {
        if line.len() + item.len() > 96 {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("   ");
        }
        line.push(' ');
        line.push_str(item);
        line.push(',');
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}
