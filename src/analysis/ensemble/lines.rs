//! One lane's snapshots as the lines of a table, and what they say about an ensemble.

use serde::Serialize;

use super::{Barrier, Measures};

/// What a line of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Snapshot,
    /// The snapshot with the best accuracy of all, in the ensemble or not, or the lowest loss where there is no accuracy.
    SingleBest,
    /// The mean of all snapshots' predictions.
    Ensemble,
    /// The mean of all snapshots' weights.
    Soup,
    GreedySoup,
    /// The snapshots' weights merged as a cosine decay of the rate would weigh their updates; the soup is the linear one.
    MergedCosine,
    /// As a decay of shape 1-sqrt would.
    MergedOneMinusSqrt,
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

impl Report {
    /// The line of a kind, the first where there are several.
    pub fn line(&self, kind: LineKind) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind)
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
