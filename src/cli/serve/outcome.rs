//! What a served training leaves in its folder.

use std::path::Path;

use anyhow::Context;

use crate::analysis::summary::table;
use crate::api::Hub;
use crate::api::live::Made;
use crate::cli::results::Folder;
use crate::cli::{Failure, output};
use crate::engine::Viewer;
use crate::ui::Document;
use crate::ui::landing;

/// Writes `experiment.toml` with the schedules as they ended, `metrics.csv`, `changes.jsonl` and
/// `summary.json`, and prints the table.
pub fn write(
    folder: Option<&Folder>,
    source: &Path,
    document: &Document,
    viewer: &Viewer,
    hub: &Hub,
    seconds: f64,
) -> Result<(), Failure> {
    let kept = match folder {
        None => landing::summaries(&document.revision(), viewer, Some(seconds)),
        Some(folder) => {
            let changes = changes(document, hub);
            let (path, revision) = (folder.path(), document.revision());
            let kept = landing::write(path, Some(source), &revision, viewer, &changes, Some(Some(seconds)));
            kept.with_context(|| format!("cannot write to the folder {}", folder.path().display()))?
        }
    };
    if folder.is_some() && kept.stride > 1 {
        let stride = kept.stride;
        output::say(format!(
            "anneal: metrics.csv has every {stride}th update: the history was too long to keep each"
        ));
    }
    output::print(&table(&kept.summaries))?;
    Ok(())
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
