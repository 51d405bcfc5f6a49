//! timm's `summary.csv`: one row an epoch.

use super::reader::TableReader;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::LineReader;
use crate::recording::rows::is_step;
use crate::recording::series::Tick;

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    let header = head.header()?;
    let timm =
        header.has(&["epoch", "train_loss", "eval_loss"]) && !header.names.iter().any(|name| is_step(name));
    timm.then(|| Evidence::new(85, "columns `epoch`, `train_loss` and `eval_loss`"))
}

pub(in crate::recording) fn reader(head: &Head) -> Option<Box<dyn LineReader>> {
    Some(Box::new(TableReader::plain(head.header()?, Some(Tick::Epoch))))
}
