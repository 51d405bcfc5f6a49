//! What became of a table: its columns, what was left out and why, in numbers and in words.

use std::fmt;

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    Numbers,
    Texts,
    Dates,
    /// Every cell is missing.
    Nothing,
}

impl CellKind {
    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Texts => "text",
            Self::Dates => "dates",
            Self::Nothing => "nothing",
        }
    }
}

/// What a column is to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// So many inputs.
    Input(usize),
    Label,
    /// The experiment says so.
    Skipped,
    /// With the reason.
    LeftOut(String),
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReport {
    pub name: String,
    pub kind: CellKind,
    pub role: ColumnRole,
    /// Cells without a value.
    pub missing: usize,
}

/// What a table held, and what of it is in the data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    pub columns: Vec<ColumnReport>,
    /// The first rows, as they stand in the file.
    pub first_rows: Vec<Vec<String>>,
    /// Rows of the file.
    pub rows: usize,
    /// Those with every cell that is used.
    pub rows_used: usize,
    /// What was assumed of the file, a sentence each.
    pub assumed: Vec<String>,
}

impl TableReport {
    /// Rows with a missing cell.
    pub fn rows_left_out(&self) -> usize {
        self.rows - self.rows_used
    }

    /// The columns that no model can use, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().filter_map(|column| match &column.role {
            ColumnRole::LeftOut(reason) => Some((column.name.as_str(), reason.as_str())),
            _ => None,
        })
    }

    /// The used columns with a missing cell, and how many each.
    pub fn missing(&self) -> impl Iterator<Item = (&str, usize)> {
        let used = self
            .columns
            .iter()
            .filter(|column| matches!(column.role, ColumnRole::Input(_) | ColumnRole::Label));
        used.filter(|column| column.missing > 0).map(|column| (column.name.as_str(), column.missing))
    }

    /// What was left out or assumed, a sentence each; nothing where all was read as it stands.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = self.assumed.clone();
        let rows = self.rows_left_out();
        if rows > 0 {
            let mut missing: Vec<(&str, usize)> = self.missing().collect();
            missing.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let shown: Vec<String> =
                missing.iter().take(5).map(|(name, count)| format!("`{name}`: {count}")).collect();
            let more = if missing.len() > 5 {
                format!(" and {} more columns", missing.len() - 5)
            } else {
                String::new()
            };
            let mut sentence = format!(
                "{rows} of {} rows left out, {} used: they have a missing cell ({}{more})",
                self.rows,
                self.rows_used,
                shown.join(", ")
            );
            // Where one column costs most of the rows, it may be worth less than they are.
            if let Some((worst, count)) = missing.first()
                && 4 * count > self.rows
            {
                sentence
                    .push_str(&format!("; columns = {{ {} = \"skip\" }} keeps the rows", toml_key(worst)));
            }
            sentences.push(sentence);
        }
        sentences
            .extend(self.left_out().map(|(name, reason)| format!("column `{name}` left out: it {reason}")));
        sentences
    }
}

/// A name as a TOML key.
fn toml_key(name: &str) -> String {
    let bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { name.to_owned() } else { format!("{name:?}") }
}

impl fmt::Display for TableReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences = self.sentences();
        if sentences.is_empty() {
            write!(f, "all {} rows used", self.rows)
        } else {
            f.write_str(&sentences.join("; "))
        }
    }
}
