//! The workbench as a table: what `anneal ensemble` prints.

use serde::Serialize;

use super::lines::Report;
use super::session::{Averages, Candidate, Session};
use super::{EnsembleError, Measures};
use crate::plain;
use crate::train::checkpoint::{Checkpoint, SavedLane};
use crate::train::snapshot::Snapshot;
use crate::train::task::prepare;

/// The snapshots of all lanes of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reports {
    pub experiment: String,
    /// Updates done.
    pub update: u64,
    pub lanes: Vec<Report>,
}

impl Reports {
    /// Reads the data of the checkpoint's experiment and measures everything that was kept.
    ///
    /// # Errors
    /// When the experiment's data cannot be read any more, or nothing is held out.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, EnsembleError> {
        let prepared = prepare(&checkpoint.experiment)?;
        let mut session = Session::new(&checkpoint.experiment, prepared)?;
        let lanes =
            checkpoint.lanes.iter().map(|lane| report(lane, &mut session)).collect::<Result<_, _>>()?;
        Ok(Self { experiment: checkpoint.experiment.name.clone(), update: checkpoint.update(), lanes })
    }

    /// The lines of all lanes as CSV with a header; an empty cell is a number that does not exist.
    pub fn csv(&self) -> String {
        let mut text = "run,replica,kind,update,members,loss,accuracy,nll,ece\n".to_owned();
        for lane in &self.lanes {
            let run = quoted(&lane.run);
            for line in &lane.lines {
                let Measures { loss, accuracy, nll, ece } = line.measures;
                let kind = serde_json::to_value(line.kind).ok();
                let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
                let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
                let update = line.update.map_or_else(String::new, |update| update.to_string());
                let numbers = [Some(loss), accuracy, nll, ece].map(cell).join(",");
                text += &format!("{run},{},{kind},{update},{},{numbers}\n", lane.replica, line.members);
            }
        }
        text
    }
}

/// Measures what was kept of a lane, and its last weights.
fn report(lane: &SavedLane, session: &mut Session) -> Result<Report, EnsembleError> {
    session.clear();
    let kept = lane.kept.clone().unwrap_or_default();
    let candidates: Vec<Candidate<'_>> = (0..)
        .zip(&kept.snapshots)
        .map(|(key, Snapshot { update, weights })| Candidate { key, update: *update, weights })
        .collect();
    let all: Vec<usize> = (0..candidates.len()).collect();
    let weights = lane.row.get(..session.width()).unwrap_or(&lane.row);
    let averages = Averages {
        swa: kept.swa.as_deref().map(|weights| (weights, kept.taken as usize)),
        ema: kept.ema.as_deref(),
        last: Some((weights, lane.state.update)),
    };
    let compared = session.compare((&lane.run, lane.id.replica), &candidates, &all, averages)?;
    Ok(compared.report)
}

/// A name as a cell of CSV.
fn quoted(name: &str) -> String {
    let name = plain::cell(&plain::message(name)).into_owned();
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name }
}
