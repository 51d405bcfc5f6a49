//! Data sets: what comes with the program, what people bring as CSV, and how it is dealt out.
//!
//! A [`Dataset`] is data as it was published. [`Dataset::prepare`] deals it into a training and a
//! validation part and scales both by what the training part looks like; the result, [`Prepared`], is
//! what models see. Everything random is drawn from the seed of the [`Split`], through
//! [`crate::random`].

mod bounded;
mod catalogue;
mod cells;
mod chance;
mod error;
mod generated;
mod idx;
mod order;
mod samples;
mod scaling;
mod shipped;
mod split;
mod table;
mod text;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use catalogue::{CATALOGUE, DatasetInfo, NAMES, Task, info, listed};
pub use chance::Chance;
pub use error::{DataError, Problem};
pub use order::epoch_order;
pub use samples::{Samples, Shape, Targets};
pub use scaling::{Affine, Scaling, Standard};
pub use split::{Prepared, Split};
pub use text::Text;

/// A data set as it was published, before it is split and scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The shipped set's name, or the file's.
    pub name: String,
    pub content: Content,
    /// What of the source is not in `content`.
    pub left_out: LeftOut,
}

/// The two things a model can learn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Inputs with an answer each, and the usual way to scale such inputs.
    Samples { samples: Samples, standard: Standard },
    /// A text, to predict its next character.
    Text(Text),
}

/// What a CSV file held that its data set does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Rows with a missing cell.
    pub rows: usize,
    /// Columns no model could use.
    pub columns: Vec<LeftOutColumn>,
}

/// A column that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutColumn {
    pub name: String,
    pub reason: String,
}

impl Dataset {
    /// The shipped data set of this name, one of [`NAMES`].
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn load(name: &str) -> Result<Self, DataError> {
        let info = info(name).ok_or_else(|| Problem::UnknownDataset { known: NAMES.join(", ") }.of(name))?;
        info.load()
    }

    /// A table of one's own: comma, semicolon or tab separated UTF-8 text with a header line, plain or
    /// gzipped, at most 64 MiB. `label` is the column to predict; all others are inputs.
    ///
    /// - A column of numbers is one input. A column of text is one input a value, 1 where the row has
    ///   that value and 0 elsewhere; with more than 32 values it is left out.
    /// - A missing cell is empty or reads `NA`, `N/A`, `null` or `?` in capitals or not; its row is left out.
    /// - The label makes classes when it is text, or whole numbers with at most 20 different values
    ///   that each occur twice on average. Other numbers make a regression.
    ///
    /// What was left out is said in [`Dataset::left_out`].
    ///
    /// # Errors
    /// When the file cannot be read or is no such table. The error names the file and, where there is
    /// one, the line.
    pub fn from_csv_file(path: &Path, label: &str) -> Result<Self, DataError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::from_csv(&name, file, label),
            Err(error) => Err(Problem::Unreadable(error.to_string()).of(&name)),
        }
    }

    /// As [`Dataset::from_csv_file`], from any reader; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Dataset::from_csv_file`].
    pub fn from_csv(name: &str, source: impl Read, label: &str) -> Result<Self, DataError> {
        let (samples, left_out) = table::read(source, label).map_err(|problem| problem.of(name))?;
        Ok(Self { left_out, ..Self::of(name, samples, Standard::Columns) })
    }

    /// Samples that are all there is.
    fn of(name: &str, samples: Samples, standard: Standard) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Samples { samples, standard },
            left_out: LeftOut::default(),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.rows {
            0 => {}
            1 => parts.push("1 row with a missing cell".to_owned()),
            rows => parts.push(format!("{rows} rows with a missing cell")),
        }
        for LeftOutColumn { name, reason } in &self.columns {
            parts.push(format!("column `{name}`, which {reason}"));
        }
        match parts.as_slice() {
            [] => write!(f, "nothing left out"),
            parts => write!(f, "left out: {}", parts.join("; ")),
        }
    }
}
