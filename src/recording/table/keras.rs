//! Keras' `CSVLogger`: one row an epoch, counted from 0.

use super::reader::TableReader;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::rows::is_step;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    let first = header.names.first()?;
    let keras = first == "epoch" && header.has(&["loss"]) && !header.names.iter().any(|name| is_step(name));
    keras.then(|| Evidence::new(72, "a first column `epoch`, and a column `loss`"))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    Some(Box::new(TableReader::plain(head.header()?, Some(Tick::Epoch))))
}
