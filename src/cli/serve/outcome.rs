//! What a served training leaves in its folder.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};

use crate::analysis::summary::table;
use crate::api::Hub;
use crate::api::made::Made;
use crate::cli::results::Folder;
use crate::cli::{Failure, output};
use crate::engine::Engine;
use crate::engine::protocol::Command;
use crate::train::checkpoint::{Checkpoint, Policy, Reason, Writer as Checkpoints};
use crate::ui::Document;
use crate::ui::landing;

/// Writes `experiment.toml` with the schedules as they ended, `metrics.csv`, `events.jsonl`, `changes.jsonl`,
/// `summary.json` and a checkpoint, and prints the table. What is said of the checkpoint, where there is a folder.
pub fn write(
    folder: Option<&Folder>,
    source: &Path,
    document: &Document,
    engine: &Engine,
    hub: &Hub,
    seconds: f64,
) -> Result<Option<String>, Failure> {
    let (revision, viewer) = (document.revision(), engine.viewer());
    let Some(folder) = folder else {
        output::print(&table(&landing::summaries(&revision, &viewer, Some(seconds)).summaries))?;
        return Ok(None);
    };
    let (path, changes) = (folder.path(), changes(document, hub));
    let written = landing::write(path, Some(source), &revision, &viewer, &changes, Some(Some(seconds)));
    let kept = written.with_context(|| format!("cannot write to the folder {}", path.display()))?;
    if kept.stride > 1 {
        let stride = kept.stride;
        output::say(format!(
            "anneal: metrics.csv has every {stride}th update: the history was too long to keep each"
        ));
    }
    // What a checkpoint claims to have measured is on the disk before it.
    let said = match checkpoint(engine) {
        Ok(saved) => keep(folder, Checkpoint { ledger: kept.ledger, ..saved })?,
        Err(why) => format!("there is no checkpoint: {why}"),
    };
    output::print(&table(&kept.summaries))?;
    Ok(Some(said))
}

/// The changes that were made while it trained, a line each.
fn changes(document: &Document, hub: &Hub) -> String {
    let runs: Vec<_> = document.runs().map(|(row, run)| (row.id, run.name.clone())).collect();
    let all = hub.with_own(|own| {
        let line = |id, name: &str| {
            let named = |made: &Made| {
                let mut line = made.json();
                line["run"] = name.into();
                format!("{line}\n")
            };
            own.changes(id).map(named).collect::<String>()
        };
        runs.iter().map(|(id, name)| line(*id, name)).collect::<String>()
    });
    all.unwrap_or_default()
}

/// Where every lane stands; the training rests.
fn checkpoint(engine: &Engine) -> Result<Checkpoint, String> {
    let (answer, answered) = sync_channel(1);
    super::tell(engine, Command::Save(answer));
    answered.recv().unwrap_or_else(|_| Err("the training's thread has ended".to_owned()))
}

/// Writes the checkpoint; how to go on from it.
fn keep(folder: &Folder, checkpoint: Checkpoint) -> Result<String, Failure> {
    let update = checkpoint.update();
    let checkpoints = folder.checkpoints();
    let there = || format!("cannot write checkpoints to {}", checkpoints.display());
    let writer = Checkpoints::start(&checkpoints, Policy::default(), 0).with_context(there)?;
    writer.offer(checkpoint, Reason::Last);
    if let Some(problem) = writer.flush().problem {
        return Err(anyhow!("the checkpoint could not be written: {problem}").into());
    }
    let path = folder.path().display();
    Ok(format!(
        "its checkpoint after update {update} is in {path}: `anneal train {path}/experiment.toml --resume {path}` goes on"
    ))
}
