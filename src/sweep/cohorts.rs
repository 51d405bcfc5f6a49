//! Trials as lanes: those of one shape, data and batch train in one cohort, their seeds as its replicas.
//!
//! A lane's bits depend on neither the lanes beside it nor the threads, so how trials are dealt out is free.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::losses::{Losses, together};
use super::objective::{Tally, mean};
use super::space::{Chosen, Space};
use super::steps::STEPS;
use super::trial::{Running, Status, Trial};
use crate::data::Prepared;
use crate::experiment::sweep::Objective;
use crate::experiment::{BatchSize, Data, Experiment, Run};
use crate::gpu::compute::Computer;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::{self, Task};

/// Updates that every lane trains before it is said how far they are.
const CHUNK: u64 = 256;
/// Updates that every lane trains before logs are read, on the CPU: what they hold then still lies in its cache.
const READ: u64 = 64;
/// Prepared data sets that are kept for the next trials.
const KEPT_DATA: usize = 4;

/// Hears which share of a race is done and where its trials are; an error stops it.
pub type Report<'a> = dyn FnMut(f64, &[Running]) -> Result<(), TrainError> + 'a;

/// What every trial of a sweep shares.
pub struct Setting {
    pub space: Space,
    pub objectives: Vec<Objective>,
    /// Seeds of each trial.
    pub seeds: usize,
    /// Whether anything along the way is looked at; otherwise held-out samples are scored at the end only.
    pub watches: bool,
    pub pool: Arc<rayon::ThreadPool>,
    /// A graphics adapter that trains what it can.
    pub computer: Option<Arc<Computer>>,
    /// Where cohorts trained at their end, and why there.
    pub devices: BTreeSet<String>,
    prepared: Vec<(Data, u64, Arc<Prepared>)>,
}

/// Trials that train side by side.
pub struct Wave {
    groups: Vec<Group>,
    trials: Vec<Entry>,
}

struct Entry {
    trial: usize,
    values: Chosen,
    curve: Vec<(u64, f64)>,
    state: State,
}

/// Where a trial of a wave is.
enum State {
    Training,
    /// Done, and with a reason where it could not be trained.
    Ended(Box<Trial>, Option<String>),
    /// Done and handed on.
    Gone,
}

/// A cohort and which of the wave's trials its runs are.
struct Group {
    cohort: Cohort,
    trials: Vec<usize>,
    /// Of each lane.
    tallies: Vec<Tally>,
    update: u64,
}

impl Setting {
    pub fn new(space: Space, objectives: Vec<Objective>, seeds: usize, pool: Arc<rayon::ThreadPool>) -> Self {
        Self {
            space,
            objectives,
            seeds: seeds.max(1),
            watches: true,
            pool,
            computer: None,
            devices: BTreeSet::new(),
            prepared: Vec::new(),
        }
    }

    /// Takes over the prepared data of an experiment.
    pub fn know(&mut self, experiment: &Experiment, prepared: Arc<Prepared>) {
        if self.prepared.len() >= KEPT_DATA {
            self.prepared.remove(0);
        }
        self.prepared.push((drawn(experiment), experiment.train.seed, prepared));
    }

    /// The data of an experiment, prepared once.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be split as asked.
    pub fn data(&mut self, experiment: &Experiment) -> Result<Arc<Prepared>, TrainError> {
        let (data, seed) = (drawn(experiment), experiment.train.seed);
        let known = self.prepared.iter().find(|(other, drawn, _)| *other == data && *drawn == seed);
        if let Some((_, _, prepared)) = known {
            return Ok(Arc::clone(prepared));
        }
        let prepared = task::prepare(experiment)?;
        self.know(experiment, Arc::clone(&prepared));
        Ok(prepared)
    }

    /// What the lanes of an experiment share.
    ///
    /// # Errors
    /// When the experiment cannot be trained.
    pub fn task(&mut self, experiment: &Experiment) -> Result<Task, TrainError> {
        let mut task = Task::new(experiment, self.data(experiment)?)?;
        task.validates_at_end_only = !self.watches;
        Ok(task)
    }

    /// Puts these trials at update 0, each with its values.
    pub fn wave(&mut self, trials: Vec<(usize, Chosen)>) -> Wave {
        let mut wave = Wave { groups: Vec::new(), trials: Vec::with_capacity(trials.len()) };
        // Experiments without their runs, and the runs of the trials that train them.
        let mut alike: Vec<(Experiment, Vec<(usize, Run)>)> = Vec::new();
        for (at, (trial, values)) in trials.into_iter().enumerate() {
            let mut state = State::Training;
            match self.space.experiment(&values) {
                Ok(mut experiment) => {
                    experiment.train.replicas = self.seeds;
                    let runs = std::mem::take(&mut experiment.runs);
                    let run = runs
                        .into_iter()
                        .next()
                        .map(|run| (at, Run { name: format!("trial {trial}"), ..run }));
                    match alike.iter_mut().find(|(other, _)| *other == experiment) {
                        Some((_, runs)) => runs.extend(run),
                        None => alike.push((experiment, run.into_iter().collect())),
                    }
                }
                Err(error) => state = self.failed(trial, values.clone(), error.to_string()),
            }
            wave.trials.push(Entry { trial, values, curve: Vec::new(), state });
        }
        for (experiment, runs) in alike {
            match self.group(&experiment, runs.clone()) {
                Ok(group) => wave.groups.push(group),
                Err(error) if runs.len() == 1 => wave.fail(self, runs[0].0, error.to_string()),
                // One that cannot train is not to take the others with it.
                Err(_) => {
                    for (at, run) in runs {
                        match self.group(&experiment, vec![(at, run)]) {
                            Ok(group) => wave.groups.push(group),
                            Err(error) => wave.fail(self, at, error.to_string()),
                        }
                    }
                }
            }
        }
        wave
    }

