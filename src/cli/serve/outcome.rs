//! What a served training leaves in its folder.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use serde_json::json;

use crate::analysis::audit::Tally;
use crate::api::Hub;
use crate::api::live::Made;
use crate::cli::results::{Folder, write_event};
use crate::cli::summary::{RunSummary, table};
use crate::cli::{Failure, output};
use crate::engine::Engine;
use crate::engine::protocol::Command;
use crate::files::{self, Sealing};
use crate::telemetry::Column;
use crate::telemetry::metrics::Writer;
use crate::train::checkpoint::{Checkpoint, Ledger, Policy, Reason, Writer as Checkpoints};
use crate::ui::Document;

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
    let experiment = document.experiment();
    let runs: Vec<_> = document.runs().map(|(row, run)| (row.id, run.name.clone())).collect();
    let (summaries, stride) = engine.read(|shared| {
        let summary = |(id, lane): (&crate::train::ids::LaneId, &crate::engine::LaneView)| {
            let name = runs.iter().find(|(run, _)| *run == id.run)?.1.clone();
            let seed = experiment.train.seed.wrapping_add(u64::from(id.replica));
            let tally = Tally::of_store(seed, experiment.train.clip_norm, &lane.store);
            Some(RunSummary::of_view(name, id.replica, lane, &tally, seconds))
        };
        let stride = shared.lanes.values().map(|lane| lane.store.series(Column::Lr).stride()).max();
        (shared.lanes.iter().filter_map(summary).collect::<Vec<_>>(), stride.unwrap_or(1))
    });
    let mut said = None;
    if let Some(folder) = folder {
        let there = || format!("cannot write to the folder {}", folder.path().display());
        let at = |name: &str| folder.path().join(name);
        if !files::same(source, &at("experiment.toml")) {
            experiment.contained().save(at("experiment.toml"))?;
        }
        if stride > 1 {
            output::say(format!(
                "anneal: metrics.csv has every {stride}th update: the history was too long to keep each"
            ));
        }
        let mut ledger = Ledger { seconds, ..Ledger::default() };
        files::replace(&at("metrics.csv"), |file| {
            let mut groups: Vec<std::sync::Arc<str>> = Vec::new();
            engine.read(|shared| {
                for name in shared.lanes.values().flat_map(|lane| lane.store.groups()) {
                    if !groups.contains(name) {
                        groups.push(std::sync::Arc::clone(name));
                    }
                }
            });
            let mut metrics = Writer::new(Sealing::new(BufWriter::new(file)), groups.into())?;
            engine.read(|shared| {
                let per_epoch = shared.status.updates_per_epoch.max(1);
                for (id, lane) in &shared.lanes {
                    let Some((_, name)) = runs.iter().find(|(run, _)| *run == id.run) else { continue };
                    for (row, groups) in lane.store.rows() {
                        metrics.write((name, id.replica), row.update / per_epoch, &row, &groups)?;
                    }
                }
                Ok::<_, std::io::Error>(())
            })?;
            metrics.flush()?;
            ledger.metrics = Some(metrics.get_ref().seal());
            Ok(())
        })
        .with_context(there)?;
        files::replace(&at("events.jsonl"), |file| {
            let mut events = Sealing::new(BufWriter::new(file));
            engine.read(|shared| {
                for (id, lane) in &shared.lanes {
                    let Some((_, name)) = runs.iter().find(|(run, _)| *run == id.run) else { continue };
                    lane.store
                        .events()
                        .iter()
                        .try_for_each(|event| write_event(&mut events, name, id.replica, event))?;
                }
                Ok::<_, std::io::Error>(())
            })?;
            events.flush()?;
            ledger.events = Some(events.seal());
            Ok(())
        })
        .with_context(there)?;
        let changes = hub.with_own(|own| {
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
        let write = |name: &str, text: String| {
            files::replace(&at(name), |file| file.write_all(text.as_bytes())).with_context(there)
        };
        write("changes.jsonl", changes.unwrap_or_default())?;
        let summary = serde_json::to_string_pretty(&json!({ "runs": summaries }))?;
        write("summary.json", summary + "\n")?;
        // What a checkpoint claims to have measured is on the disk before it.
        said = Some(match checkpoint(engine) {
            Ok(saved) => keep(folder, Checkpoint { ledger, ..saved })?,
            Err(why) => format!("there is no checkpoint: {why}"),
        });
    }
    output::print(&table(&summaries))?;
    Ok(said)
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
