//! Federated clients and data-parallel workers from their sections.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::error::FileError;
use super::node::{Fields, Node};
use super::read_schedule::schedule;
use super::team::{
    Fault, FaultKind, Federated, MOST_MEMBERS, Parallel, Server, ServerKind, Team, conflict, unfit,
};
use super::{Data, Model, Run, Train};
use crate::data::{DatasetInfo, Task};
use crate::schedule::kind::{Constant, Kind};
use crate::schedule::{Schedule, Span};

const FEDERATED: &str = "a [federated] section, such as clients = 16, local = \"10\"";
const PARALLEL: &str = "a [parallel] section, such as workers = 4";
const SERVER: &str = "a table, such as { optimizer = \"adam\", lr = 0.01 }";
const FAULT: &str = "a table of a worker and one fault, such as { worker = 1, lr_factor = 2.0 }";

/// Who trains the runs together, if a section says so.
pub(super) fn team(
    fields: &Fields,
    data: &Data,
    model: &Model,
    train: &Train,
) -> Result<Option<Team>, FileError> {
    let (node, team) = match (fields.get("federated"), fields.get("parallel")) {
        (Some(node), None) => (node.clone(), Team::Federated(Box::new(federated(&node, data)?))),
        (None, Some(node)) => (node.clone(), Team::Parallel(parallel(&node)?)),
        (None, None) => return Ok(None),
        (Some(_), Some(node)) => return Err(node.error("either [federated] or [parallel], not both")),
    };
    match conflict(data, model, train) {
        Some(allowed) => Err(node.error_found("a team", allowed)),
        None => Ok(Some(team)),
    }
}

/// Refuses runs that a team cannot train.
pub(super) fn suits(node: &Node, run: &Run) -> Result<(), FileError> {
    match unfit(run) {
        Some(allowed) => Err(node.error_found("a run of a team", allowed)),
        None => Ok(()),
    }
}

fn federated(node: &Node, data: &Data) -> Result<Federated, FileError> {
    let fields = node.fields(FEDERATED)?;
    fields.only(&["clients", "share", "local", "skew", "prox", "server"])?;
    let skew = fields.read("skew", |node| {
        let is_classes = |info: &DatasetInfo| matches!(info.task, Task::Classification { .. });
        match data.source.shipped() {
            Some(info) if !is_classes(info) => {
                Err(node.error("none: classes are dealt out, and the answers are numbers"))
            }
            _ => node.number((Excluded(0.0), Included(1e6))),
        }
    })?;
    Ok(Federated {
        clients: fields.need("clients", "the number of clients")?.whole(1..=MOST_MEMBERS)?,
        share: fields.read("share", |node| node.number((Excluded(0.0), Included(1.0))))?.unwrap_or(1.0),
        local: fields.read("local", |node| node.span())?.unwrap_or(Span::Updates(1.0)),
        skew,
        prox: fields.read("prox", |node| node.number(0.0..))?.unwrap_or(0.0),
        server: match fields.get("server") {
            Some(node) => server(&node)?,
            None => Server::new(ServerKind::Sgd, constant(1.0)),
        },
    })
}

/// A constant rate.
pub(super) fn constant(peak: f64) -> Schedule {
    Kind::Constant(Constant { peak }).into()
}

fn server(node: &Node) -> Result<Server, FileError> {
    let fields = node.fields(SERVER)?;
    fields.only(&["optimizer", "lr", "momentum", "beta2", "tau"])?;
    let kind = fields.read("optimizer", |node| node.choice(&ServerKind::ALL))?.unwrap_or_default();
    let lr = match fields.get("lr") {
        None => constant(1.0),
        Some(node) if node.is_number() => constant(node.number(0.0..)?),
        Some(node) => schedule(&node)?,
    };
    let default = Server::new(kind, lr);
    Ok(Server {
        momentum: fields.read("momentum", |node| node.number(0.0..1.0))?.unwrap_or(default.momentum),
        beta2: fields.read("beta2", |node| node.number(0.0..1.0))?.unwrap_or(default.beta2),
        tau: fields.read("tau", |node| node.number((Excluded(0.0), Unbounded)))?.unwrap_or(default.tau),
        ..default
    })
}

fn parallel(node: &Node) -> Result<Parallel, FileError> {
    let fields = node.fields(PARALLEL)?;
    fields.only(&["workers", "sync", "fault"])?;
    let workers = fields.need("workers", "the number of workers")?.whole(1..=MOST_MEMBERS)?;
    Ok(Parallel {
        workers,
        every: fields.read("sync", |node| sync(&node))?.unwrap_or(1),
        fault: fields.read("fault", |node| fault(&node, workers))?,
    })
}

fn sync(node: &Node) -> Result<u64, FileError> {
    let allowed = "\"every N\" updates, such as \"every 1\" or \"every 16\"";
    let every = node.text()?.strip_prefix("every ").and_then(|count| count.trim().parse::<u64>().ok());
    every.filter(|every| (1..=1_000_000_000).contains(every)).ok_or_else(|| node.error(allowed))
}

fn fault(node: &Node, workers: usize) -> Result<Fault, FileError> {
    let fields = node.fields(FAULT)?;
    fields.only(&["worker", "lr_factor", "stale", "dropped", "other_seed"])?;
    let worker = fields.need("worker", "the worker, counted from 0")?.whole(0..workers)?;
    let mut kinds = Vec::new();
    if let Some(factor) = fields.read("lr_factor", |node| node.number(0.0..))? {
        kinds.push(FaultKind::LrFactor(factor));
    }
    for (name, kind) in
        [("stale", FaultKind::Stale), ("dropped", FaultKind::Dropped), ("other_seed", FaultKind::OtherSeed)]
    {
        if fields.read(name, |node| node.flag())?.unwrap_or(false) {
            kinds.push(kind);
        }
    }
    match kinds.as_slice() {
        [kind] => Ok(Fault { worker, kind: *kind }),
        _ => Err(node.error("exactly one of lr_factor, stale = true, dropped = true and other_seed = true")),
    }
}
