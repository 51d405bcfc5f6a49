//! Detectors on runs that several train together: workers that part, and clients whose average undoes what they learned.

use serde::{Deserialize, Serialize};

use super::trace::Average;
use super::{Alarm, Context, Evidence, Kind, Remedy};
use crate::experiment::{Experiment, Team};
use crate::schedule::Clock;
use crate::telemetry::{GroupColumn, MOST_MEMBERS, Row};

/// Who trains a run together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Together {
    #[default]
    Nobody,
    /// Workers that follow one gradient: as long as nothing goes wrong, their weights are the same.
    Replicas,
    /// Workers whose weights are averaged.
    Workers,
    /// Clients, with rounds of so many updates.
    Clients { round: u64 },
}

impl Together {
    pub(super) fn of(experiment: &Experiment, clock: Clock) -> Self {
        match &experiment.team {
            None => Self::Nobody,
            Some(Team::Parallel(it)) if it.every == 1 => Self::Replicas,
            Some(Team::Parallel(_)) => Self::Workers,
            Some(Team::Federated(it)) => Self::Clients { round: it.local.whole_updates(clock).max(1) },
        }
    }
}

/// Workers that are further apart than this share of the weights' norm are no longer one model: what follows one gradient
/// stays together to the bit.
const APART: f64 = 1e-6;
/// All have begun alike where no way until the first average is this many times that of the others;
const BEGUN: f64 = 2.5;
/// later on a worker does something else when its way is this many times theirs (or as much shorter),
const OTHER: f64 = 1.2;
/// by so many standard errors,
const SURE: f64 = 6.0;
/// over so many averages.
const AVERAGES: u64 = 6;
/// An average undoes what clients learned when their loss after it is this many times the loss before it,
const UNDONE: f64 = 1.5;
/// and above it by this share of chance: near zero, multiples mean nothing;
const UNDONE_LEVEL: f64 = 0.1;
/// both averaged over some rounds, of which there were so many.
const ROUNDS: u64 = 5;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Members {
    /// The loss of the update before.
    last: Option<f64>,
    rounds: u64,
    /// The losses at the ends of rounds, and at the beginnings of those that came next.
    ended: Average<80>,
    began: Average<80>,
    /// Of each worker, the logarithm of the length of its way over the median of the others'.
    ways: Vec<Tally>,
}

impl Members {
    pub fn update(&mut self, context: &Context, row: &Row, alarms: &mut Vec<Alarm>) {
        alarms.extend(match context.together {
            Together::Nobody => None,
            Together::Replicas => apart(context, row),
            Together::Workers => self.other_ways(row),
            Together::Clients { round } => self.undone(context, row, round),
        });
    }

    /// Compares how far workers went since the last average.
    fn other_ways(&mut self, row: &Row) -> Option<Alarm> {
        let way = |at| row.groups.get(GroupColumn::Way, row.groups.len() + at);
        let ways: Vec<f64> = (0..MOST_MEMBERS).map_while(way).collect();
        let is_first = self.ways.is_empty();
        if !ways.is_empty() {
            self.ways.resize_with(ways.len(), Tally::default);
        }
        let mut found = None;
        for (worker, (own, tally)) in ways.iter().zip(&mut self.ways).enumerate() {
            let mut others = ways.clone();
            others.remove(worker);
            let Some(usual) = median(&mut others).filter(|usual| *usual > 0.0 && *own > 0.0) else {
                continue;
            };
            tally.add((own / usual).ln());
            let is_other = if is_first { tally.mean.abs() > BEGUN.ln() } else { tally.is_sure() };
            if is_other && found.is_none() {
                found = Some(Alarm {
                    kind: Kind::ReplicasApart,
                    evidence: Evidence {
                        update: row.update,
                        what: format!("way of worker {worker} until an average").into(),
                        value: usual * tally.mean.exp(),
                        against: usual,
                        against_what: "a usual way".into(),
                    },
                    remedies: vec![Remedy::NoFault],
                });
            }
        }
        found
    }

    /// Compares the losses of clients before and after they are averaged.
    fn undone(&mut self, context: &Context, row: &Row, round: u64) -> Option<Alarm> {
        let loss = f64::from(row.train_loss);
        let before = self.last.replace(loss)?;
        if round < 2 || !row.update.is_multiple_of(round) {
            return None;
        }
        self.ended.add(before);
        self.began.add(loss);
        self.rounds += 1;
        let (ended, began) = self.ended.value().zip(self.began.value())?;
        let level = UNDONE_LEVEL * context.chance.unwrap_or(0.0);
        let is_undone = began > UNDONE * ended && began - ended > level;
        if self.rounds < ROUNDS || row.update < context.quiet_until || !is_undone {
            return None;
        }
        Some(Alarm {
            kind: Kind::ClientDrift,
            evidence: Evidence {
                update: row.update,
                what: "clients’ loss after an average".into(),
                value: began,
                against: ended,
                against_what: "a loss before it".into(),
            },
            remedies: vec![Remedy::LocalUpdates((round / 4).max(1)), Remedy::ScaleRate(0.3)],
        })
    }
}

/// Workers that follow one gradient and are this far apart.
fn apart(context: &Context, row: &Row) -> Option<Alarm> {
    let drift = f64::from(row.member_drift?);
    let least = APART * context.weight_norm;
    let evidence = Evidence {
        update: row.update,
        what: "distance of the workers from their mean".into(),
        value: drift,
        against: least,
        against_what: "a rounding error".into(),
    };
    let is_apart = drift > least || !drift.is_finite();
    is_apart.then(|| Alarm { kind: Kind::ReplicasApart, evidence, remedies: vec![Remedy::NoFault] })
}

/// The middle value, the mean of two where there is none.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let above = values.get(half)?;
    Some(if values.len().is_multiple_of(2) { 0.5 * (values.get(half - 1)? + above) } else { *above })
}

/// The mean of numbers and their squared deviations, as they come (Welford 1962).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Tally {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.count += 1;
            let from = value - self.mean;
            self.mean += from / self.count as f64;
            self.squares += from * (value - self.mean);
        }
    }

    /// Whether the mean is another than 0, by much and beyond doubt.
    fn is_sure(&self) -> bool {
        let count = self.count as f64;
        let error = (self.squares / (count - 1.0) / count).sqrt();
        self.count >= AVERAGES && self.mean.abs() > OTHER.ln() && self.mean.abs() > SURE * error
    }
}