    /// The state of a trial that cannot be trained.
    fn failed(&self, trial: usize, values: Chosen, why: String) -> State {
        let none = vec![None; self.objectives.len()];
        let trial = Trial {
            trial,
            values,
            status: Status::Failed,
            updates: 0,
            seeds: vec![none.clone(); self.seeds],
            objectives: none,
            curve: Vec::new(),
            losses: Vec::new(),
            lineage: None,
        };
        State::Ended(Box::new(trial), Some(why))
    }

    fn group(&mut self, shared: &Experiment, runs: Vec<(usize, Run)>) -> Result<Group, TrainError> {
        let (trials, runs): (Vec<usize>, Vec<Run>) = runs.into_iter().unzip();
        let experiment = Experiment { runs, ..shared.clone() };
        let task = self.task(&experiment)?;
        let ids = (0..trials.len() as u32).map(RunId).collect();
        let revision = Arc::new(Revision { generation: 0, experiment, ids });
        let pool = Arc::clone(&self.pool);
        let device = match &self.computer {
            Some(computer) => TrainDevice::on_adapter(Arc::clone(computer), pool),
            None => TrainDevice::cpu(pool),
        };
        let cohort = Cohort::with_task(revision, task, device)?;
        self.devices.insert(cohort.device());
        let tallies = vec![Tally::default(); cohort.lanes().len()];
        Ok(Group { cohort, trials, tallies, update: 0 })
    }
}

/// What decides how the data is prepared: how samples are dealt out does not.
fn drawn(experiment: &Experiment) -> Data {
    Data { batch_size: BatchSize::All, ..experiment.data.clone() }
}

impl Wave {
    /// Trains what is still trained up to step `step` of [`STEPS`] equal parts of each run. `report` hears which share
    /// of the wave's lane-updates is done, and where the trials are, and may stop everything.
    ///
    /// # Errors
    /// When the tensor library fails, or `report` stops it.
    pub fn advance(
        &mut self,
        setting: &Setting,
        step: u64,
        report: &mut Report<'_>,
    ) -> Result<(), TrainError> {
        let total: u64 = self.groups.iter().map(Group::updates).sum();
        for at in 0..self.groups.len() {
            let end = self.groups[at].cohort.task().clock.updates;
            let to = (u128::from(end) * u128::from(step) / u128::from(STEPS)) as u64;
            while self.groups[at].update < to && self.groups[at].is_training() {
                let done: u64 = self.groups.iter().map(Group::done).sum();
                report(done as f64 / total.max(1) as f64, &self.running(setting))?;
                let group = &mut self.groups[at];
                let next = (group.update + CHUNK).min(to);
                let read = if setting.computer.is_some() { CHUNK } else { READ };
                while group.update < next && group.is_training() {
                    group.update = (group.update + read).min(next);
                    group.cohort.advance(group.update, u64::MAX)?;
                    group.read(setting, &mut self.trials);
                }
            }
            let group = &mut self.groups[at];
            group.update = group.update.max(to);
            if to == end {
                group.end(setting, &mut self.trials);
            }
        }
        Ok(())
    }

