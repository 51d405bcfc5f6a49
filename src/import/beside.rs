//! Files that a configuration inherits from: named relative to it, few, and small.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::python::{Expr, Pair};
use super::text::{Form, Text};
use super::{Imported, Options, yaml};
use crate::files;

/// The most files of one configuration.
const MAX_FILES: usize = 32;
/// The most bytes of one of them.
const MAX_BYTES: u64 = 1 << 20;
/// How long a chain of them may be.
pub(super) const MAX_LEVELS: usize = 8;

/// What is inherited: which files were read, and which were not.
#[derive(Default)]
pub(super) struct Beside {
    read: Vec<String>,
    failed: Vec<(String, String)>,
}

impl Beside {
    /// The text of a file that is named relative to this folder, and the folder that it is in.
    pub fn text(&mut self, folder: Option<&Path>, name: &str) -> Option<(String, PathBuf)> {
        match self.open(folder, name) {
            Ok(found) => {
                self.read.push(name.to_owned());
                Some(found)
            }
            Err(why) => {
                self.failed.push((name.to_owned(), why));
                None
            }
        }
    }

    fn open(&self, folder: Option<&Path>, name: &str) -> Result<(String, PathBuf), String> {
        let Some(folder) = folder else {
            return Err("only a file says where it stands, and this is a text".to_owned());
        };
        if name.contains("::") || name.contains("://") || name.contains('{') {
            return Err("it is in another package".to_owned());
        }
        let path = Path::new(name);
        let known = ["py", "yaml", "yml"];
        let ends = path.extension().and_then(|end| end.to_str()).is_some_and(|end| known.contains(&end));
        if path.is_absolute() || !ends {
            return Err("only .py and .yaml files beside it are read".to_owned());
        }
        if self.read.len() + self.failed.len() >= MAX_FILES {
            return Err(format!("at most {MAX_FILES} files are read"));
        }
        let whole = folder.join(path);
        let file = files::input(&whole).map_err(|cause| cause.to_string())?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|cause| cause.to_string())?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err("it is longer than a megabyte".to_owned());
        }
        let text = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        Ok((text, whole.parent().unwrap_or(folder).to_owned()))
    }

    pub fn any_read(&self) -> bool {
        !self.read.is_empty()
    }

    /// Says what was read and what was not.
    pub fn tell(&self, imported: &mut Imported) {
        if !self.read.is_empty() {
            imported.note(format!("it inherits from {}, which was read", self.read.join(", ")));
        }
        for (name, why) in &self.failed {
            imported.note(format!(
                "it inherits from {name}, which was not read ({why}): what is not here may be there"
            ));
        }
    }
}

/// Reads what a table in YAML inherits from by its `_BASE_`, and puts it under what the table says itself.
pub(super) fn inherit(text: &mut Text<'_>, options: &Options) -> Beside {
    let mut beside = Beside::default();
    let Form::Table(settings, written) = &text.form else { return beside };
    if !settings.has("_BASE_") || options.folder.is_none() {
        return beside;
    }
    let pairs = settings.pairs();
    let merged = whole(pairs, options.folder.as_deref(), 0, &mut beside);
    let written = *written;
    text.form = Form::Table(super::settings::Settings::of_pairs(&merged), written);
    beside
}

fn whole(mut own: Vec<Pair>, folder: Option<&Path>, level: usize, beside: &mut Beside) -> Vec<Pair> {
    let Some(at) = own.iter().position(|pair| pair.key == Expr::Text("_BASE_".to_owned())) else {
        return own;
    };
    let names = own.remove(at).value;
    let mut inherited: Vec<Pair> = Vec::new();
    for name in listed(&names) {
        if level >= MAX_LEVELS {
            beside.failed.push((name, format!("a chain of {MAX_LEVELS} files is followed")));
            continue;
        }
        let Some((text, folder)) = beside.text(folder, &name) else { continue };
        match yaml::read(&text) {
            Ok(pairs) => {
                let pairs = whole(pairs, Some(&folder), level + 1, beside);
                inherited = merged(inherited, unplaced(pairs));
            }
            Err(error) => beside.failed.push((name, error.to_string())),
        }
    }
    merged(inherited, own)
}

/// The texts of a list, or one alone.
pub(super) fn listed(names: &Expr) -> Vec<String> {
    match names {
        Expr::Text(name) => vec![name.clone()],
        Expr::List(items) => items.iter().flat_map(listed).collect(),
        _ => Vec::new(),
    }
}

/// What stands in another file has no line in this one.
pub(super) fn unplaced(pairs: Vec<Pair>) -> Vec<Pair> {
    let value = |value: Expr| match value {
        Expr::Table(pairs) => Expr::Table(unplaced(pairs)),
        other => other,
    };
    pairs.into_iter().map(|pair| Pair { key: pair.key, value: value(pair.value), line: 0 }).collect()
}

/// One table under another: tables are merged, everything else is replaced, as is a table that says `_delete_`.
pub(super) fn merged(mut base: Vec<Pair>, own: Vec<Pair>) -> Vec<Pair> {
    for pair in own {
        let Some(held) = base.iter_mut().find(|held| held.key == pair.key) else {
            base.push(pair);
            continue;
        };
        let is_delete = |pair: &Pair| pair.key == Expr::Text("_delete_".to_owned());
        held.value = match (std::mem::replace(&mut held.value, Expr::None), pair.value) {
            (Expr::Table(before), Expr::Table(after)) if !after.iter().any(is_delete) => {
                Expr::Table(merged(before, after))
            }
            (_, Expr::Table(after)) => {
                Expr::Table(after.into_iter().filter(|pair| !is_delete(pair)).collect())
            }
            (_, after) => after,
        };
        held.line = pair.line;
    }
    base
}
