//! The rows of `metrics.csv`, as they are read back.

use std::path::Path;

use super::{Row, Validation};

/// The columns, in order.
pub const COLUMNS: [&str; 11] = [
    "run",
    "replica",
    "update",
    "epoch",
    "lr",
    "momentum",
    "train_loss",
    "grad_norm",
    "update_norm",
    "val_loss",
    "val_accuracy",
];

/// One row: what an update of a run's replica measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub run: String,
    pub replica: u32,
    pub row: Row,
    pub validation: Option<Validation>,
}

/// Hands over the rows of a file whose updates are below `updates`. A killed training may have left half a row at
/// the end: there the reading ends.
///
/// # Errors
/// When the file cannot be opened.
pub fn read(
    file: &Path,
    updates: u64,
    mut each: impl FnMut(Measured, &csv::StringRecord),
) -> csv::Result<()> {
    for record in csv::ReaderBuilder::new().flexible(true).from_path(file)?.records() {
        let Ok(record) = record else { break };
        let Some(measured) = measured(&record) else { break };
        if measured.row.update < updates {
            each(measured, &record);
        }
    }
    Ok(())
}

/// A row; nothing when it is no whole one.
fn measured(record: &csv::StringRecord) -> Option<Measured> {
    if record.len() != COLUMNS.len() {
        return None;
    }
    let update = record[2].parse().ok()?;
    let optional =
        |at: usize| if record[at].is_empty() { Some(None) } else { record[at].parse().ok().map(Some) };
    let (loss, accuracy) = (optional(9)?, optional(10)?);
    Some(Measured {
        run: record[0].to_owned(),
        replica: record[1].parse().ok()?,
        row: Row {
            update,
            lr: record[4].parse().ok()?,
            momentum: record[5].parse().ok()?,
            train_loss: record[6].parse().ok()?,
            grad_norm: record[7].parse().ok()?,
            update_norm: record[8].parse().ok()?,
        },
        validation: loss.map(|loss| Validation { update, loss, accuracy }),
    })
}
