//! Functions of the update as Rust.

use super::expression::{Language, statements};
use super::recipe::{Recipe, Track};
use super::text::{float, line};

/// `pub fn name(update: usize) -> f64` for a track.
pub fn function(name: &str, track: &Track, about: &str) -> String {
    match track {
        Track::Formula(formula) => {
            let statements = statements(formula, Language::Rust, "update", 1);
            let bind = if statements.contains("update") { "    let update = update as f64;\n" } else { "" };
            let argument = if bind.is_empty() { "_update" } else { "update" };
            format!("/// {about}\npub fn {name}({argument}: usize) -> f64 {{\n{bind}{statements}}}\n")
        }
        Track::Knots(knots) => {
            let constant = format!("{}_KNOTS", name.to_uppercase());
            let lines: String =
                knots.points.iter().map(|(at, value)| format!("    ({at}, {}),\n", float(*value))).collect();
            format!(
                "const {constant}: [(usize, f64); {}] = [\n{lines}];\n\n/// {about}\npub fn {name}(update: usize) -> \
                 f64 {{\n    let after = {constant}.partition_point(|(at, _)| *at <= update);\n    let before = \
                 {constant}[after.saturating_sub(1)];\n    match {constant}.get(after) {{\n        Some((end, last)) \
                 if after > 0 => {{\n            before.1 + (last - before.1) * ((update - before.0) as f64 / (end - \
                 before.0) as f64)\n        }}\n        _ => before.1,\n    }}\n}}\n",
                knots.points.len()
            )
        }
    }
}

/// The comment at the top of a file.
pub fn header(recipe: &Recipe<'_>, framework: &str) -> String {
    let name = line(&recipe.experiment.name);
    let run = line(&recipe.run.name);
    format!("// {name}: run \"{run}\", {} updates, for {framework}.\n", recipe.updates())
}
