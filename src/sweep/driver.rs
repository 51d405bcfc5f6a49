//! The sweep from its first trial to its last.

use std::path::Path;
use std::sync::Arc;

use super::SweepError;
use super::audit::{self, Audit};
use super::check::{measured, trainable};
use super::cohorts::Setting;
use super::foresight;
use super::journal::{Journal, JournalError, Kept};
use super::pruner::Pruner;
use super::race::{Here, Race};
use super::remote::{Pool, There};
use super::sampler::Sampler;
use super::space::{Chosen, Space};
use super::steps::{Racing, STEPS};
use super::trial::{Running, Trial};
use super::verdict::Verdict;
use crate::data::Prepared;
use crate::experiment::sweep::{Prune, Search, Values};
use crate::experiment::vary::Base;
use crate::experiment::{Experiment, Sweep};
use crate::gpu::compute::Computer;
use crate::schedule::Clock;
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

/// Lanes that train at once for each thread, and at least, where it makes no difference to the results.
const LANES_A_THREAD: usize = 8;
const LEAST_LANES: usize = 64;
/// The same on a graphics adapter, which only many lanes fill.
const ADAPTER_LANES: usize = 1024;
/// The memory that lanes training at once may take together, in bytes.
const LANE_BYTES: usize = 1 << 30;
/// Numbers a lane keeps for each parameter: itself, buffers, gradients, scratch.
const NUMBERS_A_PARAMETER: usize = 8;
/// Trials that race each other where some are pruned. A fixed number: it decides who is compared with whom.
const RACE: usize = 32;

/// A sweep that is ready to begin.
pub struct Sweeper {
    experiment: Experiment,
    sweep: Sweep,
    setting: Setting,
    sampler: Sampler,
    pruner: Option<Pruner>,
    clock: Clock,
    lanes: usize,
    /// As many as memory holds.
    most_lanes: usize,
    /// Workers on other machines, where trials train there.
    elsewhere: Option<Pool>,
}

/// Who follows a sweep.
pub trait Watch {
    /// A trial is done, or was taken over from the journal. `why` says what made it fail.
    ///
    /// # Errors
    /// [`TrainError::Cancelled`] stops the sweep.
    fn trial(&mut self, trial: &Trial, why: Option<&str>) -> Result<(), TrainError>;

    /// The share of all trials that is done, 0 to 1.
    ///
    /// # Errors
    /// [`TrainError::Cancelled`] stops the sweep.
    fn progress(&mut self, share: f64) -> Result<(), TrainError>;

    /// Where the trials are that are being trained.
    fn running(&mut self, _: &[Running]) {}

    /// All trials are done, and so many of the pruned ones are now trained to their end: progress begins anew.
    fn audits(&mut self, _: usize) {}
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In their order.
    pub trials: Vec<Trial>,
    /// What pruning cost and saved, where something was pruned.
    pub audit: Option<Audit>,
    /// What the schedule is worth that a population found.
    pub verdict: Option<Verdict>,
}

