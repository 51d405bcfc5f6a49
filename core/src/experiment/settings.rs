//! What a run is given, flat: every field of the file that concerns it, by its dotted name.

use toml::{Table, Value};

use super::Experiment;

/// The parts of a file that all runs share.
const SHARED: [&str; 3] = ["data", "model", "train"];

impl Experiment {
    /// The fields of the run of this name, such as `lr.peak`, then those that all runs share, such as `data.name`.
    /// Values are numbers, flags, texts or lists. Nothing where there is no such run.
    pub fn settings_of(&self, run: &str) -> Vec<(String, Value)> {
        let file: Table = self.to_toml().parse().unwrap_or_default();
        let runs = file.get("run").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(given) = runs.iter().find(|given| given.get("name").and_then(Value::as_str) == Some(run))
        else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in given.as_table().into_iter().flatten().filter(|(name, _)| *name != "name") {
            collect(name, value, &mut found);
        }
        for part in SHARED {
            file.get(part).into_iter().for_each(|value| collect(part, value, &mut found));
        }
        found
    }
}

fn collect(name: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| collect(&format!("{name}.{key}"), value, found));
        }
        value => found.push((name.to_owned(), value.clone())),
    }
}
