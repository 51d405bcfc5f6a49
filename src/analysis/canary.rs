//! A canary: a new version of a run against the old one, small and under the same seeds, before the whole is trained.

use std::sync::Arc;

use super::audit::{Audit, Measure, RunRecord, SIGNIFICANT, Tally};
use super::side_training::{cohort, train};
use super::statistics::PairedTest;
use super::stretch::each_length;
use crate::experiment::{Experiment, Number, Run};
use crate::schedule::{Schedule, Span};
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

/// A canary is at least so many updates long: less says nothing.
const LEAST_UPDATES: u64 = 50;

/// How a canary is trained and judged.
#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// Seeds that both versions are trained under.
    pub seeds: usize,
    /// The share of the whole length, above 0 and at most 1: all lengths shrink with it.
    pub share: f64,
    /// By how much the new one may be worse, in the measure's unit. With it, the new one has to be shown to be no
    /// worse than that; without it, it only must not be shown to be worse.
    pub margin: Option<f64>,
}

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Better,
    /// No difference was shown, or none larger than the margin.
    NoWorse,
    Worse,
    /// With a margin: neither shown to be worse, nor to be no worse than that.
    Undecided,
    /// More of its seeds diverged than of the old one's.
    Diverged,
}

impl Decision {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NoWorse => "no_worse",
            Self::Worse => "worse",
            Self::Undecided => "undecided",
            Self::Diverged => "diverged",
        }
    }

    /// Whether the new version may go on.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Better | Self::NoWorse)
    }
}

/// Both versions, seed by seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub measure: Measure,
    pub updates: u64,
    /// Of each seed: the old one's result and the new one's; nothing where it has none.
    pub pairs: Vec<(u64, Option<f64>, Option<f64>)>,
    pub diverged: (usize, usize),
    /// New minus old, over the seeds in which both have a result.
    pub test: Option<PairedTest>,
    pub decision: Decision,
    /// The report's sentence.
    pub verdict: String,
}

/// Trains both runs and compares them as the report does. Both see the same data, seeds and number of updates.
///
/// # Errors
/// When either cannot be trained.
pub fn canary(
    old: (&Experiment, &Run),
    new: (&Experiment, &Run),
    how: Canary,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Outcome, TrainError> {
    let seed = old.0.train.seed;
    let mut records = Vec::new();
    let mut updates = 0;
    for (name, (experiment, run)) in [("old", old), ("new", new)] {
        let mut small = experiment.clone();
        small.train.seed = seed;
        small.train.replicas = how.seeds;
        small.sweep = None;
        small.snapshots = None;
        let prepared = prepare(&small)?;
        let whole = Task::new(&small, Arc::clone(&prepared))?.clock.updates;
        let length = ((whole as f64 * how.share).round() as u64).clamp(LEAST_UPDATES.min(whole), whole);
        small.train.updates = Span::Updates(length as f64);
        small.runs = vec![shrunk(run, name, length as f64 / whole as f64)];
        let mut cohort = cohort(small, &prepared, pool)?;
        let clip = cohort.task().clip_norm;
        let mut tallies: Vec<Tally> =
            (0..how.seeds).map(|replica| Tally::new(seed.wrapping_add(replica as u64), clip)).collect();
        train(
            &mut cohort,
            |_, _| Ok(()),
            |cohort| {
                for (tally, lane) in tallies.iter_mut().zip(cohort.lanes()) {
                    lane.log.rows.iter().for_each(|row| tally.update(row));
                }
            },
        )?;
        updates = updates.max(length);
        records.push(RunRecord::new(&Run { name: name.to_owned(), ..run.clone() }, tallies));
    }
    Ok(judged(records, updates, how.margin))
}

fn judged(records: Vec<RunRecord>, updates: u64, margin: Option<f64>) -> Outcome {
    let audit = Audit::of("canary", records, 0);
    let measure = audit.measure;
    let lanes = |at: usize| audit.lines.get(at).map(|line| line.record.lanes.as_slice()).unwrap_or_default();
    let (old, new) = (lanes(0), lanes(1));
    let result = |lane: &Tally| lane.last(measure).filter(|value| value.is_finite());
    let pairs = old.iter().zip(new).map(|(old, new)| (old.seed, result(old), result(new))).collect();
    let diverged = |lanes: &[Tally]| lanes.iter().filter(|lane| lane.diverged_at.is_some()).count();
    let diverged = (diverged(old), diverged(new));
    let difference = audit.lines.get(1).and_then(|line| line.difference.clone());
    let test = difference.as_ref().and_then(|difference| difference.test);
    let decision = if diverged.1 > diverged.0 { Decision::Diverged } else { decide(measure, test, margin) };
    let verdict = difference.map_or_else(|| "no seed gave both a result".to_owned(), |it| it.verdict);
    Outcome { measure, updates, pairs, diverged, test, decision, verdict }
}

fn decide(measure: Measure, test: Option<PairedTest>, margin: Option<f64>) -> Decision {
    let Some(test) = test else { return Decision::Undecided };
    // Differences and their interval so that more is worse.
    let (mean, worst) = match measure {
        Measure::Loss => (test.mean, test.interval.1),
        Measure::Accuracy => (-test.mean, -test.interval.0),
    };
    let shown = test.p < SIGNIFICANT;
    match margin {
        _ if shown && mean < 0.0 => Decision::Better,
        Some(margin) if worst <= margin => Decision::NoWorse,
        _ if shown && mean > 0.0 => Decision::Worse,
        Some(_) => Decision::Undecided,
        None => Decision::NoWorse,
    }
}

/// The run in a share of its length. A table stays one value an update, and loses its end.
fn shrunk(run: &Run, name: &str, by: f64) -> Run {
    let length = |span: Span| match span {
        Span::Updates(_) | Span::Epochs(_) => span.with_amount((span.amount() * by).max(f64::MIN_POSITIVE)),
        other => other,
    };
    let shrink = |schedule: &mut Schedule| each_length(schedule, &length);
    let mut run = Run { name: name.to_owned(), fork: None, ..run.clone() };
    shrink(&mut run.lr);
    run.batch.as_mut().map(shrink);
    let scheduled: Vec<_> =
        run.optimizer.values().map(|(info, number)| (info.name, number.clone())).collect();
    for (name, number) in scheduled {
        if let Number::Schedule(mut schedule) = number {
            shrink(&mut schedule);
            run.optimizer.set(name, Number::Schedule(schedule));
        }
    }
    run
}

#[cfg(test)]
mod tests {
    use super::super::statistics::paired_t;
    use super::*;

    #[test]
    fn a_decision_needs_more_than_luck_and_a_margin_needs_proof() {
        let test = |differences: &[f64]| paired_t(differences);
        let worse = test(&[0.10, 0.11, 0.12, 0.10]);
        let noise = test(&[0.10, -0.11, 0.02, -0.03]);
        let slight = test(&[0.010, 0.011, 0.010, 0.012]);
        let decided = |test, margin| decide(Measure::Loss, test, margin);
        assert_eq!(decided(worse, None), Decision::Worse);
        assert_eq!(decided(noise, None), Decision::NoWorse);
        assert_eq!(decided(noise, Some(0.05)), Decision::Undecided, "the interval is wider than the margin");
        assert_eq!(decided(slight, None), Decision::Worse);
        assert_eq!(decided(slight, Some(0.05)), Decision::NoWorse, "worse, but by less than is allowed");
        assert_eq!(decided(None, None), Decision::Undecided);
        assert_eq!(decide(Measure::Accuracy, worse, None), Decision::Better);
    }
}
