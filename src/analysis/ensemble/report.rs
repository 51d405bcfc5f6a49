//! The workbench as a table: what `anneal ensemble` prints.

use serde::Serialize;

use super::session::{Averages, Candidate, Session};
use super::{Barrier, EnsembleError, Measures};
use crate::plain;
use crate::train::checkpoint::{Checkpoint, SavedLane};
use crate::train::snapshot::Snapshot;
use crate::train::task::prepare;

/// What a line of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Snapshot,
    /// The snapshot with the best accuracy, or the lowest loss where there is no accuracy.
    SingleBest,
    /// The mean of all snapshots' predictions.
    Ensemble,
    /// The mean of all snapshots' weights.
    Soup,
    GreedySoup,
    /// The running mean of all snapshots ever taken.
    Swa,
    /// The moving average over updates.
    Ema,
    /// The weights of the last update.
    Last,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub kind: LineKind,
    /// Updates done, where the weights are of one moment.
    pub update: Option<u64>,
    /// How many snapshots are in it.
    pub members: usize,
    #[serde(flatten)]
    pub measures: Measures,
}

/// The snapshots of one lane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub run: String,
    pub replica: u32,
    pub lines: Vec<Line>,
    /// Between snapshots, in the order of their lines.
    pub disagreement: Vec<Vec<f64>>,
    pub correlation: Vec<Vec<f64>>,
    /// Between each snapshot and the next.
    pub barriers: Vec<Barrier>,
    /// Whether the ensemble helps, in plain words; nothing where there are fewer than two snapshots.
    pub verdict: Option<String>,
}

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
            checkpoint.lanes.iter().map(|lane| Report::of(lane, &mut session)).collect::<Result<_, _>>()?;
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

impl Report {
    /// Measures what was kept of a lane, and its last weights.
    fn of(lane: &SavedLane, session: &mut Session) -> Result<Self, EnsembleError> {
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

    /// The line of a kind, the first where there are several.
    pub fn line(&self, kind: LineKind) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind)
    }
}

/// A name as a cell of CSV.
fn quoted(name: &str) -> String {
    let name = plain::cell(&plain::message(name)).into_owned();
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name }
}

/// Whether an ensemble helps. `split` counts the samples that only the ensemble gets right, and only the
/// best single member; their difference is told from chance by the sign test, at two standard deviations.
pub fn verdict(members: usize, together: &Measures, best: &Measures, split: (u64, u64)) -> String {
    let Some((accuracy, single)) = together.accuracy.zip(best.accuracy) else {
        let (loss, single) = (together.loss, best.loss);
        let helps = if loss < single { "helps" } else { "does not help" };
        return format!(
            "The ensemble of {members} {helps}: its loss is {loss:.4}, that of the best single snapshot {single:.4}."
        );
    };
    let (gained, lost) = (split.0 as f64, split.1 as f64);
    let by_chance = (gained - lost).abs() < 2.0 * (gained + lost).sqrt();
    let helps = match (accuracy > single, by_chance) {
        (false, _) => "does not help accuracy",
        (true, true) => "is a little more accurate, which may be chance",
        (true, false) => "is more accurate",
    };
    let (nll, single_nll) = (together.nll.unwrap_or(together.loss), best.nll.unwrap_or(best.loss));
    let surer = if nll < single_nll { "are better" } else { "are no better" };
    format!(
        "The ensemble of {members} {helps}: {accuracy:.3}, the best single snapshot {single:.3}. \
         Its probabilities {surer}: NLL {nll:.3}, the best single snapshot {single_nll:.3}."
    )
}
