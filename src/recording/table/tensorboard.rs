//! The table that TensorBoard saves of one chart: `Wall time,Step,Value`. What the values are stands in the
//! file's name, if anywhere.

use super::reader::{Column, TableReader};
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::role::{self, Role};
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    let names: Vec<&str> = header.names.iter().map(String::as_str).collect();
    let same = names == ["Wall time", "Step", "Value"];
    same.then(|| Evidence::new(95, "the columns are `Wall time,Step,Value`"))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    let header = head.header()?;
    let series = series(head.name());
    let columns = header.names.iter().map(|name| match name.as_str() {
        "Value" => Column::Series(series.clone()),
        "Wall time" => Column::LeftOut,
        _ => Column::Series(name.clone()),
    });
    Some(Box::new(TableReader::new(header, columns.collect(), Some(Tick::Update))))
}

/// What stands after `tag-` in the file's name, or the name itself where it says what it is.
fn series(name: &str) -> String {
    let stem = name.strip_suffix(".csv").unwrap_or(name);
    let tag = stem.rsplit_once("tag-").map_or(stem, |(_, tag)| tag);
    if role::of(tag).role == Role::Other { "Value".to_owned() } else { tag.to_owned() }
}
