//! Which runs of a library are wanted, in which order, and what of them differs.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::{Kind, LaneRecord};

/// The columns that runs can be sorted by, as files name them, with their column in the index.
const COLUMNS: [(&str, &str); 12] = [
    ("at", "at"),
    ("experiment", "experiment COLLATE NOCASE"),
    ("run", "run COLLATE NOCASE"),
    ("schedule", "schedule"),
    ("seed", "seed"),
    ("updates", "updates"),
    ("final_train_loss", "final_train_loss"),
    ("final_val_loss", "final_val_loss"),
    ("best_val_loss", "best_val_loss"),
    ("final_val_accuracy", "final_val_accuracy"),
    ("best_val_accuracy", "best_val_accuracy"),
    ("seconds", "seconds"),
];

/// Which runs, and in which order. The empty one is all of them, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Every word is in the experiment, the run, its schedule, the folder, a tag or the note.
    pub search: String,
    /// The trainings that have this tag.
    pub tag: Option<String>,
    pub starred: bool,
    /// Settings that have this value, such as `lr.peak` and `0.1`.
    pub settings: Vec<(String, String)>,
    /// Only failed ones, or only others.
    pub failed: Option<bool>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only of this family: everything but the seed is the same.
    pub family: Option<String>,
    /// One of [`Filter::columns`]; the newest first where none is named.
    pub sort: Option<String>,
    pub descending: bool,
    pub limit: Option<usize>,
}

impl Filter {
    /// What runs can be sorted by.
    pub fn columns() -> impl Iterator<Item = &'static str> {
        COLUMNS.iter().map(|(name, _)| *name)
    }

    /// A condition of SQL, and its values.
    pub(super) fn condition(&self) -> (String, Vec<Value>) {
        let mut parts = vec!["1".to_owned()];
        let mut values = Vec::new();
        let mut value = |value: String| {
            values.push(Value::Text(value));
            format!("?{}", values.len())
        };
        for word in self.search.split_whitespace() {
            let word =
                value(format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
            let places = ["experiment", "run", "schedule", "training.folder", "tags", "note"];
            let any = places.map(|place| format!("{place} LIKE {word} ESCAPE '\\'"));
            parts.push(format!("({})", any.join(" OR ")));
        }
        if let Some(tag) = &self.tag {
            let tag = value(format!("\n{tag}\n"));
            parts.push(format!("instr(tags, {tag}) > 0"));
        }
        if self.starred {
            parts.push("star".to_owned());
        }
        for (name, wanted) in &self.settings {
            let (name, wanted) =
                (value(format!("$.settings.\"{}\"", name.replace('"', ""))), value(wanted.clone()));
            parts.push(format!(
                "EXISTS (SELECT 1 FROM record AS it WHERE it.folder = lane.folder AND it.run = lane.run AND \
                 it.replica = lane.replica AND json_extract(it.record, {name}) = {wanted})"
            ));
        }
        match self.failed {
            None => {}
            Some(true) => parts.push("(diverged_at IS NOT NULL OR failed IS NOT NULL)".to_owned()),
            Some(false) => parts.push("diverged_at IS NULL AND failed IS NULL".to_owned()),
        }
        if let Some(kind) = self.kind {
            let kind = value(kind.name().to_owned());
            parts.push(format!("kind = {kind}"));
        }
        if let Some(family) = &self.family {
            let family = value(family.clone());
            parts.push(format!("family = {family}"));
        }
        (parts.join(" AND "), values)
    }

    /// An order of SQL. What was not measured comes last, either way.
    pub(super) fn order(&self) -> String {
        let named = self.sort.as_ref().and_then(|sort| COLUMNS.iter().find(|(name, _)| name == sort));
        match named {
            Some((_, column)) if self.descending => format!("{column} DESC NULLS LAST"),
            Some((_, column)) => format!("{column} ASC NULLS LAST"),
            None => "at DESC".to_owned(),
        }
    }
}

/// One run under one seed, as a list shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Row {
    /// The training's folder, from the library's.
    pub folder: String,
    /// When its metrics were last written, in seconds since 1970.
    pub at: u64,
    pub kind: Kind,
    pub experiment: String,
    pub finished: bool,
    pub tags: BTreeSet<String>,
    pub star: bool,
    pub note: String,
    pub run: String,
    pub replica: u32,
    pub seed: u64,
    pub schedule: String,
    /// The same for runs that differ in their seed only.
    pub family: String,
    pub updates: u64,
    pub final_train_loss: Option<f64>,
    pub final_val_loss: Option<f64>,
    pub best_val_loss: Option<f64>,
    pub final_val_accuracy: Option<f64>,
    pub best_val_accuracy: Option<f64>,
    pub diverged_at: Option<u64>,
    pub failed: Option<String>,
    /// A sweep gave it up early.
    pub pruned: bool,
    pub seconds: Option<f64>,
}

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let whole = |at: usize| row.get::<_, i64>(at).map(|value| value as u64);
        let (kind, tags): (String, String) = (row.get(2)?, row.get(5)?);
        Ok(Self {
            folder: row.get(0)?,
            at: whole(1)?,
            kind: Kind::named(&kind).unwrap_or(Kind::Training),
            experiment: row.get(3)?,
            finished: row.get(4)?,
            tags: tags.split('\n').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            star: row.get(6)?,
            note: row.get(7)?,
            run: row.get(8)?,
            replica: row.get(9)?,
            seed: whole(10)?,
            schedule: row.get(11)?,
            family: row.get(12)?,
            updates: whole(13)?,
            final_train_loss: row.get(14)?,
            final_val_loss: row.get(15)?,
            best_val_loss: row.get(16)?,
            final_val_accuracy: row.get(17)?,
            best_val_accuracy: row.get(18)?,
            diverged_at: row.get::<_, Option<i64>>(19)?.map(|at| at as u64),
            failed: row.get(20)?,
            pruned: row.get(21)?,
            seconds: row.get(22)?,
        })
    }

    /// Whether it diverged or could not go on.
    pub fn is_failed(&self) -> bool {
        self.diverged_at.is_some() || self.failed.is_some()
    }
}

/// Runs that differ in their seed only.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    pub family: &'a str,
    pub rows: Vec<&'a Row>,
}

/// The rows, together where only the seed differs, in the order of each group's first row.
pub fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        let place = *places.entry(&row.family).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { family: &row.family, rows: vec![row] }),
        }
    }
    groups
}

/// The names of the settings in which these runs differ; one that some do not have differs.
pub fn differing<'a>(lanes: impl IntoIterator<Item = &'a LaneRecord>) -> Vec<String> {
    let lanes: Vec<&LaneRecord> = lanes.into_iter().collect();
    let names: BTreeSet<&String> = lanes.iter().flat_map(|lane| lane.settings.keys()).collect();
    let differs = |name: &&String| {
        let values: BTreeSet<Option<&String>> = lanes.iter().map(|lane| lane.settings.get(*name)).collect();
        values.len() > 1
    };
    names.into_iter().filter(differs).cloned().collect()
}
