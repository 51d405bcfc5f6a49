//! The workbench as a table: what `anneal ensemble` prints.

use std::sync::Arc;

use serde::Serialize;

use super::{Barrier, EnsembleError, Measures, Workbench};
use crate::train::checkpoint::{Checkpoint, SavedLane};
use crate::train::task::{Task, prepare};

/// Sets of weights on the line between two snapshots, the ends included.
const BARRIER_POINTS: usize = 11;

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
        let mut bench = Workbench::new(Task::new(&checkpoint.experiment, Arc::clone(&prepared))?)?;
        let lanes =
            checkpoint.lanes.iter().map(|lane| Report::of(lane, &mut bench)).collect::<Result<_, _>>()?;
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
    ///
    /// # Errors
    /// When the lane is of another model than the workbench.
    pub fn of(lane: &SavedLane, bench: &mut Workbench) -> Result<Self, EnsembleError> {
        bench.clear();
        let kept = lane.kept.clone().unwrap_or_default();
        let mut lines = Vec::new();
        for snapshot in &kept.snapshots {
            let at = bench.add(
                &format!("update {}", snapshot.update),
                Some(snapshot.update),
                &snapshot.weights,
            )?;
            let measures = bench.members()[at].measures;
            lines.push(Line {
                kind: LineKind::Snapshot,
                update: Some(snapshot.update),
                members: 1,
                measures,
            });
        }
        let all: Vec<usize> = (0..lines.len()).collect();
        let (disagreement, correlation) = (bench.disagreement(), bench.correlation());
        let pairs = all.windows(2).map(|pair| bench.barrier(pair[0], pair[1], BARRIER_POINTS));
        let barriers = pairs.collect::<Result<_, _>>()?;
        let mut verdict = None;
        if all.len() > 1 {
            let best = &bench.members()[bench.single_best(&all)?];
            let (update, measures) = (best.update, best.measures);
            lines.push(Line { kind: LineKind::SingleBest, update, members: 1, measures });
            let (soup, greedy) = (bench.soup(&all)?, bench.greedy_soup(&all)?);
            for (kind, members, measures) in [
                (LineKind::Ensemble, all.len(), bench.ensemble(&all)?),
                (LineKind::Soup, all.len(), soup.measures),
                (LineKind::GreedySoup, greedy.members.len(), greedy.measures),
            ] {
                lines.push(Line { kind, update: None, members, measures });
            }
            verdict = Some(bench.verdict(&all)?);
        }
        let weights = lane.row.get(..bench.task().model.width()).unwrap_or(&lane.row);
        let rest = [
            (LineKind::Swa, None, kept.swa.as_deref()),
            (LineKind::Ema, None, kept.ema.as_deref()),
            (LineKind::Last, Some(lane.state.update), Some(weights)),
        ];
        for (kind, update, weights) in rest {
            let Some(weights) = weights else { continue };
            let at = bench.add("", update, weights)?;
            let members = if kind == LineKind::Swa { kept.taken as usize } else { 1 };
            lines.push(Line { kind, update, members, measures: bench.members()[at].measures });
        }
        let (run, replica) = (lane.run.clone(), lane.id.replica);
        Ok(Self { run, replica, lines, disagreement, correlation, barriers, verdict })
    }

    /// The line of a kind, the first where there are several.
    pub fn line(&self, kind: LineKind) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind)
    }
}

/// A name as a cell of CSV.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
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
