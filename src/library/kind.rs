//! The kinds of folders that a library holds, each known by its files; [`super::Training::read`] reads them.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// What lies in a folder of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `anneal train`, `anneal serve` or the studio trained an experiment.
    Training,
    /// A sweep: its trials are runs.
    Sweep,
    /// What another program wrote down, or sent while it trained.
    Recording,
}

/// The file that makes a folder a recording's.
pub(super) const RECORDING: &str = "recording.json";

/// A row of the table of kinds.
struct Row {
    kind: Kind,
    name: &'static str,
    /// The files that make a folder one of this kind. The time of the first is the training's.
    needed: &'static [&'static str],
    /// Other files that it is read from.
    more: &'static [&'static str],
}

const KINDS: [Row; 3] = [
    Row {
        kind: Kind::Training,
        name: "training",
        needed: &["metrics.csv", "experiment.toml"],
        more: &["summary.json", "resumes.jsonl", "changes.jsonl"],
    },
    Row { kind: Kind::Sweep, name: "sweep", needed: &["journal.jsonl"], more: &["summary.json"] },
    Row { kind: Kind::Recording, name: "recording", needed: &[RECORDING], more: &[] },
];

impl Kind {
    /// What a folder is, if it is any of them.
    pub fn of(folder: &Path) -> Option<Self> {
        let is_there = |name: &&str| folder.join(name).is_file();
        KINDS.iter().find(|row| row.needed.iter().all(is_there)).map(|row| row.kind)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.name == name).map(|row| row.kind)
    }

    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    fn row(self) -> Option<&'static Row> {
        KINDS.iter().find(|row| row.kind == self)
    }

    /// The files that it is read from, the one whose time is the training's first.
    pub(super) fn files(self) -> impl Iterator<Item = &'static str> {
        let row = self.row();
        let (needed, more) = row.map_or((&[][..], &[][..]), |row| (row.needed, row.more));
        needed.iter().chain(more).copied()
    }
}
