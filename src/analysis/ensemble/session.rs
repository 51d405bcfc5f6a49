//! A workbench that remembers: snapshots come and go, and what was measured of one is not measured again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lines::{Line, LineKind, Report};
use super::{Barrier, Decay, Disputed, EnsembleError, Workbench};
use crate::data::Prepared;
use crate::experiment::Experiment;
use crate::train::task::Task;

/// Sets of weights on the line between two snapshots, the ends included.
const BARRIER_POINTS: usize = 11;
/// Samples in dispute that are looked for.
const DISPUTED: usize = 24;
/// Snapshots that are remembered beyond those asked for.
const REMEMBERED: usize = 64;

/// A snapshot to compare.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// No two snapshots of a session have the same.
    pub key: u64,
    /// Updates done.
    pub update: u64,
    pub weights: &'a [f32],
}

/// Averages to compare them with, made along the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Averages<'a> {
    /// The mean of so many snapshots.
    pub swa: Option<(&'a [f32], usize)>,
    pub ema: Option<&'a [f32]>,
    /// The weights of the last update, and which that is.
    pub last: Option<(&'a [f32], u64)>,
}

/// A choice of snapshots, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// A line for each candidate, then what the chosen ones are together and the averages beside them. The
    /// matrices and barriers are the chosen ones'.
    pub report: Report,
    /// The chosen candidates, by place.
    pub chosen: Vec<usize>,
    /// Where the chosen ones differ most; nothing for fewer than two.
    pub disputed: Vec<Disputed>,
}

/// Snapshots of one model on one set of held-out samples.
pub struct Session {
    bench: Workbench,
    members: BTreeMap<u64, usize>,
    barriers: BTreeMap<(usize, usize), Barrier>,
}

impl Session {
    /// # Errors
    /// When the experiment's model does not fit the data, or nothing is held out.
    pub fn new(experiment: &Experiment, prepared: Arc<Prepared>) -> Result<Self, EnsembleError> {
        let bench = Workbench::new(Task::new(experiment, prepared)?)?;
        Ok(Self { bench, members: BTreeMap::new(), barriers: BTreeMap::new() })
    }

    /// Forgets all snapshots.
    pub fn clear(&mut self) {
        self.bench.clear();
        self.members.clear();
        self.barriers.clear();
    }

    /// Numbers of one set of weights.
    pub fn width(&self) -> usize {
        self.bench.task.model.width()
    }

    /// Measures the candidates, and the `chosen` ones of them together.
    ///
    /// # Errors
    /// When weights are another model's, or one is chosen that is not there.
    pub fn compare(
        &mut self,
        (run, replica): (&str, u32),
        candidates: &[Candidate<'_>],
        chosen: &[usize],
        averages: Averages<'_>,
    ) -> Result<Comparison, EnsembleError> {
        if self.members.len() > candidates.len() + REMEMBERED {
            self.clear();
        }
        let all = candidates.iter().map(|candidate| self.member(candidate)).collect::<Result<Vec<_>, _>>()?;
        let together: Option<Vec<usize>> = chosen.iter().map(|at| all.get(*at).copied()).collect();
        let together = together.ok_or(EnsembleError::NothingChosen)?;
        let line = |kind, update, members, measures| Line { kind, update, members, measures };
        let mut lines: Vec<Line> = candidates
            .iter()
            .zip(&all)
            .map(|(candidate, at)| {
                line(LineKind::Snapshot, Some(candidate.update), 1, self.bench.members[*at].measures)
            })
            .collect();
        let (mut verdict, mut disputed) = (None, Vec::new());
        let bench = &self.bench;
        if together.len() > 1 {
            // Of all of them: an ensemble is to beat the snapshot one would have kept, ticked or not.
            let best = &bench.members[bench.single_best(&all)?];
            lines.push(line(LineKind::SingleBest, best.update, 1, best.measures));
            let (soup, greedy) = (bench.soup(&together)?, bench.greedy_soup(&together)?);
            let ensemble = bench.ensemble(&together)?;
            lines.push(line(LineKind::Ensemble, None, together.len(), ensemble));
            lines.push(line(LineKind::Soup, None, together.len(), soup.measures));
            lines.push(line(LineKind::GreedySoup, None, greedy.members.len(), greedy.measures));
            for (kind, decay) in
                [(LineKind::MergedCosine, Decay::Cosine), (LineKind::MergedOneMinusSqrt, Decay::OneMinusSqrt)]
            {
                lines.push(line(kind, None, together.len(), bench.merged(&together, decay)?.measures));
            }
            verdict = Some(bench.verdict(&together, &all)?);
            disputed = bench.disputed(&together, DISPUTED)?;
        }
        let measure = |weights: &[f32]| bench.truth.measure(&bench.task, weights).0;
        let Averages { swa, ema, last } = averages;
        lines.extend(swa.map(|(weights, of)| line(LineKind::Swa, None, of, measure(weights))));
        lines.extend(ema.map(|weights| line(LineKind::Ema, None, 1, measure(weights))));
        lines.extend(last.map(|(weights, update)| line(LineKind::Last, Some(update), 1, measure(weights))));
        let [disagreement, correlation] =
            if together.is_empty() { Default::default() } else { bench.matrices(&together)? };
        let barriers =
            together.windows(2).map(|pair| self.barrier(pair[0], pair[1])).collect::<Result<_, _>>()?;
        let run = run.to_owned();
        let report = Report { run, replica, lines, disagreement, correlation, barriers, verdict };
        Ok(Comparison { report, chosen: chosen.to_vec(), disputed })
    }

    fn member(&mut self, candidate: &Candidate<'_>) -> Result<usize, EnsembleError> {
        if let Some(at) = self.members.get(&candidate.key) {
            return Ok(*at);
        }
        let name = format!("update {}", candidate.update);
        let at = self.bench.add(&name, Some(candidate.update), candidate.weights)?;
        self.members.insert(candidate.key, at);
        Ok(at)
    }

    fn barrier(&mut self, from: usize, to: usize) -> Result<Barrier, EnsembleError> {
        if let Some(barrier) = self.barriers.get(&(from, to)) {
            return Ok(barrier.clone());
        }
        let barrier = self.bench.barrier(from, to, BARRIER_POINTS)?;
        self.barriers.insert((from, to), barrier.clone());
        Ok(barrier)
    }
}
