//! Our own training as the engine shows it, written into a folder as `anneal train` writes one.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::analysis::audit::Tally;
use crate::analysis::events::write_event;
use crate::analysis::summary::RunSummary;
use crate::engine::Viewer;
use crate::files::{self, Seal, Sealing};
use crate::library::{Index, LibraryError, new_place};
use crate::telemetry::metrics::Writer;
use crate::telemetry::{Column, Store};
use crate::train::Stopped;
use crate::train::checkpoint::Ledger;
use crate::train::ids::Revision;

/// What was written.
pub struct Kept {
    pub summaries: Vec<RunSummary>,
    /// `metrics.csv` has every so many updates: of a long history the engine keeps groups.
    pub stride: usize,
    /// What a checkpoint of where it stands has to know of the files.
    pub ledger: Ledger,
}

/// A lane as it was when it was copied.
struct Copied {
    run: String,
    replica: u32,
    updates: u64,
    diverged_at: Option<u64>,
    failed: Option<String>,
    stopped: Option<Stopped>,
    store: Store,
}

/// The lanes of a training, and how many updates make an epoch. What is longer than a look is done on the copy, so
/// that training does not wait for the disk.
fn copied(revision: &Revision, viewer: &Viewer) -> (Vec<Copied>, u64) {
    viewer.read(|shared| {
        let lanes = shared.lanes.iter().filter_map(|(id, lane)| {
            let at = revision.ids.iter().position(|run| *run == id.run)?;
            Some(Copied {
                run: revision.experiment.runs.get(at)?.name.clone(),
                replica: id.replica,
                updates: lane.update,
                diverged_at: lane.diverged_at,
                failed: lane.failed.clone(),
                stopped: lane.stopped.clone(),
                store: lane.store.clone(),
            })
        });
        (lanes.collect(), shared.status.updates_per_epoch.max(1))
    })
}

/// Writes a training's `experiment.toml`, `metrics.csv`, `events.jsonl`, `changes.jsonl` and, where it has ended, `summary.json` with
/// the wall time that it took, if that is known. `source` is the experiment's own file, which stays as it is where it
/// lies in the folder.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(
    folder: &Path,
    source: Option<&Path>,
    revision: &Revision,
    viewer: &Viewer,
    changes: &str,
    ended: Option<Option<f64>>,
) -> io::Result<Kept> {
    let (lanes, per_epoch) = copied(revision, viewer);
    let mut kept = summed_up(&lanes, revision, ended.flatten());
    let at = |name: &str| folder.join(name);
    if !source.is_some_and(|source| files::same(source, &at("experiment.toml"))) {
        revision.experiment.contained().save(at("experiment.toml")).map_err(io::Error::other)?;
    }
    files::replace(&at("metrics.csv"), |file| {
        kept.ledger.metrics = Some(metrics(file, &lanes, per_epoch)?);
        Ok(())
    })?;
    files::replace(&at("events.jsonl"), |file| {
        kept.ledger.events = Some(events(file, &lanes)?);
        Ok(())
    })?;
    let write = |name: &str, text: &str| files::replace(&at(name), |file| file.write_all(text.as_bytes()));
    write("changes.jsonl", changes)?;
    if ended.is_some() {
        let summary = serde_json::to_string_pretty(&json!({ "runs": kept.summaries }))?;
        write("summary.json", &(summary + "\n"))?;
    }
    Ok(kept)
}

/// What every lane came to so far.
pub fn summaries(revision: &Revision, viewer: &Viewer, seconds: Option<f64>) -> Kept {
    summed_up(&copied(revision, viewer).0, revision, seconds)
}

fn summed_up(lanes: &[Copied], revision: &Revision, seconds: Option<f64>) -> Kept {
    let train = &revision.experiment.train;
    let summary = |lane: &Copied| {
        let seed = train.seed.wrapping_add(u64::from(lane.replica));
        let mut tally = Tally::of_store(seed, train.clip_norm, &lane.store);
        tally.stopped.clone_from(&lane.stopped);
        let ended = (lane.updates, lane.diverged_at, lane.failed.clone());
        RunSummary::of(lane.run.clone(), lane.replica, ended, &tally, seconds)
    };
    let stride = lanes.iter().map(|lane| lane.store.series(Column::Lr).stride()).max();
    let ledger = Ledger { seconds: seconds.unwrap_or_default(), ..Ledger::default() };
    Kept { summaries: lanes.iter().map(summary).collect(), stride: stride.unwrap_or(1), ledger }
}

fn events(to: impl io::Write, lanes: &[Copied]) -> io::Result<Seal> {
    let mut events = Sealing::new(BufWriter::new(to));
    for lane in lanes {
        let mut all = lane.store.events().iter();
        all.try_for_each(|event| write_event(&mut events, &lane.run, lane.replica, event))?;
    }
    events.flush()?;
    Ok(events.seal())
}

fn metrics(to: impl io::Write, lanes: &[Copied], per_epoch: u64) -> io::Result<Seal> {
    let mut groups: Vec<Arc<str>> = Vec::new();
    for name in lanes.iter().flat_map(|lane| lane.store.groups()) {
        if !groups.contains(name) {
            groups.push(Arc::clone(name));
        }
    }
    let mut metrics = Writer::new(Sealing::new(BufWriter::new(to)), groups.into())?;
    for lane in lanes {
        for (row, groups) in lane.store.rows() {
            metrics.write((&lane.run, lane.replica), row.update / per_epoch, &row, &groups)?;
        }
    }
    metrics.flush()?;
    Ok(metrics.get_ref().seal())
}

/// Keeps the training in a library, in a folder of its own. Returns the folder.
///
/// # Errors
/// When the library cannot be written to.
pub fn keep(
    library: &Path,
    revision: &Revision,
    viewer: &Viewer,
    ended: bool,
) -> Result<PathBuf, LibraryError> {
    let place = new_place(library, &revision.experiment.name)?;
    let written = write(&place, None, revision, viewer, "", ended.then_some(None));
    written.map_err(|cause| LibraryError::Write { path: place.clone(), cause })?;
    Index::open(library)?.add(&place)?;
    Ok(place)
}
