//! The parameter groups of a run, checked against the model's parameters.

use super::error::FileError;
use super::group::{self, Decay, Group, GroupRate, Named, Pattern};
use super::near::nearest;
use super::node::{Fields, Node};
use super::optimizer::Role;
use super::setting::{Setting, fixed, tried};
use super::{Optimizer, OptimizerKind, Run};
use crate::schedule::MAX_RATE;

const SECTION: &str = "a [[run.group]] section";
const SECTIONS: &str = "[[run.group]] sections";
/// The most names of parameters in an error.
const NAMES: usize = 12;

/// The groups in a run's table. What each holds is checked by [`hold`].
pub(super) fn groups(
    fields: &Fields,
    optimizer: &Optimizer,
    setting: &Setting,
) -> Result<Vec<Group>, FileError> {
    let Some(node) = fields.get("group") else { return Ok(Vec::new()) };
    let sections = node.items(SECTIONS)?;
    if sections.len() > group::MOST {
        let found = format!("{} groups", sections.len());
        return Err(node.error_found(found, format!("at most {}", group::MOST)));
    }
    sections.iter().map(|node| one(node, optimizer, setting)).collect()
}

fn one(node: &Node, optimizer: &Optimizer, setting: &Setting) -> Result<Group, FileError> {
    let fields = node.fields(SECTION)?;
    fields.only(&["match", "lr", "weight_decay", "freeze"])?;
    let pattern =
        fields.need("match", "which parameters, such as \"bias\", \"layer 0\" or \"block*.q.*\"")?;
    Ok(Group {
        pattern: Pattern::new(pattern.text()?),
        lr: fields.read("lr", |node| rate(&node, optimizer.kind, setting))?.unwrap_or(GroupRate::Factor(1.0)),
        weight_decay: fields.read("weight_decay", |node| weight_decay(&node, optimizer.kind))?,
        freeze: fields.read("freeze", |node| node.span())?,
    })
}

fn rate(node: &Node, kind: OptimizerKind, setting: &Setting) -> Result<GroupRate, FileError> {
    if node.is_table() {
        if kind.is_schedule_free() {
            let allowed = "a factor: a schedule-free optimizer averages by the run's own rate";
            return Err(node.error_found("a schedule", allowed));
        }
        if kind == OptimizerKind::Prodigy {
            return Err(node.error_found("a schedule", PRODIGY));
        }
        return tried(node, setting, |_, _| Ok(())).map(|schedule| GroupRate::Schedule(Box::new(schedule)));
    }
    let factor = node.number(0.0..=MAX_RATE)?;
    if kind == OptimizerKind::Prodigy && factor != 0.0 && factor != 1.0 {
        return Err(node.error(PRODIGY));
    }
    Ok(GroupRate::Factor(factor))
}

const PRODIGY: &str = "0 or 1: Prodigy estimates one rate for all parameters";

fn weight_decay(node: &Node, kind: OptimizerKind) -> Result<f64, FileError> {
    match kind.numbers().iter().find(|info| info.role == Role::WeightDecay) {
        Some(info) => fixed(node, info),
        None => Err(node.error(format!("none: {} has no weight decay", kind.name()))),
    }
}

/// Refuses groups that hold none of the model's parameters, and numbers that nothing follows.
pub(super) fn hold(fields: &Fields, run: &Run, parameters: &[Named]) -> Result<(), FileError> {
    let Some(node) = fields.get("group") else { return Ok(()) };
    let sections = node.items(SECTIONS)?;
    if let Some((idle, is_taken)) = run.idle_group(parameters) {
        let pattern = sections.get(idle).unwrap_or(&node).fields(SECTION)?.need("match", SECTION)?;
        if is_taken {
            return Err(pattern.error("parameters that no group before it has"));
        }
        let words = Pattern::WORDS.map(|(word, _)| word);
        let hint = run.groups.get(idle).and_then(|group| nearest(group.name(), words));
        let (quoted, allowed) = (pattern.quoted(), allowed(parameters));
        return Err(pattern.error_near(format!("{quoted}, which matches nothing"), allowed, hint));
    }
    let each = run.group_of_each(parameters);
    for (at, (group, node)) in run.groups.iter().zip(&sections).enumerate() {
        let mut own = parameters.iter().zip(&each).filter(|(_, group)| **group == Some(at));
        if run.decay == Decay::Matrices
            && group.weight_decay.is_some_and(|decay| decay > 0.0)
            && own.all(|(parameter, _)| parameter.is_vector())
        {
            let decay = node.fields(SECTION)?.need("weight_decay", SECTION)?;
            return Err(decay.error("0, or none: with decay = \"matrices\" no vector decays"));
        }
    }
    Ok(())
}

/// What matches something in a model of these parameters.
fn allowed(parameters: &[Named]) -> String {
    let words = Pattern::WORDS.map(|(word, _)| format!("\"{word}\"")).join(", ");
    let last = parameters.iter().map(|parameter| parameter.layer).max().unwrap_or(0);
    let names: Vec<&str> = parameters.iter().take(NAMES).map(|parameter| parameter.name.as_str()).collect();
    let more = if parameters.len() > NAMES { ", ..." } else { "" };
    format!(
        "{words}, \"layer 0\" to \"layer {last}\", or a glob over the model's parameters: {}{more}",
        names.join(", ")
    )
}
