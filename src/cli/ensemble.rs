//! `anneal ensemble`: the snapshots a training kept, alone and together.

use std::path::Path;

use anyhow::anyhow;

use super::{Failure, output, train};
use crate::analysis::ensemble::Reports;

pub fn run(folder: &Path, json: bool) -> Result<(), Failure> {
    let checkpoint = train::newest(folder)?;
    if checkpoint.lanes.iter().all(|lane| lane.kept.as_ref().is_none_or(|kept| kept.snapshots.is_empty())) {
        let how =
            "the training kept no snapshots: add a [snapshots] section to its experiment and train again";
        return Err(Failure::Failed(anyhow!(how)));
    }
    let reports = Reports::of(&checkpoint)?;
    let text = if json { serde_json::to_string_pretty(&reports)? + "\n" } else { reports.csv() };
    output::print(&text)?;
    for lane in &reports.lanes {
        if let Some(verdict) = &lane.verdict {
            output::say(format!("run \"{}\", replica {}: {verdict}", lane.run, lane.replica));
        }
    }
    Ok(())
}
