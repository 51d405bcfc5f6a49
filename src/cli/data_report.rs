//! What became of a table of data: into `summary.json`, and in words to stderr.

use std::collections::BTreeMap;

use serde::Serialize;

use super::output;
use crate::data::TableReport;

/// A table in `summary.json`.
#[derive(Serialize)]
pub struct DataSummary<'a> {
    rows: usize,
    rows_used: usize,
    rows_left_out: usize,
    /// Missing cells of the columns that are used.
    missing: BTreeMap<&'a str, usize>,
    columns_left_out: Vec<LeftOutColumn<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LeftOutColumn<'a> {
    name: &'a str,
    reason: &'a str,
}

impl<'a> DataSummary<'a> {
    pub fn of(table: &'a TableReport) -> Self {
        Self {
            rows: table.rows,
            rows_used: table.rows_used,
            rows_left_out: table.rows_left_out(),
            missing: table.missing().collect(),
            columns_left_out: table.left_out().map(|(name, reason)| LeftOutColumn { name, reason }).collect(),
            notes: &table.assumed,
        }
    }
}

/// Says what was left out of a table, or assumed; `regression`: the answers are numbers and no loss was named.
pub fn tell(table: &TableReport, regression: bool) {
    for sentence in table.sentences() {
        output::say(format!("anneal: data: {sentence}"));
    }
    if regression {
        output::say("anneal: data: the answers are numbers, so the loss is mse");
    }
}
