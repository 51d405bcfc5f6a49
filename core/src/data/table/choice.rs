//! What a person says of a table's columns.

use std::collections::BTreeMap;

/// How a column is read, where it is not as its cells suggest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnUse {
    /// Not read.
    Skip,
    /// Numbers; cells that are none count as missing.
    Number,
    /// Texts, numbers included: an input, or a class, for each.
    Text,
    /// Dates; cells that are none count as missing.
    Date,
}

impl ColumnUse {
    /// Every use, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 4] =
        [("skip", Self::Skip), ("number", Self::Number), ("text", Self::Text), ("date", Self::Date)];
}

/// What is said of columns, by their names.
pub type ColumnUses = BTreeMap<String, ColumnUse>;
