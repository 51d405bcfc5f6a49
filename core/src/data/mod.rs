//! Data sets: what comes with the program, what people bring as CSV, and how it is dealt out.
//!
//! A [`Dataset`] is data as it was published. [`Dataset::prepare`] deals it into a training and a
//! validation part and scales both by what the training part looks like; the result, [`Prepared`], is
//! what models see. Everything random is drawn from the seed of the [`Split`], through
//! [`crate::random`].

mod alter;
mod altered;
mod bounded;
mod catalogue;
mod chance;
mod clients;
mod error;
mod generated;
mod idx;
mod order;
pub mod reading;
mod samples;
mod scaling;
mod shipped;
mod split;
mod table;
mod text;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use self::reading::Metered;
use crate::files;

pub use alter::{Alteration, Poison, SampleOrder, Shift, difficulty};
pub use altered::Altered;
pub use catalogue::{CATALOGUE, DatasetInfo, NAMES, Task, info, listed};
pub use chance::Chance;
pub use clients::{client_order, deal_out};
pub use error::{DataError, Problem};
pub use order::epoch_order;
pub use samples::{Samples, Shape, Targets};
pub use scaling::{Affine, Scaling, Standard};
pub use split::{Prepared, Split};
pub use table::choice::{ColumnUse, ColumnUses};
pub use table::report::{CellKind, ColumnReport, ColumnRole, TableReport};
pub use text::Text;

/// A data set as it was published, before it is split and scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The shipped set's name, or the file's.
    pub name: String,
    pub content: Content,
    /// What became of a table's rows and columns; nothing for what is no table of one's own.
    pub table: Option<Arc<TableReport>>,
}

/// The two things a model can learn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Inputs with an answer each, and the usual way to scale such inputs.
    Samples { samples: Samples, standard: Standard },
    /// A text, to predict its next character.
    Text(Text),
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

    /// A table of one's own: comma, semicolon, tab or bar separated UTF-8 text with a header line, plain or
    /// gzipped, of at most 2^27 cells. `label` is the column to predict; all others are inputs, but for what `uses`
    /// says of them.
    ///
    /// - A column of numbers is one input. Signs of currencies, percents and parted thousands are passed over, and a
    ///   comma may be a decimal point. A column of dates is one input, in days. A column of text is one input a
    ///   value, 1 where the row has that value and 0 elsewhere; with more than 32 values it is left out.
    /// - A missing cell is empty or says so (`NA`, `NaN`, `None`, `-`, `?` and the like); its row is left out.
    /// - The label makes classes when it is text, or whole numbers with at most 20 different values
    ///   that each occur twice on average. Other numbers make a regression.
    ///
    /// What was left out or assumed is said in [`Dataset::table`].
    ///
    /// # Errors
    /// When the file cannot be read or is no such table. The error names the file and, where there is
    /// one, the line.
    pub fn from_table_file(path: &Path, label: &str, uses: &ColumnUses) -> Result<Self, DataError> {
        let name = path.display().to_string();
        match files::open(path) {
            Ok(file) => {
                let bytes = file.metadata().map_or(0, |meta| meta.len());
                Self::from_table(&name, Metered::new(file, bytes), label, uses)
            }
            Err(error) => Err(Problem::Unreadable(error.to_string()).of(&name)),
        }
    }

    /// As [`Dataset::from_table_file`], from any reader; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Dataset::from_table_file`].
    pub fn from_table(
        name: &str,
        source: impl Read,
        label: &str,
        uses: &ColumnUses,
    ) -> Result<Self, DataError> {
        let (samples, report) = table::read(source, label, uses).map_err(|problem| problem.of(name))?;
        Ok(Self { table: Some(Arc::new(report)), ..Self::of(name, samples, Standard::Columns) })
    }

    /// What the first megabyte of a table holds, for a preview before there is anything to predict.
    ///
    /// # Errors
    /// When the file cannot be read or is no table.
    pub fn inspect_table(path: &Path, uses: &ColumnUses) -> Result<TableReport, DataError> {
        let name = path.display().to_string();
        let file = files::open(path).map_err(|error| Problem::Unreadable(error.to_string()).of(&name))?;
        table::inspect(file, uses).map_err(|problem| problem.of(&name))
    }

    /// Samples that are all there is.
    fn of(name: &str, samples: Samples, standard: Standard) -> Self {
        Self { name: name.to_owned(), content: Content::Samples { samples, standard }, table: None }
    }
}
