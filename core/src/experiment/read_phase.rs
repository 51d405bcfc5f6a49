//! Phases of the data from their tables, checked against the data and the length of the run.

use std::ops::Bound::{Excluded, Included};

use super::error::FileError;
use super::node::Node;
use super::phase::{MOST, Phase, begins};
use super::{BatchSize, Data};
use crate::data::{DatasetInfo, Poison, SampleOrder, Shape, Shift, Task, listed};
use crate::schedule::{Clock, Span};

const PHASE: &str =
    "a [[data.phase]] section, such as { name = \"first\", for = \"50%\", classes = [0, 1, 2] }";
const SHIFT: &str = "a table, such as { rotate = 30, scale = 1.0, noise = 0.2 }";
const POISON: &str = "a table, such as { share = 0.3, to = 7 }";
/// More classes than any data set has.
const MAX_CLASSES: u32 = 100_000;
/// Far beyond any shift that leaves something to learn.
const MAX_SHIFT: f64 = 1e3;

/// The phases in this list.
pub(super) fn phases(node: &Node, data: &Data) -> Result<Vec<Phase>, FileError> {
    let info = data.source.shipped();
    if info.is_some_and(DatasetInfo::is_text) {
        return Err(node.error_found("phases of a text", "data of samples: a text is one stream"));
    }
    if data.batch_size == BatchSize::All {
        let found = "phases beside batch_size = \"all\"";
        return Err(node.error_found(found, "a batch_size in samples, which every phase has"));
    }
    if !data.drop_last {
        let found = "phases beside drop_last = false";
        return Err(
            node.error_found(found, "drop_last = true: a phase's epochs end anywhere in one of the run")
        );
    }
    let nodes = node.filled("at least one [[data.phase]] section")?;
    if nodes.len() > MOST {
        return Err(node.error_found(format!("{} phases", nodes.len()), format!("at most {MOST}")));
    }
    let last = nodes.len() - 1;
    let mut phases: Vec<Phase> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let fields = node.fields(PHASE)?;
        fields.only(&["name", "for", "data", "classes", "label_noise", "shift", "order", "poison"])?;
        let name = match fields.get("name") {
            Some(name) if phases.iter().any(|other| name.is_str(&other.name)) => {
                return Err(name.error("a name of its own"));
            }
            Some(name) if name.text()?.trim().is_empty() => return Err(name.error("a name that can be seen")),
            Some(name) => name.text()?.to_owned(),
            None => (at + 1).to_string(),
        };
        let length = match fields.get("for") {
            Some(length) if at == last => {
                return Err(length.error("nothing: the last phase has what is left of the run"));
            }
            None if at != last => {
                return Err(fields.missing("for", "the phase's span; only the last phase goes without"));
            }
            found => found.map(|length| length.span()).transpose()?,
        };
        let info = match fields.get("data") {
            Some(other) => Some(another(&other, data)?),
            None => info,
        };
        let class = |node: &Node| match info.map(|info| info.task) {
            Some(Task::Regression) => {
                Err(node.error_found("a class", "nothing: the answers of a regression are numbers"))
            }
            Some(Task::Classification { classes }) => node.whole(0..classes as u32),
            _ => node.whole(0..MAX_CLASSES),
        };
        phases.push(Phase {
            length,
            source: fields.get("data").and(info).map(|info| info.name.to_owned()),
            classes: fields.read("classes", |node| classes(&node, class))?,
            label_noise: fields.read("label_noise", |node| node.number(0.0..=1.0))?,
            shift: fields.read("shift", |node| shift(&node, info))?.unwrap_or_default(),
            order: fields.read("order", |node| order(&node, info))?.unwrap_or_default(),
            poison: fields.read("poison", |node| poison(&node, class))?,
            ..Phase::new(&name, None)
        });
    }
    Ok(phases)
}

/// A shipped data set that the model can read in place of the experiment's own.
fn another(node: &Node, data: &Data) -> Result<&'static DatasetInfo, FileError> {
    let Some(own) = data.source.shipped() else {
        return Err(node.error("none: only shipped data sets can follow each other"));
    };
    let is_like = |info: &DatasetInfo| info.shape == own.shape && info.task == own.task;
    match crate::data::info(node.text()?) {
        Some(info) if is_like(info) => Ok(info),
        Some(_) | None => {
            Err(node.error(format!("a data set like the experiment's own: {}", listed(is_like))))
        }
    }
}

fn classes(node: &Node, class: impl Fn(&Node) -> Result<u32, FileError>) -> Result<Vec<u32>, FileError> {
    let mut classes = Vec::new();
    for node in node.filled("a list of classes, counted from 0, such as [0, 1, 2]")? {
        let class = class(&node)?;
        if classes.contains(&class) {
            return Err(node.error("each class once"));
        }
        classes.push(class);
    }
    classes.sort_unstable();
    Ok(classes)
}

fn shift(node: &Node, info: Option<&DatasetInfo>) -> Result<Shift, FileError> {
    let fields = node.fields(SHIFT)?;
    fields.only(&["rotate", "scale", "noise"])?;
    let default = Shift::default();
    let rotates = |shape| matches!(shape, Shape::Image { .. } | Shape::Flat(2));
    if let Some(turn) = fields.get("rotate")
        && !info.is_some_and(|info| rotates(info.shape))
    {
        let known = listed(|info| rotates(info.shape));
        return Err(turn.error(format!("none: only images and points of the plane turn, as of {known}")));
    }
    Ok(Shift {
        rotate: fields.read("rotate", |node| node.number(-360.0..=360.0))?.unwrap_or(default.rotate),
        scale: fields.read("scale", |node| node.number(-MAX_SHIFT..=MAX_SHIFT))?.unwrap_or(default.scale),
        noise: fields.read("noise", |node| node.number(0.0..=MAX_SHIFT))?.unwrap_or(default.noise),
    })
}

fn order(node: &Node, info: Option<&DatasetInfo>) -> Result<SampleOrder, FileError> {
    let order = node.choice(&SampleOrder::ALL)?;
    if order != SampleOrder::Shuffled && info.is_some_and(DatasetInfo::is_regression) {
        let allowed = "\"shuffled\": how hard a sample is follows from its class, which a regression lacks";
        return Err(node.error(allowed));
    }
    Ok(order)
}

fn poison(node: &Node, class: impl Fn(&Node) -> Result<u32, FileError>) -> Result<Poison, FileError> {
    let fields = node.fields(POISON)?;
    fields.only(&["share", "to"])?;
    Ok(Poison {
        share: fields
            .need("share", "the share of samples that are labelled wrongly")?
            .number((Excluded(0.0), Included(1.0)))?,
        to: class(&fields.need("to", "the class that they are labelled as")?)?,
    })
}

/// Refuses phases that do not fit into the run on any clock.
pub(super) fn fit(
    node: &Node,
    phases: &[Phase],
    updates: Span,
    clocks: impl Iterator<Item = Clock>,
) -> Result<(), FileError> {
    let fits = |clock| begins(phases, clock).last().is_none_or(|last| *last < clock.updates);
    if clocks.into_iter().any(fits) {
        return Ok(());
    }
    let found = format!("phases that leave nothing of {updates} for the last one");
    Err(node.error_found(found, "phases that are shorter together than the run"))
}
