//! YOLO's `results.csv`: one row an epoch, names padded with blanks, a rate for each group.

use super::reader::TableReader;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    let rate = header.names.iter().find(|name| name.starts_with("x/lr") || name.starts_with("lr/pg"))?;
    header.has(&["epoch"]).then(|| Evidence::new(90, format!("columns `epoch` and `{rate}`")))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    Some(Box::new(TableReader::plain(head.header()?, Some(Tick::Epoch))))
}
