//! A sweep's population from its first stretch to its verdict, in a folder that it can be gone on with from.

use std::path::Path;
use std::sync::Arc;

use super::SweepError;
use super::driver::{Outcome, Watch};
use super::herd::{Herd, Here};
use super::journal::{Journal, JournalError, Kept};
use super::population::{Breeding, Member, Population, values};
use super::stage;
use super::trial::Trial;
use super::verdict::{Verdict, judge};
use crate::data::Prepared;
use crate::experiment::sweep::{Sweep, Values};
use crate::experiment::{Experiment, Run};
use crate::schedule::Clock;
use crate::train::task::{Task, prepare};

/// Members of a population that was told no number.
const MEMBERS: usize = 24;
/// Seeds of the verdict, unless the sweep has more than one of its own.
const SEEDS: usize = 5;

/// A population that is ready to be bred.
pub struct Breeder {
    /// The experiment with the run alone.
    experiment: Experiment,
    run: Run,
    sweep: Sweep,
    peaks: Vec<f64>,
    prepared: Arc<Prepared>,
    clock: Clock,
    pool: Arc<rayon::ThreadPool>,
}

impl Breeder {
    /// # Errors
    /// When the run is not there, or the experiment cannot be trained.
    pub fn new(
        experiment: &Experiment,
        sweep: &Sweep,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, SweepError> {
        let run = experiment.runs.iter().find(|run| run.name == sweep.run);
        let run = run.ok_or_else(|| SweepError::NoRun(sweep.run.clone()))?.clone();
        let alone =
            Experiment { runs: vec![run.clone()], sweep: None, snapshots: None, ..experiment.clone() };
        let prepared = prepare(&alone)?;
        let clock = Task::new(&alone, Arc::clone(&prepared))?.clock;
        let (sweep, peaks) = (sweep.clone(), peaks(sweep));
        Ok(Self { experiment: alone, run, sweep, peaks, prepared, clock, pool })
    }

    /// The experiment with the run alone.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The same with the sweep: what a journal keeps.
    pub fn header(&self) -> Experiment {
        Experiment { sweep: Some(self.sweep.clone()), ..self.experiment.clone() }
    }

    /// The run that is varied.
    pub fn run(&self) -> &Run {
        &self.run
    }

    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    pub fn members(&self) -> usize {
        self.peaks.len()
    }

    /// A herd in this process.
    pub fn here(&self) -> Here<'_> {
        Here::new(&self.experiment, &self.run, (&self.prepared, &self.pool))
    }

    /// Breeds what the journal does not have: from the last stretch that was kept, or from update 0. Members go to the
    /// journal as soon as they have ended.
    ///
    /// # Errors
    /// When `watch` stops it, the journal cannot be written or is another population's, or it cannot be trained.
    pub fn breed(
        &self,
        herd: &mut dyn Herd,
        mut journal: Option<&mut Journal>,
        mut kept: Kept,
        watch: &mut dyn Watch,
    ) -> Result<Population, SweepError> {
        let folder = journal.as_ref().map(|journal| journal.folder().to_owned()).unwrap_or_default();
        let mut known = Vec::new();
        for (member, peak) in self.peaks.iter().enumerate() {
            let known_one = kept.take(member, false, &values(*peak)).transpose();
            let other = |()| JournalError::Values { folder: folder.clone(), trial: member };
            known.push(known_one.map_err(other)?);
        }
        let seed = self.sweep.seed.unwrap_or(self.experiment.train.seed);
        let mut breeding = Breeding::new(&self.experiment, &self.peaks, (seed, self.clock))?;
        let ended: Option<Vec<Member>> = known.iter().zip(&self.peaks).map(as_member).collect();
        let population = match ended {
            Some(members) => breeding.ended(members),
            None => {
                let stage = journal.as_ref().and_then(|_| stage::kept(&folder));
                if let Some(stage) = stage {
                    breeding.resume(stage, herd)?;
                }
                while breeding.advance(herd, &mut |done, _| watch.progress(self.bred(done)))? {
                    watch.running(&breeding.running());
                    watch.progress(self.bred(breeding.done()))?;
                    if let (Some(_), Some(stage)) = (&journal, breeding.stage(herd)?) {
                        stage::keep(&folder, &stage)?;
                    }
                }
                breeding.into_population()
            }
        };
        watch.running(&[]);
        for (trial, known) in population.trials().iter().zip(known) {
            match (known, &mut journal) {
                (Some(known), _) => same(&known, trial, &folder)?,
                (None, Some(journal)) => journal.append(trial)?,
                (None, None) => {}
            }
            watch.trial(trial, None)?;
        }
        watch.progress(self.bred(self.clock.updates))?;
        Ok(population)
    }

