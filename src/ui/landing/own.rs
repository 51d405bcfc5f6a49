//! Our own training as the engine shows it, written into a folder as `anneal train` writes one.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::analysis::audit::Tally;
use crate::analysis::summary::RunSummary;
use crate::engine::{LaneView, Viewer};
use crate::files;
use crate::library::{Index, LibraryError, new_place};
use crate::telemetry::Column;
use crate::telemetry::metrics::Writer;
use crate::train::ids::LaneId;
use crate::ui::document::Document;

/// What was written.
pub struct Kept {
    pub summaries: Vec<RunSummary>,
    /// `metrics.csv` has every so many updates: of a long history the engine keeps groups.
    pub stride: usize,
}

/// Writes a training's `experiment.toml`, `metrics.csv`, `changes.jsonl` and, where it has ended, `summary.json`.
/// `source` is the experiment's own file, which is left as it is where it lies there.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(
    folder: &Path,
    source: Option<&Path>,
    document: &Document,
    viewer: &Viewer,
    changes: &str,
    ended: Option<Option<f64>>,
) -> io::Result<Kept> {
    let kept = summaries(document, viewer, ended.flatten());
    let at = |name: &str| folder.join(name);
    if !source.is_some_and(|source| files::same(source, &at("experiment.toml"))) {
        document.experiment().contained().save(at("experiment.toml")).map_err(io::Error::other)?;
    }
    files::replace(&at("metrics.csv"), |file| metrics(BufWriter::new(file), document, viewer))?;
    let write = |name: &str, text: &str| files::replace(&at(name), |file| file.write_all(text.as_bytes()));
    write("changes.jsonl", changes)?;
    if ended.is_some() {
        let summary = serde_json::to_string_pretty(&json!({ "runs": kept.summaries }))?;
        write("summary.json", &(summary + "\n"))?;
    }
    Ok(kept)
}

/// What every lane came to so far.
pub fn summaries(document: &Document, viewer: &Viewer, seconds: Option<f64>) -> Kept {
    let experiment = document.experiment();
    viewer.read(|shared| {
        let summary = |(id, lane): (&LaneId, &LaneView)| {
            let run = document.run(id.run)?;
            let seed = experiment.train.seed.wrapping_add(u64::from(id.replica));
            let tally = Tally::of_store(seed, experiment.train.clip_norm, &lane.store);
            let ended = (lane.update, lane.diverged_at, lane.failed.clone());
            Some(RunSummary::of(run.name.clone(), id.replica, ended, &tally, seconds))
        };
        let stride = shared.lanes.values().map(|lane| lane.store.series(Column::Lr).stride()).max();
        let summaries = shared.lanes.iter().filter_map(summary).collect();
        Kept { summaries, stride: stride.unwrap_or(1) }
    })
}

fn metrics(to: impl io::Write, document: &Document, viewer: &Viewer) -> io::Result<()> {
    viewer.read(|shared| {
        let mut groups: Vec<Arc<str>> = Vec::new();
        for name in shared.lanes.values().flat_map(|lane| lane.store.groups()) {
            if !groups.contains(name) {
                groups.push(Arc::clone(name));
            }
        }
        let mut metrics = Writer::new(to, groups.into())?;
        let per_epoch = shared.status.updates_per_epoch.max(1);
        for (id, lane) in &shared.lanes {
            let Some(run) = document.run(id.run) else { continue };
            for (row, groups) in lane.store.rows() {
                metrics.write((&run.name, id.replica), row.update / per_epoch, &row, &groups)?;
            }
        }
        metrics.flush()
    })
}

/// Keeps the training in a library, in a folder of its own. Returns the folder.
///
/// # Errors
/// When the library cannot be written to.
pub fn keep(
    library: &Path,
    document: &Document,
    viewer: &Viewer,
    ended: bool,
) -> Result<PathBuf, LibraryError> {
    let place = new_place(library, &document.experiment().name)?;
    let written = write(&place, None, document, viewer, "", ended.then_some(None));
    written.map_err(|cause| LibraryError::Write { path: place.clone(), cause })?;
    Index::open(library)?.add(&place)?;
    Ok(place)
}
