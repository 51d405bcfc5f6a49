//! Lightning's `metrics.csv`: what is logged together stands in a row of its own, the other cells are empty, and a
//! step may have several rows.

use super::reader::TableReader;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    if !header.has(&["epoch", "step"]) || header.position(&["run"]).is_some() {
        return None;
    }
    let empty = header.first.iter().any(String::is_empty);
    let score = 60 + 20 * u8::from(empty) + 5 * u8::from(head.name() == "metrics.csv");
    Some(Evidence::new(score, "columns `epoch` and `step`"))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    Some(Box::new(TableReader::plain(head.header()?, Some(Tick::Update))))
}