    /// Whether the winner's lineage is better than the best cosine of as many trainings; nothing where every member,
    /// or every cosine, diverged.
    ///
    /// # Errors
    /// When `watch` stops it, or it cannot be trained.
    pub fn judge(
        &self,
        population: &Population,
        herd: &mut dyn Herd,
        watch: &mut dyn Watch,
    ) -> Result<Option<Verdict>, SweepError> {
        let Some(best) = population.best() else { return Ok(None) };
        let of = (self.peaks.as_slice(), self.seeds(), self.clock);
        let bred = self.bred(self.clock.updates);
        judge(&self.experiment, &population.rates(best), of, herd, &mut |done, total| {
            watch.progress(bred + (1.0 - bred) * done as f64 / total.max(1) as f64)
        })
    }

    /// Seeds of the verdict.
    fn seeds(&self) -> usize {
        if self.sweep.seeds > 1 { self.sweep.seeds } else { SEEDS }
    }

    /// The share of all updates that is made where members have made so many: as many cosines follow, and the two that
    /// are compared, under each seed.
    fn bred(&self, done: u64) -> f64 {
        let members = self.members() as f64;
        let all = 2.0 * members + 2.0 * self.seeds() as f64;
        members / all * done as f64 / self.clock.updates.max(1) as f64
    }
}

/// Breeds a sweep's population beside whatever else trains, without a folder.
///
/// # Errors
/// As [`Breeder::new`], [`Breeder::breed`] and [`Breeder::judge`].
pub(super) fn background(
    experiment: &Experiment,
    sweep: &Sweep,
    pool: Arc<rayon::ThreadPool>,
    watch: &mut dyn Watch,
) -> Result<Outcome, SweepError> {
    let breeder = Breeder::new(experiment, sweep, pool)?;
    let mut herd = breeder.here();
    let population = breeder.breed(&mut herd, None, Kept::default(), watch)?;
    // What there is can be looked at while the verdict is on its way.
    let verdict = breeder.judge(&population, &mut herd, watch)?;
    Ok(Outcome { trials: population.trials(), audit: None, verdict })
}

/// The peaks that members begin with: the range, evenly.
fn peaks(sweep: &Sweep) -> Vec<f64> {
    let Some(Values::Range(range)) = sweep.over.first().map(|axis| &axis.values) else { return Vec::new() };
    let count = sweep.trials.unwrap_or(MEMBERS);
    let at = |member: usize| {
        let share = if count > 1 { member as f64 / (count - 1) as f64 } else { 0.5 };
        if range.log {
            range.from * (range.to / range.from).powf(share)
        } else {
            range.from + (range.to - range.from) * share
        }
    };
    (0..count).map(at).collect()
}

/// A member that ended before; nothing where it did not, or how its weights were trained was not written down.
fn as_member((known, peak): (&Option<Trial>, &f64)) -> Option<Member> {
    let trial = known.as_ref()?;
    let loss = trial.objectives.first().copied().flatten();
    Some(Member { peak: *peak, lineage: trial.lineage.as_deref()?.clone(), loss })
}

/// # Errors
/// When a member that was bred once more is another than before.
fn same(before: &Trial, now: &Trial, folder: &Path) -> Result<(), JournalError> {
    // A journal of an older version does not say how weights were trained.
    let lineage = before.lineage.as_ref().or(now.lineage.as_ref()).cloned();
    if (Trial { lineage, ..before.clone() }) == *now {
        return Ok(());
    }
    Err(JournalError::Result { folder: folder.to_owned(), trial: now.trial })
}
