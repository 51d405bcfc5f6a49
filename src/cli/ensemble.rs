//! `anneal ensemble`: the snapshots a training kept, alone and together.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, output, train};
use crate::analysis::ensemble::Reports;

/// What `anneal ensemble` is given.
#[derive(Args)]
pub struct Arguments {
    /// The folder that `anneal train --out` wrote.
    pub folder: PathBuf,
    /// Print JSON, with the matrices and barriers.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    let checkpoint = train::newest(&args.folder)?;
    if checkpoint.lanes.iter().all(|lane| lane.kept.as_ref().is_none_or(|kept| kept.snapshots.is_empty())) {
        let how =
            "the training kept no snapshots: add a [snapshots] section to its experiment and train again";
        return Err(Failure::Failed(anyhow!(how)));
    }
    let reports = Reports::of(&checkpoint)?;
    let text = if args.json { serde_json::to_string_pretty(&reports)? + "\n" } else { reports.csv() };
    output::print(&text)?;
    for lane in &reports.lanes {
        if let Some(verdict) = &lane.verdict {
            output::say(format!("run \"{}\", replica {}: {verdict}", lane.run, lane.replica));
        }
    }
    Ok(())
}