impl Sweeper {
    /// Checks everything that can be checked before training. `origin` is the experiment's file.
    ///
    /// # Errors
    /// When the run is not there, an objective is not measured, or the experiment cannot be trained, with any one of
    /// the values.
    pub fn new(
        experiment: &Experiment,
        sweep: &Sweep,
        origin: &Path,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, SweepError> {
        let mut sweeper = Self::prepared(experiment, sweep, origin, None, pool)?;
        trainable(&mut sweeper.setting)?;
        Ok(sweeper)
    }

    /// As [`Sweeper::new`], with the experiment's data where it is prepared already. The space may reach further than
    /// what can be trained: such trials fail.
    ///
    /// # Errors
    /// As [`Sweeper::new`], but for values that cannot be trained.
    pub fn prepared(
        experiment: &Experiment,
        sweep: &Sweep,
        origin: &Path,
        prepared: Option<Arc<Prepared>>,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, SweepError> {
        if sweep.search == Search::Pbt {
            let how = "search = \"pbt\" breeds a population, which is no sweep of trials that know nothing of each other";
            return Err(SweepError::Impossible(how.to_owned()));
        }
        let prepared = prepared.map_or_else(|| prepare(experiment), Ok)?;
        let task = Task::new(experiment, Arc::clone(&prepared))?;
        let clock = task.clock;
        let no_run = || SweepError::NoRun(sweep.run.clone());
        let base = Base::new(experiment, &sweep.run, origin, clock).ok_or_else(no_run)?;
        measured(&sweep.objectives, &task, experiment)?;
        let seed = sweep.seed.unwrap_or(experiment.train.seed);
        let header = Experiment { sweep: Some(sweep.clone()), ..base.experiment().clone() };
        let space = Space::new(sweep.over.clone(), base);
        let sampler = Sampler::new(sweep, &space, seed);
        let pruner = Pruner::new(sweep.prune, clock);
        let threads = pool.current_num_threads();
        let bytes = task.model.width() * NUMBERS_A_PARAMETER * size_of::<f32>();
        let most = (LANE_BYTES / bytes.max(1)).max(1);
        let lanes = (threads * LANES_A_THREAD).max(LEAST_LANES).min(most);
        let mut setting = Setting::new(space, sweep.objectives.clone(), sweep.seeds, pool);
        setting.know(experiment, prepared);
        setting.watches = pruner.is_some() || !sweep.objectives.iter().all(|it| it.looks_at_the_end_only());
        Ok(Self {
            experiment: header,
            sweep: sweep.clone(),
            setting,
            sampler,
            pruner,
            clock,
            lanes,
            most_lanes: most,
            elsewhere: None,
        })
    }

    /// Tries these points of the space, in this order, whatever the search.
    #[must_use]
    pub fn with_points(self, points: Vec<Vec<f64>>) -> Self {
        Self { sampler: self.sampler.listed(points), ..self }
    }

    /// The experiment with the varied run alone, and the sweep: what a journal keeps.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    pub fn space(&self) -> &Space {
        &self.setting.space
    }

    /// What the search, and the choice of what is audited, draw from.
    pub fn seed(&self) -> u64 {
        self.sweep.seed.unwrap_or(self.experiment.train.seed)
    }

    /// How many trials there will be.
    pub fn trials(&self) -> usize {
        self.sampler.trials(self.sweep.trials)
    }

    /// Lanes that train at once, where that changes nothing but the time until each trial is done.
    #[must_use]
    pub fn with_lanes(self, lanes: usize) -> Self {
        Self { lanes: lanes.max(1), ..self }
    }

    /// Trains on a graphics adapter what it can, many lanes at once: to bits that are that adapter's own.
    #[must_use]
    pub fn on_adapter(mut self, computer: Arc<Computer>) -> Self {
        self.setting.computer = Some(computer);
        let lanes = ADAPTER_LANES.min(self.most_lanes);
        Self { lanes, ..self }
    }

    /// Where trials trained so far, and why there, in words.
    pub fn devices(&self) -> Vec<String> {
        self.setting.devices.iter().cloned().collect()
    }

    /// Trains on a pool's workers, to the same bits.
    #[must_use]
    pub fn on(self, pool: Pool) -> Self {
        Self { elsewhere: Some(pool), ..self }
    }

    /// What all trials share.
    pub(super) fn setting(&self) -> &Setting {
        &self.setting
    }

    pub(super) fn setting_mut(&mut self) -> &mut Setting {
        &mut self.setting
    }

    /// What was assumed or left out, in words.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for axis in self.sweep.over.iter().filter(|axis| axis.path == "lr.kind") {
            let Values::Choices(kinds) = &axis.values else { continue };
            for kind in kinds.iter().filter_map(toml::Value::as_str) {
                let filled = self.setting.space.base().filled(kind).unwrap_or_default();
                let filled: Vec<String> =
                    filled.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
                if !filled.is_empty() {
                    notes.push(format!("lr.kind = \"{kind}\" is filled in with {}", filled.join(", ")));
                }
            }
        }
        if self.sweep.over.iter().any(|axis| axis.path == "optimizer.kind") {
            notes.push(
                "where optimizer.kind changes, weight decay and constants take the kind's defaults"
                    .to_owned(),
            );
        }
        if matches!(self.sweep.prune, Prune::Forecast { .. }) {
            notes.extend(foresight::note(&self.setting.space));
        }
        let (cells, trials) = (self.setting.space.cells(), self.trials());
        if self.sweep.search == Search::Grid && trials < cells {
            let left = match self.sweep.trials {
                Some(wanted) if wanted == trials => {
                    "a seeded choice; `trials` leaves the others out".to_owned()
                }
                _ => "the others differ only in what their kind does not have".to_owned(),
            };
            notes.push(format!("{trials} of the grid's {cells} combinations: {left}"));
        }
        if let (Search::Grid, Some(wanted)) = (self.sweep.search, self.sweep.trials.filter(|it| *it > trials))
        {
            notes.push(format!("{wanted} trials are wanted and the grid has {trials}: all of them are made"));
        }
        let has_points = self
            .sweep
            .over
            .iter()
            .any(|axis| matches!(&axis.values, Values::Range(range) if range.points.is_some()));
        if self.sweep.search != Search::Grid && has_points {
            notes.push("`points` is a grid's: this search tries any value between the ends".to_owned());
        }
        notes
    }

    /// Trains every trial that the journal does not have.
    ///
    /// # Errors
    /// When `watch` stops it, the journal cannot be written or is another sweep's, or the tensor library fails.
    pub fn run(
        &mut self,
        mut journal: Option<&mut Journal>,
        mut kept: Kept,
        watch: &mut dyn Watch,
    ) -> Result<Outcome, SweepError> {
        let total = self.trials();
        let mut trials: Vec<Trial> = Vec::with_capacity(total);
        while trials.len() < total {
            let (next, left) = (trials.len(), total - trials.len());
            let points = self.sampler.ask(next..next + self.at_once().min(left));
            let chosen =
                points.iter().enumerate().map(|(at, point)| (next + at, self.setting.space.values(point)));
            let chosen: Vec<(usize, Chosen)> = chosen.collect();
            let known = known(&mut kept, false, &chosen, journal.as_deref())?;
            let whole = known.iter().all(Option::is_some);
            // Who is pruned depends on all that race, so those of a race that was cut off run once more.
            let again = self.pruner.is_some() && !whole;
            let met = if self.pruner.is_some() { chosen.clone() } else { Vec::new() };
            let todo = chosen.into_iter().zip(&known).filter(|(_, known)| again || known.is_none());
            let todo: Vec<(usize, Chosen)> = todo.map(|(chosen, _)| chosen).collect();
            if let Some(pruner) = &mut self.pruner {
                pruner.meet(&met, &mut self.setting);
            }
            let mut wave: Vec<Trial> = Vec::new();
            let count = known.len() as f64;
            let share = |within: f64| (next as f64 + within * count) / total as f64;
            self.train(todo, &mut |event| match event {
                Event::Progress(within, running) => {
                    watch.running(running);
                    Ok(watch.progress(share(within))?)
                }
                Event::Ended(trial, why) => {
                    match known.get(trial.trial - next).and_then(Option::as_ref) {
                        Some(before) => same(before, &trial, journal.as_deref())?,
                        None => {
                            if let Some(journal) = &mut journal {
                                journal.append(&trial)?;
                            }
                            watch.trial(&trial, why.as_deref())?;
                        }
                    }
                    wave.push(trial);
                    Ok(())
                }
            })?;
            for before in known.into_iter().flatten() {
                if !again {
                    watch.trial(&before, None)?;
                    wave.push(before);
                }
            }
            wave.sort_by_key(|trial| trial.trial);
            for (trial, point) in wave.iter().zip(&points) {
                let badness = trial.badness(&self.sweep.objectives);
                self.sampler.tell(point, badness);
                if let Some(pruner) = &mut self.pruner {
                    pruner.tell(trial, badness);
                }
            }
            trials.extend(wave);
            watch.progress(share(1.0))?;
        }
        let audit = if self.sweep.prune == Prune::None {
            None
        } else {
            Some(self.audit(&trials, journal, &mut kept, watch)?)
        };
        Ok(Outcome { trials, audit, verdict: None })
    }

    /// Trials that are chosen, and trained, at once.
    fn at_once(&self) -> usize {
        let workers = self.elsewhere.as_ref().map_or(1, Pool::workers);
        let lanes = self.lanes.div_ceil(self.setting.seeds).saturating_mul(workers);
        let free = if self.pruner.is_some() { RACE } else { lanes };
        self.sampler.at_once().unwrap_or(free).max(1)
    }

    /// Trains these trials side by side, those that are pruned not to their end.
    fn train(
        &mut self,
        todo: Vec<(usize, Chosen)>,
        tell: &mut dyn FnMut(Event<'_>) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        if todo.is_empty() {
            return Ok(());
        }
        let mut race: Box<dyn Race + '_> = match &mut self.elsewhere {
            None => Box::new(Here::begin(&mut self.setting, todo)),
            Some(pool) => Box::new(There::begin(pool, &self.experiment, todo)?),
        };
        // Only a race is compared on the way.
        let steps = if self.pruner.is_some() { 1..=STEPS } else { STEPS..=STEPS };
        for step in steps {
            race.advance(step, &mut |share, running| progress(tell, share, running))?;
            for (trial, why) in race.ended() {
                tell(Event::Ended(trial, why))?;
            }
            let Some(pruner) = self.pruner.as_mut().filter(|_| step < STEPS) else { continue };
            let curves = race.curves(step);
            let racing: Vec<Racing> =
                curves.iter().map(|(trial, curve)| Racing { trial: *trial, curve }).collect();
            let judged = pruner.judge(step, &racing);
            let pruned = racing.iter().zip(judged).filter(|(_, pruned)| *pruned).map(|(one, _)| one.trial);
            let pruned: Vec<usize> = pruned.collect();
            race.prune(&pruned)?;
            for (trial, why) in race.ended() {
                tell(Event::Ended(trial, why))?;
            }
        }
        Ok(())
    }

    /// Trains a sample of the pruned trials to their end, whatever they look like on the way.
    fn audit(
        &mut self,
        trials: &[Trial],
        mut journal: Option<&mut Journal>,
        kept: &mut Kept,
        watch: &mut dyn Watch,
    ) -> Result<Audit, SweepError> {
        let sample = audit::sample(trials, self.seed());
        let chosen: Vec<(usize, Chosen)> =
            sample.into_iter().map(|trial| (trial.trial, trial.values.clone())).collect();
        let known = known(kept, true, &chosen, journal.as_deref())?;
        let todo = chosen.into_iter().zip(&known).filter(|(_, known)| known.is_none());
        let todo: Vec<(usize, Chosen)> = todo.map(|(chosen, _)| chosen).collect();
        let mut ends: Vec<Trial> = known.into_iter().flatten().collect();
        if !todo.is_empty() {
            watch.audits(todo.len());
        }
        let pruner = self.pruner.take();
        let trained = self.train(todo, &mut |event| match event {
            Event::Progress(share, _) => Ok(watch.progress(share)?),
            Event::Ended(trial, _) => {
                if let Some(journal) = &mut journal {
                    journal.append_audit(&trial)?;
                }
                ends.push(trial);
                Ok(())
            }
        });
        self.pruner = pruner;
        trained?;
        ends.sort_by_key(|trial| trial.trial);
        Ok(Audit::of(trials, ends, &self.sweep))
    }

    /// Updates of the run as the file has it.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

