//! Our own `metrics.csv`, and the rates that `anneal schedule` prints.

use super::reader::{Column, TableReader};
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    header
        .has(&["run", "update", "epoch", "lr"])
        .then(|| Evidence::new(92, "columns `run`, `update`, `epoch` and `lr`"))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    let header = head.header()?;
    let columns = header.names.iter().map(|name| match name.as_str() {
        "run" => Column::Run,
        "replica" => Column::Replica,
        _ => Column::Series(name.clone()),
    });
    Some(Box::new(TableReader::new(header, columns.collect(), Some(Tick::Update))))
}
