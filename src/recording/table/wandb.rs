//! The table that Weights & Biases saves of a chart: a column a run, named `run - series`.

use super::reader::{Column, TableReader};
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::series::Tick;

/// The ends of the columns that hold a band around a run.
const BANDS: [&str; 2] = ["__MIN", "__MAX"];
/// Names of the column that all runs share.
const STEPS: [&str; 4] = ["step", "_step", "trainer/global_step", "train/global_step"];

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    let (first, others) = header.names.split_first()?;
    let column = others.iter().find(|name| name.contains(" - "))?;
    let all = others.iter().all(|name| name.contains(" - "));
    (all && header.is_named && !first.contains(" - ") && header.is_number(0))
        .then(|| Evidence::new(90, format!("a column for each run, such as `{column}`")))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    let header = head.header()?;
    let columns: Vec<Column> = header.names.iter().map(|name| column(name)).collect();
    let first = header.names.first().map(|name| name.to_lowercase()).unwrap_or_default();
    let tick = if STEPS.contains(&first.as_str()) {
        Some(Tick::Update)
    } else if first == "epoch" {
        Some(Tick::Epoch)
    } else {
        None
    };
    Some(Box::new(TableReader::new(header, columns, tick)))
}

fn column(name: &str) -> Column {
    if BANDS.iter().any(|band| name.ends_with(band)) {
        return Column::LeftOut;
    }
    match name.rsplit_once(" - ") {
        Some((run, series)) => Column::Of { run: run.to_owned(), series: series.to_owned() },
        None => Column::Series(name.to_owned()),
    }
}