    /// The trials that are still trained.
    fn running(&self, setting: &Setting) -> Vec<Running> {
        let of_group = |group: &'_ Group| -> Vec<Running> {
            let lanes = group.tallies.chunks(setting.seeds).zip(&group.trials);
            let running = lanes.filter(|(_, at)| self.trials[**at].is_training());
            let one = |(tallies, &at): (&[Tally], &usize)| {
                let entry = &self.trials[at];
                Running { trial: entry.trial, values: entry.values.clone(), losses: losses(tallies) }
            };
            running.map(one).collect()
        };
        self.groups.iter().flat_map(of_group).collect()
    }

    /// Notes how the trials that are still trained look after a step, and says so: their numbers and curves.
    pub fn curves(&mut self, setting: &Setting, step: u64) -> Vec<(usize, &[(u64, f64)])> {
        let objective = setting.objectives.first().copied().unwrap_or(Objective::FinalValLoss);
        for group in &self.groups {
            for (tallies, &at) in group.tallies.chunks(setting.seeds).zip(&group.trials) {
                let entry = &mut self.trials[at];
                if entry.is_training() {
                    let sum: f64 = tallies.iter().map(|tally| tally.badness(objective)).sum();
                    entry.curve.push((step, sum / tallies.len().max(1) as f64));
                }
            }
        }
        let racing = self.trials.iter().filter(|entry| entry.is_training());
        racing.map(|entry| (entry.trial, entry.curve.as_slice())).collect()
    }

    /// Gives up the trials of these numbers.
    pub fn prune(&mut self, setting: &Setting, pruned: &[usize]) {
        for group in &mut self.groups {
            for run in 0..group.trials.len() {
                let entry = &mut self.trials[group.trials[run]];
                if pruned.contains(&entry.trial) {
                    let updates = group.update;
                    entry.end(Status::Pruned, updates, setting, group, run);
                    group.stop(run, "pruned");
                }
            }
        }
    }

    /// The trials that have ended since the last call, in their order, and why they could not be trained.
    pub fn ended(&mut self) -> Vec<(Trial, Option<String>)> {
        let gone = self.trials.iter_mut().filter(|entry| matches!(entry.state, State::Ended(..)));
        let taken = gone.filter_map(|entry| match std::mem::replace(&mut entry.state, State::Gone) {
            State::Ended(trial, why) => Some((*trial, why)),
            _ => None,
        });
        taken.collect()
    }

    fn fail(&mut self, setting: &Setting, at: usize, why: String) {
        let entry = &mut self.trials[at];
        entry.state = setting.failed(entry.trial, entry.values.clone(), why);
    }
}

impl Entry {
    fn is_training(&self) -> bool {
        matches!(self.state, State::Training)
    }

    fn end(&mut self, status: Status, updates: u64, setting: &Setting, group: &Group, run: usize) {
        let seeds = setting.seeds;
        let tallies = &group.tallies[run * seeds..(run + 1) * seeds];
        let task = group.cohort.task();
        let of_seed = |tally: &Tally| {
            let value = |objective: &Objective| match status {
                Status::Complete => tally.value(*objective, task),
                _ => None,
            };
            setting.objectives.iter().map(value).collect::<Vec<_>>()
        };
        let per_seed: Vec<Vec<Option<f64>>> = tallies.iter().map(of_seed).collect();
        let objective = |at| mean(&per_seed.iter().map(|values| values[at]).collect::<Vec<_>>());
        let trial = Trial {
            trial: self.trial,
            values: self.values.clone(),
            status,
            updates,
            objectives: (0..setting.objectives.len()).map(objective).collect(),
            seeds: per_seed,
            curve: self.curve.clone(),
            losses: losses(tallies),
            lineage: None,
        };
        self.state = State::Ended(Box::new(trial), None);
    }
}

/// The training losses of a trial whose seeds these are.
fn losses(tallies: &[Tally]) -> Vec<(u64, f32)> {
    together(&tallies.iter().map(Tally::losses).collect::<Vec<&Losses>>())
}

impl Group {
    fn updates(&self) -> u64 {
        self.cohort.task().clock.updates * self.tallies.len() as u64
    }

    fn done(&self) -> u64 {
        self.update * self.tallies.len() as u64
    }

    fn is_training(&self) -> bool {
        self.cohort.lanes().iter().any(Lane::can_train)
    }

    /// Takes in what was measured, and stops the trials of which a seed has diverged or failed.
    fn read(&mut self, setting: &Setting, entries: &mut [Entry]) {
        let updates = self.cohort.task().clock.updates;
        let lanes = self.cohort.lanes_mut().par_iter_mut().zip(&mut self.tallies);
        setting.pool.install(|| {
            lanes.for_each(|(lane, tally)| {
                if lane.failed.is_none() {
                    tally.read(lane, &setting.objectives, updates);
                }
                lane.log.clear();
            });
        });
        for run in 0..self.trials.len() {
            let lanes = &self.cohort.lanes()[run * setting.seeds..(run + 1) * setting.seeds];
            let diverged = lanes.iter().filter_map(|lane| lane.diverged_at).min();
            let panicked = lanes.iter().find_map(|lane| lane.failed.clone());
            let entry = &mut entries[self.trials[run]];
            if !entry.is_training() {
                continue;
            }
            if let Some(update) = diverged {
                entry.end(Status::Diverged, update + 1, setting, self, run);
                self.stop(run, "diverged");
            } else if let Some(why) = panicked {
                entry.state = setting.failed(entry.trial, entry.values.clone(), why);
                self.stop(run, "failed");
            }
        }
    }

    /// Ends the trials that have come to the end of their run.
    fn end(&mut self, setting: &Setting, entries: &mut [Entry]) {
        for run in 0..self.trials.len() {
            let entry = &mut entries[self.trials[run]];
            if entry.is_training() {
                entry.end(Status::Complete, self.update, setting, self, run);
            }
        }
    }

    /// The lanes of a run take no further part.
    fn stop(&mut self, run: usize, why: &str) {
        let seeds = self.tallies.len() / self.trials.len().max(1);
        for lane in self.cohort.lanes_mut().iter_mut().skip(run * seeds).take(seeds) {
            lane.failed.get_or_insert_with(|| why.to_owned());
        }
    }
}