enum Event<'a> {
    Progress(f64, &'a [Running]),
    Ended(Trial, Option<String>),
}

/// What the journal has of these trials.
fn known(
    kept: &mut Kept,
    audit: bool,
    chosen: &[(usize, Chosen)],
    journal: Option<&Journal>,
) -> Result<Vec<Option<Trial>>, SweepError> {
    let take = |(trial, values): &(usize, Chosen)| match kept.take(*trial, audit, values) {
        None => Ok(None),
        Some(Ok(known)) => Ok(Some(known)),
        Some(Err(())) => {
            let folder = journal.map(|journal| journal.folder().to_owned()).unwrap_or_default();
            Err(JournalError::Values { folder, trial: *trial }.into())
        }
    };
    chosen.iter().map(take).collect()
}

/// A share that is done, told as training wants to hear of it: only a stop comes back from there.
fn progress(
    tell: &mut dyn FnMut(Event<'_>) -> Result<(), SweepError>,
    share: f64,
    running: &[Running],
) -> Result<(), TrainError> {
    match tell(Event::Progress(share, running)) {
        Ok(()) => Ok(()),
        Err(SweepError::Train(error)) => Err(error),
        Err(_) => Err(TrainError::Cancelled),
    }
}

/// # Errors
/// When a trial that was trained once more is another than before.
fn same(before: &Trial, now: &Trial, journal: Option<&Journal>) -> Result<(), JournalError> {
    // A journal of an older version has no losses along the way.
    let alike = Trial { losses: now.losses.clone(), ..before.clone() };
    if before == now || (before.losses.is_empty() && alike == *now) {
        return Ok(());
    }
    let folder = journal.map(|journal| journal.folder().to_owned()).unwrap_or_default();
    Err(JournalError::Result { folder, trial: now.trial })
}
