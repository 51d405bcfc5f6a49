//! What is different between two versions of an experiment file, by dotted paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// One field that another version says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// Where the field is, such as `run["warmup + cosine"].lr.peak`.
    pub path: String,
    /// Its value before, as TOML; nothing where it was not there.
    pub before: Option<String>,
    /// Its value after; nothing where it is gone.
    pub after: Option<String>,
}

/// The fields whose values differ, by their paths. A text that is no TOML has no fields.
pub fn changes(before: &str, after: &str) -> Vec<Changed> {
    let (before, after) = (fields(before), fields(after));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let differs = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let changed = |path: &String| Changed {
        path: path.clone(),
        before: before.get(path).cloned(),
        after: after.get(path).cloned(),
    };
    differs.map(changed).collect()
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Ok(table) = text.parse::<Table>() {
        collect("", &Value::Table(table), &mut found);
    }
    found
}

fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                let key = if is_bare(key) { key.clone() } else { format!("{key:?}") };
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                collect(&path, value, found);
            }
        }
        // Runs, and whatever else has a name, are known by it: another order is no other run.
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| name(item).is_some()) => {
            for item in items {
                let name = name(item).unwrap_or_default();
                collect(&format!("{path}[{name:?}]"), item, found);
            }
            let order: Vec<&str> = items.iter().filter_map(name).collect();
            if order.len() > 1 {
                found.insert(format!("{path} (order)"), format!("{order:?}"));
            }
        }
        // A text without a field has none.
        Value::Table(_) if path.is_empty() => {}
        value => {
            found.insert(path.to_owned(), value.to_string());
        }
    }
}

fn name(value: &Value) -> Option<&str> {
    value.get("name")?.as_str()
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_its_path_and_a_run_by_its_name() {
        let before =
            "[train]\nseed = 0\n[[run]]\nname = \"a b\"\nlr = { peak = 0.1 }\n[[run]]\nname = \"c\"\n";
        let after =
            "[[run]]\nname = \"c\"\n[[run]]\nname = \"a b\"\nlr = { peak = 0.2 }\n[train]\nseed = 0\n";
        let found: Vec<String> = changes(before, after)
            .into_iter()
            .map(|it| format!("{}: {:?} -> {:?}", it.path, it.before, it.after))
            .collect();
        assert_eq!(
            found,
            [
                "run (order): Some(\"[\\\"a b\\\", \\\"c\\\"]\") -> Some(\"[\\\"c\\\", \\\"a b\\\"]\")",
                "run[\"a b\"].lr.peak: Some(\"0.1\") -> Some(\"0.2\")",
            ]
        );
        assert_eq!(changes(before, before), []);
        assert_eq!(
            changes("", "a = 1")[0],
            Changed { path: "a".into(), before: None, after: Some("1".into()) }
        );
    }
}
