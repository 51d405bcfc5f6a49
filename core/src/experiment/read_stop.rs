//! Early stopping from its table.

use super::error::FileError;
use super::node::Node;
use super::{Data, Metric, Stop};
use crate::data::DatasetInfo;

const STOP: &str = "a table, such as { metric = \"val_loss\", patience = 5 }";
/// More epochs than any run has.
const MAX_EPOCHS: u64 = 1_000_000_000;

/// What stops a run, checked against what there is to watch.
pub(super) fn stop(node: &Node, data: &Data) -> Result<Stop, FileError> {
    let fields = node.fields(STOP)?;
    fields.only(&["metric", "patience", "min_delta", "restore_best"])?;
    if !node.document().has_epochs {
        return Err(node.error("none: it looks at the end of every epoch, and a surface has no epochs"));
    }
    let default = Stop::default();
    let metric = fields.read("metric", |metric| metric.choice(&Metric::ALL))?.unwrap_or(default.metric);
    if metric != Metric::TrainLoss && data.validation == 0.0 {
        let allowed = "\"train_loss\": no data are held out for validation";
        return Err(node.error_found("a validation metric", allowed));
    }
    if metric == Metric::ValAccuracy && data.source.shipped().is_some_and(DatasetInfo::is_regression) {
        return Err(node.error_found("an accuracy", "a loss: a regression has no right and wrong answers"));
    }
    Ok(Stop {
        metric,
        patience: fields.read("patience", |node| node.whole(1..=MAX_EPOCHS))?.unwrap_or(default.patience),
        min_delta: fields.read("min_delta", |node| node.number(0.0..))?.unwrap_or(default.min_delta),
        restore_best: fields.read("restore_best", |node| node.flag())?.unwrap_or(default.restore_best),
    })
}
