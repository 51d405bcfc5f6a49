//! What the sweep panel keeps: the trials of a sweep that is done or under way.

use std::path::PathBuf;

use crate::experiment::{Experiment, Sweep};
use crate::jobs::{Answers, Job, Lost};
use crate::sweep::{Outcome, Trial, Watch, journal, map};
use crate::train::TrainError;
use crate::ui::studio::Studio;

pub enum Answer {
    Trials(Vec<Trial>),
    End(Result<Outcome, String>),
}

/// A sweep and its trials so far.
pub struct Loaded {
    pub sweep: Sweep,
    /// The run it varies, as its own experiment has it.
    pub experiment: Experiment,
    pub trials: Vec<Trial>,
    /// What pruning cost, once it is known.
    pub audit: Option<String>,
    /// Where it is from, for people.
    pub source: String,
}

#[derive(Default)]
pub struct State {
    pub folder: String,
    pub loaded: Option<Loaded>,
    pub error: Option<String>,
    /// The axis whose values are compared.
    pub axis: Option<String>,
    job: Option<Job<Answer>>,
}

impl State {
    /// The share that is done, while a sweep is under way.
    pub fn progress(&self) -> Option<f32> {
        self.job.as_ref().map(|job| job.progress().share())
    }

    /// Stops what is under way; the trials so far stay.
    pub fn stop(&mut self) {
        self.job = None;
    }

    fn listen(&mut self) {
        while let Some(answer) = self.job.as_ref().and_then(Job::poll) {
            match (answer, &mut self.loaded) {
                (Ok(Answer::Trials(trials)), Some(loaded)) => loaded.trials.extend(trials),
                (Ok(Answer::End(Ok(outcome))), Some(loaded)) => {
                    loaded.trials = outcome.trials;
                    loaded.audit = outcome.audit.map(|audit| audit.sentence());
                    self.job = None;
                }
                (Ok(Answer::End(Err(error))), _) => {
                    self.error = Some(error);
                    self.job = None;
                }
                (Ok(_), None) | (Err(Lost), _) => self.job = None,
            }
        }
    }
}

pub fn poll(studio: &mut Studio, _: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.listen();
    state.job.is_some()
}

/// Whether a sweep of the file is to be shown and is not whole yet.
pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_some_and(|state| state.job.is_some())
}

/// Runs the sweep of the file, in the background.
pub fn run(studio: &mut Studio, wake: impl Fn() + Send + Sync + 'static) {
    let experiment = studio.document.experiment().clone();
    let Some(sweep) = experiment.sweep.clone() else { return };
    let origin: PathBuf = studio.document.path().cloned().unwrap_or_default();
    let state = studio.panels.of::<State>();
    let work = {
        let (experiment, sweep) = (experiment.clone(), sweep.clone());
        move |answers: &Answers<Answer>| {
            let mut teller = Teller { answers, trials: Vec::new() };
            let swept = map::background(&experiment, &sweep, &origin, &mut teller);
            Answer::End(swept.map_err(|error| error.to_string()))
        }
    };
    match Job::spawn("sweep", wake, work) {
        Ok(job) => {
            state.job = Some(job);
            state.error = None;
            let source = "the file's [sweep]".to_owned();
            state.loaded = Some(Loaded { sweep, experiment, trials: Vec::new(), audit: None, source });
        }
        Err(error) => state.error = Some(format!("no thread for a sweep: {error}")),
    }
}

/// Reads the sweep of a folder.
pub fn open(studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    let folder = state.folder.trim().to_owned();
    match journal::open(folder.as_ref()) {
        Ok((experiment, sweep, trials)) => {
            state.job = None;
            state.error = None;
            state.loaded = Some(Loaded { sweep, experiment, trials, audit: None, source: folder });
        }
        Err(error) => state.error = Some(error.to_string()),
    }
}

/// Tells the panel of trials, several at once.
struct Teller<'a> {
    answers: &'a Answers<Answer>,
    trials: Vec<Trial>,
}

impl Watch for Teller<'_> {
    fn trial(&mut self, trial: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        self.trials.push(trial.clone());
        Ok(())
    }

    fn progress(&mut self, share: f64) -> Result<(), TrainError> {
        if !self.trials.is_empty() {
            self.answers.give(Answer::Trials(std::mem::take(&mut self.trials)));
        }
        let done = self.answers.progress().report((share * 1e4) as u64, 10_000);
        done.map_err(|_| TrainError::Cancelled)
    }
}
